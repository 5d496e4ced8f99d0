"""The BPF program: compiled, loaded, filtered, and read through its ring buffer."""
