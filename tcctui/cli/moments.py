"""Moments of a recording as typed on the command line."""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tcctui.errors import TcctuiError

if TYPE_CHECKING:
    from tcctui.recording.timeline import Timeline

_LENGTH = re.compile(
    r"(?P<sign>[+-]?)(?=[\d.])(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,7})m)?"
    r"(?:(?P<s>\d{1,9}(?:\.\d{0,9})?)s?)?"
)
_CLOCK = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)[ Tt])?(?P<h>\d\d?):(?P<m>\d\d)(?::(?P<s>\d\d)(?P<f>\.\d{1,9})?)?"
    r"(?: ?(?P<zone>[Zz]|UTC|[+-]\d\d:\d\d))?"
)
"""A clock time, with or without date and zone; with both it is as in RFC 3339."""

EXAMPLES = "14:05:03 or '2026-11-23 14:05:03' on this machine's clock, or 2026-11-23T14:05:03Z"
"""Clock times for help texts."""

_DAY = datetime.timedelta(days=1)


class At(NamedTuple):
    """Typed moment: an offset from the beginning or the end, or a clock time.

    `clock` is local time unless it has a zone; without `date`, the first such time in the
    recording.
    """

    text: str
    after_ns: int | None = None
    before_ns: int | None = None
    clock: datetime.datetime | None = None
    dated: bool = False

    def of(self, timeline: Timeline, option: str = "--at") -> int:
        """Moment on the timeline's clock, in nanoseconds.

        Raises:
            TcctuiError: it is outside the timeline.

        """
        first, last = timeline.span
        if self.after_ns is not None:
            at_ns = first + self.after_ns
        elif self.before_ns is not None:
            at_ns = last - self.before_ns
        else:
            at_ns = self._on_the_clock(first, timeline.origin.wall_offset_ns)
        if first <= at_ns <= last:
            return at_ns
        offset = timeline.origin.wall_offset_ns
        zone = None if self.clock is None else self.clock.tzinfo
        begin, end = (_on_clock(at + offset, zone) for at in (first, last))
        raise TcctuiError(
            f"{option} {self.text} is outside the recording.",
            f"It covers {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} {_zone_name(end)},"
            f" {_length(last - first)}.",
        )

    def _on_the_clock(self, first_ns: int, offset_ns: int) -> int:
        clock = self.clock
        assert clock is not None
        try:
            if not self.dated:
                begin = _on_clock(first_ns + offset_ns, clock.tzinfo)
                clock = datetime.datetime.combine(begin.date(), clock.timetz())
                # Typed without a fraction, the first second counts as inside.
                if clock < begin.replace(microsecond=0):
                    clock += _DAY
            at_ns = _wall_ns(clock) - offset_ns
        except (ValueError, OverflowError, OSError):  # at the largest datetime
            return first_ns - 10**10
        # The first and last second as typed mean their part inside the recording.
        return max(at_ns, first_ns) if first_ns - at_ns < 10**9 else at_ns


def at(text: str) -> At:
    """Parse `+90s`, `1m30s`, `-30s`, `14:05:03`, `2026-11-23 14:05:03` or RFC 3339."""
    typed = text.strip()
    length = _LENGTH.fullmatch(typed)
    if length:
        parts = [float(length[name] or 0) for name in ("h", "m", "s")]
        nanoseconds = round((parts[0] * 3600 + parts[1] * 60 + parts[2]) * 1e9)
        if length["sign"] == "-":
            return At(typed, before_ns=nanoseconds)
        return At(typed, after_ns=nanoseconds)
    clock = _CLOCK.fullmatch(typed)
    try:
        if clock is None:
            raise ValueError
        date = datetime.date.fromisoformat(clock["date"] or "2000-01-01")
        micros = round(float(clock["f"] or 0) * 1e6)
        zone = _zone(clock["zone"])
        time = datetime.time(int(clock["h"]), int(clock["m"]), int(clock["s"] or 0), tzinfo=zone)
        moment = datetime.datetime.combine(date, time) + datetime.timedelta(microseconds=micros)
        _wall_ns(moment)
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a moment, such as +90s, 1m30s, -30s (before the end), {EXAMPLES}"
        ) from None
    return At(typed, clock=moment, dated=clock["date"] is not None)


_MOMENTS = frozenset({"--at", "--from", "--to"})
_QUERIES = frozenset({"-f", "--filter", "--until", "--alert"})


def together(arguments: Sequence[str]) -> list[str]:
    """Join an option with a value that starts with a dash: `--at -30s`, `-f -port:443`."""
    joined: list[str] = []
    for argument in arguments:
        last = joined[-1] if joined else ""
        moment = last in _MOMENTS and re.match(r"-[\d.]", argument)
        if moment or (last in _QUERIES and argument.startswith("-")):
            joined[-1] += argument if last == "-f" else f"={argument}"
        else:
            joined.append(argument)
    return joined


def _zone(text: str | None) -> datetime.tzinfo | None:
    """Zone of a clock time: None is this machine's."""
    if text is None:
        return None
    if text in ("Z", "z", "UTC"):
        return datetime.timezone.utc
    hours, minutes = int(text[1:3]), int(text[4:])
    if minutes > 59:
        raise ValueError
    ahead = datetime.timedelta(hours=hours, minutes=minutes)
    return datetime.timezone(-ahead if text[0] == "-" else ahead)


def _on_clock(wall_ns: int, zone: datetime.tzinfo | None) -> datetime.datetime:
    """Time in a zone; local time, without one, where that is None."""
    try:
        return datetime.datetime.fromtimestamp(wall_ns // 10**9, zone).replace(
            microsecond=wall_ns // 1000 % 10**6
        )
    except (ValueError, OverflowError, OSError):  # a recording may contain any time
        return datetime.datetime(1970, 1, 1, tzinfo=zone)


def _zone_name(clock: datetime.datetime) -> str:
    try:
        return (clock if clock.tzinfo else clock.astimezone()).strftime("%Z")
    except (ValueError, OverflowError, OSError):
        return "UTC"


def _wall_ns(clock: datetime.datetime) -> int:
    whole = clock.replace(microsecond=0)
    return int(whole.timestamp()) * 10**9 + clock.microsecond * 1000


def _length(nanoseconds: int) -> str:
    seconds = nanoseconds / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
