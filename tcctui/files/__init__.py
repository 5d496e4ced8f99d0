"""Files and standard output: written completely or not at all, owned by the calling user."""
