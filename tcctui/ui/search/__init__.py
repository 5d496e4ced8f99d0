"""Search: the box, suggestions, saved filters, added conditions."""
