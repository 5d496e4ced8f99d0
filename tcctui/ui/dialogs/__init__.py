"""What opens over the dashboard, is answered, and goes away."""
