"""Samples of sockets through NETLINK_SOCK_DIAG, with namespaces and processes."""
