"""The table of flows: its columns, its order, and how its lines are painted."""
