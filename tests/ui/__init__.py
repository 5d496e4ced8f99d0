"""The screen, with a source that is made up."""
