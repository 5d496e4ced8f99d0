"""`tcctui agent`: rows of this host's connections each ten seconds, and their way to the engine."""
