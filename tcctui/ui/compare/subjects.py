"""Flows in a comparison: their names, line styles and present values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tcctui.fields.connection import ENDS
from tcctui.flows import labels
from tcctui.flows.columns import missing
from tcctui.flows.snapshot import Flows
from tcctui.ui.chart.line_styles import FLOWS
from tcctui.ui.compare.kinds import Kind, kinds
from tcctui.ui.style.legible import legible
from tcctui.ui.table.layout import fit

COLUMNS: tuple[str, ...] = (
    *(*ENDS, "cc", "opened_ns", "first_ns", "closed_ns", *(kind.column for kind in kinds())),
)
"""Columns that they need."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One flow: its ends, its algorithm, its line, and the present values that are known."""

    cookie: int
    number: int
    local: str
    remote: str
    cc: str
    age: float
    """Seconds since it was opened, or first seen where that was not."""
    until: float
    """Its final age: less than `age` if it was closed."""
    closed: bool
    values: dict[str, float] = field(repr=False)

    @property
    def style(self) -> str:
        """Style of its curves."""
        return FLOWS[self.number - 1]

    @property
    def short(self) -> str:
        """Name beside a curve."""
        return f"{self.number} {self.cc}".rstrip()

    def name(self, width: int) -> str:
        """Number, algorithm and both ends, in at most `width` characters."""
        ends = f"{self.local} → {self.remote}"
        room = max(width - len(self.short) - 1, 20)
        if len(ends) > room:
            half = (room - 3) // 2
            ends = " → ".join(
                fit(end, half, left=True).rstrip() for end in (self.local, self.remote)
            )
        return f"{self.short} {ends}"

    def now(self, kind: Kind, by: float) -> float | None:
        """Present value, in a unit."""
        value = self.values.get(kind.column)
        return None if value is None else value * kind.factor / by

    @property
    def present(self) -> list[str]:
        """All present values as text."""
        found = []
        for kind in kinds():
            value = self.values.get(kind.column)
            if value is not None:
                value *= kind.factor
                by, quantity = next(
                    (scale for scale in kind.scales if value >= scale[0]), kind.scales[-1]
                )
                unit = f" {quantity.unit}" if quantity.unit not in {"", "segments"} else ""
                found.append(f"{kind.title} {quantity.tell(value / (by or 1.0))}{unit}")
        return [*found, *(["closed"] if self.closed else [])]


def subjects(cookies: Sequence[int], flows: Flows) -> list[Subject]:
    """The known ones among the flows, in the order of their cookies and numbered by it."""
    places = {cookie: place for place, cookie in enumerate(flows["cookie"].tolist())}
    local, remote = labels.local(flows), labels.remote(flows)
    found = []
    for number, cookie in enumerate(cookies, 1):
        at = places.get(cookie)
        if at is None:
            continue
        closed, opened = int(flows["closed_ns"][at]), int(flows["opened_ns"][at])
        first = opened or int(flows["first_ns"][at])
        age = max(flows.now_ns - first, 0) / 1e9
        until = max(closed - first, 0) / 1e9 if closed else age
        values = {
            kind.column: float(flows[kind.column][at])
            for kind in kinds()
            if not missing(kind.column, flows[kind.column][at : at + 1])[0]
        }
        cc = legible(bytes(flows["cc"][at]))
        ends = local[at], remote[at]
        found.append(Subject(cookie, number, *ends, cc, age, until, bool(closed), values))
    return found


def told(least: float, most: float, tell: Callable[[float], str]) -> str:
    """Format a value, or a range."""
    low, high = tell(least), tell(most)
    return low if low == high else f"{low}–{high}"


def fitted(pieces: Sequence[str], width: int) -> str:
    """As many of the pieces as fit, separated by dots."""
    text = ""
    for piece in pieces:
        if len(text) + len(piece) + 3 > width:
            break
        text += f" · {piece}"
    return text
