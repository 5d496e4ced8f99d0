"""Connections of many hosts in one window, and the rows that agents choose of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Floats, Mask
from tcctui.fleet.agent import strata

SERVICES = (443, 5432, 6379, 9092, 22, 58_080)
"""Ports of services by the column `port`; the last is above those of its clients."""

ALGORITHMS = ("cubic", "bbr")

ROWS = 64
"""Rows of a host's window, as agents have them by default."""


class Connections(NamedTuple):
    """All connections: columns by name, shape (n,), and the places of each host's.

    Bytes are lognormal over six powers of ten, prefixes as Zipf has them, and one in seventeen
    prefixes is lossy.
    """

    columns: Mapping[str, Array]
    hosts: tuple[slice, ...]

    @classmethod
    def made(cls, hosts: int, seed: int = 1, *, skewed: bool = False) -> Connections:
        """Make those of so many hosts: 100 to 800 each; if `skewed`, from a few to some 20,000."""
        random = np.random.default_rng(seed)
        parts, places, begin = [], [], 0
        for number in range(hosts):
            count = int(random.integers(100, 800))
            if skewed:
                count = int(min(np.exp(random.normal(6, 1.5)) + 1, 20_000))
            prefix = (random.zipf(1.3, count) - 1) % 200
            busy = random.random(count) < 0.6
            acked = np.rint(np.exp(random.normal(9, 2, count)) * busy)
            lost = np.where(prefix % 17 == 3, 0.03, 0.001)
            again = random.poisson(acked / 1448 * lost)
            parts.append(
                {
                    "host": np.full(count, number),
                    "cookie": random.integers(1, 1 << 62, count, dtype="u8"),
                    "prefix": prefix,
                    "port": random.integers(0, 6, count),
                    "cc": random.integers(0, 2, count),
                    "acked": acked,
                    "again": again,
                    "timeouts": random.poisson(again * 0.01),
                    "srtt": np.exp(random.normal(np.log(20_000) + prefix % 5 * 0.3, 0.4, count)),
                }
            )
            places.append(slice(begin, begin + count))
            begin += count
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return cls(columns, tuple(places))

    def weights(self, draw: int) -> Floats:
        """Weight of each in one of many draws, 0 where it has no row; as agents choose."""
        of = self.columns
        measures = (
            of["acked"],
            of["again"].astype("f8"),
            of["timeouts"].astype("f8"),
            np.where(of["acked"] > 0, of["srtt"] - 8000, 0),
        )
        weights = np.zeros(len(of["host"]))
        for number, own in enumerate(self.hosts):
            count = own.stop - own.start
            salt = strata.salt(f"{number}/{draw}", 0)
            picked = strata.chosen(
                of["cookie"][own], [one[own] for one in measures], np.ones(count, bool), ROWS, salt
            )
            weights[own.start + picked.places] = picked.weights
        return weights

    def busy_anew(self, seed: int) -> Connections:
        """Have other connections of each host be the busy ones: those of another window."""
        random = np.random.default_rng(seed)
        columns = dict(self.columns)
        for own in self.hosts:
            order = own.start + random.permutation(own.stop - own.start)
            for name in ("acked", "again", "timeouts"):
                columns[name] = columns[name].copy()
                columns[name][own] = self.columns[name][order]
        return self._replace(columns=columns)

    def flows(self, draw: int, at_s: int, ended: Mask) -> str:
        """Statement that inserts rows of `flow_10s` for one window; `ended` are over in it."""
        of, weights = self.columns, self.weights(draw)
        rows = []
        for at in np.flatnonzero(weights).tolist():
            net, port, service = of["prefix"][at], 40_000 + at % 20_000, SERVICES[of["port"][at]]
            rows.append(
                f"({at_s}, 'host-{of['host'][at]}', {of['cookie'][at]}, {float(weights[at])!r},"
                f" {service}, '::ffff:10.0.{net}.9', {port}, {service}, {int(of['srtt'][at])},"
                f" '{ALGORITHMS[of['cc'][at]]}', '{'closed' if ended[at] else 'estab'}',"
                f" {int(of['again'][at])}, {int(of['acked'][at]) // 1448}, {{'app': 9000}})"
            )
        return (
            "INSERT INTO flow_10s (time, host, cookie, weight, service_port, daddr, sport, dport,"
            " srtt_us, cc, state, total_retrans_growth, data_segs_out_growth, limit_ms) VALUES "
            + ", ".join(rows)
        )

    def rows(self, draws: int) -> Iterator[str]:
        """Values of `sample` (draw, weight and the columns), a row each, as SQL."""
        names = [name for name in self.columns if name != "cookie"]
        for draw in range(draws):
            weights = self.weights(draw)
            places = np.flatnonzero(weights)
            rows = np.stack([weights, *(self.columns[name] for name in names)], axis=1)[places]
            for row in rows.tolist():
                yield f"({draw}, {', '.join(map(repr, row))})"
