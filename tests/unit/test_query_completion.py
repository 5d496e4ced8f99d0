"""Suggestions while one types, and the values to suggest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.snapshot import Flows
from tcctui.query import parse
from tcctui.query.completion import complete
from tcctui.query.query_fields import FIELDS
from tcctui.ui.search.present_values import MOST, counted
from tcctui.wire.addresses import V4_MAPPED

LIVE = {
    "cc": ["bbr", "cubic"],
    "proc": ["nginx", "web worker"],
    "port": ["443", "22"],
    "state": ["estab", "listen"],
}


def offered(text: str) -> list[str]:
    """The whole text as it is with each choice taken."""
    found = complete(text, len(text), LIVE)
    return [text[: found.start] + one.text + text[found.end :] for one in found.choices]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sr", ["src:", "srtt>"]),
        ("port:443 (sr", ["port:443 (src:"]),
        ("-sr", ["-src:"]),
        ("srtt", ["srtt>", "srtt<", "srtt>=", "srtt<=", "srtt:", "srtt!="]),
        ("cc", ["cc:", "cc!="]),
        ("cc:", ["cc:bbr", "cc:cubic"]),
        ("cc:bbr|", ["cc:bbr|bbr", "cc:bbr|cubic"]),
        ("cc!=cu", ["cc!=cubic"]),
        ("proc:we", ['proc:"web worker"']),
        ('proc:"we', ['proc:"web worker"']),
        ("process:ng", ["process:nginx"]),
        ("sport:4", ["sport:443"]),
        ("state:", ["state:estab", "state:listen", "state:syn-sent"]),
        ("state:cl", ["state:closed", "state:close-wait", "state:closing"]),
        ("limit:r", ["limit:rwnd", "limit:recovery", "limit:receives"]),
        ("family:", ["family:ipv4", "family:ipv6"]),
        ("srtt>20", ["srtt>20ms", "srtt>20us", "srtt>20s", "srtt>20m", "srtt>20h"]),
        ("rate>1M", ["rate>1Mbit", "rate>1MB/s"]),
        ("srtt>2*mi", ["srtt>2*min_rtt"]),
        ("srtt > min_rtt + que", ["srtt > min_rtt + queueing"]),
        ("port:443 an", ["port:443 and "]),
        ("no", ["not "]),
        # nothing inside quotes and patterns, and of words that begin nothing
        *((text, []) for text in ('"sr', "~sr", "cc~b", "zzz", "10.0.", "x:", "port:443 zzz")),
    ],
)
def test_choices(text: str, first: list[str]) -> None:
    """Fields, comparisons, values and units are offered where they can stand, the likely first."""
    assert offered(text)[: len(first) or None] == first
    found = complete("cwnd>1 sr and cc:bbr", 8, LIVE)
    assert (found.start, found.end) == (7, 9), "what is under the cursor is replaced up to its end"
    assert "src:" in [one.text for one in found.choices]


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_offered(name: str) -> None:
    """Each name, typed in full, is followed by its comparisons, with the field's meaning."""
    found = complete(name, len(name), {})
    assert found.choices[0].text.startswith(name)
    assert found.choices[0].meaning


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from([*FIELDS, ":", ">", "2", "*", "(", ")", " ", "not ", "or ", '"', "~", "m"]),
        max_size=8,
    ).map("".join),
    st.integers(0, 40),
)
def test_any_text_can_be_completed(text: str, cursor: int) -> None:
    """Whatever is typed, the place that is replaced is around the cursor."""
    cursor = min(cursor, len(text))
    found = complete(text, cursor, LIVE)
    assert 0 <= found.start <= cursor <= found.end <= len(text)


@pytest.mark.parametrize(
    "text", ["cc:", "state:", "srtt>20", "srtt>2*", "rate>1", "limit:", "proc:"]
)
def test_what_is_offered_is_understood(text: str) -> None:
    """Every value, unit and column that is offered makes a query; nothing is offered twice."""
    texts = offered(text)
    assert len(texts) == len(set(texts)) > 1
    for one in texts:
        try:
            assert parse(one).fields
        except ValueError as wrong:
            assert "is a duration and" in str(wrong)  # noqa: PT017 - calculation goes on behind it


# Values that are there


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
