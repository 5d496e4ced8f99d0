"""Units, colours, signs and themes: the same in every widget."""
