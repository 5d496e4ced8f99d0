"""The questions of `tcctui help export` to exported tables, answered by DuckDB and by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tcctui.demo import RECORDING
from tcctui.export.command import TABLES, export
from tcctui.reference.export import QUESTIONS
from tests.unit.small_recording import made

FILLED = tuple(table for table in TABLES if table not in {"sockets", "algorithms"})
"""Tables that these recordings have something for: none was made with --inside."""

Rows = list[dict[str, Any]]


def _worst_srtt(flows: Rows, _: Rows) -> list[tuple[Any, ...]]:
    nets = defaultdict(list)
    for flow in flows:
        if ":" not in flow["daddr"] and flow["srtt_us_max"] is not None:
            nets[flow["daddr"].rpartition(".")[0] + ".0/24"].append(flow)
    rows = [
        (
            net,
            len(of),
            max(flow["srtt_us_max"] for flow in of) / 1000,
            sum(flow["srtt_us_mean"] for flow in of) / len(of) / 1000,
        )
        for net, of in nets.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], row[0]))[:10]


def _again_by_port(flows: Rows, _: Rows) -> list[tuple[Any, ...]]:
    ports: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for flow in flows:
        of = ports[min(flow["sport"], flow["dport"])]
        of[0] += flow["data_segs_out"] or 0
        of[1] += flow["total_retrans"] or 0
    rows = [(port, *of, 100 * of[1] / of[0]) for port, of in ports.items() if of[0]]
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _recovery(flows: Rows, _: Rows) -> list[tuple[Any, ...]]:
    names = defaultdict(list)
    for flow in flows:
        if flow["cc"] is not None and flow["last"] > flow["first"]:
            names[flow["cc"]].append(flow)
    rows = []
    for name, of in names.items():
        lived = sum((_moment(flow["last"]) - _moment(flow["first"])).total_seconds() for flow in of)
        times, spent = (sum(flow[what] for flow in of) for what in ("recoveries", "recovery_s"))
        rows.append((name, len(of), times, spent, 100 * spent / lived))
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def _cwnd(_: Rows, events: Rows) -> list[tuple[Any, ...]]:
    seconds = defaultdict(list)
    counts = Counter(event["sock_cookie"] for event in events if event["kind"] == "probe")
    busiest = min(counts, key=lambda cookie: (-counts[cookie], cookie))
    for event in events:
        if event["kind"] == "probe" and event["sock_cookie"] == busiest:
            seconds[event["time"][:19]].append(event)
    return [
        (
            datetime.fromisoformat(second + "+00:00"),
            min(event["snd_cwnd_min"] for event in of),
            max(event["snd_cwnd_max"] for event in of),
            max(
                (event for event in of if event["ssthresh"] is not None),
                key=lambda event: event["ts_ns"],
                default={"ssthresh": None},
            )["ssthresh"],
            max(event["srtt_us_max"] for event in of) / 1000,
        )
        for second, of in sorted(seconds.items())
    ]


def _waiting(flows: Rows, _: Rows) -> list[tuple[Any, ...]]:
    names = ("sock_cookie", "comm", "saddr", "sport", "daddr", "dport")
    rows = [
        (
            *(flow[name] for name in names),
            flow["rwnd_limited_us"] / 1e6,
            100 * flow["rwnd_limited_us"] / flow["busy_us"],
        )
        for flow in flows
        if flow["rwnd_limited_us"] is not None and flow["rwnd_limited_us"] > 0.1 * flow["busy_us"]
    ]
    return sorted(rows, key=lambda row: (-row[6], row[0]))


BY_HAND: tuple[Callable[[Rows, Rows], list[tuple[Any, ...]]], ...] = (
    _worst_srtt,
    _again_by_port,
    _recovery,
    _cwnd,
    _waiting,
)


@pytest.fixture(scope="module", params=["made", "demo"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both tables of a recording, as Parquet and as JSON lines."""
    path: Path = tmp_path_factory.mktemp(request.param)
    recording = made(path / "made.arrows") if request.param == "made" else RECORDING
    for table in TABLES:
        for ending in ("parquet", "jsonl", "csv"):
            export(recording, path / f"{table}.{ending}", table=table, progress=False)
    return path


def _asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    database = duckdb.connect()
    database.execute(f"SET file_search_path = '{folder}'; SET TimeZone = 'UTC'")
    # By way of Arrow: for times with a zone, DuckDB's own way needs one more package.
    return [tuple(row.values()) for row in database.sql(query).to_arrow_table().to_pylist()]


def _read(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_five_questions() -> None:
    """The page asks five questions."""
    assert len(QUESTIONS) == len(BY_HAND) == 5


@pytest.mark.parametrize("number", range(len(BY_HAND)))
def test_answers(folder: Path, number: int) -> None:
    """What DuckDB answers from the Parquet files is what plain Python finds in the JSON lines."""
    found = _asked(folder, QUESTIONS[number][1])
    wanted = BY_HAND[number](_read(folder / "flows.jsonl"), _read(folder / "events.jsonl"))
    assert found
    assert len(found) == len(wanted)
    for row, other in zip(found, wanted, strict=True):
        assert list(row) == [
            pytest.approx(value, rel=1e-9) if isinstance(value, float) else value for value in other
        ]


@pytest.mark.parametrize("table", FILLED)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_same_in_all_formats(folder: Path, table: str, ending: str) -> None:
    """CSV and JSON lines, read by DuckDB, have the rows and values that Parquet has."""
    types = {row[0]: row[1] for row in _asked(folder, f"DESCRIBE FROM '{table}.parquet'")}
    read = "read_csv" if ending == "csv" else "read_json"
    given = f"{'types' if ending == 'csv' else 'columns'}={types}"
    other = _asked(folder, f"SELECT * FROM {read}('{table}.{ending}', {given})")
    parquet = _asked(folder, f"SELECT * FROM '{table}.parquet'")
    assert len(other) == len(parquet) > 0
    assert other == parquet
