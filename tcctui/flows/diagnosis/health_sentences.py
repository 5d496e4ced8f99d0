"""Words on a flow's health: the signs that it shows now, and those of the last 10 s."""

from __future__ import annotations

from tcctui.flows.diagnosis.health import LATE_NS, LOSS_PERCENT, closed, queues
from tcctui.flows.diagnosis.sentences import FlowFacts, percent, time
from tcctui.flows.snapshot import Flows
from tcctui.wire.events import CaState


def suffers(flows: Flows, place: int = 0) -> tuple[str, ...]:
    """Phrases for the signs that a flow shows now, and for those of the last 10 s behind them.

    `flows` has `health.NEEDS` and `closed_ns`; `place` is the flow's in it. The first of either
    says of which time they are.
    """
    flow = FlowFacts(flows, place, None)
    one = slice(place, place + 1)
    windows = (flows[name][one] for name in ("state", "snd_wnd", "rcv_wnd", "rqueue"))
    shut = bool(closed(*windows)[0])
    queue = bool(queues(flows["srtt_us"][one], flows["min_rtt"][one])[0])
    now = []
    if flow.number("ca_state") == CaState.LOSS:
        now.append("repairs a timeout")
    if shut:
        whose = "peer's" if flow.number("snd_wnd") == 0 else "own"
        now.append(f"{whose} window is zero")
    if queue:
        times = flow.number("srtt_us") / max(flow.number("min_rtt"), 1)
        now.append(f"srtt {times:.0f} × its minimum")
    late = []
    if (timeouts := flow.number("timeouts_10s")) > 0:
        late.append(f"{timeouts:.0f} timeout" + "s" * (timeouts > 1))
    if not shut and (since := _since(flow, "zero_window_ns")):
        late.append(f"zero window {since} ago")
    if (lost := flow.number("retrans_percent_10s")) >= LOSS_PERCENT:
        late.append(f"{percent(lost)} retransmitted")
    if not queue and (since := _since(flow, "queued_ns")):
        late.append(f"queue {since} ago")
    if flow.number("reorder_rate_10s") > 0:
        late.append("reordering")
    if flow.number("closed_ns"):
        now.clear()
    return *_of("now", now), *_of(f"last {LATE_NS // 10**9} s", late)


def _since(flow: FlowFacts, name: str) -> str:
    """Time since a moment of the last 10 s; empty if it is longer ago."""
    age = flow.age_ns(name)
    return time(age / 1e3) if age < LATE_NS else ""


def _of(when: str, signs: list[str]) -> list[str]:
    return [f"{when}: {signs[0]}", *signs[1:]] if signs else []
