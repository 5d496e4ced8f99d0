"""Time on the screen: rewind, replay, the position in a timeline."""
