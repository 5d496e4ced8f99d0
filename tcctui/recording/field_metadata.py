"""Metadata of recorded columns: unit and kernel source of each, and the meaning of codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tcctui.fields.every_field import BY_RECORDED
from tcctui.fields.field import Unit
from tcctui.fields.inside import MEMBERS
from tcctui.wire.events import EVENT
from tcctui.wire.inside import ACK, ALGORITHM, INSIDE
from tcctui.wire.samples import SAMPLE
from tcctui.wire.tracepoints import TRACEPOINTS

UNNAMED_FIELDS = ("tcpi_state", "fackets")
"""Members of `struct tcp_info` that `SAMPLE` has no name for."""


def _described(name: str) -> Mapping[str, str]:
    base = name.removesuffix("_min").removesuffix("_max")
    extreme = base in EXTREME_OF and base != name
    field = BY_RECORDED[base if extreme else name]
    told = {"unit": field.unit.value, "source": field.source}
    if field.unit is Unit.CODE:
        told["meaning"] = field.meaning
    if extreme:
        told["source"] = f"tcctui, over the ACKs; null: {EXTREME_OF[base]}"
    if name == "kind":
        kinds = ", ".join(f"{row.kind:d} {row.event.partition(':')[2]}" for row in TRACEPOINTS)
        told["meaning"] = f"{field.meaning}: {kinds}"
    if name in ("oldstate", "newstate"):
        rows = (row for row in TRACEPOINTS if name in row.states)
        told["source"] = ", ".join(f"{row.event} {row.states[name]}" for row in rows)
    return {key: text for key, text in told.items() if text}


EXTREME_OF = {"snd_cwnd": "snd_cwnd", "srtt": "srtt", "in_flight": "snd_nxt - snd_una"}
"""Values of which an event has the extremes, and the event's own one."""


def _all(names: Iterable[str] | None) -> Mapping[str, Mapping[str, str]]:
    return {name: _described(name) for name in names or ()}


EVENT_FIELDS = _all(EVENT.names)
"""Metadata of each field of `events.EVENT`."""

SAMPLE_FIELDS = _all(
    each
    for name in SAMPLE.names or ()
    for each in (UNNAMED_FIELDS if name == "tcp_info" else (name,))
)
"""Metadata of each field of `samples.SAMPLE`, and of two more of tcp_info."""


def _members(names: Iterable[str] | None) -> Mapping[str, Mapping[str, str]]:
    known = {name: MEMBERS[name] for name in names or () if name in MEMBERS}
    return {
        name: {"unit": member.unit.value, "source": member.source} for name, member in known.items()
    }


INSIDE_FIELDS = _members(INSIDE.names)
"""Metadata of each field of `inside.INSIDE`."""

ALGORITHM_FIELDS = _members(ALGORITHM.names)
"""Metadata of each field of `inside.ALGORITHM`."""

ACK_FIELDS = _members(ACK.names)
"""Metadata of each field of `inside.ACK`."""
