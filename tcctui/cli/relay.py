"""`tcctui relay`: its arguments."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import engine_address, listening
from tcctui.cli.parser import Commands
from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.fleet.relay.upstream import Sink

_LISTEN = "127.0.0.1:8124"


def add(commands: Commands) -> None:
    """Describe the command."""
    relay = commands.add_parser(
        "relay",
        help="merge what some 200 agents send, on its way to ClickHouse",
        description="Take the inserts of some 200 agents, and send fewer and larger ones to"
        " ClickHouse. A batch is acknowledged once ClickHouse has stored it; while that is away,"
        " agents keep theirs. Needs no root. Until Ctrl-C.",
        epilog="Agents find it by: tcctui agent --to http://HOST:8124. Each agent has to keep to"
        " one relay: two of them know nothing of each other's batches.",
    )
    relay.add_argument(
        "--to",
        metavar="URL",
        type=engine_address.url,
        help="engine: https://HOST:8443/DATABASE",
    )
    relay.add_argument(
        "--kafka",
        metavar="URL",
        type=engine_address.url,
        help="in place of an engine, a REST proxy of Kafka: Confluent's, Karapace or Redpanda's;"
        " see tcctui fleet schema --kafka",
    )
    engine_address.add(relay)
    listening.add(relay, _LISTEN, "agents find it")
    relay.add_argument(
        "--spool",
        type=Path,
        metavar="DIR",
        help="directory of what is on its way (default: /var/lib/tcctui-relay of root, else"
        " ~/.local/state/tcctui/relay)",
    )
    relay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from tcctui.cli.rights import keep_only  # noqa: PLC0415 - each command pays for itself
    from tcctui.fleet.collector.place import make  # noqa: PLC0415

    if (args.to is None) == (args.kafka is None):
        raise UsageError("A relay has one place to send to.", "Give --to URL, or --kafka URL.")
    address = engine_address.of(args, args.to or args.kafka).read()
    listener, users = listening.opened(args)
    spool = args.spool or _usual()
    make(spool)
    keep_only(spool)
    from tcctui.fleet.client import connect  # noqa: PLC0415 - libraries with threads
    from tcctui.fleet.relay.inserting import Inserting  # noqa: PLC0415
    from tcctui.fleet.relay.serving import serve  # noqa: PLC0415

    def connected() -> Sink:
        if args.kafka is not None:
            from tcctui.fleet.relay.kafka_rest import KafkaRest  # noqa: PLC0415 - where it is asked

            return KafkaRest(address)
        return Inserting(connect(address))

    return serve(listener, spool, users, connected, sys.stderr)


def _usual() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/tcctui-relay")
    return Path(os.environ.get("XDG_STATE_HOME", "~/.local/state"), "tcctui/relay").expanduser()
