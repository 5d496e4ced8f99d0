"""Summary of each connection over the time a source was read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tcctui.arrays import Array, Floats
from tcctui.fields.connection import ENDS
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import KeyIndex, Keys, Rows, grown
from tcctui.flows.labels import state_name
from tcctui.flows.store import Store
from tcctui.headless.lifetimes import Lifetimes, since
from tcctui.printable import plain
from tcctui.recording.chunks import by_flow
from tcctui.wire.addresses import format_address
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples, has_info, value

MOST = 200_000
"""Limit on connections in a summary; later ones are only counted."""

_RANGES = ("srtt", "snd_cwnd")

_MEASURED = np.dtype(
    [
        ("count", "u8"),  # events with an srtt
        ("srtt_sum", "f8"),
        *((f"{name}_{side}", "u4") for name in _RANGES for side in ("min", "max")),
    ]
)
"""Measurements of each connection; extremes are 0 until there is a value."""

_KNOWN = (
    *(*ENDS, "state", "events", "bytes_acked", "age_ns", "total_retrans", "cc", "comm", "pid"),
    "opened_ns",
)
"""Columns of the store whose last values are printed."""


class Summary:
    """Gathers what is told at the end; `take` and `look` are called as time goes on.

    Numbers are those of `TCP_INFO`: bytes acknowledged and segments retransmitted since the socket
    was first read, or of its whole life if all of it was seen. srtt and cwnd are the extremes over
    every event and sample.
    """

    def __init__(self) -> None:
        self.all_known_ns: int | None = None
        """A socket without events, first sampled after this time, was opened since the beginning;
        None if unknown.
        """
        self.only: Keys | None = None
        """Cookies of the connections to print; None for all."""
        self._index = KeyIndex()
        self._lifetimes = Lifetimes()
        self._measured = np.zeros(0, _MEASURED)
        self._known: dict[str, Array] = {}
        self._left_out: set[int] = set()

    def __len__(self) -> int:
        every = self._index.keys
        return len(every if self.only is None else np.intersect1d(every, self.only))

    def take(self, batch: Batch) -> None:
        """Take in a batch."""
        for part in batch.samples:
            self._add_samples(part)
        self._add_events(batch.events)

    def _add_events(self, events: Events) -> None:
        probes = pick(events, events["kind"] == EventKind.PROBE)
        if not len(probes):
            return
        probes = by_flow(probes)
        self._widen(
            probes["sock_cookie"],
            {name: (probes[f"{name}_min"], probes[f"{name}_max"]) for name in _RANGES},
        )
        self._lifetimes.add_events(self._index.lookup(probes["sock_cookie"]), probes)
        told = pick(probes, probes["srtt"] > 0)
        starts = run_starts(told["sock_cookie"])
        if len(starts):
            rows = self._index.lookup(told["sock_cookie"][starts])
            sums = np.add.reduceat(told["srtt"].astype("f8"), starts)
            counts = np.diff(np.append(starts, len(told))).astype("u8")
            rows, sums, counts = rows[rows >= 0], sums[rows >= 0], counts[rows >= 0]
            self._measured["srtt_sum"][rows] += sums
            self._measured["count"][rows] += counts

    def _add_samples(self, samples: Samples) -> None:
        samples = by_flow(pick(samples, has_info(samples)))
        if len(samples):
            rtt, cwnd = (
                np.nan_to_num(value(samples, name)).astype("u4") for name in ("rtt", "snd_cwnd")
            )
            self._widen(samples["sock_cookie"], {"srtt": (rtt, rtt), "snd_cwnd": (cwnd, cwnd)})
            self._lifetimes.add_samples(self._index.lookup(samples["sock_cookie"]), samples)

    def look(self, store: Store) -> None:
        """Update from the store's latest values; a connection leaves it 10 s after its end."""
        flows = store.flows(_KNOWN)
        rows = self._rows(flows["cookie"])
        known = rows >= 0
        for name in (*_KNOWN, "cookie"):
            column = flows[name]
            kept = self._known.get(name)
            if kept is None or kept.dtype != column.dtype:
                kept = np.zeros(0, column.dtype)
            if len(kept) < len(self._measured):
                kept = grown(kept, len(self._measured))
            kept[rows[known]] = column[known]
            self._known[name] = kept

    def _widen(self, cookies: Keys, ranges: dict[str, tuple[Array, Array]]) -> None:
        """Widen extremes by values that are sorted by connection; 0 is no value."""
        starts = run_starts(cookies)
        rows = self._rows(cookies[starts])
        there = rows >= 0
        none = np.uint32(0xFFFFFFFF)
        for name, (low, high) in ranges.items():
            least = np.minimum.reduceat(np.where(low > 0, low, none), starts)[there]
            most = np.maximum.reduceat(high, starts)[there]
            of = self._measured[f"{name}_min"]
            before = of[rows[there]]
            least = np.minimum(np.where(before > 0, before, none), least)
            of[rows[there]] = np.where(least == none, 0, least)
            of = self._measured[f"{name}_max"]
            of[rows[there]] = np.maximum(of[rows[there]], most)

    def _rows(self, cookies: Keys) -> Rows:
        """Row of each connection, allocated if needed; -1 at the limit."""
        rows = self._index.lookup(cookies)
        new = np.flatnonzero(rows < 0)
        begin = len(self._index)
        room = MOST - begin
        if len(new) > room:
            self._left_out.update(cookies[new[room:]].tolist())
            new = new[:room]
        if len(new):
            if begin + len(new) > len(self._measured):
                rows_wanted = max(1024, 2 * len(self._measured), begin + len(new))
                self._measured = grown(self._measured, rows_wanted)
                self._lifetimes.grow(rows_wanted)
            rows[new] = np.arange(begin, begin + len(new))
            self._index.put(cookies[new], rows[new])
        return rows

    # Results

    def flows(self) -> Iterator[dict[str, Any]]:
        """Numbers of each connection by their JSON names; the busiest first.

        An unknown value is None.
        """
        if not self._known:
            return
        known, measured = self._known, self._measured
        told = known["cookie"] > 0
        if self.only is not None:
            told &= np.isin(known["cookie"], self.only)
        rows = np.flatnonzero(told)
        busiest = [-known[name][rows].astype("f8") for name in ("bytes_acked", "events")]
        order = np.lexsort(busiest)
        counted = self._counted(rows[order])
        for place, row in enumerate(rows[order].tolist()):
            at = {name: column[row].item() for name, column in known.items()}
            count = int(measured["count"][row])
            mean = float(measured["srtt_sum"][row]) / count if count else None
            yield {
                "saddr": format_address(at["saddr_hi"], at["saddr_lo"]),
                "sport": at["sport"],
                "daddr": format_address(at["daddr_hi"], at["daddr_lo"]),
                "dport": at["dport"],
                "sock_cookie": at["cookie"],
                "pid": _whole(at["pid"]),
                "comm": at["comm"].decode(errors="replace") or None,
                "cc": at["cc"].decode(errors="replace") or None,
                "state": state_name(at["state"]),
                "duration_s": round(at["age_ns"] / 1e9, 3),
                "acks": at["events"],
                **{name: _whole(column[place]) for name, column in counted.items()},
                "srtt_min_us": int(measured["srtt_min"][row]) or None,
                "srtt_mean_us": None if mean is None else round(mean),
                "srtt_max_us": int(measured["srtt_max"][row]) or None,
                "snd_cwnd_min": int(measured["snd_cwnd_min"][row]) or None,
                "snd_cwnd_max": int(measured["snd_cwnd_max"][row]) or None,
            }

    def _counted(self, rows: Rows) -> dict[str, Floats]:
        """The kernel's counts for rows, since the first read and over whole lives."""
        known = self._known
        acked, again = (known[name][rows].astype("f8") for name in ("bytes_acked", "total_retrans"))
        acked_before, again_before = self._lifetimes.totals(rows)
        whole = known["opened_ns"][rows] > 0
        if self.all_known_ns is not None:
            only_sampled = known["events"][rows] == 0
            whole |= only_sampled & (self._lifetimes.sampled_ns(rows) > self.all_known_ns)
        for before in (acked_before, again_before):
            before[whole] = 0
        told = ~np.isnan(acked_before)  # otherwise from events: since the first one
        return {
            "bytes_acked_seen": np.where(
                told, since(acked, np.nan_to_num(acked_before)), np.where(acked > 0, acked, np.nan)
            ),
            "retransmits": since(again, again_before),
            "bytes_acked": np.where(told, acked, np.nan),
            "retransmits_total": again,
        }

    def as_json(self, seconds: float, lost: int, skipped: int) -> str:
        """Format as one JSON object, a connection per line."""
        flows = list(self.flows())
        head = {
            "duration_s": round(seconds, 3),
            "acks": sum(flow["acks"] for flow in flows),
            "lost": lost,
            "skipped": skipped,
            "left_out": len(self._left_out),
        }
        lines = ",\n".join(json.dumps(flow) for flow in flows)
        return f'{json.dumps(head)[:-1]}, "flows": [\n{lines}\n]}}\n'

    def as_text(self) -> str:
        """Format as a table, a connection per line; times are milliseconds."""
        rows = [_HEAD, *(_cells(flow) for flow in self.flows())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place in _LEFT else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        if self._left_out:
            lines.append(f"{len(self._left_out):,} connections more are left out.")
        return "\n".join(lines) + "\n"


_HEAD = (
    *("LOCAL", "REMOTE", "CC", "STATE", "SECONDS", "ACKS", "ACKED SEEN", "RETRANS"),
    *("SRTT MIN", "MEAN", "MAX ms", "CWND MIN", "MAX"),
)
_LEFT = (0, 1, 2, 3)  # columns of text


def _cells(flow: dict[str, Any]) -> tuple[str, ...]:
    ends = (_end(flow["saddr"], flow["sport"]), _end(flow["daddr"], flow["dport"]))
    times = (flow[f"srtt_{which}_us"] for which in ("min", "mean", "max"))
    return (
        *ends,
        plain(flow["cc"] or "–"),
        flow["state"],
        f"{flow['duration_s']:.1f}",
        str(flow["acks"]),
        _or_dash(flow["bytes_acked_seen"]),
        _or_dash(flow["retransmits"]),
        *("–" if time is None else f"{time / 1000:.3f}" for time in times),
        _or_dash(flow["snd_cwnd_min"]),
        _or_dash(flow["snd_cwnd_max"]),
    )


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _or_dash(number: int | None) -> str:
    return "–" if number is None else str(number)


def _whole(number: float) -> int | None:
    return None if math.isnan(number) else int(number)
