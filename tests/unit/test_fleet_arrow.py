"""Rows of the agent as Arrow, and in ClickHouse's own engine."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tcctui.fleet.agent import arrow
from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.agent.maps import Maps, histograms, middle
from tcctui.fleet.agent.rows import Alerted, Columns
from tcctui.fleet.collector.engine import own_name
from tcctui.fleet.schema.ddl import everything
from tcctui.fleet.tables.buckets import ACCURACY
from tcctui.fleet.tables.every_table import FLOW, GROUP, HOST, TABLES
from tcctui.fleet.tables.table import Table
from tcctui.wire.batch import Batch
from tcctui.wire.events import TcpState
from tests.unit.events import SECOND, destroy, probes, state, together
from tests.unit.samples import destroyed, samples

NOW_S = int(time.time())
"""Rows of long ago would expire at once."""


def windows() -> dict[str, Columns]:
    """Rows of every table: of a connection that lives, one that ended, an alert, and drops."""
    collecting = Collecting(Most(), lifecycle=True)
    now = 1000 * SECOND
    store = collecting.store
    reset = probes(now + SECOND, 9)
    reset["kind"] = 5
    seen = together(
        state(now, 0xA000, TcpState.ESTABLISHED),
        probes(now + 1000, 9, skaddr=0xA000),
        destroy(now + SECOND, 9, 0xA000),
        reset,
    )
    looks = [
        samples(now, 7, remote=("2001:db8:1:2::3", 443), local=("2001:db8::1", 1), comm=b"\xff\xfe",
                bytes_acked=2**40, cc=b"cubic"),
        destroyed(now + SECOND + 1000, 9, bytes_acked=5),
    ]  # fmt: skip
    store.take(Batch(seen, looks, now + 2 * SECOND))
    store.take(Batch(seen[:0], [], now + 5 * SECOND))
    told = Telling(5, 1, Counter(mark=3), 17, None)
    rows = collecting.window(
        NOW_S, NOW_S * SECOND - now, [Alerted(NOW_S * 1000, "rtt>1", 7)], lambda: told
    )
    return {table.name: columns for table, columns in rows}


def test_every_table_fits_its_schema() -> None:
    """Each table's rows have its columns and types, and NULL is only where it may be."""
    rows = windows()
    for table in TABLES:
        made = arrow.batch(table, rows[table.name])
        made.validate(full=True)
        assert made.num_rows > 0, table.name
        assert made.schema == arrow.schema(table)
        for field, column in zip(made.schema, made.columns, strict=True):
            assert field.nullable or column.null_count == 0, (table.name, field.name)


def test_a_stream_is_an_arrow_stream_in_zstd() -> None:
    """Any reader of Arrow gets the rows from what is sent."""
    made = arrow.batch(HOST, windows()["host"])
    body = arrow.stream(made)
    plain = pa.input_stream(pa.py_buffer(body), compression="zstd").read()
    assert pa.ipc.open_stream(plain).read_all().to_batches() == [made]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chDB with all tables."""
    from chdb import session  # noqa: PLC0415 - slow to load

    directory = str(tmp_path_factory.mktemp("chdb"))
    with own_name():
        made: Any = session.Session(directory)  # type: ignore[no-untyped-call]
    for statement in everything():
        made.query(statement)
    yield made
    made.close()


def inserted(engine: Any, table: Table, columns: Columns, directory: Path) -> list[list[Any]]:
    """Insert rows into the engine, and give all values of the table as JSON has them."""
    path = directory / f"{table.name}.arrow"
    plain = pa.input_stream(
        pa.py_buffer(arrow.stream(arrow.batch(table, columns))), compression="zstd"
    ).read()
    path.write_bytes(plain)
    engine.query(f"INSERT INTO {table.name} SELECT * FROM file('{path}', ArrowStream)")
    found = engine.query(f"SELECT * FROM {table.name} FORMAT JSONCompact")
    data: list[list[Any]] = json.loads(str(found))["data"]
    return data


def test_clickhouse_takes_every_table(engine: Any, tmp_path: Path) -> None:
    """The engine reads each type as it was meant: addresses, times, names, maps, NULL."""
    rows = windows()
    found = {
        table.name: [
            dict(zip([column.name for column in table.columns], row, strict=True))
            for row in inserted(engine, table, rows[table.name], tmp_path)
        ]
        for table in TABLES
    }
    (flow,) = [row for row in found["flow_10s"] if row["cookie"] in (7, "7")]
    assert flow["daddr"] == "2001:db8:1:2::3"
    assert flow["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert flow["comm"] == "\ufffd\ufffd"
    assert (flow["state"], flow["min_rtt_us"], flow["cc"]) == ("estab", None, "cubic")
    (host,) = found["host"]
    assert host["time"] == f"{datetime.fromtimestamp(NOW_S, timezone.utc):%Y-%m-%d %H:%M:%S}"
    assert host["dropped"] in ({"mark": 3}, {"mark": "3"})
    assert host["clock_offset_ms"] is None
    assert [int(one) for one in host["tcp_rmem"]] == [
        int(one) for one in Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()
    ]
    (group,) = [row for row in found["group_10s"] if row["service_port"] == 443]
    assert group["prefix"] == "2001:db8:1::"
    (bucket,) = group["srtt_histogram"]
    assert abs(middle(int(bucket)) / 20_000 - 1) <= ACCURACY
    assert {row["kind"] for row in found["mark"]} == {"reset", "alert"}
    (end,) = found["flow_end"]
    assert (end["reset"], end["saddr"]) == (True, "::ffff:10.0.0.1")


MACROS = {
    "$__timeInterval(time)": "toStartOfInterval(time, INTERVAL 60 SECOND)",
    "$__timeFilter(time)": "time > now() - INTERVAL 1 HOUR",
    "$__interval_s": "60",
}
"""Macros of Grafana's data source for ClickHouse, and what it makes of them."""


def test_the_panels_of_grafana_are_answered(engine: Any, tmp_path: Path) -> None:
    """Each query of the dashboard in contrib/ runs on the tables, and has a value and a time."""
    rows = windows()
    inserted(engine, GROUP, rows["group_10s"], tmp_path)
    host = rows["host"]["host"][0]
    text = (Path(__file__).parents[2] / "contrib/grafana/clickhouse.json").read_text()
    for panel in json.loads(text)["panels"]:
        sql = panel["targets"][0]["rawSql"].replace("${host:singlequote}", f"'{host}'")
        for macro, meaning in MACROS.items():
            sql = sql.replace(macro, meaning)
        found = json.loads(str(engine.query(f"{sql} FORMAT JSON")))
        assert "time" in found["data"][0] if found["rows"] else "HAVING" in sql or "limit" in sql
    assert engine.query("SELECT count() FROM group_5m").data() != "0\n"


def test_numbers_that_are_no_numbers_are_null() -> None:
    """NaN is NULL, also in columns of whole numbers."""
    rows = windows()["flow_10s"]
    made = arrow.batch(FLOW, rows)
    assert made.column("min_rtt_us").null_count == 2
    assert made.column("pacing_rate").null_count == 2


def test_maps_may_be_dictionaries() -> None:
    """Both forms of a map make the same column."""
    columns = windows()["group_10s"]
    histogram = columns["srtt_histogram"]
    assert isinstance(histogram, Maps)
    dictionaries = [
        dict(zip(histogram.keys[a:b].tolist(), histogram.values[a:b].tolist(), strict=True))  # type: ignore[union-attr]
        for a, b in zip(histogram.offsets[:-1], histogram.offsets[1:], strict=True)
    ]
    one, other = (
        arrow.batch(GROUP, columns | {"srtt_histogram": form}) for form in (histogram, dictionaries)
    )
    assert one.equals(other)


def test_a_bucket_is_right_within_its_accuracy() -> None:
    """The value that stands for a bucket is 2 % from each value in it at most."""
    values = np.geomspace(1, 4e9, 5000)
    made = histograms(np.arange(5000), values, 5000)
    assert (made.values == 1).all()
    stands = np.array([middle(int(key)) for key in made.keys])
    assert np.abs(stands / values - 1).max() <= ACCURACY * 1.0001


def test_the_engine_changes_no_process_name(engine: Any) -> None:
    """It would be `Unknown`, in `ps` and in a table of connections."""
    assert engine is not None
    assert "Unknown" not in Path("/proc/self/comm").read_text()
