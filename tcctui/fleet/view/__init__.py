"""Dashboard of a fleet: questions in SQL, and a `flows.frame.View` over their answers."""
