"""Rows of groups that the engine makes itself, and what they add up to.

Host `h`, group `g` and window `w`, each from 0 on, give all values of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64
from tcctui.fleet.tables.every_table import GROUP

PREFIXES = 2000
PORTS = (443, 5432, 6379, 9092, 22, 8080)
COMMS = ("nginx", "postgres", "redis-server", "java", "sshd", "python3")

WORSE_PREFIX = 7
"""Prefix to which connections became slow and lossy in the last windows: what is to be found."""

WORSE_BUCKETS = 35
"""Buckets by which its srtt rose: about fourfold."""

_BUCKET = 200
"""Bucket of a low srtt, some 3 ms."""

SPREAD = 13
"""Buckets of a row's srtt: from the lowest to 1.6 times it."""


class Fleet(NamedTuple):
    """Numbers of hosts, of groups a host (the last is of all others) and of windows.

    Windows of `step_s` seconds begin at `begin_s`; in the last `worse` of them one prefix is bad.
    """

    hosts: int
    groups: int
    windows: int
    begin_s: int
    step_s: int = 10
    worse: int = 0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.hosts * self.groups * self.windows

    def inserts(self, table: str, at_once: int = 1 << 22) -> Iterator[str]:
        """Statements that have the engine make all rows; each some windows."""
        one = self.hosts * self.groups
        step = max(1, at_once // one)
        names = ", ".join(f"`{column.name}`" for column in GROUP.columns)
        values = self._expressions()
        made = ", ".join(_cast(values[column.name], column.type) for column in GROUP.columns)
        for first in range(0, self.windows, step):
            last = min(first + step, self.windows)
            yield (
                f"INSERT INTO {table} ({names})"
                f" WITH number % {self.groups} AS g, intDiv(number, {self.groups}) % {self.hosts}"
                f" AS h, intDiv(number, {one}) AS w, (g * 37 + h * 11) % {PREFIXES} AS p,"
                f" p = {WORSE_PREFIX} AND w >= {self.windows - self.worse} AS bad,"
                f" ({_FLOWS}) * {self.step_s // 10} AS n, {_BYTES} AS b, g % {len(PORTS)} AS s"
                f" SELECT {made} FROM numbers({first * one}, {(last - first) * one})"
            )

    def _expressions(self) -> Mapping[str, str]:
        """Value of each column in SQL."""
        other = f"g = {self.groups - 1}"
        net = "concat('10.', toString(intDiv(p, 256)), '.', toString(p % 256), '.0')"
        found = {column.name: "0" for column in GROUP.columns}
        base = f"{_BUCKET} + p % 60"
        limits = "'app', n * 4000, if(bad, 'loss', 'cwnd'), n * 6000"
        return found | {
            "time": f"toDateTime({self.begin_s} + w * {self.step_s}, 'UTC')",
            "host": "concat('host-', leftPad(toString(h), 5, '0'))",
            "prefix": f"if({other}, toIPv6('::'), toIPv6(concat('::ffff:', {net})))",
            "service_port": f"if({other}, 0, {list(PORTS)}[s + 1])",
            "incoming": "g % 2 = 0",
            "comm": f"{list(COMMS)}[s + 1]",
            "cgroup": f"concat('/system.slice/', {list(COMMS)}[s + 1], '.service')",
            "cc": "if(g % 5 = 0, 'bbr', 'cubic')",
            "netns_name": "''",
            "other": other,
            "flows": "n",
            "opened": "n % 4",
            "closed": "n % 4",
            "bytes_acked_growth": "b",
            "data_segs_out_growth": "intDiv(b, 1448) + 1",
            "total_retrans_growth": "if(bad, intDiv(b, 14480), intDiv(b, 1448000))",
            "srtt_histogram": _histogram(f"{base} + if(bad, {WORSE_BUCKETS}, 0)", SPREAD),
            "min_rtt_histogram": _histogram(base, SPREAD // 2),
            "limit_ms": f"map({limits})",
        }

    # The same, here

    def all(self) -> tuple[I64, I64, I64]:
        """Host, group and window of each row, as the engine numbers them; (rows,)."""
        number = np.arange(self.rows)
        per_window = self.hosts * self.groups
        return number // self.groups % self.hosts, number % self.groups, number // per_window


_FLOWS = "1 + (h * 31 + g * 17 + w * 7) % 23"
_BYTES = "1000 * (1 + (h * 13 + g * 7 + w * 3) % 10007)"


def flows(h: I64, g: I64, w: I64) -> I64:
    """Connections in rows."""
    return 1 + (h * 31 + g * 17 + w * 7) % 23


def acked(h: I64, g: I64, w: I64) -> I64:
    """Bytes acknowledged in rows."""
    return 1000 * (1 + (h * 13 + g * 7 + w * 3) % 10007)


def prefixes(h: I64, g: I64) -> I64:
    """Numbers of the rows' prefixes."""
    return (g * 37 + h * 11) % PREFIXES


def prefix(number: int) -> str:
    """Address of a prefix, as the engine takes it."""
    return f"::ffff:10.{number // 256}.{number % 256}.0"


def _histogram(bucket: str, spread: int) -> str:
    """Histogram of `n` in so many buckets: a half in the first, the rest in the next ones."""
    most, rest = "n - intDiv(n, 2)", "intDiv(n, 2)"
    counts = [f"intDiv({rest} * {at + 1}, {spread - 1}) - intDiv({rest} * {at}, {spread - 1})"
              for at in range(spread - 1)]  # fmt: skip
    keys = ", ".join(f"{bucket} + {at}" for at in range(spread))
    return f"mapFromArrays([{keys}], [{', '.join((most, *counts))}])"


def _cast(expression: str, kind: str) -> str:
    return f"CAST({expression} AS {kind})" if "Map" in kind or "LowCard" in kind else expression
