"""What is kept of each flow: one numpy array per field, one row per socket cookie."""

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
            "ca_state": "u1",  # CaState; UNKNOWN_CA_STATE until it is told
            "snd_cwnd": "u4",  # segments; 0 is unknown
            # Segments (tcp_current_ssthresh()); NO_SSTHRESH was never set, 0 is unknown.
            "ssthresh": "u4",
            "srtt_us": "u4",  # microseconds; 0 is unknown
            "snd_wnd": "u4",  # bytes; UNKNOWN_WINDOW until it is told
            "rcv_wnd": "u4",  # bytes; UNKNOWN_WINDOW until it is told
            "snd_nxt": "u4",  # sequence number
            "snd_una": "u4",  # sequence number
            "in_flight": "u4",  # bytes: snd_nxt - snd_una modulo 2^32, as the newer source says
            "mss": "u4",  # bytes, the largest that was sampled of the connection; 0 while unknown
            # Bytes acknowledged by the peer, of the socket's whole life where it was sampled, else
            # since the flow was first seen.
            "bytes_acked": "u8",
            # Bytes acknowledged per second, over the last second, or between the last samples; NaN
            # where there was but one sample and no event.
            "rate": "f8",
            "events": "u8",  # tcp_probe events, those that others stand for too
            "acks": "u4",  # the kernel's own count of them, as the last event told it
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
"""`snd_wnd` or `rcv_wnd` of a flow of which no event came, on a kernel that samples without it."""

UNKNOWN_CA_STATE = 0xFF
"""`ca_state` of a flow that was not sampled and has not changed it."""

UNKNOWN: Mapping[str, int] = MappingProxyType(
    {"snd_wnd": UNKNOWN_WINDOW, "rcv_wnd": UNKNOWN_WINDOW, "ca_state": UNKNOWN_CA_STATE}
)
"""What new rows have in fields of which 0 says something."""

SAMPLED = frozenset(SAMPLE.names or ()) - {
    *FIELDS,
    *("saddr", "daddr", "tcp_info", "sock_cookie", "ts_ns", "end"),
}
"""What only samples tell, by the names of `samples.SAMPLE`: of each flow, as it was last sampled.

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
"""What a snapshot works out on demand.

`age_ns`: nanoseconds since the flow was opened, or else first seen, until it closed or now.
`slow_start`: snd_cwnd < ssthresh (tcp_in_slow_start, include/net/tcp.h).
`text`: local and remote endpoint and state as one lower-case line of ASCII bytes, where bare
words are searched.
`sample`: the newest sample (`samples.SAMPLE`), all zero where there is none; `derived.complete`
makes the columns of `SAMPLED` from it.
`from_sample`: whether the values are of a sample rather than of a tcp_probe event.
`limit`: what limited the flow most over the last 2 s (`diagnosis.Limit`).
`limit_shares`: shape (n, len(CAUSES)), the shares of the last 2 s that it was limited by each of
`diagnosis.CAUSES`; NaN where nothing is known.
`retrans_percent`: segments sent again per hundred sent with data, in its life; NaN where unknown.
`queueing_us`: microseconds of srtt beyond the least one (srtt_us - min_rtt); NaN where unknown.
`bbr_phase`: `bbr.BbrPhase`, inferred from the gains.
"""


class FlowColumns:
    """A growing set of rows, one per flow, with an array for each of `FIELDS`.

    A row keeps its number for as long as its flow is known; then the number is used again.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(0, kind) for name, kind in FIELDS.items()}
        self._free: npt.NDArray[np.int64] = np.empty(0, "i8")
        self.live: npt.NDArray[np.bool_] = np.zeros(0, bool)
        """Which rows hold a flow."""

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    @property
    def kept(self) -> Mapping[str, npt.NDArray[Any]]:
        """What there is of each row, by name."""
        return self._columns

    @property
    def capacity(self) -> int:
        """Rows there is room for."""
        return len(self.live)

    def take(self, count: int) -> Rows:
        """Give `count` rows, nothing of them known, and mark them live; grows when none is free."""
        if len(self._free) < count:
            self._grow(max(1024, 2 * self.capacity, self.capacity + count))
        rows, self._free = self._free[:count], self._free[count:]
        self.live[rows] = True
        for name, unknown in UNKNOWN.items():
            self._columns[name][rows] = unknown
        return rows

    def give_back(self, rows: Rows) -> None:
        """Forget the flows in the rows."""
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
