"""State of flows: columns, histories, diagnosis, groups. No I/O, no UI."""
