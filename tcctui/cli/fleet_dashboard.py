"""`tcctui fleet URL`: the dashboard of many hosts, whose rows an engine has."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

from tcctui import memory
from tcctui.cli import alerts, config, engine_address, filters, moments, terminal
from tcctui.cli.parser import Parser
from tcctui.fleet.ssh import RECORD, SSH, words


def add(parser: Parser) -> None:
    """Describe its options, but those of the engine."""
    parser.add_argument(
        "--at", type=moments.at, metavar="TIME", help=f"start at: -2h (ago), {moments.EXAMPLES}"
    )
    filters.add(parser, "show only connections that match")
    parser.add_argument(
        "--ssh",
        metavar="COMMAND",
        default=SSH,
        help="how Enter and V reach hosts: by this, the host's name, and"
        f" {' '.join(RECORD)} --last TIME --filter QUERY - (default: {SSH})",
    )
    alerts.add(parser, shown="mark the row and notify", telling=False)
    config.choosing(parser)


class _Clock(NamedTuple):
    """Origin of the fleet's timeline, as `moments.At` asks it."""

    wall_offset_ns: int


class _Kept(NamedTuple):
    """Range of moments that an engine may have."""

    span: tuple[int, int]
    origin: _Clock


def run(args: argparse.Namespace, url: str, queries: Sequence[str]) -> int:
    """Show the fleet of an engine, or what matches all of the queries.

    Raises:
        TcctuiError: there is no terminal, or no engine.

    """
    memory.start()
    from tcctui.query import ALL  # noqa: PLC0415 - numpy

    query, ssh = filters.query_of(args), words(args.ssh)
    for text in queries:
        query = query & filters.parsed("QUERY", text)
    looked_for = alerts.alerts_of(args, ALL)  # the engine's rows all match
    terminal.require("Run it in a terminal.")
    from tcctui.fleet.client import connect  # noqa: PLC0415 - clickhouse_connect
    from tcctui.fleet.view import clock  # noqa: PLC0415 - numpy
    from tcctui.fleet.view.fleet_app import FleetApp  # noqa: PLC0415 - Textual
    from tcctui.fleet.view.fleet_past import KEPT_S  # noqa: PLC0415
    from tcctui.fleet.visit import Wanted, visit  # noqa: PLC0415 - pyarrow
    from tcctui.ui.dashboard.alarm import Alarms  # noqa: PLC0415

    with closing(connect(engine_address.of(args, url))) as engine:
        at_s = None
        if args.at is not None:
            now = time.time()
            span = clock.moment_ns(now - KEPT_S), clock.moment_ns(now)
            at_s = clock.seconds(args.at.of(_Kept(span, _Clock(clock.OFFSET_NS))))
        memory.return_at_once()

        def live(wanted: Wanted) -> None:
            visit(app, wanted, ssh)

        app = FleetApp(
            engine,
            urlsplit(url).netloc,
            description=f"ClickHouse · {engine.version}",
            at_s=at_s,
            live=live,
            base_query=query,
            alarms=None if looked_for is None else Alarms(looked_for),
            preferences=config.preferences(args),
        )
        app.run()
        return app.status
