"""Congestion control algorithms' own state, by the layouts of their structs."""
