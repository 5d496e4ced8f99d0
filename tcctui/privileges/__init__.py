"""Rights of this process: given up for ever, but for small processes that keep what they need."""
