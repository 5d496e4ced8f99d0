"""Captures to events: all packets of one or more pcap or pcapng files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from tcctui.arrays import Records, distinct
from tcctui.importing.capture import Capture, DamagedError
from tcctui.importing.capture_events import events_of
from tcctui.importing.capture_samples import count_of, samples_of
from tcctui.importing.connections import connections
from tcctui.importing.copies import without_copies
from tcctui.importing.imported import Form, Imported, NotReadableError
from tcctui.importing.packet_headers import LINKS, PACKET, SACK_BLOCK, segments
from tcctui.importing.round_trips import RoundTrips
from tcctui.importing.senders import Senders
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined
from tcctui.wire.samples import SAMPLE

_A_PACKET = 640
"""Bytes that a segment takes while its connection is worked out: itself, its events, arrays."""


_A_SAMPLE = SAMPLE.itemsize * 4
"""Bytes that a sample takes on its way to the recording."""


def read_captures(files: Sequence[tuple[str, BinaryIO]], memory: int) -> Imported:
    """Make events and samples of the TCP connections in captures, each a name and its file, open.

    `memory` is the budget in bytes.

    Raises:
        NotReadableError: a file is no capture, has nothing that is understood, or too much.

    """
    remarks: list[str] = []
    parts: list[Records] = [np.empty(0, PACKET)]
    blocks: list[Records] = [np.empty(0, SACK_BLOCK)]
    count = 0
    for name, file in files:
        capture = Capture(file)
        short = seen = 0
        unknown: set[int] = set()
        try:
            for block in capture.blocks():
                found, sacks, cut = segments(block)
                short += cut
                sacks["packet"] += count
                blocks.append(sacks)
                seen += len(block.at)
                unknown |= set(distinct(block.link).tolist()) - {*LINKS}
                count += len(found)
                _limit(name, count, 0, memory)
                parts.append(found)
        except DamagedError as error:
            raise NotReadableError(
                f"{name} is damaged: {error}.", "Repair it, or cut it before: editcap"
            ) from error
        if capture.cut_short:
            remarks.append(f"{name} ends in the middle of a packet; the rest is imported.")
        if short:
            remarks.append(
                f"{name}: {short:,} of {seen:,} packets were captured too short for a TCP header"
                " (tcpdump -s 128)."
            )
        if unknown:
            remarks.append(f"{name} has packets of unknown link types: {sorted(unknown)[:4]}.")
    packets, sacks = without_copies(joined(parts), joined(blocks))
    parts.clear()
    blocks.clear()
    which = files[0][0] if len(files) == 1 else "the captures"
    if not len(packets):
        raise NotReadableError(
            f"There is no TCP in {which}.{''.join(f' {remark}' for remark in remarks)}",
            "Capture it with: tcpdump -s 128 -w FILE tcp",
        )
    first_ns = int(packets["ts_ns"].min())
    of = connections(packets, sacks)
    del packets  # they are there sorted
    both = RoundTrips(Senders(of, of.forward)), RoundTrips(Senders(of, ~of.forward))
    events = events_of(both)
    if not (events["kind"] == EventKind.PROBE).any():
        raise NotReadableError(
            f"No open connection has an ACK in {which}.", "Capture for longer, and both directions."
        )
    _limit(which, count, count_of(both, first_ns), memory)
    return Imported(Form.PCAP, events, samples_of(both, first_ns), remarks)


def _limit(name: str, packets: int, samples: int, memory: int) -> None:
    """Refuse what takes more memory than it may.

    Raises:
        NotReadableError: it does.

    """
    takes = packets * _A_PACKET + samples * _A_SAMPLE
    if takes <= memory:
        return
    needed = max(takes if samples else takes * 2, memory + 1)
    few = "" if samples else "more than "
    raise NotReadableError(
        f"{name} has {few}{packets:,} TCP segments, which take more memory than they may.",
        f"Cut it (editcap -c 1000000), or allow more: --reading-memory {-(-needed >> 30)}G",
    )
