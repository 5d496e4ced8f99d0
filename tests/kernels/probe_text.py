"""The tracepoint's own text beside tcctui's JSON, field by field."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable

EXACT = (
    "saddr",
    "sport",
    "daddr",
    "dport",
    "data_len",
    "snd_nxt",
    "snd_una",
    "snd_cwnd",
    "ssthresh",
    "snd_wnd",
    "srtt",
    "rcv_wnd",
    "sock_cookie",
)
"""Fields in which the two must not differ; the time of day is asked from each separately."""

Probe = dict[str, int | str]

_LINE = re.compile(r" (?P<seconds>\d+)\.(?P<micros>\d{6}): tcp_probe: (?P<fields>.*)$")


def parse_trace_pipe(text: str) -> list[Probe]:
    """Read the lines that tcp_probe's `print fmt` writes, in their order.

    `ts_ns` is exact to a microsecond. IPv4 addresses in IPv6 sockets are given as IPv4. The field
    `mapped` says whether the kernel wrote either of them as ::ffff:a.b.c.d.

    Raises:
        ValueError: a line is not a tcp_probe event, such as the kernel's note of lost ones.

    """
    return [_parse_line(line) for line in text.splitlines()]


def _parse_line(line: str) -> Probe:
    match = _LINE.search(line)
    if not match:
        raise ValueError(f"not an event: {line!r}")
    fields = dict(pair.split("=", 1) for pair in match["fields"].split())
    saddr, sport = _endpoint(fields["src"])
    daddr, dport = _endpoint(fields["dest"])
    return {
        "ts_ns": int(match["seconds"]) * 10**9 + int(match["micros"]) * 10**3,
        "saddr": saddr.removeprefix("::ffff:"),
        "sport": sport,
        "daddr": daddr.removeprefix("::ffff:"),
        "dport": dport,
        "mapped": int(saddr.startswith("::ffff:") or daddr.startswith("::ffff:")),
        "snd_nxt": int(fields["snd_nxt"], 16),
        "snd_una": int(fields["snd_una"], 16),
        "sock_cookie": int(fields["sock_cookie"], 16),
        **{
            name: int(fields[name])
            for name in ("data_len", "snd_cwnd", "ssthresh", "snd_wnd", "srtt", "rcv_wnd")
        },
    }


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def parse_jsonl(text: str) -> list[Probe]:
    """Read what `tcctui trace --format jsonl` wrote."""
    return [json.loads(line) for line in text.splitlines()]


def differences(expected: Iterable[Probe], seen: Iterable[Probe]) -> list[str]:
    """Say where two lists of events differ, one sentence each; empty when they are the same.

    Events are compared in the order in which each socket had them: two processors may be in
    tcp_probe at once, so that only the order of one socket's events is the kernel's.
    """
    found = []
    theirs, ours = _by_cookie(expected), _by_cookie(seen)
    for cookie in theirs.keys() | ours.keys():
        if len(theirs[cookie]) != len(ours[cookie]):
            counts = f"{len(theirs[cookie])} events, tcctui has {len(ours[cookie])}"
            found.append(f"socket {cookie:#x}: {counts}")
    for number, (one, other) in enumerate(_pairs(theirs, ours)):
        found += [
            f"socket {one['sock_cookie']:#x}, pair {number}, {name}: {one[name]!r}, "
            f"tcctui has {other.get(name)!r}"
            for name in EXACT
            if one[name] != other.get(name)
        ]
    return found


def clock_differences(expected: Iterable[Probe], seen: Iterable[Probe]) -> list[float]:
    """Seconds by which tcctui's clock is ahead of the tracepoint's text, event by event."""
    pairs = _pairs(_by_cookie(expected), _by_cookie(seen))
    return [(int(other["ts_ns"]) - int(one["ts_ns"])) / 1e9 for one, other in pairs]


Grouped = defaultdict[int, list[Probe]]


def _by_cookie(probes: Iterable[Probe]) -> Grouped:
    grouped: Grouped = defaultdict(list)
    for probe in probes:
        grouped[int(probe["sock_cookie"])].append(probe)
    return grouped


def _pairs(theirs: Grouped, ours: Grouped) -> list[tuple[Probe, Probe]]:
    return [pair for cookie in theirs for pair in zip(theirs[cookie], ours[cookie], strict=False)]
