"""What the search box has besides a line: suggestions, saved filters, conditions added."""
