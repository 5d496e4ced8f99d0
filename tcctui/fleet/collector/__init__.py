"""ClickHouse's HTTP interface, as far as a fleet uses it, on chDB: the engine in this process."""
