"""What can be set, and what holds where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Units:
    """How quantities are written.

    `rate`: bits per second, or bytes per second; `size`: powers of 1024 (Ki) or of 1000 (k).
    """

    rate: Literal["bit", "byte"] = "bit"
    size: Literal["binary", "decimal"] = "binary"


@dataclass(frozen=True)
class Settings:
    """What a person has chosen.

    `theme` is one of the screen's themes, empty for what suits the terminal. `ascii` says whether
    nothing but ASCII is drawn, None: where the terminal has nothing else. `columns` are names of
    the table's columns from left to right, empty for the usual ones, as many as fit; `widths` has
    the characters of those that were sized. `sort` are names of columns, the most significant
    first, with `-` in front where the greatest comes first. `group` is what flows are grouped by,
    one of `groups.GROUPINGS`, empty for nothing. `keys` has other keys for actions,
    several with commas. `filters` has queries by their names.
    """

    theme: str = ""
    ascii: bool | None = None
    columns: tuple[str, ...] = ()
    widths: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    sort: tuple[str, ...] = ("-rate",)
    group: str = ""
    keys: Mapping[str, str] = field(default_factory=_none)
    filters: Mapping[str, str] = field(default_factory=_none)
    units: Units = Units()
