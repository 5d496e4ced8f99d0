"""`tcctui fleet`: its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tcctui.cli import engine_address, fleet_dashboard
from tcctui.cli.parser import Commands
from tcctui.errors import UsageError

_SCHEMA = "schema"


def add(commands: Commands) -> None:
    """Describe the command."""
    fleet = commands.add_parser(
        "fleet",
        help="show connections of many hosts, from ClickHouse or a collector; create its tables",
        description="tcctui fleet URL shows which remote nets, services, processes or hosts got"
        " worse than the same hour yesterday, and what limits them; then their connections."
        " tcctui fleet schema URL creates the tables of a fleet in ClickHouse, or adds what they"
        " lack; it may be repeated. URL is https://HOST:8443, with a database as its path.",
        epilog="In the dashboard G groups, Enter opens a group, / searches, ? lists the keys.",
    )
    fleet.add_argument(
        "place", nargs="+", metavar="[schema] URL", help="the engine; behind it, a query may follow"
    )
    engine_address.add(fleet)
    fleet.add_argument(
        "--cluster",
        default="",
        metavar="NAME",
        help="with schema: replicated and distributed tables on this cluster",
    )
    fleet.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="with schema: replace the labels of all hosts by those of a file of CSV, such as"
        " host,rack,site",
    )
    fleet.add_argument(
        "--kafka",
        default="",
        metavar="BROKERS",
        help="with schema: also tables that read rows from Kafka, such as of HOST:9092,HOST:9092;"
        " tcctui relay --kafka writes them there",
    )
    fleet.add_argument(
        "--print",
        action="store_true",
        dest="printed",
        help="with schema: print the statements instead, with no need of a URL",
    )
    fleet_dashboard.add(fleet)
    fleet.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        UsageError: too much is given, or too little.

    """
    first, *urls = args.place
    if first != _SCHEMA:
        return fleet_dashboard.run(args, first, urls)
    if len(urls) > 1 or (not urls and not args.printed):
        raise UsageError("It takes one URL.", "Such as: tcctui fleet schema https://HOST:8443")
    if args.printed:
        from tcctui.fleet.schema import migrations  # noqa: PLC0415

        for statement in (*migrations.statements(args.cluster), *_of_kafka(args)):
            print(f"{statement};\n")
        return 0
    return _apply(args, urls[0])


def _of_kafka(args: argparse.Namespace) -> Iterator[str]:
    if args.kafka:
        from tcctui.fleet.schema import kafka  # noqa: PLC0415

        yield from kafka.statements(args.kafka, args.cluster)


def _apply(args: argparse.Namespace, url: str) -> int:
    from tcctui.fleet import client  # noqa: PLC0415
    from tcctui.fleet.schema import labels, migrations  # noqa: PLC0415

    replaced = [] if args.labels is None else list(labels.replaced(args.labels, args.cluster))
    engine = client.connect(engine_address.of(args, url))
    try:
        applied = migrations.apply(engine, args.cluster)
        for statement in (*replaced, *_of_kafka(args)):
            engine.execute(statement)
    finally:
        engine.close()
    done = "\n".join(f"{one.number}: {one.meaning}" for one in applied)
    print(done or "Nothing to do: the schema is this one's.")
    return 0
