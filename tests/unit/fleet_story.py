"""Rows of a small fleet with a story: one net loses, one service has small buffers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tcctui.fleet.schema import ddl
from tcctui.fleet.tables.buckets import GAMMA
from tests.unit.fleet_engine import Engine

NOW = int(time.time()) // 3600 * 3600 + 1800
"""Present of the story: rows much older than the real one would expire."""

DAY = 86400
HOSTS = ("web1", "web2", "db1")
BOOT = UUID(int=7)


def bucket(value: float) -> int:
    """Bucket of a histogram that a value is in."""
    return math.ceil(math.log(value, GAMMA))


def insert(engine: Engine, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows; columns that one lacks are NULL, 0 or empty."""
    body = "\n".join(json.dumps(row) for row in rows)
    engine.execute(f"INSERT INTO {table} FORMAT JSONEachRow {body}")


def group(at_s: int, host: str, prefix: str, port: int, **values: Any) -> dict[str, Any]:
    """A row of `group_10s` with usual values, and those that are given."""
    flows = values.pop("flows", 30)
    srtt, min_rtt = values.pop("srtt", 20_000), values.pop("min_rtt", 18_000)
    limit = values.pop("limit", "app")
    return {
        **{"time": at_s, "host": host, "prefix": prefix, "service_port": port, "incoming": True},
        **{"comm": "nginx", "cc": "cubic", "netns_name": "host", "cgroup": "web.service"},
        **{"flows": flows, "opened": 3, "closed": 3, "reset": 0, "timeouts": 0},
        **{"bytes_acked_growth": 10_000_000, "bytes_received_growth": 100_000},
        **{"data_segs_out_growth": 7000, "total_retrans_growth": 7, "delivered_ce_growth": 0},
        "srtt_histogram": {str(bucket(srtt)): flows},
        "min_rtt_histogram": {str(bucket(min_rtt)): flows},
        "limit_ms": {limit: 9000 * flows},
        **values,
    }


def flow(at_s: int, host: str, cookie: int, **values: Any) -> dict[str, Any]:
    """A row of `flow_10s` with usual values, and those that are given."""
    return {
        **{"time": at_s, "host": host, "boot_id": str(BOOT), "cookie": cookie},
        **{"saddr": "::ffff:192.0.2.1", "sport": 443, "daddr": "::ffff:10.1.2.3"},
        **{"dport": 40_000 + cookie % 1000, "ifindex": 0, "comm": "nginx", "pid": 7, "uid": 33},
        **{"cgroup": "web.service", "netns_name": "host", "cc": "cubic", "state": "estab"},
        **{"ca_state": "open", "limit": "app", "health": 0, "weight": 1, "age_ns": 60 * 10**9},
        **{"snd_cwnd": 20, "snd_cwnd_min": 10, "snd_cwnd_max": 40, "ssthresh": 2**31 - 1},
        **{"srtt_us": 20_000, "srtt_us_min": 19_000, "srtt_us_max": 25_000, "min_rtt_us": 18_000},
        **{"in_flight": 10_000, "in_flight_max": 20_000, "mss": 1448, "snd_wnd": 65535},
        **{"rcv_wnd": 65535, "rate": 1e6, "retrans_percent_10s": 0.0, "timeouts_10s": 0},
        **{"bytes_acked": 10**8, "bytes_received": 10**5, "data_segs_out": 70_000},
        **{"total_retrans": 7, "delivered_ce": 0, "data_segs_out_growth": 7000},
        **{"total_retrans_growth": 7, "limit_ms": {"app": 9000}, **values},
    }


def hosts() -> Iterable[dict[str, Any]]:
    """Rows of `host` in the last minutes: one host is silent, the clock of another is off."""
    for number, host in enumerate(HOSTS):
        late, off = (3600, 3_600_000) if host == "web2" else (0, 0)
        silent = 100 if host == "db1" else 0
        for at in range(NOW - 600, NOW - silent, 10):
            yield {
                **{"time": at + late, "host": host, "boot_id": str(BOOT), "kernel": "6.12.0"},
                **{"version": "1", "cc_default": "cubic", "flows": 30 + number, "lost": 0},
                **{"clock_offset_ms": off, "cpu": 0.01, "memory": 90_000_000},
            }


LOSSY, FINE, OTHER = "::ffff:10.1.2.0", "::ffff:10.9.9.0", "2001:db8:7::"


def _groups(at_s: int) -> Iterable[dict[str, Any]]:
    late = at_s > NOW - DAY // 2
    for host in HOSTS:
        yield group(at_s, host, FINE, 443)
        bad = {"srtt": 60_000, "total_retrans_growth": 350, "limit": "recovery"} if late else {}
        yield group(at_s, host, LOSSY, 443, **bad)
    yield group(at_s, "db1", FINE, 5432, comm="postgres", limit="rcvbuf", srtt=30_000)
    yield group(at_s, "web1", OTHER, 22, comm="sshd", flows=1, opened=0, closed=0, srtt=200_000)


def tell(engine: Engine) -> None:
    """Create the tables and fill them."""
    for statement in ddl.everything():
        engine.execute(statement)
    for end in (NOW - DAY, NOW):
        insert(
            engine, "group_10s", (row for at in range(end - 3600, end, 10) for row in _groups(at))
        )
    rows = []
    for at in range(NOW - 120, NOW, 10):
        for number in range(12):
            bad = {"health": 4, "retrans_percent_10s": 5.0, "limit": "recovery", "srtt_us": 60_000}
            ends = {"daddr": "::ffff:10.1.2.9" if number % 3 == 0 else "::ffff:10.9.9.9"}
            more = bad if number % 3 == 0 else {"weight": 4}
            rows.append(flow(at, HOSTS[number % 3], 100 + number, **ends, **more))
    insert(engine, "flow_10s", rows)
