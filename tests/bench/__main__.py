"""`python -m tests.bench`: every bench, one after the other."""

from tests.bench import cost_per_event

cost_per_event.main()
