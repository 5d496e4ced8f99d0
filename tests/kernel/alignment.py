"""Two records of the same events, laid side by side."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tcctui.wire.events import EVENT, Events

FIELDS = tuple(name for name in EVENT.names or () if name not in ("ts_ns", "skaddr"))
"""What has to be equal: the clock is read twice, and the kernel prints a hash for an address."""

Places = npt.NDArray[np.intp]


@dataclass
class Alignment:
    """Which of our events are which of theirs.

    `ours` and `theirs` are the places of events that are the same, in pairs; `missing` the places
    of theirs that we lack; `wrong` says what else there is, a sentence each.
    """

    ours: list[int] = field(default_factory=list)
    theirs: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def align(ours: Events, theirs: Events) -> Alignment:
    """Find the same events in both, each socket's in their order.

    Only the order of one socket's events is the kernel's: two CPUs may be in tcp_probe at once.
    Ours are the same as theirs, some of which we may lack, if each is found behind the one before.
    """
    found = Alignment()
    for cookie in np.union1d(ours["sock_cookie"], theirs["sock_cookie"]):
        own, other = (np.flatnonzero(events["sock_cookie"] == cookie) for events in (ours, theirs))
        _align_socket(found, ours, own, theirs, other)
    return found


def _align_socket(
    found: Alignment, ours: Events, own: Places, theirs: Events, other: Places
) -> None:
    own_rows, other_rows = rows(ours[own]), rows(theirs[other])
    start = 0
    for place, row in zip(own.tolist(), own_rows, strict=True):
        try:
            at = other_rows.index(row, start)
        except ValueError:
            found.wrong.append(f"{row} is not there, but {other_rows[start : start + 1]}")
            continue
        found.ours.append(place)
        found.theirs.append(int(other[at]))
        found.missing += other[start:at].tolist()
        start = at + 1
    found.missing += other[start:].tolist()


def rows(events: Events) -> list[str]:
    """Write what has to be equal of each event."""
    columns = [events[name].tolist() for name in FIELDS]
    return [
        " ".join(f"{name}={value}" for name, value in zip(FIELDS, row, strict=True))
        for row in zip(*columns, strict=True)
    ]
