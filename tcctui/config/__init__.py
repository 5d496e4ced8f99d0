"""Persistent settings, and the file that keeps them."""
