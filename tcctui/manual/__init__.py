"""The manual page, made of what the program says of itself: `python -m tcctui.manual`."""
