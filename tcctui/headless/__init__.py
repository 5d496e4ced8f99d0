"""Commands without a screen: trace, record, summary, waiting for a condition."""
