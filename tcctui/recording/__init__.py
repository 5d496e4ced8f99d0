"""Recordings: the Arrow format, its writer and reader, a file or a pipe as a timeline."""
