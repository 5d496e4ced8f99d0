"""Htop for TCP congestion control, from the kernel's tcp_probe tracepoint."""

__version__ = "0.1.0"
