"""Files and standard output: made whole or not at all, owned by the calling user."""
