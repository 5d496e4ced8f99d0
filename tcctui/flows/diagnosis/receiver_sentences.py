"""Sentences on a receiving end, with their figures."""

from __future__ import annotations

import math

from tcctui.flows.diagnosis.sentences import FlowFacts, time

_LATELY_NS = 30_000_000_000
"""Growth of the receive buffer that ended longer ago is not mentioned."""

_STILL_NS = 1_000_000_000
"""It still grows if it did so within a second: steps come a round trip apart, looks 0.25 s."""


def by_reader(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the local application, and the state of the window that it leaves."""
    first = f"This end reads slowly {flow.share}"
    second = f"It receives {flow.rate(flow.number('rcv_rate'))}"
    if not flow.number("rqueue"):
        return f"{first}.", f"{second}, and has just read all of it."
    first += f": {flow.size(flow.number('rqueue'))}B wait"
    second += ": the peer waits for the application here to read."
    window = flow.number("rcv_wnd")
    if math.isnan(window):
        return f"{first}.", second
    if window >= max(flow.number("rcv_mss"), 1):
        return f"{first}, and the window has {flow.size(window)}B left.", second
    closed = flow.since("last_data_recv")
    return f"{first}, window closed" + (f" for {closed}." if closed else "."), second


def by_rcvbuf(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the receive buffer, and the rate that it carries."""
    first = f"Limited by the receive buffer here {flow.share}: "
    window, rtt = flow.number("rcv_wnd"), flow.number("rcv_rtt")
    size = flow.number("rcvbuf")
    first += f"a window of {flow.size(window)}B" + (f" from {flow.size(size)}B." if size else ".")
    more = "a larger SO_RCVBUF (or none set) and tcp_rmem let it receive more."
    if grew := _grew(flow):
        first = f"{first} {grew[0].upper()}{grew[1:]}."
    if not (rtt and window):
        return first, f"A{more[1:]}"
    most = flow.rate(window / (rtt / 1e6))
    second = f"One window each round trip of {time(rtt)} is {most}, and it receives"
    return first, f"{second} {flow.rate(flow.number('rcv_rate'))}: {more}"


def receives(flow: FlowFacts) -> tuple[str, str]:
    """No limit of a receiver: its rate, and its unread bytes."""
    first = f"This end only receives, {flow.rate(flow.number('rcv_rate'))}: nothing here limits it."
    out_of_order = flow.number("rcv_ooopack")
    if flow.number("rqueue"):
        second = f"{flow.size(flow.number('rqueue'))}B are received and not read yet"
    else:
        second = f"It has read all {flow.size(flow.number('bytes_received'))}B received"
    if out_of_order:
        second += f"; {out_of_order:,.0f} segments of its life came out of order"
    if grew := _grew(flow):
        second += f"; {grew}"
    return first, f"{second}."


def _grew(flow: FlowFacts) -> str:
    """Clause on the receive buffer's newest growth, where that was of late."""
    ended_ns, size = flow.counted("rcvbuf_ended_ns"), flow.number("rcvbuf")
    since = flow.number("sampled_ns") - ended_ns
    if not ended_ns or since > _LATELY_NS or size <= flow.counted("rcvbuf_first"):
        return ""
    grew = f"grew from {flow.size(flow.counted('rcvbuf_first'))}B to {flow.size(size)}B"
    within = time((ended_ns - flow.counted("rcvbuf_begun_ns")) / 1e3)
    when = "still grows" if since <= _STILL_NS else f"stopped {time(since / 1e3)} ago"
    return f"its receive buffer {grew} within {within}, and {when}"
