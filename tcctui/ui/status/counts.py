"""Counts for the status line, and the reason for an empty table."""

from __future__ import annotations

from tcctui.flows.snapshot import Totals
from tcctui.source import Source
from tcctui.ui.time import liveness
from tcctui.ui.view import CurrentView


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
            "behind_s": liveness.behind_s(source),
        }
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
        return "No TCP traffic at this moment."
    if source is None:
        return "Attaching to the kernel's tcp_probe …"
    if source.kernel_filter:
        return f"No TCP traffic yet that passes {source.kernel_filter}."
    return "No TCP traffic yet: a connection shows up with its next packet."
