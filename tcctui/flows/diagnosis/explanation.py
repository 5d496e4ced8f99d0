"""Explanation of a flow's limit in two sentences, with its figures."""

from __future__ import annotations

from collections.abc import Sequence

from tcctui.config.settings import Units
from tcctui.flows.diagnosis.sentences import FlowFacts, time, total
from tcctui.flows.diagnosis.verdicts import BY_LIMIT, CAUSES, Limit
from tcctui.flows.snapshot import Flows

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
