"""Counts for the status line, the reason for an empty table, and the delay of a pipe."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable

from tcctui.flows.snapshot import Totals
from tcctui.recording.timeline import Origin
from tcctui.source import Source
from tcctui.ui.view import CurrentView

_LATE = 5.0
"""Largest delay of a live source in seconds."""

_LONG_AGO_NS = 30_000_000_000
"""The same by the clocks of two machines, which may differ."""


@runtime_checkable
class Streamed(Protocol):
    """Source that plays another machine's recording."""

    @property
    def origin(self) -> Origin:
        """Origin of the recording: host, kernel, source, clock."""

    @property
    def behind_s(self) -> float:
        """Delay in seconds; 0 while it keeps up."""


@runtime_checkable
class Answering(Protocol):
    """Source that an engine answers for, which may be slow, away or refuse."""

    @property
    def trouble(self) -> str:
        """Reason why what is shown is old, or less than was asked for; empty without any."""

    @property
    def nothing(self) -> str:
        """Sentence that says why there is nothing at all, and what to do."""


def is_live(source: Source) -> bool:
    """True if a source delivers the present, as far as clocks can be compared."""
    if not isinstance(source, Streamed) or not source.now_ns():
        return True
    wall_ns = source.now_ns() + source.origin.wall_offset_ns
    return source.behind_s < _LATE and time.time_ns() - wall_ns < _LONG_AGO_NS


def counts(
    view: CurrentView, totals: Totals, source: Source | None, base: str = ""
) -> dict[str, object]:
    """Counts of delivered and lost events, as fields of `Status`.

    Those of the source now, and of the moment shown, if any. `base` is the text of --filter, left
    out if the kernel applies all of it, which the line shows already.
    """
    told: dict[str, object] = {"events": totals.events, "per_second": None}
    in_kernel = source is not None and source.kernel_filter and source.kernel_exact
    told["base_filter"] = "" if in_kernel else base.strip()
    if source is not None:
        told |= {
            "source": f"{'attaching ' * source.attaching}{source.description}",
            "mend": "" if source.shortfall is None else source.shortfall.mend,
            "lost": source.lost(),
            "skipped": source.skipped(),
            "evicted": totals.evicted,
            "seconds_kept": totals.seconds_kept,
            "kernel_filter": source.kernel_filter,
            "kernel_exact": source.kernel_exact,
            "interval_ns": source.interval_ns,
            "trouble": source.trouble if isinstance(source, Answering) else "",
            "behind_s": source.behind_s if isinstance(source, Streamed) else 0.0,
        }
    if view.own_groups is not None:
        told["rows"] = "groups" if view.own_groups.is_group(0) else "flows"
    if view.moment is not None:
        lost, skipped = view.losses
        told |= {"lost": lost, "skipped": skipped, "per_second": view.per_second}
    return told


def why_empty(
    view: CurrentView, source: Source | None, known: int, *, base: str = "", search: str = ""
) -> str:
    """Reason for a table being empty, of `known` flows, by --filter and by the search."""
    if known and base.strip():
        also = " and the search" if search.strip() else ""
        return f"--filter {base}{also} let none of {known} flows through."
    if known:
        return f"The search hides all {known} flows. Esc clears it."
    if view.moment is not None:
        kept = isinstance(source, Answering)
        return "No rows of this moment are kept." if kept else "No TCP traffic at this moment."
    if isinstance(source, Answering):
        searched = base.strip() or search.strip()
        return "Nothing matches that." if searched and not source.trouble else source.nothing
    return "Attaching to the kernel's tcp_probe …" if source is None else _nothing_yet(source)


def _nothing_yet(source: Source) -> str:
    if source.kernel_filter:
        return f"No TCP traffic yet that passes {source.kernel_filter}."
    return "No TCP traffic yet: a connection shows up with its next packet."
