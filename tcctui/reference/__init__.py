"""Reference pages of `tcctui help` and of the manual, derived from the program's own registries."""
