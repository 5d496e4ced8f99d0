"""One batch of a source: the events and samples that came by a moment of its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tcctui.wire.events import Events
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.samples import Samples


@dataclass(frozen=True, eq=False)
class Batch:
    """Events and samples until `now_ns` on the source's clock, each oldest first.

    `samples` is empty where nothing was sampled; it has no empty parts. `insides` is what was read
    of sockets beside the events, where it was asked for: `NO_INSIDES` where there is nothing.
    """

    events: Events
    samples: Sequence[Samples]
    now_ns: int
    insides: Insides = NO_INSIDES
