"""What records of a flow must be, given every one of its ACKs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcctui.flows.history.buckets import BUCKET_NS
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.wire.events import EVENT, EventKind, Events
from tests.kernel.deadlines import until
from tests.kernel.network import run
from tests.kernel.recorder import Recorder, probes_of

LAST = tuple(
    name
    for name in EVENT.names or ()
    if name not in ("ts_ns", "acks", "begun") and not name.endswith(("_min", "_max"))
)
"""The fields of a record that are those of the last ACK it stands for."""

EXTREMES = ("snd_cwnd", "srtt", "in_flight")


@dataclass(frozen=True)
class Record:
    """A record: which of the flow's ACKs it stands for, from `first` up to and without `end`."""

    event: np.void
    first: int
    end: int

    @property
    def ts_ns(self) -> int:
        return int(self.event["ts_ns"])


def places(records: Events) -> Iterator[Record]:
    """Tell which of a flow's ACKs each of its records stands for, from the counts alone."""
    base = end = 0
    for event in records:
        first = end
        if event["acks"] == 0:
            base = end = first + 1
        else:
            base = first if event["begun"] else base
            end = base + int(event["acks"])
            base = end - int(event["acks"])
        yield Record(event, first, end)


def values(events: Events, name: str) -> list[int]:
    """Values of a field, or of what is worked out from fields."""
    if name == "in_flight":
        return (events["snd_nxt"] - events["snd_una"]).tolist()
    return events[name].tolist()


def told_at_once(plain: Events) -> set[int]:
    """Find ACKs that must have a record of their own: the first, and those of a sudden change."""
    changed = plain["ssthresh"][1:] != plain["ssthresh"][:-1]
    changed |= plain["snd_cwnd"][1:] < plain["snd_cwnd"][:-1]
    return {0, *(np.flatnonzero(changed) + 1).tolist()}


def wrong(records: Events, plain: Events) -> list[str]:
    """Say what is wrong with a flow's records, given all its ACKs: a sentence each."""
    found = []
    told = list(places(records))
    for before, record in zip([None, *told], told, strict=False):
        event, first, end = record.event, record.first, record.end
        if not first < end <= len(plain):
            found.append(f"ACKs {first} to {end} of {len(plain)}")
            continue
        last = plain[end - 1]
        found += [
            f"{name} of ACK {end - 1} is {event[name]}, not {last[name]}"
            for name in LAST
            if np.any(event[name] != last[name])
        ]
        # A record that follows at once what was fetched may have its extremes, too.
        since = {first, before.first if before and end == first + 1 else first}
        for name in EXTREMES:
            ours = int(event[f"{name}_min"]), int(event[f"{name}_max"])
            over = [values(plain[begin:end], name) for begin in since]
            if ours not in [(min(some), max(some)) for some in over]:
                found.append(f"{name} of ACKs {first} to {end} is within {ours}: {over}")
    if not told or told[-1].end != len(plain):
        found.append(f"the last of {len(plain)} ACKs is not told")
    missing = told_at_once(plain) - {record.end - 1 for record in told}
    return found + [f"ACK {place} was not told at once" for place in sorted(missing)]


def too_early(records: Events, plain: Events, interval_ns: int) -> list[str]:
    """Say which of a flow's records came before their time, a sentence each.

    A record is of all ACKs of its interval that no record before is of; but for the first of an
    interval, which has one at once where nothing was left to tell of.
    """
    found = []
    at_once = told_at_once(plain)
    for record in places(records):
        last = record.end - 1
        interval = record.ts_ns // interval_ns
        alone = record.first == last and last and plain["ts_ns"][last - 1] // interval_ns < interval
        # The ACK behind its last is of a later interval, as far as the ACK behind that one tells.
        later = plain["ts_ns"][last + 2 :][:1] // interval_ns
        if last not in at_once and not alone and len(later) and later[0] <= interval:
            found.append(f"ACK {last} of {record.first} to {last}, in interval {interval}")
    return found


def timed(told: Iterable[Record], plain: Events) -> Events:
    """Give a flow's ACKs the moments at which the program that coalesces them saw them.

    It comes behind the one that tells each, so that an ACK may be of the next bucket of a history
    already, as its record says. None of the records is of two buckets.
    """
    ours, when = plain.copy(), plain["ts_ns"]
    for record in told:
        bucket = record.ts_ns // BUCKET_NS
        for place in range(record.first, record.end):
            latest = when[place + 1] if place + 1 < len(when) else record.ts_ns
            assert when[place] // BUCKET_NS <= bucket <= latest // BUCKET_NS
            ours["ts_ns"][place] = max(int(when[place]), bucket * BUCKET_NS)
    return ours


def ends_last(events: Events, cookies: list[int]) -> bool:
    """Whether each of the sockets has one end, behind all its ACKs."""
    for cookie in cookies:
        kinds = events["kind"][events["sock_cookie"] == cookie].tolist()
        if kinds.count(EventKind.DESTROY) != 1 or kinds[-1] != EventKind.DESTROY:
            return False
    return True


def spare(source: BpfSource) -> int:
    """Count the slots that no flow has."""
    lists = source._slots._lists
    return source._slots.free + int((lists["given"] - lists["taken"]).sum())


def known(source: BpfSource) -> int:
    """Count the flows that the kernel knows a slot of."""
    descriptor = source._program.maps["slots"]
    info = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    number = re.search(r"^map_id:\s*(\d+)", info, re.MULTILINE)
    assert number
    return len(json.loads(run("bpftool", "--json", "map", "dump", "id", number[1])))


class Twice:
    """Records two sources of the same events for as long as its context lasts: each ACK, and not.

    The kernel runs both programs, or none, for each event.
    """

    def __init__(self, plain: BpfSource, coalesced: BpfSource) -> None:
        self.sources = plain, coalesced
        self._recorders = Recorder(plain), Recorder(coalesced)

    def __enter__(self) -> Twice:
        for recorder in self._recorders:
            recorder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        for recorder in self._recorders:
            recorder.__exit__(None, None, None)

    @property
    def plain(self) -> Events:
        """Every ACK, and what else happened."""
        return self._recorders[0].events

    @property
    def records(self) -> Events:
        """What was told of that."""
        return self._recorders[1].events

    def flow(self, cookie: int) -> tuple[Events, Events]:
        """Give a flow's records and its ACKs."""
        return probes_of(self.records, [cookie]), probes_of(self.plain, [cookie])

    def ended(self, cookies: list[int]) -> tuple[Events, Events]:
        """Wait until the ends of some sockets are told, and give all: every ACK, and the records.

        A socket that was closed lives on until its peer has acknowledged that.
        """
        streams = (self.plain, self.records)

        def told() -> bool:
            nonlocal streams
            streams = (self.plain, self.records)
            return all(ends_last(events, cookies) for events in streams)

        until("all ends are told", told)
        return streams

    def wait(self) -> None:
        """Wait until all that has happened is read, and each flow's last ACK is told."""
        before = [recorder.rounds for recorder in self._recorders]
        until("all is told", lambda: self._read_since(before) and self._all_told())

    def _read_since(self, before: list[int]) -> bool:
        # The round that was under way may have begun before.
        return all(
            recorder.rounds > rounds + 1
            for recorder, rounds in zip(self._recorders, before, strict=True)
        )

    def _all_told(self) -> bool:
        probes = self.plain["sock_cookie"][self.plain["kind"] == EventKind.PROBE]
        for cookie in np.unique(probes):
            records, acks = self.flow(cookie)
            told = list(places(records))
            if not told or told[-1].end != len(acks):
                return False
        return True
