"""What is known about flows: columns, histories and the filter language. No I/O, no UI."""
