"""Recordings as what other tools read: tables (Parquet, CSV, JSON lines) and pictures."""
