"""Both ends of one connection, each recorded on its own machine, on one time axis."""
