"""The settings and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Units:
    """Units of quantities.

    `rate`: bits per second, or bytes per second; `size`: powers of 1024 (Ki) or of 1000 (k).
    """

    rate: Literal["bit", "byte"] = "bit"
    size: Literal["binary", "decimal"] = "binary"


@dataclass(frozen=True)
class Settings:
    """The user's settings.

    `theme` is one of the screen's themes, empty to choose one for the terminal. `ascii` restricts
    drawing to ASCII; None decides by the terminal. Without `mouse` the mouse is left to the
    terminal. `refresh` is the time between two frames in seconds; None goes by what is done and
    shown. `columns` are names of the table's columns from left to right, empty for the usual ones,
    as many as fit; `widths` has the characters of resized columns. `sort` are names of columns, the
    most significant first, with `-` in front for descending. `group` is one of `groups.GROUPINGS`,
    empty for none. `keys` has other keys for actions, several with commas. `filters` maps names to
    queries.
    """

    theme: str = ""
    ascii: bool | None = None
    mouse: bool = True
    refresh: float | None = None
    columns: tuple[str, ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)
    sort: tuple[str, ...] = ("-rate",)
    group: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    units: Units = Units()
