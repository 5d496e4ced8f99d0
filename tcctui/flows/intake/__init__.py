"""Changes that batches of events and samples make to what is known of flows."""
