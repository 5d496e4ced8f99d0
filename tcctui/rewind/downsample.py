"""Downsample a chunk without changing its history."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from tcctui.arrays import Indexes, Mask, Records
from tcctui.flows.history.buckets import BUCKET_NS, run_starts
from tcctui.recording.chunks import PIECE_NS, Chunk
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples

_PROBE = int(EventKind.PROBE)

_SLOT_NS = np.uint64(gcd(BUCKET_NS, PIECE_NS))
"""Interval within which events are merged, in nanoseconds: no bucket and no piece is crossed."""

_SAME = ("sock_cookie", "kind", "skaddr", "sport", "dport", "ssthresh")

_EXTREMES = ("snd_cwnd", "srtt", "in_flight")


def condensed(chunk: Chunk) -> Chunk:
    """Merge tcp_probe events of a chunk, as the kernel's program does when it coalesces.

    Cut into pieces that end at multiples of 50 ms, it makes the same histories, marks and newest
    values to the last bit; the number of events differs where no event had a count. Of samples, the
    newest one of each flow in a piece is kept. The keyframe is left out.
    """
    events = chunk.events
    if len(events):
        events = _put_together(events, _starts(events))
    samples = chunk.samples
    if len(samples):
        samples = pick(samples, _newest(samples))
    insides = chunk.insides.each(_last_of_each) if chunk.insides else chunk.insides
    return replace(chunk, events=events, samples=samples, keyframe=b"", insides=insides)


def _last_of_each(records: Records) -> Records:
    """Of what was read of sockets, the last of each flow in an interval."""
    starts = run_starts(records["sock_cookie"], (records["ts_ns"] - np.uint64(1)) // _SLOT_NS)
    return pick(records, np.append(starts[1:], len(records)) - 1) if len(records) else records


def _starts(events: Events) -> Indexes:
    """Starts of runs of events that may become one."""
    when, flows = events["ts_ns"], events["sock_cookie"]
    halves = (events[name][:, half] for name in ("saddr", "daddr") for half in (0, 1))
    # A bucket begins with what is from its very beginning, a piece ends with that.
    slots = when // _SLOT_NS, (when - np.uint64(1)) // _SLOT_NS
    begins = np.zeros(len(events) + 1, bool)  # one more, which is not needed
    begins[run_starts(*(events[name] for name in _SAME), *halves, *slots)] = True
    begins[:-1] |= (events["kind"] != _PROBE) | (events["begun"] != 0)
    # A flow's first event has its beginning; and a step back of snd_una counts as nothing, but
    # the next one begins there.
    una = events["snd_una"]
    back = np.flatnonzero((una[1:] - una[:-1]).view("i4") < 0) + 1
    alone = np.concatenate([run_starts(flows), back])
    begins[alone] = begins[alone + 1] = True
    return np.flatnonzero(begins[:-1])


def _put_together(events: Events, starts: Indexes) -> Events:
    if len(starts) == len(events):
        return events
    made = pick(events, np.append(starts[1:], len(events)) - 1)
    for name in _EXTREMES:
        low, high = f"{name}_min", f"{name}_max"
        made[low] = np.minimum.reduceat(events[low], starts)
        made[high] = np.maximum.reduceat(events[high], starts)
    made["begun"] = events["begun"][starts]
    return made


def _newest(samples: Samples) -> Mask:
    """The samples that take effect, if each piece's are taken in at once."""
    flows, when = samples["sock_cookie"], samples["ts_ns"]
    order = np.lexsort((when, flows))
    slots = ((when - np.uint64(1)) // np.uint64(PIECE_NS))[order]
    starts = run_starts(flows[order], slots, samples["end"][order])
    chosen = np.zeros(len(samples), bool)
    chosen[order[np.append(starts[1:], len(samples)) - 1]] = True
    return chosen
