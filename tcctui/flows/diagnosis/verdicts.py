"""Verdicts: the limits of a flow, one row each.

The table's words and shares, the strip and its legend, searches, exports, the help and the
sentences about a flow derive from these. A new verdict is a number and a row here, its sentences,
and what finds it (`diagnosis.divide`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from tcctui.config.settings import Units
from tcctui.flows.diagnosis import network_sentences, receiver_sentences, sentences
from tcctui.flows.diagnosis.sentences import FlowFacts, time, total
from tcctui.flows.snapshot import Flows


class Limit(IntEnum):
    """The limit on a flow's sending rate."""

    UNKNOWN = 0
    CWND = 1
    """Congestion control alone: slow start, or a model of the path (BBR)."""
    RWND = 2
    """The peer's receive window."""
    SNDBUF = 3
    """The local send buffer."""
    APP = 4
    """The application, which has nothing to send."""
    RECOVERY = 5
    """Congestion control during the repair of losses."""
    RECEIVES = 6
    """No limit: this end only receives."""
    READER = 7
    """The local application, which reads slowly."""
    RCVBUF = 8
    """The local receive buffer."""
    PACING = 9
    """SO_MAX_PACING_RATE."""
    ECN = 10
    """Congestion marks of a router (RFC 3168)."""
    LOSS = 11
    """Losses without a queue."""
    QUEUE = 12
    """A bottleneck with a queue."""
    POLICER = 13
    """Losses beyond a constant rate, without a queue."""
    IDLE = 14
    """Slow start after a pause."""
    NAGLE = 15
    """A small segment in flight, behind which less than one waits."""


class Verdict(NamedTuple):
    """A verdict: a limit of a flow, its sign and its words.

    `glyph` and its `ascii` fill a cell of the strip, in the theme's `colour`; `meaning` is for the
    help. Of several verdicts the one of the highest `severity` is shown. `sentences` makes
    the verdict's sentence, and one with its evidence or the remedy. `by` names the cause; it is
    empty where there is none: the flow only receives. `advice` says where to look, or what to
    change.
    """

    limit: IntEnum
    glyph: str
    ascii: str
    colour: str
    severity: int
    meaning: str
    by: str
    advice: str
    sentences: Callable[[FlowFacts], tuple[str, str]]

    @property
    def name(self) -> str:
        """Its name in the table, in searches and in exports."""
        return self.limit.name.lower()

    @property
    def part(self) -> str:
        """Words for the part of the time that is counted as the verdict's."""
        return f"limited by {self.by}" if self.by else "in which it only received"

    @property
    def phrase(self) -> str:
        """The verdict in a few words."""
        return f"limited by {self.name}" if self.by else self.name


VERDICTS: tuple[Verdict, ...] = (
    Verdict(
        Limit.CWND, "█", "#", "$text-primary", 40,
        "congestion control alone: slow start, or BBR's model",
        "congestion control", "Look at cwnd and ssthresh; of BBR, at its rates.",
        network_sentences.by_cwnd,
    ),
    Verdict(
        Limit.RWND, "▀", '"', "$text-warning", 50,
        "the receiver: it sends all that the peer's receive window allows",
        "the peer's receive window",
        "Look at the peer: a slow reader, or a receive buffer that is small for the path.",
        sentences.by_rwnd,
    ),
    Verdict(
        Limit.SNDBUF, "▄", "=", "$text-success", 60,
        "its send buffer: too small for what the path could hold",
        "the send buffer", "Raise tcp_wmem or SO_SNDBUF.",
        sentences.by_sndbuf,
    ),
    Verdict(
        Limit.APP, "░", ":", "$text-muted", 30,
        "the application: it gives nothing more to send",
        "the application", "Look at the application.",
        sentences.by_app,
    ),
    Verdict(
        Limit.RECOVERY, "▒", "%", "$text-error", 70,
        "recovery from losses",
        "loss recovery", "Look at the path.",
        network_sentences.by_recovery,
    ),
    Verdict(
        Limit.RECEIVES, "·", ".", "$text-muted", 20,
        "nothing: it only receives",
        "", "Run tcctui on the sender.",
        receiver_sentences.receives,
    ),
    Verdict(
        Limit.READER, "▜", "r", "$text-warning", 52,
        "the application at this end: it reads slowly, and the receive window is used up",
        "the reader here", "Look at the application: it does not read what has arrived.",
        receiver_sentences.by_reader,
    ),
    Verdict(
        Limit.RCVBUF, "▛", "b", "$text-success", 57,
        "the receive buffer of this end: too small for what the path could hold",
        "the receive buffer here", "Raise tcp_rmem or SO_RCVBUF.",
        receiver_sentences.by_rcvbuf,
    ),
    Verdict(
        Limit.PACING, "▌", "|", "$text-success", 55,
        "SO_MAX_PACING_RATE, which is reached",
        "SO_MAX_PACING_RATE", "Raise SO_MAX_PACING_RATE (iperf3 --fq-rate) in the application.",
        network_sentences.by_pacing,
    ),
    Verdict(
        Limit.ECN, "▚", "e", "$text-warning", 46,
        "congestion marks (ECN) that reduced cwnd",
        "congestion marks", "Look at the router or switch that marks: its threshold, its load.",
        network_sentences.by_ecn,
    ),
    Verdict(
        Limit.LOSS, "▞", "x", "$text-error", 66,
        "losses without a queue",
        "losses", "Look for errors on links, a very short queue, a firewall that drops.",
        network_sentences.by_loss,
    ),
    Verdict(
        Limit.QUEUE, "▓", "Q", "$text-warning", 45,
        "a bottleneck with a queue, full or not",
        "the bottleneck's queue",
        "Look at the slowest link, or its shaper: rate, queue, other load.",
        network_sentences.by_queue,
    ),
    Verdict(
        Limit.POLICER, "▟", "P", "$text-error", 68,
        "a policer, it seems: losses beyond a constant rate",
        "what looks like a policer",
        "Ask the network for its rate limit; shape below it here (fq, tbf).",
        network_sentences.by_policer,
    ),
    Verdict(
        Limit.IDLE, "▘", "i", "$text-warning", 35,
        "slow start after idle: a pause reset cwnd",
        "slow start after idle", "Set net.ipv4.tcp_slow_start_after_idle to 0.",
        network_sentences.by_idle,
    ),
    Verdict(
        Limit.NAGLE, "▖", "n", "$text-warning", 58,
        "Nagle's algorithm: a small write waits for an ACK",
        "Nagle's algorithm", "Write a message in one piece, or set TCP_NODELAY.",
        network_sentences.by_nagle,
    ),
)  # fmt: skip
"""Every verdict, in the order of its number.

Severe are losses; then what a setting of this end, or of the peer, mends; then what the network
decides; and at last, with nothing to mend, flows that have nothing to send.
"""

BY_LIMIT: Mapping[int, Verdict] = {row.limit: row for row in VERDICTS}

LIMIT_NAMES: Mapping[int, str] = {Limit.UNKNOWN: "–", **{row.limit: row.name for row in VERDICTS}}
"""Name of each limit, by its number."""

CAUSES = tuple(row.limit for row in VERDICTS)
"""Limits that share a flow's time, in the order of `limit_shares`; also of time without any
(RECEIVES)."""

WORST_FIRST = (
    *(row.limit for row in sorted(VERDICTS, key=lambda row: -row.severity)),
    Limit.UNKNOWN,
)
"""Limits from the most severe to none."""

EXPLAINED_BY: tuple[str, ...] = (
    *(
        "limit",
        "limit_shares",
        "limit_evidence",
        "bbr_phase",
        "bbr_mode",
        "queueing_us",
        "retrans_percent",
    ),
    *("closed_ns", "sampled_ns", "snd_cwnd", "ssthresh", "srtt_us", "snd_wnd", "in_flight", "mss"),
    *("ca_state", "rate", "bytes_acked", "cc", "min_rtt", "total_retrans", "sndbuf", "rqueue"),
    *("last_data_sent", "pacing_rate", "bbr_bw", "bytes_received", "rto", "notsent_bytes"),
    *("rcv_wnd", "rcv_rtt", "rcv_mss", "rcvbuf", "rcv_rate", "rcv_ooopack", "last_data_recv"),
    *("max_pacing_rate", "wqueue", "unacked", "last_ns", "mptcp_subflows"),
)
"""The columns that `explain` needs."""

EVIDENCE = np.dtype(
    [
        ("sent", "f8"),  # segments with data in the last 2 s, and of these
        ("retransmitted", "f8"),
        ("marked", "f8"),  # delivered with a congestion mark
        ("policed_rate", "f8"),  # bytes a second between losses
        ("restarted_ns", "i8"),  # when a pause last reset cwnd; 0 where none did
        ("pause_ns", "i8"),
        ("before", "u4"),  # cwnd before and after it
        ("after", "u4"),
        ("peak", "u4"),  # cwnd before it, where only samples told
        ("burst_bytes", "u4"),  # of what was sent between the last two
        ("burst_ns", "i8"),
        ("rcvbuf_first", "f8"),  # bytes before the receive buffer's newest growth
        ("rcvbuf_begun_ns", "i8"),
        ("rcvbuf_ended_ns", "i8"),  # when it last went on
    ]
)
"""Figures of a flow that its sentences rest on; 0 where they are unknown."""

_BESIDE = 0.1  # a second cause is named from this share on

_STALE_NS = 15_000_000_000


def explain(
    flows: Flows, place: int = 0, units: Units | None = None, *, over_s: int = 2
) -> tuple[str, str]:
    """Explain the limit of a flow in two sentences: the verdict, and its evidence.

    `flows` has `EXPLAINED_BY`; `place` is the flow's in it. `units` are those of the sentences.
    Shares are of the last `over_s` seconds.
    """
    flow = FlowFacts(flows, place, units)
    if flow.number("closed_ns"):
        return f"Closed {time((flows.now_ns - flow.number('closed_ns')) / 1e3)} ago.", total(flow)
    if not flow.number("sampled_ns"):
        return (
            "No sample yet.",
            "A verdict needs samples of sock_diag; tcp_probe has no clocks.",
        )
    limit = int(flow.number("limit"))
    if limit == Limit.UNKNOWN:
        age = flows.now_ns - flow.number("sampled_ns")
        if age > _STALE_NS:
            return f"Not sampled for {time(age / 1e3)}.", "Its last verdict is out of date."
        if not flow.number("snd_cwnd"):
            return sentences.without_cwnd(flow, _largest(flow.shares))
        return "Sampled once so far.", "A verdict needs two samples 250 ms apart."
    verdict = BY_LIMIT[limit]
    if verdict.by:
        flow.share = _share(flow.shares, CAUSES.index(verdict.limit), over_s)
    first, second = verdict.sentences(flow)
    if limit == Limit.APP and (restart := network_sentences.restarted_lately(flow)):
        second = f"{second} {restart}"
    return first, second


def _largest(shares: Sequence[float]) -> str:
    """Sentence on the largest of some shares; empty where it is small."""
    at = max(range(len(CAUSES)), key=lambda cause: shares[cause])
    verdict = BY_LIMIT[CAUSES[at]]
    by = f"limited by {verdict.by}" if verdict.by else "it only received"
    return f"For {100 * shares[at]:.0f} % {by}." if shares[at] >= _BESIDE else ""


def _share(shares: Sequence[float], at: int, over_s: int) -> str:
    """Phrase for the share of one of `CAUSES`, and for the largest other one."""
    text = f"for {shares[at]:.0%} of the last {over_s} s".replace("%", " %")
    for other in sorted(range(len(CAUSES)), key=lambda cause: -shares[cause]):
        if other != at and shares[other] >= _BESIDE:
            by = BY_LIMIT[CAUSES[other]].by
            beside = f"by {by}" if by else "it only received"
            return f"{text} (and for {100 * shares[other]:.0f} % {beside})"
    return text
