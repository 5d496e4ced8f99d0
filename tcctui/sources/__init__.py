"""Sources of samples and events: the kernel's tracepoints and sock_diag. bcc lives only here."""
