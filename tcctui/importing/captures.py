"""Captures to events: all packets of one or more pcap or pcapng files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from tcctui.arrays import Records, distinct
from tcctui.importing.capture import Capture, DamagedError
from tcctui.importing.capture_events import events_of
from tcctui.importing.connections import connections
from tcctui.importing.imported import Form, Imported, NotReadableError
from tcctui.importing.packet_headers import LINKS, PACKET, segments
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined

_A_PACKET = 640
"""Bytes that a segment takes while its connection is worked out: itself, its events, arrays."""


def read_captures(files: Sequence[tuple[str, BinaryIO]], memory: int) -> Imported:
    """Make events of the TCP connections in captures, each a name and its file, open.

    `memory` is the budget in bytes.

    Raises:
        NotReadableError: a file is no capture, has nothing that is understood, or too much.

    """
    remarks: list[str] = []
    parts: list[Records] = [np.empty(0, PACKET)]
    count = 0
    for name, file in files:
        capture = Capture(file)
        short = seen = 0
        unknown: set[int] = set()
        try:
            for block in capture.blocks():
                found, cut = segments(block)
                short += cut
                seen += len(block.at)
                unknown |= set(distinct(block.link).tolist()) - {*LINKS}
                count += len(found)
                if count * _A_PACKET > memory:
                    _refuse(name, count, memory)
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
    packets = joined(parts)
    which = files[0][0] if len(files) == 1 else "the captures"
    if not len(packets):
        raise NotReadableError(
            f"There is no TCP in {which}.{''.join(f' {remark}' for remark in remarks)}",
            "Capture it with: tcpdump -s 128 -w FILE tcp",
        )
    events = events_of(connections(packets))
    if not (events["kind"] == EventKind.PROBE).any():
        raise NotReadableError(
            f"No open connection has an ACK in {which}.", "Capture for longer, and both directions."
        )
    return Imported(Form.PCAP, events, remarks=remarks)


def _refuse(name: str, count: int, memory: int) -> None:
    needed = max(count * _A_PACKET * 2, memory + 1)
    raise NotReadableError(
        f"{name} has more than {count:,} TCP segments, which take more memory than they may.",
        f"Cut it (editcap -c 1000000), or allow more: --reading-memory {-(-needed >> 30)}G",
    )
