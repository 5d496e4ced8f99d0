"""Layouts that cross a border: events, samples, records, addresses, TCP and CA states."""
