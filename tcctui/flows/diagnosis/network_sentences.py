"""Sentences of the verdicts on the network: first the last 2 s, then the present."""

from __future__ import annotations

from tcctui.flows.diagnosis.bbr import told
from tcctui.flows.diagnosis.sentences import FlowFacts, percent, queueing, quiet, time
from tcctui.wire.events import NO_SSTHRESH, CaState

_HALF = 0.5  # of a segment: counts are spread over seconds

_LATELY_NS = 10_000_000_000
"""Time for which a pause that reset cwnd is spoken of."""


def by_cwnd(flow: FlowFacts) -> tuple[str, str]:
    """Limit by congestion control alone: its phase, and the window."""
    first = f"Limited by congestion control{flow.algorithm} {flow.share}{_lost(flow)}."
    if flow.number("bbr_bw"):
        phase = told(int(flow.number("bbr_phase")), int(flow.number("bbr_mode")))
        text = f"BBR is in {phase}, has measured {flow.rate(flow.number('bbr_bw'))}"
        if flow.number("pacing_rate"):
            text += f" and paces at {flow.rate(flow.number('pacing_rate'))}"
        return first, f"{text}; {_window(flow)}; {_round_trip(flow)}."
    if _is_slow_start(flow):
        return first, f"Still in slow start: {_window(flow)}; {_round_trip(flow)}."
    return first, f"{_begun(_window(flow))}; {_round_trip(flow)}."


def by_recovery(flow: FlowFacts) -> tuple[str, str]:
    """Limit by loss recovery: the losses, and the window left."""
    first = f"Limited by loss recovery {flow.share}{_lost(flow)}."
    second = _begun(_window(flow))
    if flow.number("ca_state") == CaState.LOSS:
        second += f"; the timeout of {time(flow.number('rto'))} expired"
    return first, f"{second}; {_round_trip(flow)}."


def by_loss(flow: FlowFacts) -> tuple[str, str]:
    """Limit by losses without a queue: their share, and the window that they leave."""
    first = f"Limited by losses{flow.algorithm} {flow.share}"
    if flow.counted("retransmitted") < _HALF:
        first += ": cwnd has not recovered from the last, and none came in that time."
    else:
        first += f"{_lost(flow)}."
    if flow.queues:
        return first, f"{_begun(_window(flow))}; now {queueing(flow)}."
    return first, f"No queue explains them: {_round_trip(flow)}; {_window(flow)}."


def by_queue(flow: FlowFacts) -> tuple[str, str]:
    """Limit by a bottleneck with a queue: its delay, its rate, and the losses."""
    first = f"Limited by the bottleneck's queue{flow.algorithm} {flow.share}{_lost(flow)}."
    if not flow.queues:
        return first, f"It is short now: {_round_trip(flow)}; {_window(flow)}."
    rate = flow.number("rate")
    through = f"; {flow.rate(rate)} come through, a slow link's or a shaper's rate" if rate else ""
    return first, f"{_begun(queueing(flow))}{through}; {_window(flow)}."


def by_ecn(flow: FlowFacts) -> tuple[str, str]:
    """Limit by congestion marks: their share, and the window that they leave."""
    first = f"Limited by congestion marks{flow.algorithm} {flow.share}"
    sent, marked = flow.counted("sent"), flow.counted("marked")
    if sent and marked:
        share = percent(100 * min(marked / sent, 1))
        first += f": {share} of the segments of that time were acknowledged with a mark (ECN)"
        first += ", and none was lost" if flow.counted("retransmitted") < _HALF else ""
    elif sent:
        first += ": cwnd has not recovered from the last, and none came in that time"
    return f"{first}.", f"They reduce cwnd as losses do: {_window(flow)}; {_round_trip(flow)}."


def by_policer(flow: FlowFacts) -> tuple[str, str]:
    """Limit by what looks like a policer: its rate, the losses beyond it, and no queue."""
    rate = flow.rate(flow.counted("policed_rate"))
    first = f"Limited by what looks like a policer at {rate} {flow.share}{_lost(flow)}."
    second = "From one loss to the next that rate is the same, and no queue explains them"
    if flow.queues:
        second = "From one loss to the next that rate is the same"
    return first, f"{second}: {_round_trip(flow)}; {_window(flow)}."


def by_pacing(flow: FlowFacts) -> tuple[str, str]:
    """Limit by SO_MAX_PACING_RATE, and the rate that the window would allow."""
    cap = flow.number("max_pacing_rate")
    first = f"Limited by pacing {flow.share}"
    first += f": SO_MAX_PACING_RATE holds it to {flow.rate(cap)}." if cap else "."
    return (
        first,
        f"It sends {flow.rate(flow.number('rate'))}; {_window(flow)}; {_round_trip(flow)}.",
    )


def by_idle(flow: FlowFacts) -> tuple[str, str]:
    """Limit by slow start after idle: the pause, and the time that bursts take by it."""
    first = f"Limited by slow start after idle {flow.share}"
    return f"{first}: {_pause(flow)}.", f"{_begun(_burst(flow))}{_window(flow)}."


def by_nagle(flow: FlowFacts) -> tuple[str, str]:
    """Limit by Nagle's algorithm: what waits, and how long acknowledgements take."""
    first = f"Limited by Nagle's algorithm {flow.share}: "
    first += "small writes wait for the acknowledgement of a small segment."
    unsent, more = flow.number("notsent_bytes"), flow.number("queueing_us")
    second = f"{unsent:.0f} bytes wait now; srtt" if unsent else "Srtt"
    second += f" is {time(flow.number('srtt_us'))}"
    if flow.queues:
        second += f", {time(more)} above the minimum: the peer delays its acknowledgements"
    return first, f"{second}."


def restarted_lately(flow: FlowFacts) -> str:
    """Sentence on a pause that reset cwnd a moment ago; empty if none did."""
    if flow.ago_ns > _LATELY_NS or flow.counted("after") >= flow.counted("before"):
        return ""
    return f"{_begun(_pause(flow))}."


def _pause(flow: FlowFacts) -> str:
    """Words for the newest pause, and what it did to cwnd."""
    before, after, pause = (flow.counted(name) for name in ("before", "after", "pause_ns"))
    if not before:
        peak = flow.counted("peak")
        return f"a pause reset cwnd, which was {peak:.0f} (tcp_slow_start_after_idle)"
    of = f" of {time(pause / 1e3)}" if pause else ""
    return f"the pause{of} reset cwnd from {before:.0f} to {after:.0f} (tcp_slow_start_after_idle)"


def _burst(flow: FlowFacts) -> str:
    """Words for the time that the last burst took, and would take with the window before."""
    bytes_, ns, before = (flow.counted(name) for name in ("burst_bytes", "burst_ns", "before"))
    whole = before * flow.number("mss")
    if not (bytes_ and ns and whole):
        return ""
    least = max(bytes_ / whole, 1.0) * flow.number("srtt_us")
    took = f"the last {flow.size(bytes_)}B took {time(ns / 1e3)}"
    if least < ns / 1e3:
        took += f" instead of {time(least)}"
    return f"{took}; now "


def _lost(flow: FlowFacts) -> str:
    """Words for the part that was lost in the last 2 s, behind a colon; empty if unknown."""
    sent, again = flow.counted("sent"), flow.counted("retransmitted")
    if sent < 1:
        return ""
    if again < _HALF:
        return ": no segment was retransmitted in that time"
    share = percent(100 * min(again / sent, 1))
    return f": {share} of the segments sent in that time were retransmissions"


def _round_trip(flow: FlowFacts) -> str:
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return "the round trip is not measured yet"
    return queueing(flow) if flow.queues else quiet(flow)


def _window(flow: FlowFacts) -> str:
    """Words for cwnd, and what is in flight of it."""
    cwnd, flying = flow.number("snd_cwnd"), flow.segments
    text = f"cwnd {cwnd:.0f}"
    if flow.number("ssthresh") < NO_SSTHRESH and not flow.number("bbr_bw"):
        text += f", ssthresh {flow.number('ssthresh'):.0f}"
    if cwnd - 1 <= flying <= cwnd + 1 and cwnd > 1:
        return f"{text}, all of it in flight"
    if flying > cwnd:  # it was reduced, and these are from before
        return f"{text}, and {flying:.0f} segments outstanding"
    return f"{text}, {flying:.0f} segment{'s' * (flying != 1)} in flight" if flying >= 0 else text


def _is_slow_start(flow: FlowFacts) -> bool:
    return 0 < flow.number("snd_cwnd") < flow.number("ssthresh")


def _begun(text: str) -> str:
    """Begin a sentence; `cwnd` stays as it is spelt."""
    return text if text.startswith("cwnd") else text[:1].upper() + text[1:]
