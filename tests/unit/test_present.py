"""Which values there are to suggest."""

from __future__ import annotations

import numpy as np

from tcctui.flows.snapshot import Flows
from tcctui.ui.search.present_values import MOST, counted
from tcctui.wire.addresses import V4_MAPPED


def flows(count: int) -> Flows:
    """Flows of which every third is bbr's, each with a remote port of its own."""
    at = np.arange(count)
    local = np.full(count, V4_MAPPED | 0x0A000307, "u8")
    return Flows(
        0,
        {
            "cookie": at.astype("u8"),
            "cc": np.where(at % 3 == 0, b"bbr", b"cubic").astype("S16"),
            "comm": np.where(at == 0, b"", b"nginx").astype("S16"),
            "cgroup": np.zeros(count, "S64"),
            "netns_name": np.zeros(count, "S48"),
            "state": np.where(at % 4 == 0, 8, 1).astype("u1"),
            "sport": np.full(count, 443, "u2"),
            "dport": (at + 1000).astype("u2"),
            "saddr_hi": np.zeros(count, "u8"),
            "saddr_lo": local,
            "daddr_hi": np.full(count, 0x20010DB8 << 32, "u8"),
            "daddr_lo": (at % 2 + 7).astype("u8"),
        },
    )


def test_values_present_are_the_commonest_first() -> None:
    """Each field has the values of most flows first, and none for what has no name."""
    values = counted(flows(9))
    assert values["cc"] == ["cubic", "bbr"]
    assert values["proc"] == ["nginx"]
    assert values["cgroup"] == []
    assert values["state"] == ["estab", "close-wait"]
    assert values["sport"] == ["443"]
    assert values["port"][0] == "443"
    assert len(values["port"]) == 10
    assert values["src"] == ["10.0.3.7"]
    assert values["dst"] == ["2001:db8::7", "2001:db8::8"]
    assert values["ip"][0] == "10.0.3.7"


def test_values_present_are_bounded() -> None:
    """Of 10,000 ports a list has only so many; without flows there are none."""
    assert len(counted(flows(10_000))["dport"]) == MOST
    assert not any(counted(flows(0)).values())
