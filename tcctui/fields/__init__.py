"""THE table: every value that a connection has, described once. All else derives from it."""
