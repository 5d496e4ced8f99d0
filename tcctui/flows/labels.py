"""Endpoints and states as text."""

from __future__ import annotations

from tcctui.addresses import format_endpoint
from tcctui.flows.columns import Column
from tcctui.flows.states import STATE_NAMES


def endpoints(high: Column, low: Column, ports: Column) -> list[str]:
    """Text of many endpoints, `address:port`, from columns of address halves and ports."""
    return [
        format_endpoint(*endpoint)
        for endpoint in zip(high.tolist(), low.tolist(), ports.tolist(), strict=True)
    ]


def state_name(state: int) -> str:
    """Name of a TCP state as ss prints it."""
    return STATE_NAMES.get(state, f"state {state}")
