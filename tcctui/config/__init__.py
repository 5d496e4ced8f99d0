"""What people may set for good: the settings, and the file they are kept in."""
