"""Diagnosis: what limits a flow, for how long, and the sentence that explains it."""
