"""Rows of groups, in the columns that a table of connections has."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Array
from tcctui.fleet.view import arrow_columns
from tcctui.fleet.view.engine import Table
from tcctui.fleet.view.groupings import FleetGrouping
from tcctui.flows.columns import FIELDS


def of_groups(table: Table, by: FleetGrouping, now_ns: int) -> dict[str, Array]:
    """Columns of groups; `key` is each one's own, as the engine wrote it."""

    def floats(name: str) -> Array:
        return arrow_columns.numbers(table.column(name), "f8")

    keys = table.column("key").to_pylist()
    covered = floats("covered")
    acked = floats("acked")
    begun_ns = now_ns - (covered * 1e9).astype("i8")
    srtt = np.nan_to_num(floats("srtt"))
    columns: dict[str, Array] = {
        "cookie": arrow_columns.numbers(table.column("row"), "u8"),
        "key": np.array(keys, object),
        "group": np.array([by.label(key).encode(errors="replace") for key in keys] or [b""], "S"),
        "flows": floats("flows"),
        "flows_error": floats("flows_error"),
        "worse": floats("worse"),
        "srtt_us": srtt.astype("u4"),
        "srtt_p95": floats("srtt_p95"),
        "min_rtt": floats("min_rtt"),
        "rate": acked / covered,
        "bytes_acked": acked.astype(FIELDS["bytes_acked"]),
        "total_retrans": floats("again"),
        "data_segs_out": floats("sent"),
        "delivered_ce": floats("marked"),
        "timeouts_10s": floats("timeouts"),
        "limit": arrow_columns.codes(table.column("limit"), "limit"),
        "limit_shares": arrow_columns.shares(table.column("limits").to_pylist()),
        **dict.fromkeys(("first_ns", "opened_ns"), begun_ns),
        **dict.fromkeys(("last_ns", "sampled_ns"), np.full(len(keys), now_ns)),
    }
    columns["group"] = columns["group"][: len(keys)]
    columns["own_cookie"] = columns["cookie"]
    if by.column:
        columns[by.column] = np.array([key.encode(errors="replace") for key in keys] or [b""], "S")[
            : len(keys)
        ]
    columns.setdefault("host", np.zeros(len(keys), "S1"))
    return columns
