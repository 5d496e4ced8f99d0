"""Tables that ClickHouse keeps of a fleet, as words alone: nothing is loaded for them."""
