"""Histories of flows: buckets of time under one memory budget, marks, rates."""
