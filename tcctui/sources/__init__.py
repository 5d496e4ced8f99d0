"""Where samples come from: the kernel's tracepoints. bcc lives only here."""
