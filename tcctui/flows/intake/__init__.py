"""Intake: the effect of batches of events and samples on the state of flows."""
