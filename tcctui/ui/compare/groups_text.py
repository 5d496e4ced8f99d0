"""Two groups side by side: medians of like with like, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.cells import cell_len

from tcctui.flows.groups.contrast import CONFIDENCE, LEAST, Contrast, Estimate
from tcctui.ui.style import units

_FORMS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "rate": ("rate", units.rate),
    "srtt_us": ("srtt", units.milliseconds),
    "queueing_us": ("queueing", units.milliseconds),
    "retrans_percent": ("retrans", units.percent),
}


def as_text(found: Contrast, names: tuple[str, str]) -> str:
    """Write a contrast as lines: counts, then medians with their intervals, or the refusal."""
    (one, other), (left, right) = found.counts, found.outside
    like = "of one remote net and service that both have"
    lines = [
        f"{names[0]}: {units.count(one)} connections; {names[1]}: {units.count(other)}; {like}.",
        f"Left out, without a like: {units.count(left)} and {units.count(right)}.",
        "",
    ]
    if found.refused:
        lines.append(f"Too few for medians: {LEAST} connections of each are needed.")
        return "\n".join([*lines, ""])
    table = [("median", *names, "difference")]
    for metric in found.medians:
        title, form = _FORMS[metric.metric]
        if metric.first is None or metric.second is None or metric.difference is None:
            few = " and ".join(units.count(count) for count in metric.counts)
            table.append((title, f"known of {few} only", "", ""))
            continue
        plain = (_written(metric.first, form), _written(metric.second, form))
        table.append((title, *plain, _written(metric.difference, form, signed=True)))
    widths = [max(cell_len(row[at]) for row in table) + 2 for at in range(4)]
    lines += [
        "".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    note = f"In brackets: {CONFIDENCE:.0%} of the bootstrap's medians".replace("%", " %")
    return "\n".join([*lines, "", f"{note}. Without 0 in it, a difference is hardly chance.", ""])


def _written(one: Estimate, form: Callable[[float], str], *, signed: bool = False) -> str:
    def text(value: float) -> str:
        sign = ("+" if value >= 0 else "−") if signed else ""
        return f"{sign}{form(abs(value))}"

    return f"{text(one.value)} [{text(one.low)}, {text(one.high)}]"
