"""The status line and the counts on it."""
