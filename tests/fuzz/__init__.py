"""Hostile input by the million: `python -m tests.fuzz MODULE COUNT SEED`."""
