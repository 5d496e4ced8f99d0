"""Export of recordings: tables (Parquet, CSV, JSON lines) and pictures."""
