"""The tracepoints' own text, from a tracefs instance that nobody else uses."""

from __future__ import annotations

import itertools
import os
import re
from ipaddress import ip_address
from types import TracebackType

import numpy as np

from tcctui.sources.kernel import tracepoint_formats
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, AF_INET6, EVENT, EventKind, Events
from tcctui.wire.tracepoints import BY_KIND
from tests.unit.events import stand_alone

BUFFER_KB = 16 << 10
"""Room for some 100,000 events on each CPU."""

_LINE = re.compile(
    r"-(?P<pid>\d+) +\[.* (?P<seconds>\d+)\.(?P<micros>\d{6}): tcp_probe: (?P<fields>.*)$"
)
_NUMBERS = ("data_len", "snd_cwnd", "ssthresh", "snd_wnd", "srtt", "rcv_wnd")
_HEXADECIMAL = ("mark", "snd_nxt", "snd_una", "sock_cookie", "skaddr")

_numbers = itertools.count()


class ProbeText:
    """Records what tracepoints print of themselves, from entering the context to `stop`.

    `port` limits it to connections with that port at either end, 0 is all.
    """

    def __init__(self, *kinds: EventKind, port: int = 0) -> None:
        self._names = [BY_KIND[kind].name for kind in kinds or (EventKind.PROBE,)]
        self._filter = f"sport == {port} || dport == {port}" if port else "0"
        tag = f"tcctui-{os.getpid()}-{next(_numbers)}"
        self._instance = tracepoint_formats.mount_tracefs() / "instances" / tag

    def __enter__(self) -> ProbeText:
        self._instance.mkdir()
        try:
            self._write("trace_clock", "mono")
            self._write("buffer_size_kb", str(BUFFER_KB))
            for name in self._names:
                self._write(f"events/{name}/filter", self._filter)
                self._write(f"events/{name}/enable", "1")
        except BaseException:
            self._instance.rmdir()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._instance.rmdir()

    def _write(self, name: str, value: str) -> None:
        (self._instance / name).write_text(value)

    def stop(self) -> None:
        """Record nothing more."""
        for name in self._names:
            self._write(f"events/{name}/enable", "0")

    def lines(self) -> list[str]:
        """Give all text since the start, a line per event, in the order of their times.

        Raises:
            AssertionError: the buffer was too small for all.

        """
        text = (self._instance / "trace").read_text()
        counts = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+)", text)
        assert counts, text[:1000]
        assert counts[1] == counts[2], f"the trace instance lost events: {counts[0]}"
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(lines) == int(counts[1])
        return lines

    def interrupted_pids(self) -> list[int]:
        """Give the thread that each tcp_probe event interrupted."""
        return [int(_fields(line)["pid"]) for line in self._probe_lines()]

    def _probe_lines(self) -> list[str]:
        return [line for line in self.lines() if ": tcp_probe: " in line]

    def probes(self) -> Events:
        """Give what the text says of all tcp_probe events so far, as `EVENT` records.

        `ts_ns` is exact to a microsecond; `skaddr` is a hash of the address, one for each socket
        (Documentation/core-api/printk-formats.rst).
        """
        lines = self._probe_lines()
        events = np.zeros(len(lines), EVENT)
        for event, line in zip(events, lines, strict=True):
            parse(line, event)
        stand_alone(events)
        return events


def _fields(line: str) -> dict[str, str]:
    match = _LINE.search(line)
    assert match, f"not tcp_probe's text: {line!r}"
    named = dict(pair.split("=", 1) for pair in match["fields"].split())
    return match.groupdict() | named


def parse(line: str, event: np.void) -> None:
    """Read one line that tcp_probe's `print fmt` wrote into an `EVENT` record."""
    text = _fields(line)
    for name in _NUMBERS:
        event[name] = int(text[name])
    for name in _HEXADECIMAL:
        event[name] = int(text[name], 16)
    event["saddr"], event["sport"] = _endpoint(text["src"])
    event["daddr"], event["dport"] = _endpoint(text["dest"])
    event["family"] = {"AF_INET": AF_INET, "AF_INET6": AF_INET6}[text["family"]]
    event["ts_ns"] = int(text["seconds"]) * 10**9 + int(text["micros"]) * 10**3


def _endpoint(text: str) -> tuple[tuple[int, int], int]:
    """Address, as two halves, and port of `192.0.2.1:80` or `[2001:db8::1]:80`."""
    host, _, port = text.rpartition(":")
    address = ip_address(host.strip("[]"))
    number = int(address) | (V4_MAPPED if address.version == 4 else 0)
    return (number >> 64, number & (1 << 64) - 1), int(port)
