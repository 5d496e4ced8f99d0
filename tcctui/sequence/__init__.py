"""Time–sequence diagram of one connection: what was sent, acknowledged, SACKed, retransmitted."""
