"""Many machines: agents that send summaries to ClickHouse, and the dashboard that reads them."""
