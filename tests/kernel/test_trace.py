"""`tcctui trace` as a command: what it prints, and how it ends."""

from __future__ import annotations

import csv
import json
import re
import signal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest

from tcctui.wire.events import EVENT, NO_SSTHRESH, Events
from tests.kernel import bpftrace
from tests.kernel.command import TCCTUI, Command, attached, trace
from tests.kernel.network import Network
from tests.kernel.traffic import KINDS, PORT, chatter, connections, exchange, settle, timed_chatter

pytestmark = pytest.mark.kernel

FIELDS = (
    *("ts_ns", "kind", "saddr", "sport", "daddr", "dport", "data_len", "snd_nxt", "snd_una"),
    *("snd_cwnd", "ssthresh", "snd_wnd", "srtt", "rcv_wnd", "sock_cookie"),
)
"""What a line of jsonl or csv holds, in this order."""

ADDRESS = r"[0-9.]+|[0-9a-f:]+"
TEXT = re.compile(
    rf"(?P<ms>\d+\.\d{{3}})\| (?P<saddr>{ADDRESS})\.(?P<sport>\d+)"
    rf" > (?P<daddr>{ADDRESS})\.(?P<dport>\d+)"
    r" \| snd_nxt (?P<snd_nxt>\d+) snd_una (?P<snd_una>\d+) snd_cwnd (?P<snd_cwnd>\d+)"
    r" ssthresh (?P<ssthresh>\d+) snd_wnd (?P<snd_wnd>\d+) srtt (?P<srtt>\d+)"
    r" rcv_wnd (?P<rcv_wnd>\d+) sock_cookie (?P<sock_cookie>\d+) length (?P<data_len>\d+)"
)

Row = dict[str, str]
"""An event's fields as text."""


@dataclass
class Printed:
    """What each form of `tcctui trace` printed, and what bpftrace saw of the same traffic.

    `cookies` are the sockets that were made after all of them had begun.
    """

    out: dict[str, str]
    remarks: dict[str, str]
    statuses: dict[str, int]
    cookies: set[str]
    bpftrace: Events = field(default_factory=lambda: np.empty(0, EVENT))

    def by_socket(self, rows: Iterable[Row]) -> dict[str, list[Row]]:
        """Sort rows by socket, each socket's in their order."""
        sockets = defaultdict(list)
        for row in rows:
            if row["sock_cookie"] in self.cookies:
                sockets[row["sock_cookie"]].append(row)
        return dict(sockets)

    def objects(self) -> dict[str, list[Row]]:
        """Read jsonl."""
        lines = (json.loads(line) for line in self.out["jsonl"].splitlines())
        return self.by_socket({name: str(line[name]) for name in FIELDS} for line in lines)


@pytest.fixture(scope="module")
def printed() -> Iterator[Printed]:
    """Let all of them watch connections of every kind, and end them by a signal."""
    only = ("--port", str(PORT))
    with (
        Network(rate="50mbit", queue="60kb", loss=0.02) as network,
        trace("--format", "jsonl", *only) as jsonl,
        trace("--format", "csv", *only) as table,
        trace(*only) as text,
        bpftrace.bpftrace(PORT) as other,
    ):
        attached(jsonl, text, table)
        with connections(network, "ipv4") as first:
            bpftrace.tracing(other, first[0])
        with connections(network, *KINDS) as made:
            cookies = {str(cookie) for connection in made for cookie in connection.cookies}
            exchange(made, up=400_000, down=100_000)
        settle(network)
        statuses = {
            "jsonl": jsonl.end(signal.SIGINT),
            "text": text.end(signal.SIGTERM),
            "csv": table.end(signal.SIGINT),
        }
        printed = Printed(
            {"jsonl": jsonl.stdout, "text": text.stdout, "csv": table.stdout},
            {"jsonl": jsonl.stderr, "text": text.stderr, "csv": table.stderr},
            statuses,
            cookies,
        )
        count = sum(map(len, printed.objects().values()))
        printed.bpftrace = bpftrace.printed(other, map(int, cookies), at_least=count)
        yield printed


@pytest.fixture
def busy() -> Iterator[None]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv6") as made, chatter(*made):
        yield


def rows_of(events: Events) -> list[Row]:
    """Write events as a line should have them."""
    rows = []
    for event in events:
        row = {name: str(event[name]) for name in FIELDS if name != "kind"}
        row |= {name: address(event[name].tolist()) for name in ("saddr", "daddr")}
        rows.append(row | {"kind": "probe"})
    return rows


def address(halves: list[int]) -> str:
    """Write an address as usual; IPv4 is dotted in any socket."""
    whole = IPv6Address(halves[0] << 64 | halves[1])
    mapped: IPv4Address | None = whole.ipv4_mapped
    return str(mapped or whole)


def without_time(rows: Iterable[Row]) -> list[Row]:
    """Leave out what another program can't know."""
    return [{name: row[name] for name in FIELDS if name != "ts_ns"} for row in rows]


def test_jsonl_has_what_bpftrace_sees(printed: Printed) -> None:
    """Every line of jsonl is an object with all fields, and all are as bpftrace has them."""
    lines = [json.loads(line) for line in printed.out["jsonl"].splitlines()]
    assert {tuple(line) for line in lines} == {FIELDS}
    ours, expected = printed.objects(), printed.by_socket(rows_of(printed.bpftrace))
    assert ours.keys() == expected.keys() == printed.cookies
    for cookie, rows in expected.items():
        rest = iter(without_time(ours[cookie]))
        assert not [row for row in without_time(rows) if row not in rest]
    surplus = sum(map(len, ours.values())) - len(printed.bpftrace)
    assert surplus <= bpftrace.may_lack(len(printed.bpftrace))
    assert {row["ssthresh"] for rows in ours.values() for row in rows} > {str(NO_SSTHRESH)}


def test_csv_has_what_jsonl_has(printed: Printed) -> None:
    """The first line of csv names the fields; then come the very events of jsonl."""
    lines = printed.out["csv"].splitlines()
    assert lines[0] == ",".join(FIELDS)
    ours, expected = printed.by_socket(csv.DictReader(lines)), printed.objects()
    assert ours.keys() == expected.keys()
    for cookie, rows in expected.items():
        assert without_time(ours[cookie]) == without_time(rows)


def test_text_has_what_jsonl_has(printed: Printed) -> None:
    """Every line of text is of the documented pattern, and has the numbers of jsonl."""
    lines = printed.out["text"].splitlines()
    matches = [match for line in lines if (match := TEXT.fullmatch(line))]
    assert len(matches) == len(lines), next(line for line in lines if not TEXT.fullmatch(line))
    ours, expected = printed.by_socket(match.groupdict() for match in matches), printed.objects()
    assert ours.keys() == expected.keys()
    starts = []
    for cookie, rows in expected.items():
        for line, row in zip(ours[cookie], rows, strict=True):
            starts.append(int(row.pop("ts_ns")) / 1e6 - float(line.pop("ms")))
            assert line | {"kind": "probe"} == row
    # Two programs read the clock one after the other, with whatever the host does in between.
    early, late = np.percentile(starts, (5, 95))
    assert late - early < 1


def test_signals_end_it_with_a_summary(printed: Printed) -> None:
    """SIGINT and SIGTERM are a way to end, after which stderr says how much there was."""
    assert set(printed.statuses.values()) == {0}
    for form, out in printed.out.items():
        count = len(out.splitlines()) - (form == "csv")
        last = printed.remarks[form].splitlines()[-1]
        assert re.fullmatch(rf"{count} events in \d+\.\d s, 0 lost\b.*", last), printed.remarks[
            form
        ]


def test_count_is_exact(busy: None) -> None:
    """--count ends it after so many events and not one more."""
    with trace("--port", str(PORT), "--count", "37") as command:
        assert command.wait() == 0
        assert len(command.stdout.splitlines()) == 37
        assert "37 events" in command.stderr


def test_duration_ends_it_in_time() -> None:
    """--duration ends it so many seconds after the start, with all events until then."""
    with (
        Network() as network,
        connections(network, "ipv6") as made,
        timed_chatter(*made) as longest_pause,
        trace("--port", str(PORT), "--duration", "1.5") as command,
    ):
        attached(command)
        assert command.wait() == 0
        said = re.search(r"events in (\d+\.\d) s", command.stderr)
        moments = [float(line.split("|")[0]) for line in command.stdout.splitlines()]
        silent = longest_pause() * 1000
    assert said
    assert float(said[1]) >= 1.5
    assert 1000 - silent < max(moments, default=0) < 1500


def test_closed_pipe_ends_it_quietly(busy: None) -> None:
    """`| head -1` gets its line, and tcctui ends as by SIGPIPE, without a word of it."""
    script = f"{TCCTUI} trace --port {PORT} | head -1; echo status ${{PIPESTATUS[0]}}"
    with Command("bash", "-c", script) as command:
        assert command.wait() == 0
        line, status = command.stdout.splitlines()
        remarks = command.stderr
    assert TEXT.fullmatch(line)
    assert status == "status 141"
    for word in ("Traceback", "Exception", "Error", "ipe"):
        assert word not in remarks


def test_nothing_from_before_the_start(busy: None) -> None:
    """The times of text begin at 0: what is printed happened with the filter in force."""
    with trace("--port", str(PORT), "--count", "20") as command:
        assert command.wait() == 0
        moments = [float(line.split("|")[0]) for line in command.stdout.splitlines()]
    assert min(moments) >= 0
