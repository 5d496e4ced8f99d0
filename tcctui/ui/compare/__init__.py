"""Several flows on shared axes."""
