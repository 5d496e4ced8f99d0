"""Effects of alerts besides showing them: lines in a file, and commands."""
