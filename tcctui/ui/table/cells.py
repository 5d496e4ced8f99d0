"""Texts of the table's cells: one for each flow, made of its columns or of its past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import missing
from tcctui.flows.diagnosis.bbr import PHASE_NAMES, told
from tcctui.flows.labels import endpoints
from tcctui.flows.snapshot import Flows
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.ui.style import units
from tcctui.ui.style.legible import legible
from tcctui.ui.style.units import OPT_WSCALE

MISSING = "–"
"""Stands where nothing is known."""

Cells = Callable[[Flows], list[str]]
"""Makes one text for each flow."""


def number(name: str, form: Callable[[float], str]) -> Cells:
    """Cells that show the column `name`, each number as `form` writes it."""

    def cells(flows: Flows) -> list[str]:
        values = flows[name]
        return [
            MISSING if unknown else form(value)
            for value, unknown in zip(values.tolist(), missing(name, values).tolist(), strict=True)
        ]

    return cells


def text(name: str) -> Cells:
    """Cells that show a column of bytes, such as names that processes give themselves."""
    return lambda flows: [legible(value) or MISSING for value in flows[name].tolist()]


def word(name: str, words: Mapping[int, str]) -> Cells:
    """Cells that show the words of the numbers in a column; a number without one is itself."""
    return number(name, lambda value: words.get(int(value), f"{value:.0f}"))


def endpoint(names: Sequence[str]) -> Cells:
    """Cells with address and port, of the three columns they are in."""
    return lambda flows: endpoints(*(flows[name] for name in names))


def age(flows: Flows) -> list[str]:
    """The age; of a flow whose opening was not seen it is a lower bound, marked with >."""
    seen = (flows["opened_ns"] > 0).tolist()
    return [
        units.age(value) if known else f">{units.age(value)}"
        for value, known in zip(flows["age_ns"].tolist(), seen, strict=True)
    ]


def since(name: str) -> Cells:
    """Cells with the time since the moment in a column."""

    def made(flows: Flows) -> list[str]:
        moments = flows[name]
        return [
            MISSING if none else units.age(max(0, flows.now_ns - moment))
            for moment, none in zip(moments.tolist(), missing(name, moments).tolist(), strict=True)
        ]

    return made


def share(place: int) -> Cells:
    """Cells of one of `limit_shares`: the part of the last 2 s, in percent."""
    return lambda flows: [
        MISSING if value != value else units.percent(100 * value)  # noqa: PLR0124 - NaN
        for value in flows["limit_shares"][:, place].tolist()
    ]


def scales(flows: Flows) -> list[str]:
    """Both window scales, ours last, as ss writes them: 7,10; a dash where there is no scaling."""
    scaling = (np.nan_to_num(flows["options"]).astype("u1") & OPT_WSCALE) != 0
    return [
        f"{int(scale) & 15},{int(scale) >> 4}" if known else MISSING
        for scale, known in zip(flows["wscale"].tolist(), scaling.tolist(), strict=True)
    ]


def phases(flows: Flows) -> list[str]:
    """Phases of congestion control; of BBR, whose cwnd below ssthresh says nothing, its model's."""
    words = VALUE_NAMES["slow_start"]
    return [
        MISSING if not cwnd else PHASE_NAMES[inferred] if cc == b"bbr" else words[slow]
        for cwnd, cc, inferred, slow in zip(
            *(flows[name].tolist() for name in ("snd_cwnd", "cc", "bbr_phase", "slow_start")),
            strict=True,
        )
    ]


def phase(flows: Flows) -> str:
    """Phase of the first of the flows, in a sentence; empty where BBR's or cwnd is unknown."""
    if not flows["snd_cwnd"][0]:
        return ""
    if bytes(flows["cc"][0]) == b"bbr":
        found = int(flows["bbr_phase"][0])
        return told(found, int(flows["bbr_mode"][0])) if found else ""
    return "slow start" if flows["slow_start"][0] else "congestion avoidance"


BLOCKS = "▁▂▃▄▅▆▇█"
_CHARACTERS = np.array([ord(one) for one in " " + BLOCKS], "<u4")


def sparklines(values: npt.NDArray[np.float64]) -> list[str]:
    """Draw each row of an array as block characters, between its own minimum and maximum.

    The range is at least half the maximum, so that a steady value is a line in the middle and not
    magnified noise. A value holds until the next one comes (NaN is: nothing happened); before the
    first it is blank.
    """
    columns = values.shape[1]
    known = ~np.isnan(values)
    newest = np.maximum.accumulate(np.where(known, np.arange(columns), -1), axis=1)
    held = np.take_along_axis(values, np.maximum(newest, 0), axis=1)
    top = np.fmax.reduce(values, axis=1, initial=0)[:, None]
    bottom = np.fmin(np.fmin.reduce(values, axis=1, initial=np.inf)[:, None], top)
    span = np.maximum(top - bottom, top / 2)
    bottom = (top + bottom - span) / 2
    height = np.zeros(values.shape)
    np.divide(held - bottom, span, out=height, where=(span > 0) & (newest >= 0))
    level = np.clip(np.ceil(height * len(BLOCKS)), 1, len(BLOCKS)).astype("i8")
    level[newest < 0] = 0
    text = _CHARACTERS[level].tobytes().decode("utf-32-le")
    return [text[row * columns : (row + 1) * columns] for row in range(len(values))]
