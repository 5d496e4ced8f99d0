"""Definitions of a fleet's tables for ClickHouse, derived from `tables`."""
