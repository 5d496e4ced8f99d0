"""Sentences of each verdict on one flow, with their figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tcctui.config.settings import Units
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.wire.events import NO_SSTHRESH, CaState

if TYPE_CHECKING:
    from tcctui.flows.snapshot import Flows

QUEUE_US = 2000
"""Queueing delay in microseconds from which srtt counts as longer than its minimum, besides a
quarter of that: less is jitter of hosts and of delayed acknowledgements."""

_QUEUE_PART = 0.25


class FlowFacts:
    """Values of one flow, 0 where missing, and their formats.

    `share` is the phrase for the verdict's part of the time.
    """

    def __init__(self, flows: Flows, place: int, units: Units | None) -> None:
        self._units = units or Units()
        self._flows = flows
        self._place = place
        self.share = ""

    def number(self, name: str) -> float:
        """Give a value; NaN for a window that is not known yet."""
        value = float(self._flows[name][self._place])
        if name == "snd_wnd" and value == UNKNOWN[name]:
            return math.nan
        return 0.0 if math.isnan(value) else value

    def size(self, number: float) -> str:
        """Write bytes, but for the B."""
        if self._units.size == "decimal":
            return _scaled(number, 1000, ("", "k", "M", "G", "T"))
        return _scaled(number, 1024, ("", "Ki", "Mi", "Gi", "Ti"))

    def rate(self, bytes_per_second: float) -> str:
        """Write a rate, in bits or in bytes."""
        times, unit = (8, "b/s") if self._units.rate == "bit" else (1, "B/s")
        prefixes = ("", "k", "M", "G", "T")
        return _scaled(times * bytes_per_second, 1000, tuple(one + unit for one in prefixes))

    def known(self, name: str) -> bool:
        """Say whether there is a value."""
        return not math.isnan(float(self._flows[name][self._place]))

    @property
    def algorithm(self) -> str:
        """Its congestion control in parentheses, behind a blank; empty where unknown."""
        name = bytes(self._flows["cc"][self._place]).decode("ascii", "replace")
        return f" ({name})" if name else ""

    @property
    def queues(self) -> bool:
        """True if srtt is much longer than its minimum."""
        least = max(QUEUE_US, _QUEUE_PART * self.number("min_rtt"))
        return self.number("queueing_us") >= least

    @property
    def shares(self) -> Sequence[float]:
        """Shares of the last 2 s, by cause; see `columns.DERIVED`."""
        return self._flows["limit_shares"][self._place].tolist()


def total(flow: FlowFacts) -> str:
    """Sentence on the bytes acknowledged in a flow's life."""
    text = f"{flow.size(flow.number('bytes_acked'))}B acknowledged in total"
    return f"{text}; {_again(flow)}." if flow.known("total_retrans") else f"{text}."


def _again(flow: FlowFacts) -> str:
    if not flow.number("total_retrans"):
        return "no segment was retransmitted"
    if not flow.known("retrans_percent"):
        return f"{flow.number('total_retrans'):.0f} segments were retransmitted"
    return f"{_percent(flow.number('retrans_percent'))} of the segments were retransmitted"


def _path(flow: FlowFacts) -> str:
    """State of the path by its round trip, where the path is not the limit."""
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return "The round trip is not measured yet."
    if flow.queues:
        srtt, more = time(flow.number("srtt_us")), time(flow.number("queueing_us"))
        return f"The queue is full as well: {more} of {srtt} srtt is queueing delay."
    return f"The path has room: {_quiet(flow)}."


def _quiet(flow: FlowFacts) -> str:
    srtt, more = time(flow.number("srtt_us")), flow.number("queueing_us")
    return f"srtt {srtt} is " + (f"only {time(more)} above the minimum" if more else "the minimum")


def by_cwnd(flow: FlowFacts) -> tuple[str, str]:
    """Limit by congestion control, and the state of the path."""
    share = flow.share
    if flow.number("bbr_bw") and flow.number("pacing_rate") and not _is_full(flow):
        first = f"Limited by BBR's pacing {share}: cwnd {flow.number('snd_cwnd'):.0f} is not full."
    else:
        first = f"Limited by congestion control{flow.algorithm} {share}: {_window(flow)}."
    if flow.number("bbr_bw"):
        phase = PHASE_NAMES[int(flow.number("bbr_phase"))]
        text = f"BBR is in {phase} (inferred), has measured {flow.rate(flow.number('bbr_bw'))}"
        if flow.number("pacing_rate"):
            text += f" and paces at {flow.rate(flow.number('pacing_rate'))}"
        if flow.queues:
            text += f"; {time(flow.number('queueing_us'))} of the srtt is queueing delay"
        return first, f"{text}."
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return first, "The round trip is not measured yet."
    srtt, more = time(flow.number("srtt_us")), time(flow.number("queueing_us"))
    if flow.queues:
        return first, f"The queue is full: {more} of {srtt} srtt is queueing delay; {_again(flow)}."
    if flow.number("snd_cwnd") < flow.number("ssthresh"):
        return first, f"Still in slow start: cwnd doubles with each round trip of {srtt}."
    quiet = f"There is no queue: {_quiet(flow)}"
    if flow.number("retrans_percent") >= 0.1:
        return first, f"{quiet}, yet {_again(flow)}: losses, not queueing, keep cwnd low."
    return first, f"{quiet}; {_again(flow)}, and cwnd grows by a segment each round trip or so."


def _is_full(flow: FlowFacts) -> bool:
    return flow.number("in_flight") >= (flow.number("snd_cwnd") - 1) * flow.number("mss")


def _window(flow: FlowFacts) -> str:
    cwnd, mss = flow.number("snd_cwnd"), flow.number("mss")
    if _is_full(flow):
        return f"cwnd {cwnd:.0f}, all of it in flight"
    segments = round(flow.number("in_flight") / mss)
    return f"cwnd {cwnd:.0f}, {segments} segment{'s' * (segments != 1)} in flight"


def by_rwnd(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the peer's window, and the state of the path."""
    first = f"Limited by the peer's receive window {flow.share}"
    window, flying = flow.number("snd_wnd"), flow.number("in_flight")
    if math.isnan(window):
        return f"{first}.", _path(flow)
    if not window:
        return f"{first}: it is zero.", "The application there does not read."
    used = "all of it" if flying >= window - flow.number("mss") else f"{flow.size(flying)}"
    return f"{first}: {flow.size(window)} offered, {used} in flight.", _path(flow)


def by_sndbuf(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the send buffer, and the effect of a larger one."""
    first = f"Limited by the send buffer {flow.share}"
    size, srtt = flow.number("sndbuf"), flow.number("srtt_us")
    if not size:
        return f"{first}.", _path(flow)
    first += f": it is {flow.size(size)}, with {flow.size(flow.number('in_flight'))} in flight."
    more = "larger SO_SNDBUF, or none set, lets it send more."
    most = size / (srtt / 1e6) if srtt else 0.0
    if flow.number("rate") >= most:  # what is queued may go beyond it by one write
        return first, f"A {more}"
    return (
        first,
        f"That carries about {flow.rate(most)} over a round trip of {time(srtt)}; a {more}",
    )


def by_app(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the application, and the rate that cwnd would allow."""
    first = f"Limited by the application {flow.share}: "
    first += "nothing is queued."
    idle = flow.number("last_data_sent") * 1000
    if flow.known("last_data_sent") and idle > 2_000_000:
        return first, f"It last sent {time(idle)} ago."
    if not (flow.number("srtt_us") and flow.number("mss")):
        return first, _path(flow)
    most = flow.number("snd_cwnd") * flow.number("mss") / (flow.number("srtt_us") / 1e6)
    second = f"cwnd {flow.number('snd_cwnd'):.0f} and srtt {time(flow.number('srtt_us'))} would"
    return first, f"{second} allow {flow.rate(most)}; it sends {flow.rate(flow.number('rate'))}."


def by_recovery(flow: FlowFacts) -> tuple[str, str]:
    """Limit by loss recovery: the window left, and the number of losses."""
    first = f"Limited by loss recovery {flow.share}: cwnd "
    first += f"{flow.number('snd_cwnd'):.0f}"
    if flow.number("ssthresh") < NO_SSTHRESH:
        first += f", ssthresh {flow.number('ssthresh'):.0f}"
    again = _again(flow)
    second = f"{again[0].upper()}{again[1:]} in its life"
    if flow.number("ca_state") == CaState.LOSS:
        second += f"; the timeout of {time(flow.number('rto'))} expired"
    elif flow.queues:
        second += f"; {time(flow.number('queueing_us'))} of the srtt is queueing delay"
    return f"{first}.", f"{second}."


def receives(flow: FlowFacts) -> tuple[str, str]:
    """No limit of a receiver, and its unread bytes."""
    first = "This end only receives: its one limit here is reading."
    if flow.number("rqueue"):
        return first, f"{flow.size(flow.number('rqueue'))}B are received and not read yet."
    return first, f"It has read all {flow.size(flow.number('bytes_received'))}B received."


def _short(number: float) -> str:
    """Write a number with two figures, or more where it is 10 or more."""
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def _scaled(number: float, base: int, units: tuple[str, ...]) -> str:
    """Write a number with the unit that leaves the fewest digits."""
    for unit in units[:-1]:
        if round(number) < base:
            return f"{number:.0f} {unit}" if unit == units[0] else f"{_short(number)} {unit}"
        number /= base
    return f"{_short(number)} {units[-1]}"


def time(microseconds: float) -> str:
    """Write a time as µs, ms, s, min or h."""
    for length, unit in ((3600e6, "h"), (60e6, "min"), (1e6, "s"), (1e3, "ms")):
        if microseconds >= length:
            return f"{_short(microseconds / length)} {unit}"
    return f"{microseconds:.0f} µs"


def _percent(number: float) -> str:
    return f"{number:.1f} %" if number >= 0.05 else "less than 0.1 %"
