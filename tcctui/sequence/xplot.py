"""The time–sequence diagram as a file of xplot, in the colours and signs of tcptrace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.flows.history.curve import Curve
from tcctui.sequence.diagram import Diagram, Spans
from tcctui.wire.retransmits import Cause

_SIGNS = {
    Cause.TIMEOUT: "RTO",
    Cause.AFTER_TIMEOUT: "R",
    Cause.FAST: "FR",
    Cause.REORDERING: "RACK",
    Cause.PROBE: "TLP",
    Cause.SYN: "SYN",
    Cause.OTHER: "R",
    Cause.UNKNOWN: "R",
}


def lines(drawn: Diagram, title: str, wall_offset_ns: int) -> Iterator[str]:
    """Lines of the file. Times are seconds since 1970 with `wall_offset_ns`, else since the boot.

    Segments that were sent are white, ACKs green, the window's edge yellow, SACKs purple with S,
    and retransmits red with what caused them; what this machine dropped is orange with D.
    """
    yield from ("timeval unsigned", "title", title, "xlabel", "time")
    yield from ("ylabel", f"sequence number, less {drawn.begin}")
    yield from _steps(drawn.window, "yellow", wall_offset_ns)
    yield from _steps(drawn.acknowledged, "green", wall_offset_ns)
    yield from _sent(drawn.sent, wall_offset_ns)
    for spans, colour, text in ((drawn.sacked, "purple", "S"), (drawn.dropped, "orange", "D")):
        for when, low, high, _ in _each(spans):
            at = _time(when + wall_offset_ns)
            yield from (colour, f"line {at} {low} {at} {high}", f"rtext {at} {high}", text)
    for when, low, high, kind in _each(drawn.retransmitted):
        at = _time(when + wall_offset_ns)
        yield from ("red", *_segment(at, low, high), f"atext {at} {high}", _SIGNS[Cause(kind)])
    yield "go"


def _each(spans: Spans) -> Iterator[tuple[int, int, int, int]]:
    columns = (part.tolist() for part in spans)
    return zip(*columns, strict=True)


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9 // 1000:06d}"


def _segment(at: str, low: int, high: int) -> tuple[str, ...]:
    return f"darrow {at} {low}", f"uarrow {at} {high}", f"line {at} {low} {at} {high}"


def _steps(curve: Curve, colour: str, wall_offset_ns: int) -> Iterator[str]:
    """A staircase: level until the next value's moment."""
    changes = np.append(True, np.diff(curve.values) != 0)
    when = curve.when_ns[changes].tolist()
    values = curve.values[changes].astype("i8").tolist()
    ends = [*when[1:], int(curve.when_ns[-1])]
    before = None
    for begin, end, value in zip(when, ends, values, strict=True):
        at = _time(begin + wall_offset_ns)
        yield colour
        if before is not None:
            yield f"line {at} {before} {at} {value}"
        yield f"line {at} {value} {_time(end + wall_offset_ns)} {value}"
        before = value


def _sent(curve: Curve, wall_offset_ns: int) -> Iterator[str]:
    """Data sent for the first time: all that one ACK let out is one segment here."""
    grows = np.flatnonzero(np.diff(curve.values) > 0)
    values = curve.values.astype("i8")
    for when, low, high in zip(
        curve.when_ns[grows + 1].tolist(),
        values[grows].tolist(),
        values[grows + 1].tolist(),
        strict=True,
    ):
        yield from ("white", *_segment(_time(when + wall_offset_ns), low, high))
