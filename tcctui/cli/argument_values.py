"""Parsers of argument values."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from pathlib import Path

from tcctui.errors import UsageError

_TIME = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(us|µs|ms|s)?")
_DURATION = re.compile(r"(?=.)(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s?)?")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{0,3})?)\s*%?")
_SIZE = re.compile(r"(\d{1,9})\s*([kmgt]?)(i?b)?", re.IGNORECASE)
LEAST_MEMORY = 4 << 20
"""Smallest memory budget in bytes."""


def seconds(text: str) -> float:
    """Seconds, above 0."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def interval(text: str) -> float:
    """Milliseconds of a time such as 20ms or 1s."""
    match = _TIME.fullmatch(text.strip())
    unit = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
    milliseconds = float(match[1]) * unit[match[2] or "ms"] if match else -1
    if not 0 <= milliseconds <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time from 0 to 1s, such as 20ms")
    return milliseconds


def duration(text: str) -> float:
    """Seconds of a time such as 10m, 1h30m or 90s; a bare number is seconds."""
    match = _DURATION.fullmatch(text.strip())
    hours, minutes, number = (float(part or 0) for part in match.groups()) if match else (0, 0, 0)
    seconds = hours * 3600 + minutes * 60 + number
    if not 0 < seconds <= 86_400 * 7:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time up to a week, such as 10m")
    return seconds


def percent(text: str) -> float:
    """Share of a core: 0.25 for 25 or 25%."""
    match = _PERCENT.fullmatch(text.strip())
    if not match or not 0 < float(match[1]) <= 100:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a percentage of a core")
    return float(match[1]) / 100


def count(text: str) -> int:
    """Whole number above 0."""
    if not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number above 0")
    return int(text)


def speed(text: str) -> float:
    """Playback speed as a factor; infinity for `max`."""
    if text.strip().lower() == "max":
        return math.inf
    try:
        times = float(text.strip().removesuffix("x"))
    except ValueError:
        times = math.nan
    if not 0.1 <= times <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a speed from 0.1 to 1000, or max")
    return times


def memory(option: str, text: str, least: int = LEAST_MEMORY, otherwise: str = "") -> int:
    """Bytes of a size such as 256M or 1GiB, given to an option; units are powers of 1024.

    `otherwise` names an alternative to giving at least `least`.

    Raises:
        UsageError: not a size, too small, or more than the machine has.

    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{option} {text!r} is not a size.", "Give a size such as 256M.")
    size = int(match[1]) << 10 * "kmgt".find(match[2].lower() or "?") + 10
    if size < least:
        mend = f"Give at least {-(-least >> 20)}M{otherwise}."
        raise UsageError(f"{option} {text} is too small.", mend)
    if sys.platform != "win32" and size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise UsageError(
            f"{option} {text} is more than this machine has.", "Give a size such as 256M."
        )
    return size


def recording(text: str) -> Path:
    """Path of a recording; `demo` is the bundled one, `./demo` a file of that name."""
    if text != "demo":
        return Path(text)
    from tcctui.demo import RECORDING  # noqa: PLC0415 - each command pays only for itself

    return RECORDING
