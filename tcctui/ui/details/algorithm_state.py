"""An algorithm's own state in the details, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tcctui.fields.algorithm_state import STATES
from tcctui.fields.field import Unit
from tcctui.flows.algorithms.bbr import bbr
from tcctui.flows.algorithms.cubic import cubic
from tcctui.flows.algorithms.members import Known, state_of
from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.ui.style import units
from tcctui.ui.style.forms import FORMS
from tcctui.ui.style.legible import plain
from tcctui.ui.table import cells


class Line(NamedTuple):
    """A line: the lower its `rank`, the later it is dropped."""

    rank: int
    label: str
    pieces: tuple[str, ...]


_WORD = 16  # hexadecimal digits


def lines(known: Known, cwnd: float) -> Iterator[Line]:
    """Lines about one flow, whose window is `cwnd` segments."""
    found = _cubic(known, cwnd), _bbr(known)
    made = [line for part in found if part is not None for line in part]
    yield from made or _members(known)


def _some(value: float, form: Callable[[float], str], words: str = "{}") -> str:
    return "" if math.isnan(value) else words.format(form(value))


def _line(rank: int, label: str, *pieces: str) -> Line:
    return Line(rank, label, tuple(filter(None, pieces)))


def _cubic(known: Known, cwnd: float) -> list[Line] | None:
    state = cubic(known)
    if state is None:
        return None
    w_max, since = float(state.w_max[0]), float(state.since[0])
    told = [_some(w_max, units.segments, "W_max {}")]
    if math.isnan(since):
        told.append("no curve yet" if math.isnan(w_max) else "no curve: slow start or recovery")
        return [_line(2, "cubic", *told)]
    k = float(state.k[0])
    told.append(f"K {units.milliseconds(k * 1e6)}" if k else "beyond W_max")
    told.append(f"on the curve since {units.milliseconds(since * 1e6)}")
    target = f"curve at {units.segments(float(state.target[0]))}"
    reno = ""
    if state.reno[0]:
        reno = f"reno region: W_est {units.segments(float(state.w_est[0]))}"
    left = k - since
    ahead = f"W_max in {units.milliseconds(left * 1e6)}" if left > 0 and cwnd < w_max else ""
    return [_line(2, "cubic", *told), _line(6, "curve", reno, target, ahead)]


def _bbr(known: Known) -> list[Line] | None:
    state = bbr(known)
    if state is None:
        return None
    gains = _some(float(state.pacing_gain[0]), units.gain, "gain {}")
    gains += _some(float(state.cwnd_gain[0]), units.gain, " × {}")
    rounds = _some(float(state.rounds[0]), units.count, "round {}")
    full = "pipe full" if state.full[0] else "pipe not full yet"
    age = _some(float(state.min_rtt_age[0]), units.milliseconds, " ({} old)")
    min_rtt = _some(float(state.min_rtt[0]), units.milliseconds, "min rtt {}")
    flags = [
        words
        for member, words in _BBR_FLAGS.items()
        if known.has(member) and known.value(member)[0] == 1
    ]
    return [
        _line(2, "bbr", PHASE_NAMES[int(state.phase[0])], gains, full, *flags),
        _line(
            *(3, "bbr model", _some(float(state.bandwidth[0]), units.rate, "bw {}")),
            *(min_rtt and min_rtt + age, rounds),
        ),
    ]


_BBR_FLAGS = {
    "lt_use_bw": "paces at a policer's rate",
    "packet_conservation": "packet conservation",
    "idle_restart": "restarts after idle",
}


def _members(known: Known) -> Iterator[Line]:
    layout = known.layout
    label = plain(layout.algorithm or "algorithm")[:10]
    if not layout.members:
        state = known.records["private"][0].view("<u8")
        if state.any():
            some = state[: np.flatnonzero(state)[-1] + 1].tolist()
            words = [f"{word:0{_WORD}x}" for word in some]
            yield _line(9, label, "its types are not known (BTF); its state:", *words)
        return
    order = {state.name: place for place, state in enumerate(STATES.get(layout.struct, ()))}
    shown = [one for one in layout.members if not one.name.startswith(("unused", "pad"))]
    shown.sort(key=lambda member: order.get(member.name, len(order)))
    yield _line(3, label, *(f"{plain(one.name)} {value(known, one.name)}" for one in shown))


def value(known: Known, name: str) -> str:
    """Text of a member of the first flow."""
    state = state_of(known.layout, name)
    number = float(known.value(name)[0])
    if math.isnan(number):
        return cells.MISSING
    if state.unit is Unit.CODE:
        words = state.words
        return words[int(number)] if number < len(words) else cells.MISSING
    if state.unit in FORMS:
        return FORMS[state.unit](number)
    return str(int(known.raw(name)[0])) if state.factor == 1 else f"{number:g}"
