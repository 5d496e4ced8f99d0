"""Columns of flows: one numpy array per field, one row per socket cookie."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.index import Rows, grown
from tcctui.wire.samples import SAMPLE

Column = npt.NDArray[np.generic]

FIELDS: Mapping[str, np.dtype[np.generic]] = MappingProxyType(
    {
        name: np.dtype(kind)
        for name, kind in {
            "cookie": "u8",  # SO_COOKIE; the key
            "skaddr": "u8",  # the socket's kernel address, 0 where tcp_probe has none
            "saddr_hi": "u8",  # local address, upper and lower half; IPv4 is v4-mapped
            "saddr_lo": "u8",
            "daddr_hi": "u8",  # remote address
            "daddr_lo": "u8",
            "sport": "u2",  # local port
            "dport": "u2",  # remote port
            "family": "u2",  # AF_INET or AF_INET6 of the socket
            "mark": "u4",  # mark of the last segment received
            "state": "u1",  # TcpState
            "ca_state": "u1",  # CaState; UNKNOWN_CA_STATE until reported
            "snd_cwnd": "u4",  # segments; 0 is unknown
            # Segments (tcp_current_ssthresh()); NO_SSTHRESH was never set, 0 is unknown.
            "ssthresh": "u4",
            "srtt_us": "u4",  # microseconds; 0 is unknown
            "snd_wnd": "u4",  # bytes; UNKNOWN_WINDOW until reported
            "rcv_wnd": "u4",  # bytes; UNKNOWN_WINDOW until reported
            "snd_nxt": "u4",  # sequence number
            "snd_una": "u4",  # sequence number
            "in_flight": "u4",  # bytes: snd_nxt - snd_una modulo 2^32, from the newer source
            "mss": "u4",  # bytes, the largest that was sampled of the connection; 0 while unknown
            # Bytes acknowledged by the peer, of the socket's whole life where it was sampled, else
            # since the flow was first seen.
            "bytes_acked": "u8",
            # Bytes acknowledged per second, over the last second, or between the last samples; NaN
            # where there was but one sample and no event.
            "rate": "f8",
            "events": "u8",  # tcp_probe events, including coalesced ones
            "acks": "u4",  # the kernel's own count of them, at the last event
            "first_ns": "i8",  # CLOCK_MONOTONIC of the first event or sample
            "last_ns": "i8",  # CLOCK_MONOTONIC of the last tcp_probe event; 0 without one
            "sampled_ns": "i8",  # CLOCK_MONOTONIC of the newest sample; 0 without one
            "opened_ns": "i8",  # when it became ESTABLISHED; 0 where that was not seen
            "closed_ns": "i8",  # when the socket was destroyed; 0 while it lives
        }.items()
    }
)
"""The fields kept for each flow, with their types.

Of what events and samples both tell (`state`, `ca_state`, `snd_cwnd`, `ssthresh`, `srtt_us`,
`snd_wnd`, `rcv_wnd`, `in_flight`), it is the newer one.
"""

UNKNOWN_WINDOW = 0xFFFFFFFF
"""`snd_wnd` or `rcv_wnd` of a flow without events, on a kernel whose samples lack it."""

UNKNOWN_CA_STATE = 0xFF
"""`ca_state` of a flow without samples or state changes."""

UNKNOWN: Mapping[str, int] = MappingProxyType(
    {"snd_wnd": UNKNOWN_WINDOW, "rcv_wnd": UNKNOWN_WINDOW, "ca_state": UNKNOWN_CA_STATE}
)
"""Initial values of fields for which 0 has a meaning."""

SAMPLED = frozenset(SAMPLE.names or ()) - {
    *FIELDS,
    *("saddr", "daddr", "tcp_info", "sock_cookie", "ts_ns", "end"),
}
"""Values that only samples have, by the names of `samples.SAMPLE`: the last sample's of each flow.

Numbers are floats, NaN where missing, texts are bytes, empty where missing: see `samples.value`.
"""

DERIVED = frozenset(
    {
        "age_ns",
        "slow_start",
        "text",
        "sample",
        "from_sample",
        "limit",
        "limit_shares",
        "retrans_percent",
        "queueing_us",
        "bbr_phase",
    }
)
"""Values computed by a snapshot on demand.

`age_ns`: nanoseconds since the flow was opened, or else first seen, until it closed or now.
`slow_start`: snd_cwnd < ssthresh (tcp_in_slow_start, include/net/tcp.h).
`text`: local and remote endpoint and state as one lower-case line of ASCII bytes, for searches by
  bare words.
`sample`: the newest sample (`samples.SAMPLE`), all zero without one; `derived.complete` computes
  the columns of `SAMPLED` from it.
`from_sample`: True if the values are of a sample rather than of a tcp_probe event.
`limit`: the main limit of the flow over the last 2 s (`diagnosis.Limit`).
`limit_shares`: shape (n, len(CAUSES)), the shares of the last 2 s of each of
  `diagnosis.CAUSES`; NaN if unknown.
`retrans_percent`: retransmitted segments per hundred data segments, over its life; NaN if unknown.
`queueing_us`: queueing delay in microseconds (srtt_us - min_rtt); NaN if unknown.
`bbr_phase`: `bbr.BbrPhase`, inferred from the gains.
"""


class FlowColumns:
    """Growing table of flows, with an array for each of `FIELDS`.

    A flow keeps its row until it is forgotten; then the row is reused.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(0, kind) for name, kind in FIELDS.items()}
        self._free: npt.NDArray[np.int64] = np.empty(0, "i8")
        self.live: npt.NDArray[np.bool_] = np.zeros(0, bool)
        """Mask of the rows in use."""

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    @property
    def kept(self) -> Mapping[str, npt.NDArray[Any]]:
        """State of each row, by name."""
        return self._columns

    @property
    def capacity(self) -> int:
        """Number of rows allocated."""
        return len(self.live)

    def take(self, count: int) -> Rows:
        """Allocate `count` rows of unknown values and mark them live, growing if needed."""
        if len(self._free) < count:
            self._grow(max(1024, 2 * self.capacity, self.capacity + count))
        rows, self._free = self._free[:count], self._free[count:]
        self.live[rows] = True
        for name, unknown in UNKNOWN.items():
            self._columns[name][rows] = unknown
        return rows

    def give_back(self, rows: Rows) -> None:
        """Free the rows."""
        self.live[rows] = False
        for column in self._columns.values():
            column[rows] = 0
        self._free = np.concatenate([rows, self._free])

    def _grow(self, capacity: int) -> None:
        old = self.capacity
        for name, column in self._columns.items():
            self._columns[name] = grown(column, capacity)
        self.live = grown(self.live, capacity)
        self._free = np.concatenate([self._free, np.arange(old, capacity)])
