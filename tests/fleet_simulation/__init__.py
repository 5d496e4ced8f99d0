"""A fleet that was made up: rows whose sums are known, as agents would have sent them."""
