"""Keyframe of a store, and its restoration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tcctui.arrays import Array, distinct
from tcctui.flows.columns import READ
from tcctui.flows.diagnosis.cause_shares import NOT_LOOKED
from tcctui.flows.diagnosis.health import LATE_NS
from tcctui.flows.diagnosis.recent_limits import SHARES, of_seconds
from tcctui.flows.history.buckets import BUCKET_NS, LAST, MAX, MIN, SERIES, STAMP, WIDTH
from tcctui.flows.index import Keys, Rows
from tcctui.flows.intake.rates import TICKS
from tcctui.flows.intake.recent_counters import MOMENT, MOMENTS
from tcctui.flows.intake.sample_intake import SampleIntake
from tcctui.flows.intake.sockets import keys_of_ends
from tcctui.flows.keyframe.keyframe import ALGORITHMS, MARKS, Keyframe
from tcctui.flows.keyframe.layout import converted
from tcctui.flows.rows import FlowRows
from tcctui.wire.inside import ALGORITHM, use_layouts
from tcctui.wire.private_layout import from_json, to_json
from tcctui.wire.samples import SAMPLE, forget_all_but
from tcctui.wire.tracepoints import MarkKind

_OPENED_NS = 10_000_000_000
"""Sockets that were opened so long ago and sent nothing yet are forgotten."""

_FASTEST = 1e18
"""Bytes a second that no flow sends."""

_NUMBERS = ("events", "evicted", "ca_states_come", "retransmits_come")

_INSIDE = "inside"

_OWNERS = "owners."
"""Owners of sockets without a row; an earlier version's are unknown."""

_TOLD = "told."
"""Counts of events at the last ticks; a missing one is unknown."""


def taken(known: FlowRows, looks: SampleIntake) -> Keyframe:
    """Copy what is known now. A few milliseconds for 10,000 flows."""
    rows = known.cookies.rows
    arrays = {
        f"{part}.{name}": array[rows]
        for part, kept in _kept(known, looks).items()
        for name, array in kept.items()
    }
    opened = known.sockets.opened_lately
    lately = opened["ns"] > known.now_ns - _OPENED_NS
    arrays |= {f"opened.{name}": array[lately] for name, array in opened.items()}
    arrays |= {f"{_OWNERS}{name}": array for name, array in known.owners.kept.items()}
    timeouts = known.marks.lately(MarkKind.RTO, known.now_ns - LATE_NS)
    arrays |= {f"{MARKS}{name}": array for name, array in timeouts.items()}
    numbers = {
        "events": known.events,
        "evicted": known.evicted,
        "ca_states_come": int(looks.ca_states_come),
        "retransmits_come": int(looks.retransmits_come),
    }
    numbers |= dict(zip(_tick_names(known), known.rates.ticks, strict=True))
    numbers |= {f"{_TOLD}{at}": number for at, number in enumerate(known.event_rate.ticks)}
    inside = None if known.inside is None else known.inside.kept.get("algorithm")
    if inside is not None:
        # A reader elsewhere has none of the layouts that the records' keys stand for here.
        arrays[ALGORITHMS] = np.frombuffer(to_json(_algorithm_keys(inside)).encode(), "u1")
    layouts = {name: layout for name, layout in _LAYOUTS.items() if name in arrays}
    return Keyframe(known.now_ns, numbers, arrays, layouts)


def restore(
    known: FlowRows, looks: SampleIntake, keyframe: Keyframe, cookies: Keys | None = None
) -> None:
    """Put a keyframe's flows, or of these only some, into a store that knows none yet.

    What the keyframe does not have of them is unknown.

    Raises:
        ValueError: it is another version's, or damaged.

    """
    flows = _checked(keyframe, [*_NUMBERS, *_tick_names(known)])
    for name in READ:
        if f"{_INSIDE}.{name}" in keyframe.arrays:
            known.read_inside().keep(name)
    given = _understood(keyframe, _kept(known, looks), flows)
    ticks = [keyframe.numbers[name] for name in _tick_names(known)]
    known.rates.check(ticks, keyframe.now_ns)
    chosen = np.arange(flows) if cookies is None else _places(keyframe, cookies)
    known.now_ns = keyframe.now_ns
    known.events, known.evicted = keyframe.numbers["events"], keyframe.numbers["evicted"]
    known.rates.ticks = ticks
    told = [keyframe.numbers.get(f"{_TOLD}{at}", 0) for at in range(2 * (TICKS + 1))]
    known.event_rate.go_on_from(told, keyframe.now_ns)
    looks.ca_states_come = bool(keyframe.numbers["ca_states_come"])
    looks.retransmits_come = bool(keyframe.numbers["retransmits_come"])
    known.sockets.opened_lately = {
        name: keyframe.arrays[f"opened.{name}"] for name in known.sockets.opened_lately
    }
    known.owners.restore(
        {
            name.removeprefix(_OWNERS): array
            for name, array in keyframe.arrays.items()
            if name.startswith(_OWNERS)
        }
    )
    known.marks.go_on_from(
        {
            name.removeprefix(MARKS): array
            for name, array in keyframe.arrays.items()
            if name.startswith(MARKS)
        }
    )
    if not len(chosen):
        return
    rows = known.columns.take(len(chosen))
    known.grow()
    for part, arrays in _kept(known, looks).items():
        for name, array in arrays.items():
            if (values := given.get(f"{part}.{name}")) is not None:
                array[rows] = _sane(values[chosen])
    if known.inside is not None and "algorithm" in known.inside.kept:
        _use_layouts(known.inside.kept["algorithm"], rows, keyframe.arrays.get(ALGORITHMS))
    known.cookies.put(known.columns["cookie"][rows], rows)
    living = rows[known.columns["closed_ns"][rows] == 0]
    known.sockets.learn(_socket_keys(known, living), living)
    _begin_histories(known, rows)


def _algorithm_keys(kept: Array) -> list[int]:
    read = kept.view(ALGORITHM)
    return list(map(int, distinct(read["key"][read["sock_cookie"] > 0])))


def _use_layouts(kept: Array, rows: Rows, written: Array | None) -> None:
    """Let the keys of the rows' algorithms stand for the layouts of their keyframe.

    Older keyframes have none: keys are this process's own, or stand for nothing.
    """
    if written is None:
        return
    read = kept[rows].view(ALGORITHM)
    there = read["sock_cookie"] > 0
    own = read[there]
    use_layouts(own, from_json(written.tobytes()))
    read[there] = own
    kept[rows] = read.view(kept.dtype)


def _sane(values: Array) -> Array:
    """Give what a file says as numbers that can be worked with: others are none."""
    if values.dtype == bool:
        return values.view("u1") != 0
    if values.dtype.kind == "f":
        return np.where(np.abs(values) <= _FASTEST, values, np.nan)
    return values


def _kept(known: FlowRows, looks: SampleIntake) -> dict[str, Mapping[str, Array]]:
    return {
        "columns": known.columns.kept,
        "latest": known.latest.kept,
        "acked": known.acked.kept,
        "rates": known.rates.kept,
        "limits": known.limits.kept,
        "recent": known.recent.kept,
        "looks": looks.kept,
        _INSIDE: {} if known.inside is None else known.inside.kept,
    }


def _tick_names(known: FlowRows) -> list[str]:
    return [f"ticks.{at}" for at in range(len(known.rates.ticks))]


def _checked(keyframe: Keyframe, numbers: Iterable[str]) -> int:
    """See that a keyframe has what every version's has; gives the number of its flows."""
    try:
        cookies = keyframe.arrays["columns.cookie"]
        if cookies.dtype != np.dtype("u8") or cookies.ndim != 1:
            raise ValueError("a keyframe's cookies are damaged")
        if len(np.unique(cookies)) < len(cookies):
            raise ValueError("a keyframe has a flow twice")
        for name in numbers:
            _ = keyframe.numbers[name]
        opened = keyframe.arrays["opened.keys"], keyframe.arrays["opened.ns"]
        if [part.dtype for part in opened] != [np.dtype("u8"), np.dtype("i8")]:
            raise ValueError("a keyframe's openings are of another version")
        if opened[0].ndim != 1 or opened[0].shape != opened[1].shape:
            raise ValueError("a keyframe's openings are damaged")
    except KeyError as error:
        raise ValueError(f"a keyframe lacks {error}") from error
    return len(cookies)


def _understood(
    keyframe: Keyframe, kept: Mapping[str, Mapping[str, Array]], flows: int
) -> dict[str, Array]:
    """Give what a keyframe has of what a store keeps, as the store lays it out.

    Raises:
        ValueError: something means something else here, or is damaged.

    """
    understood = {}
    for part, arrays in kept.items():
        for short, array in arrays.items():
            name = f"{part}.{short}"
            given = keyframe.arrays.get(name)
            if given is None:
                continue
            if name in _UNKNOWN:
                given = _laid_out(keyframe, name, given).view(array.dtype)
                given = given.reshape(len(given), *array.shape[1:])
            if given.shape != (flows, *array.shape[1:]) or not np.can_cast(
                given.dtype, array.dtype
            ):
                raise ValueError(f"a keyframe's {name} is of another version")
            understood[name] = given
    if _SECONDS in keyframe.arrays and "limits._until" in understood:
        understood |= _of_seconds(keyframe, understood["limits._until"])
    return understood


def _of_seconds(keyframe: Keyframe, until: Array) -> dict[str, Array]:
    """Limits by the shares of 64 seconds, which older versions kept."""
    given = keyframe.arrays[_SECONDS]
    if given.dtype != np.dtype("u1") or given.shape[:2] != (len(until), 64):
        raise ValueError(f"a keyframe's {_SECONDS} is of another version")
    shares = _laid_out(keyframe, _SECONDS, given)
    return {f"limits.{name}": array for name, array in of_seconds(shares, until).items()}


def _laid_out(keyframe: Keyframe, name: str, given: Array) -> Array:
    """Give an array's records as this version lays them out."""
    unknown = _UNKNOWN[name]
    layout = keyframe.layouts.get(name)
    if layout is None:
        raise ValueError(f"a keyframe does not say what is in {name}")
    if layout == unknown.dtype:
        return given
    made = converted(given, layout, unknown)
    if unknown.dtype == SAMPLE:
        forget_all_but(made, layout.names or ())
    return made


_SECONDS = "limits._shares"
"""Shares of each of 64 seconds, which older versions' keyframes have."""

_UNKNOWN = {
    "latest.samples": np.zeros(1, SAMPLE),
    "limits._looks": NOT_LOOKED,
    "limits._recent": np.zeros(1, SHARES),
    _SECONDS: np.zeros(1, SHARES),
    **{f"recent.{name}": np.zeros(1, MOMENT) for name in MOMENTS},
    **{f"{_INSIDE}.{name}": np.zeros(1, form) for name, form in READ.items()},
}
"""Of arrays whose entries are records, one that knows nothing."""

_LAYOUTS = {name: record.dtype for name, record in _UNKNOWN.items() if name != _SECONDS}


def _places(keyframe: Keyframe, cookies: Keys) -> Rows:
    wanted = np.isin(keyframe.arrays["columns.cookie"], cookies)
    return np.flatnonzero(wanted)


def _socket_keys(known: FlowRows, rows: Rows) -> Keys:
    """Join keys of the rows for lifecycle events, as from `sockets.socket_keys`."""
    columns = known.columns
    ends = (columns[name][rows] for name in ("saddr_hi", "saddr_lo", "daddr_hi", "daddr_lo"))
    keys = keys_of_ends(*ends, columns["sport"][rows], columns["dport"][rows])
    told = columns["skaddr"][rows]
    return np.where(told > 0, told, keys)


def _begin_histories(known: FlowRows, rows: Rows) -> None:
    """Let the rows' histories begin with what was known last."""
    columns = known.columns
    rows = rows[columns["snd_cwnd"][rows] > 0]
    buckets = np.zeros((len(rows), WIDTH), "u4")
    last_ns = np.maximum(columns["last_ns"][rows], columns["sampled_ns"][rows])
    last_ns = np.clip(last_ns, 0, known.now_ns)
    buckets[:, STAMP] = last_ns // BUCKET_NS
    for place, name in enumerate(SERIES):
        for part in (MIN, MAX, LAST):
            buckets[:, part.start + place] = columns[name][rows]
    known.add_history(rows, buckets, keep=rows)
