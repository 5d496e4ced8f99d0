"""Verdicts: the limits of a flow, one row each.

The table's words and shares, the strip and its legend, searches, exports, the help and the
sentences about a flow derive from these. A new verdict is a number and a row here, its sentences,
and what finds it (`diagnosis.divide`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from tcctui.config.settings import Units
from tcctui.flows.diagnosis import sentences
from tcctui.flows.diagnosis.sentences import FlowFacts, time, total
from tcctui.flows.snapshot import Flows


class Limit(IntEnum):
    """The limit on a flow's sending rate."""

    UNKNOWN = 0
    CWND = 1
    """Congestion control, or the network behind it."""
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


class Verdict(NamedTuple):
    """A verdict: a limit of a flow, its sign and its words.

    `glyph` and its `ascii` fill a cell of the strip, in the theme's `colour`; `meaning` is for the
    help. Of several verdicts the one of the highest `severity` is shown. `sentences` makes
    the verdict's sentence, and one with its evidence or the remedy. `by` names the cause; it is
    empty where there is none, and then no time is counted as the verdict's. `advice` says where
    to look, or what to change.
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
    def phrase(self) -> str:
        """The verdict in a few words."""
        return f"limited by {self.name}" if self.by else self.name


VERDICTS: tuple[Verdict, ...] = (
    Verdict(
        Limit.CWND, "█", "#", "$text-primary", 40,
        "congestion control or the network: it sends all that cwnd allows",
        "congestion control", "Look at the path: queueing delay, retransmits.",
        sentences.by_cwnd,
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
        sentences.by_recovery,
    ),
    Verdict(
        Limit.RECEIVES, "·", ".", "$text-muted", 20,
        "nothing: it only receives",
        "", "Run tcctui on the sender.",
        sentences.receives,
    ),
)  # fmt: skip
"""Every verdict, in the order of its number.

Severe are losses; then what a setting of this end, or of the peer, mends; then what the network
decides; and at last, with nothing to mend, flows that have nothing to send.
"""

BY_LIMIT: Mapping[int, Verdict] = {row.limit: row for row in VERDICTS}

LIMIT_NAMES: Mapping[int, str] = {Limit.UNKNOWN: "–", **{row.limit: row.name for row in VERDICTS}}
"""Name of each limit, by its number."""

CAUSES = tuple(row.limit for row in VERDICTS if row.by)
"""Causes that share a flow's time. For a receiver, APP stands for RECEIVES."""

WORST_FIRST = (
    *(row.limit for row in sorted(VERDICTS, key=lambda row: -row.severity)),
    Limit.UNKNOWN,
)
"""Limits from the most severe to none."""

EXPLAINED_BY: tuple[str, ...] = (
    *("limit", "limit_shares", "bbr_phase", "queueing_us", "retrans_percent"),
    *("closed_ns", "sampled_ns", "snd_cwnd", "ssthresh", "srtt_us", "snd_wnd", "in_flight", "mss"),
    *("ca_state", "rate", "bytes_acked", "cc", "min_rtt", "total_retrans", "sndbuf", "rqueue"),
    *("last_data_sent", "pacing_rate", "bbr_bw", "bytes_received", "rto", "notsent_bytes"),
)
"""The columns that `explain` needs."""

_BESIDE = 0.2  # a second cause is named from this share on

_STALE_NS = 15_000_000_000


def explain(flows: Flows, place: int = 0, units: Units | None = None) -> tuple[str, str]:
    """Explain the limit of a flow in two sentences: the verdict, and its evidence.

    `flows` has `EXPLAINED_BY`; `place` is the flow's in it. `units` are those of the sentences.
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
        return "Sampled once so far.", "A verdict needs two samples 250 ms apart."
    verdict = BY_LIMIT[limit]
    if verdict.by:
        flow.share = _share(flow.shares, CAUSES.index(verdict.limit))
    return verdict.sentences(flow)


def _share(shares: Sequence[float], at: int) -> str:
    """Phrase for the share of one of `CAUSES`, and for the largest other one."""
    text = f"for {shares[at]:.0%} of the last 2 s".replace("%", " %")
    for other in sorted(range(len(CAUSES)), key=lambda cause: -shares[cause]):
        if other != at and shares[other] >= _BESIDE:
            by = BY_LIMIT[CAUSES[other]].by
            return f"{text} (and for {100 * shares[other]:.0f} % by {by})"
    return text
