"""Time–sequence diagram on the screen."""
