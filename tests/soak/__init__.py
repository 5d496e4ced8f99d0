"""A day in minutes: everything at once, at random with a seed, and then the counts."""
