"""The application: terminal, keys typed ahead, palette, output to the terminal."""
