"""Migrations of a fleet's schema: numbered, recorded in the engine, and safe to repeat.

Each statement may be run again: what was interrupted is run anew. Columns that a newer tcctui has
need no migration: they are derived, and added whenever a schema is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from tcctui import __version__
from tcctui.errors import TcctuiError
from tcctui.fleet.schema import ddl, labels
from tcctui.fleet.tables.every_table import FLOW, GROUP
from tcctui.fleet.tables.table import Table

_TABLE = "schema_migrations"


class Migration(NamedTuple):
    """One change of the schema.

    `statements` takes the name of a cluster, empty without one; so does `due`, a query for the
    number of tables that need the change: new ones do not. Without it, there is no harm in it.
    """

    number: int
    meaning: str
    statements: Callable[[str], list[str]]
    due: Callable[[str], str] | None = None


def _in_order(number: int, table: Table) -> Migration:
    behind = f"_until_{number}"
    return Migration(
        number,
        f"{table.name} in the order of time; earlier rows are in {table.name}{behind}",
        lambda cluster: ddl.reordered(table, behind, cluster).statements,
        lambda cluster: ddl.reordered(table, behind, cluster).due,
    )


MIGRATIONS = (
    Migration(1, "tables of groups, flows, ends, marks and hosts", ddl.everything),
    Migration(2, "labels of hosts", labels.everything),
    _in_order(3, GROUP),
    _in_order(4, FLOW),
)
"""All migrations, in order. What has been released is not changed."""


class Engine(Protocol):
    """Engine that runs statements, such as `fleet.client.Client`."""

    def execute(self, statement: str) -> None:
        """Run a statement without a result."""

    def numbers(self, sql: str) -> list[int]:
        """Numbers in the only column of a result."""


def statements(cluster: str = "") -> Iterator[str]:
    """Every statement that a new schema takes, for those who apply it by other means."""
    yield _migrations_table(cluster)
    for migration in MIGRATIONS:
        if migration.due is None:
            yield from migration.statements(cluster)
        yield _applied(migration)
    yield from ddl.with_columns(cluster)


def apply(engine: Engine, cluster: str = "") -> list[Migration]:
    """Apply what an engine lacks; gives the migrations that it needed.

    Raises:
        TcctuiError: its schema is a newer tcctui's, or it refuses a statement.

    """
    engine.execute(_migrations_table(cluster))
    there = set(engine.numbers(f"SELECT DISTINCT number FROM {_TABLE}"))
    known = MIGRATIONS[-1].number
    if there and max(there) > known:
        raise TcctuiError(
            f"The schema there is a newer tcctui's: migration {max(there)}, where this one knows"
            f" {known}.",
            "Update tcctui.",
        )
    applied = []
    for migration in MIGRATIONS:
        if migration.number in there:
            continue
        if migration.due is None or any(engine.numbers(migration.due(cluster))):
            applied.append(migration)
            for statement in migration.statements(cluster):
                engine.execute(statement)
        engine.execute(_applied(migration))
    for statement in ddl.with_columns(cluster):
        engine.execute(statement)
    return applied


def _migrations_table(cluster: str) -> str:
    replicated = "Replicated" if cluster else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {_TABLE}{ddl.on_cluster(cluster)}\n"
        "(number UInt32, meaning String, version String, applied DateTime DEFAULT now())\n"
        f"ENGINE = {replicated}ReplacingMergeTree ORDER BY number"
    )


def _applied(migration: Migration) -> str:
    meaning, version = ddl.literal(migration.meaning), ddl.literal(__version__)
    return (
        f"INSERT INTO {_TABLE} (number, meaning, version)"
        f" SELECT {migration.number}, {meaning}, {version}"
    )
