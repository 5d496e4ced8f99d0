"""What tcctui costs, measured."""
