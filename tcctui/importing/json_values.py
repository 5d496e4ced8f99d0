"""Values in JSON that a stranger wrote: numbers within bounds, times, addresses."""

from __future__ import annotations

import calendar
import ipaddress
import json
import math
import re
import time
from typing import Any

from tcctui.wire.addresses import V4_MAPPED

_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:?\d\d)?")
_HALF = (1 << 64) - 1


def parsed(text: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, or is nested too deeply.

    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def mapping(value: Any) -> dict[str, Any]:
    """Object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Array, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Finite number, of a number or the text of one; None of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Any, most: int) -> int | None:
    """Integer from 0 to `most`, the nearest one; -1 is all bits of an unsigned number: `most`."""
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 24:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        found: int | float | None = value
    else:
        found = number(value)
    if found is None:
        return None
    return most if found == -1 else int(min(max(found, 0), most))


def nanoseconds(value: Any) -> int | None:
    """Nanoseconds since 1970 of a time as RFC 3339 writes it; None of anything else."""
    match = _TIME.fullmatch(value) if isinstance(value, str) and len(value) < 64 else None
    if match is None:
        return None
    try:
        seconds = calendar.timegm(time.strptime(match[1].replace(" ", "T"), "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return None
    zone = (match[3] or "Z").replace(":", "")
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    fraction = int((match[2] or "0")[:9].ljust(9, "0"))
    return max(seconds, 0) * 1_000_000_000 + fraction


def address(value: Any) -> tuple[int, int] | None:
    """Halves of an address's 128 bits, IPv4 mapped; None of anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = ipaddress.ip_address(value.strip("[]").partition("%")[0])
    except ValueError:
        return None
    bits = int(found) | (V4_MAPPED if found.version == 4 else 0)
    return bits >> 64, bits & _HALF
