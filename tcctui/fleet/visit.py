"""A host's dashboard above the fleet's: its last minutes, its live events, both ends of a flow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tcctui.errors import TcctuiError
from tcctui.fleet.live_host import LAST_S, LiveHost

if TYPE_CHECKING:
    from textual.app import App


_BEFORE_S = 300
"""Seconds before a wanted moment that are fetched, too."""

_MOST_S = 86_400


class Wanted(NamedTuple):
    """A host, and a query for its connections that are wanted there.

    `at_ns` is a moment to go to, in nanoseconds since 1970; None is the present. With `both`, both
    ends of the connection are shown, on one time axis: `other` is the other end's host, with a
    query for that end, unless it is the same one.
    """

    host: str
    query: str = ""
    at_ns: int | None = None
    both: bool = False
    other: tuple[str, str] | None = None


def visit(app: App[None], wanted: Wanted, ssh: Sequence[str] = ()) -> None:
    """Show a host's dashboard above the screen that is shown, until Esc; else a notice."""
    from tcctui.fleet.other_host import OtherHost  # noqa: PLC0415
    from tcctui.query import parse  # noqa: PLC0415
    from tcctui.ui.app.host_screen import HostScreen, not_there  # noqa: PLC0415 - Textual

    last_s = LAST_S
    if wanted.at_ns is not None:
        last_s = max(last_s, int(time.time() - wanted.at_ns / 1e9) + _BEFORE_S)
    last_s = min(last_s, _MOST_S)
    try:
        there = LiveHost(wanted.host, wanted.query, ssh, last_s)
        other = None if wanted.other is None else OtherHost(LiveHost(*wanted.other, ssh, last_s))
    except TcctuiError as error:
        not_there(app, error)
        return
    screen = HostScreen(
        *(app, there.open, there.end),
        waiting=f"{wanted.host}: connecting …",
        live_origin=lambda _: there.origin,
        base_query=parse(wanted.query),
        caught_up=lambda: there.caught_up,
        at_ns=wanted.at_ns,
        both=wanted.both,
        other=other,
    )
    app.push_screen(screen)
