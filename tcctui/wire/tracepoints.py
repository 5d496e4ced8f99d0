"""The tracepoints that tcctui uses: one row each, and one for each mark that they make.

Compiler flags, doctor, the store's marks, the legend, the help and a recording's metadata derive
from these. A new tracepoint is a kind and a row here, a program in bpf/tcc.c, and what it changes
of a flow in flows/intake, where a mark is not all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple


class EventKind(IntEnum):
    """`kind` of an event: the tracepoint it comes from. Recordings keep these numbers."""

    PROBE = 0
    STATE = 1
    DESTROY = 2
    RETRANSMIT = 3
    CA_STATE = 4
    RECEIVE_RESET = 5
    SEND_RESET = 6
    RETRANSMIT_SYNACK = 7
    DROP = 8


class MarkKind(IntEnum):
    """Something that happened to a flow at a moment."""

    RETRANSMIT = 0
    RTO = 1
    """The retransmission timer ran out: the flow entered Loss."""
    RECOVERY = 2
    CWR = 3
    RESET = 4
    PROBE = 5
    """A tail loss probe that sent data again: no ACK had come for two round-trip times."""
    UNDO = 6
    """A recovery was spurious: the reduction of cwnd was taken back."""
    DROP = 7
    """This machine dropped a segment."""


class Mark(NamedTuple):
    """A mark on the time axis: its glyph, the same in ASCII, its word and its theme colour.

    `counted` says whether each time within 100 ms counts, or all of them as once.
    """

    kind: IntEnum
    glyph: str
    ascii: str
    word: str
    colour: str
    meaning: str
    counted: bool = False


MARKS: tuple[Mark, ...] = (
    Mark(
        MarkKind.RESET, "✕", "x", "reset", "$text-error", "a reset was sent or received",
        counted=True,
    ),
    Mark(
        MarkKind.RTO, "◆", "@", "RTO", "$text-error",
        "no ACK within the retransmission timeout",
    ),
    Mark(MarkKind.RECOVERY, "▼", "v", "recovery", "$text-error", "a loss was detected: Recovery"),
    Mark(
        MarkKind.DROP, "⊗", "#", "dropped", "$text-error",
        "this machine dropped a segment: nftables, a full queue, a full receive buffer",
        counted=True,
    ),
    Mark(
        MarkKind.CWR, "▽", "u", "CWR", "$text-warning",
        "cwnd was reduced without a loss, as by ECN",
    ),
    Mark(
        MarkKind.UNDO, "↺", "<", "undone", "$text-success",
        "the loss was none: the reduction of cwnd was taken back",
    ),
    Mark(
        MarkKind.PROBE, "◇", "?", "TLP", "$text-warning",
        "tail loss probe: the last segment was sent again, as no ACK came", counted=True,
    ),
    Mark(
        MarkKind.RETRANSMIT, "•", "o", "retransmit", "$text-warning", "retransmitted segments",
        counted=True,
    ),
)  # fmt: skip
"""Every mark, the most important first: of several in one cell it is the first."""


class Tracepoint(NamedTuple):
    """One tracepoint, by the name of its folder in tracefs' `events`.

    It is used where the kernel's has all of `fields`; `extras` are used where they are there.
    `sockaddrs` says that it may have both ends as `saddr` and `daddr` in place of `ENDS`.
    `states` names the tracepoint's fields that `oldstate` and `newstate` of the record are.
    `mark` is the mark that each event is by itself. `without` is what does not work where the
    kernel lacks the tracepoint; without tcp_probe nothing works.
    """

    name: str
    kind: IntEnum
    fields: tuple[str, ...]
    extras: tuple[str, ...] = ()
    sockaddrs: bool = False
    states: Mapping[str, str] = MappingProxyType({})
    mark: IntEnum | None = None
    without: str = ""

    @property
    def event(self) -> str:
        """Its name as perf and bpftrace write it: `tcp:tcp_probe`."""
        return self.name.replace("/", ":")

    @property
    def label(self) -> str:
        """Its kind as exports write it."""
        return self.kind.name.lower()


ENDS = ("saddr_v6", "daddr_v6", "sport", "dport")
SOCKADDRS = ("saddr", "daddr")
"""Sockaddrs, with the ports: in them are both ends where a tracepoint has no `sport`."""

TRACEPOINTS: tuple[Tracepoint, ...] = (
    Tracepoint(
        "tcp/tcp_probe",
        EventKind.PROBE,
        (
            *("saddr", "daddr", "sport", "dport", "mark", "data_len", "snd_nxt", "snd_una"),
            *("snd_cwnd", "ssthresh", "snd_wnd", "srtt", "rcv_wnd", "sock_cookie"),
        ),
        ("family", "skaddr"),
    ),
    Tracepoint(
        "sock/inet_sock_set_state",
        EventKind.STATE,
        ("protocol", *ENDS, "skaddr", "family", "oldstate", "newstate"),
        states={"oldstate": "oldstate", "newstate": "newstate"},
        without="states are not followed",
    ),
    Tracepoint(
        "tcp/tcp_destroy_sock",
        EventKind.DESTROY,
        ("sock_cookie", *ENDS, "skaddr"),
        without="closed flows are not noticed",
    ),
    Tracepoint(
        "tcp/tcp_retransmit_skb",
        EventKind.RETRANSMIT,
        ("skaddr", "skbaddr", "state", *ENDS),
        ("family", "err"),
        states={"newstate": "state"},
        mark=MarkKind.RETRANSMIT,
        without="retransmits are not marked",
    ),
    Tracepoint(
        "tcp/tcp_cong_state_set",
        EventKind.CA_STATE,
        ("skaddr", *ENDS, "cong_state"),
        ("family",),
        states={"newstate": "cong_state"},
        without="recovery and loss are not marked",
    ),
    Tracepoint(
        "tcp/tcp_receive_reset",
        EventKind.RECEIVE_RESET,
        ("skaddr", *ENDS, "sock_cookie"),
        ("family",),
        mark=MarkKind.RESET,
        without="received resets are not marked",
    ),
    Tracepoint(
        "tcp/tcp_send_reset",
        EventKind.SEND_RESET,
        ("skaddr", "state"),  # the state of a socket that need not be the connection's own
        ("family",),
        sockaddrs=True,
        mark=MarkKind.RESET,
        without="sent resets are not marked",
    ),
    Tracepoint(
        "tcp/tcp_retransmit_synack",
        EventKind.RETRANSMIT_SYNACK,
        ENDS,
        ("family",),
        without="repeated SYN-ACKs are not noticed",
    ),
    Tracepoint(
        "skb/kfree_skb",
        EventKind.DROP,
        ("skbaddr", "protocol", "reason"),
        without="segments that this machine drops are not seen",
    ),
)
"""Every tracepoint, in the order of their kinds' numbers."""

DEQUEUE = "qdisc/qdisc_dequeue"
"""Tracepoint whose program makes no events, and runs only while it is asked for."""

EVENT_KINDS = len(TRACEPOINTS)
"""Kinds of events; bpf/tcc.c is compiled with this number."""

BY_KIND: Mapping[int, Tracepoint] = {row.kind: row for row in TRACEPOINTS}
