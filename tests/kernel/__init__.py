"""Tests against the real kernel: real BPF, real traffic in network namespaces."""
