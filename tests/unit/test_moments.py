"""`--at`: moments of a recording as people type them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis.strategies import integers, text

from tcctui.cli.moments import at, together
from tcctui.errors import TcctuiError
from tcctui.recording.timeline import Origin, Span
from tests.unit.events import SECOND

FIRST = 5_000 * SECOND
LAST = FIRST + 3 * 3600 * SECOND


class Recorded:
    """A timeline of three hours that began at 23:10:00 of a summer's day, in New York."""

    span = Span(FIRST, LAST)
    origin = Origin("web-3", wall_offset_ns=1_785_467_400 * SECOND - FIRST)


@pytest.fixture(autouse=True)
def _new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be in another time zone than UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(text: str) -> float:
    """Give a moment in seconds after the beginning."""
    return (at(text).of(Recorded()) - FIRST) / 1e9  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+90s", 90),
        ("90", 90),
        ("+1.5s", 1.5),
        ("1m30s", 90),
        ("2h", 7200),
        ("1h1m1s", 3661),
        ("0", 0),
        ("-30s", 3 * 3600 - 30),
        ("-1m", 3 * 3600 - 60),
        ("23:10:00", 0),
        ("23:15", 300),
        ("23:10:00.5", 0.5),
        ("00:10:00", 3600),
        ("2026-07-30 23:11:00", 60),
        ("2026-07-31T00:10", 3600),
        ("2026-07-31T03:11:00Z", 60),
        ("2026-07-31T03:11:00.5z", 60.5),
        ("2026-07-31 03:11 UTC", 60),
        ("2026-07-31T05:11:00+02:00", 60),
        ("2026-07-30T23:41:00-03:30", 60),
        ("03:11Z", 60),
        ("00:11-03:00", 60),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    """After the beginning, before the end, or on the local clock, beyond midnight as well."""
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["+4h", "-4h", "22:00:00", "2026-07-30 23:00:00", "03:00"])
def test_outside(text: str) -> None:
    """A moment that the recording does not have is told, with those that it has."""
    with pytest.raises(TcctuiError) as error:
        moment(text)
    assert f"--at {text} is outside the recording." in str(error.value)
    assert "2026-07-30 23:10:00 to 2026-07-31 02:10:00 EDT, 3 h 0 min" in str(error.value)


def test_outside_in_the_zone_that_was_typed() -> None:
    """The moments that the recording has are in the zone of the one that it has not."""
    assert moment("2026-07-31T08:10:00+02:00") == 3 * 3600
    with pytest.raises(TcctuiError) as error:
        moment("2026-07-31T08:10:01+02:00")
    assert "2026-07-31 05:10:00 to 2026-07-31 08:10:00 UTC+02:00" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "-",
        "soon",
        "1x",
        "25:00",
        "12:60",
        "2026-13-01 00:00",
        "1m 30s",
        "9" * 99,
        "12:00+24:00",
        "12:00+01:60",
        "12:00+1",
        "2026-11-23T14:05:03CET",
    ],
)
def test_no_moments(text: str) -> None:
    """What is no moment is told as such, with examples."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"is not a moment, such as \+90s"):
        at(text)


def test_the_second_in_which_it_begins() -> None:
    """A clock shows whole seconds: the one in which it begins is not before its beginning."""

    class Late(Recorded):
        origin = Origin("web-3", wall_offset_ns=Recorded.origin.wall_offset_ns + SECOND // 2)

    assert at("23:10:00").of(Late()) == FIRST  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=text("0123456789+-:. hmsTZ"), offset_ns=integers(-(1 << 63), 1 << 68))
@example("12:00", 253_402_300_700 * SECOND - FIRST)  # the last minute of the year 9999
def test_absurd_moments_and_recordings(text: str, offset_ns: int) -> None:
    """Whatever is typed, whatever a recording says of its time: a moment or a sentence."""

    class Absurd(Recorded):
        origin = Origin("web-3", wall_offset_ns=offset_ns)

    try:
        moment = at(text).of(Absurd())  # type: ignore[arg-type]
    except (argparse.ArgumentTypeError, TcctuiError):
        return
    assert FIRST <= moment <= LAST


def test_before_the_end_is_no_option() -> None:
    """Argparse takes -30s for an option; here it is a value."""
    assert together(["replay", "--at", "-30s", "--loop"]) == ["replay", "--at=-30s", "--loop"]
    assert together(["--at", "--loop", "-1"]) == ["--at", "--loop", "-1"]
