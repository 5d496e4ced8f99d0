"""What is done about alerts besides showing them: lines in a file, and commands that are run."""
