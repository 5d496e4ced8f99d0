"""Groups of connections as OpenMetrics, for Prometheus to scrape.

The groups of the newest window are there, and those of earlier ones as long as there is room:
`REMEMBERED` times as many. Counters go on while a group is remembered, and begin anew after that,
as those of a process that was restarted. Labels are named as OpenTelemetry's attributes are, where
it has one: `server.port`, `process.executable.name`, `network.io.direction`.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tcctui.errors import TcctuiError
from tcctui.fleet.agent import rows
from tcctui.fleet.agent.maps import Maps, middle
from tcctui.fleet.agent.rows import Columns

try:
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeHistogramMetricFamily,
        GaugeMetricFamily,
    )
except ImportError as error:
    raise TcctuiError(
        f"--prometheus needs prometheus-client, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[fleet]'",
    ) from error

REMEMBERED = 4
"""Groups that are remembered, in those of a window."""

_LABELS = (
    *("network_peer_prefix", "server_port", "tcp_direction", "process_executable_name"),
    *("cgroup", "tcp_congestion_control", "netns"),
)

_BOUNDS = tuple(step * 10.0**decade / 1e6 for decade in (1, 2, 3, 4, 5, 6) for step in (1, 2.5, 5))
"""Upper bounds of buckets of round-trip times, in seconds."""


class _Total(NamedTuple):
    """A counter: its name and meaning, its columns, and the values of a further label, one each."""

    name: str
    meaning: str
    columns: tuple[str, ...]
    label: str = ""
    values: tuple[str, ...] = ()


_TOTALS = (
    _Total(
        "tcp_io_bytes", "Bytes acknowledged by the peers, and received from them.",
        ("bytes_acked_growth", "bytes_received_growth"), "network_io_direction",
        ("transmit", "receive"),
    ),
    _Total("tcp_sent_segments", "Segments sent with data.", ("data_segs_out_growth",)),
    _Total("tcp_retransmitted_segments", "Segments retransmitted.", ("total_retrans_growth",)),
    _Total(
        "tcp_marked_segments", "Segments delivered with a congestion mark (CE).",
        ("delivered_ce_growth",),
    ),
    _Total("tcp_timeouts", "Retransmission timeouts.", ("timeouts",)),
    _Total("tcp_resets", "Resets sent or received.", ("reset",)),
    _Total("tcp_connections_opened", "Connections that began.", ("opened",)),
    _Total("tcp_connections_closed", "Connections that ended.", ("closed",)),
)  # fmt: skip

Key = tuple[str, ...]


class _Group:
    """Sums of a group so far, and its connections in the newest window that had it."""

    def __init__(self) -> None:
        self.totals: dict[str, float] = {}
        self.limited: dict[str, float] = {}
        self.flows = 0.0
        self.srtt: Mapping[int, int] = {}


class Exposed:
    """Collector of `prometheus_client`: sums of all windows so far; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[Key, _Group] = {}  # the last of them was seen last

    def take(self, columns: Columns) -> None:
        """Take in a window's rows of groups."""
        with self._lock:
            for group in self._groups.values():
                group.flows, group.srtt = 0, {}
            count = rows.count(columns)
            for row in range(count):
                self._add(columns, row)
            surplus = len(self._groups) - REMEMBERED * max(count, 1)
            for key in [*self._groups][: max(surplus, 0)]:
                del self._groups[key]

    def _add(self, columns: Columns, row: int) -> None:
        key = _key(columns, row)
        group = self._groups.pop(key, None) or _Group()
        self._groups[key] = group
        for total in _TOTALS:
            for name in total.columns:
                value = float(_list(columns[name])[row])
                group.totals[name] = group.totals.get(name, 0) + value
        group.flows = float(_list(columns["flows"])[row])
        group.srtt = _map(columns["srtt_histogram"], row)
        for cause, ms in _map(columns["limit_ms"], row).items():
            group.limited[cause] = group.limited.get(cause, 0) + ms / 1000

    def collect(self) -> Iterator[Any]:
        """Give all families of metrics."""
        with self._lock:
            yield from [*self._families(self._groups)]

    def _families(self, groups: Mapping[Key, _Group]) -> Iterator[Any]:
        flows = GaugeMetricFamily("tcp_connections", "Connections that are open.", labels=_LABELS)
        srtt = GaugeHistogramMetricFamily(
            "tcp_srtt_seconds",
            "Connections by their smoothed round-trip time, within 2 %.",
            labels=_LABELS,
            unit="seconds",
        )
        limited = CounterMetricFamily(
            "tcp_limited_seconds",
            "Time by what limited connections, of all of them together.",
            labels=(*_LABELS, "limit"),
            unit="seconds",
        )
        for key, group in groups.items():
            flows.add_metric(key, group.flows)
            srtt.add_metric(key, *_buckets(group.srtt))
            for cause, seconds in group.limited.items():
                limited.add_metric((*key, cause), seconds)
        yield flows
        yield srtt
        yield limited
        for total in _TOTALS:
            labels = (*_LABELS, total.label) if total.label else _LABELS
            family = CounterMetricFamily(total.name, total.meaning, labels=labels)
            for key, group in groups.items():
                for name, value in zip(total.columns, total.values or ("",), strict=True):
                    family.add_metric((*key, value) if value else key, group.totals[name])
            yield family


def serve(address: str, port: int) -> Exposed:
    """Answer scrapes from now on, in a thread.

    Raises:
        TcctuiError: the address can't be listened on.

    """
    exposed, registry = Exposed(), CollectorRegistry()
    registry.register(exposed)
    try:
        start_http_server(port, address, registry)
    except OSError as error:
        raise TcctuiError(
            f"{address}:{port} can't be listened on: {error.strerror}.",
            "Give --prometheus another address or port.",
        ) from error
    return exposed


def _key(columns: Columns, row: int) -> Key:
    if _list(columns["other"])[row]:
        return ("other", "", "", "", "", "", "")
    is_here = _list(columns["incoming"])[row]
    return (
        _prefix(_list(columns["prefix"])[row]),
        str(_list(columns["service_port"])[row]),
        "incoming" if is_here else "outgoing",
        *(_text(columns[name], row) for name in ("comm", "cgroup", "cc", "netns_name")),
    )


def _prefix(packed: bytes) -> str:
    address = ipaddress.IPv6Address(packed)
    v4 = address.ipv4_mapped
    return f"{address}/48" if v4 is None else f"{v4}/24"


def _text(column: Any, row: int) -> str:
    return bytes(column[row]).decode("utf-8", "replace")


def _list(column: Any) -> Sequence[Any]:
    return column


def _map(column: Any, row: int) -> dict[Any, int]:
    assert isinstance(column, Maps)
    here = slice(column.offsets[row], column.offsets[row + 1])
    return dict(zip(column.keys[here], column.values[here].tolist(), strict=True))


def _buckets(histogram: Mapping[int, int]) -> tuple[list[tuple[str, float]], float]:
    """Cumulative numbers by upper bound, and the sum, of a histogram in microseconds."""
    values = [(middle(int(bucket)) / 1e6, count) for bucket, count in histogram.items()]
    counts = [
        (repr(bound), float(sum(count for value, count in values if value <= bound)))
        for bound in _BOUNDS
    ]
    counts.append(("+Inf", float(sum(count for _, count in values))))
    return counts, sum(value * count for value, count in values)
