"""Statements that read rows of a fleet from a Kafka that a site already has.

Each table has a topic, whose messages are Arrow streams of its rows: as agents send them, and
`tcctui relay --kafka` hands them on. A table of the engine Kafka reads the topic, and a view moves
its rows into the table that holds them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.fleet.schema.ddl import column_type, literal, on_cluster, quoted
from tcctui.fleet.tables.every_table import TABLES
from tcctui.fleet.tables.table import Table

GROUP = "tcctui"
"""Name under which ClickHouse's servers share the messages among them."""

FORMAT = "ArrowStream"


def topic(table: str) -> str:
    """Topic of a table's rows."""
    return f"tcctui.{table}"


def statements(brokers: str, cluster: str = "") -> Iterator[str]:
    """Statements that create what reads the topics, in order; each may be repeated.

    `brokers` is a list such as `kafka1:9092,kafka2:9092`.
    """
    for table in TABLES:
        yield _reading(table, brokers, cluster)
        yield _moving(table, cluster)


def _reading(table: Table, brokers: str, cluster: str) -> str:
    lines = ",\n".join(f"    {quoted(one.name)} {column_type(one)}" for one in table.columns)
    settings = {
        "kafka_broker_list": brokers,
        "kafka_topic_list": topic(table.name),
        "kafka_group_name": GROUP,
        "kafka_format": FORMAT,
        "kafka_handle_error_mode": "stream",  # what is broken is passed over, and holds nothing up
    }
    told = ",\n    ".join(f"{name} = {literal(value)}" for name, value in settings.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(table.name + '_kafka')}{on_cluster(cluster)}\n"
        f"(\n{lines}\n)\nENGINE = Kafka\nSETTINGS\n    {told}"
    )


def _moving(table: Table, cluster: str) -> str:
    columns = ", ".join(quoted(column.name) for column in table.columns)
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {quoted(table.name + '_from_kafka')}"
        f"{on_cluster(cluster)}\nTO {quoted(table.name)} AS\n"
        f"SELECT {columns} FROM {quoted(table.name + '_kafka')} WHERE empty(_error)"
    )
