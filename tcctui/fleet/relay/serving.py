"""The relay as a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from tcctui.fleet.collector.application import Application
from tcctui.fleet.collector.limits import Limits
from tcctui.fleet.collector.place import Listener
from tcctui.fleet.collector.serving import locked, opened, run
from tcctui.fleet.collector.users import Users
from tcctui.fleet.relay.upstream import Sink, Upstream

PACE_S = 1.0
"""Seconds from an INSERT of a table to its next one: agents send five tables one after the other,
and have ten seconds for them.
"""


def serve(
    listener: Listener,
    spool: Path,
    users: Users | None,
    connect: Callable[[], Sink],
    remarks: TextIO,
) -> int:
    """Serve until SIGTERM or SIGINT; then finish what is under way.

    Raises:
        TcctuiError: the spool is in use or can't be used.

    """
    with locked(spool):
        journal = opened(spool)
        engine = Upstream(connect, remarks)
        left = journal.left()
        application = Application(engine, journal, users, Limits(), left=left, pace_s=PACE_S)
        asyncio.run(run(listener, application))
    return 0
