"""Sentences of each verdict on one flow, with their figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tcctui.config.settings import Units
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.queueing import QUEUE_PART, QUEUE_US
from tcctui.magnitudes import BINARY, DECIMAL, scaled

if TYPE_CHECKING:
    from tcctui.flows.snapshot import Flows


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
        if name in ("snd_wnd", "rcv_wnd") and value == UNKNOWN[name]:
            return math.nan
        return 0.0 if math.isnan(value) else value

    def size(self, number: float) -> str:
        """Write bytes, but for the B."""
        return _written(number, DECIMAL if self._units.size == "decimal" else BINARY)

    def rate(self, bytes_per_second: float) -> str:
        """Write a rate, in bits or in bytes."""
        times, unit = (8, "b/s") if self._units.rate == "bit" else (1, "B/s")
        return _written(times * bytes_per_second, DECIMAL) + unit

    def known(self, name: str) -> bool:
        """Say whether there is a value."""
        return not math.isnan(float(self._flows[name][self._place]))

    def since(self, name: str) -> str:
        """Time since what a sample tells in milliseconds; empty where that never happened."""
        if not self.known(name):
            return ""
        age = max(self._flows.now_ns - self.number("sampled_ns"), 0) / 1e3
        return time(self.number(name) * 1e3 + age)

    def age_ns(self, name: str) -> float:
        """Nanoseconds since the moment in a column; infinite if it never was."""
        when = self.number(name)
        return max(self._flows.now_ns - when, 0) if when else math.inf

    @property
    def algorithm(self) -> str:
        """Its congestion control in parentheses, behind a blank; empty where unknown."""
        name = bytes(self._flows["cc"][self._place]).decode("ascii", "replace")
        return f" ({name})" if name else ""

    @property
    def queues(self) -> bool:
        """True if srtt is much longer than its minimum."""
        least = max(QUEUE_US, QUEUE_PART * self.number("min_rtt"))
        return self.number("queueing_us") >= least

    def counted(self, name: str) -> float:
        """Give a figure of the last 2 s, or of the newest pause; see `verdicts.EVIDENCE`."""
        return float(self._flows["limit_evidence"][self._place][name])

    @property
    def ago_ns(self) -> float:
        """Nanoseconds since a pause last reset cwnd; infinite if none did."""
        when = self.counted("restarted_ns")
        return self._flows.now_ns - when if when else math.inf

    @property
    def segments(self) -> float:
        """Segments in flight; NaN if their size is unknown.

        The kernel's own number, where it is newer than the bytes: sizes change with the path's MTU.
        """
        if self.known("unacked") and self.number("sampled_ns") >= self.number("last_ns"):
            return self.number("unacked") or self._by_size
        return self._by_size

    @property
    def _by_size(self) -> float:
        mss = self.number("mss")
        return float(round(self.number("in_flight") / mss)) if mss else math.nan

    @property
    def shares(self) -> Sequence[float]:
        """Shares of the last 2 s, by cause, 0 where unknown; see `columns.DERIVED`."""
        return [0.0 if math.isnan(share) else share for share in self._shares]

    @property
    def divided(self) -> bool:
        """True where any share of the last 2 s is known."""
        return not all(map(math.isnan, self._shares))

    @property
    def _shares(self) -> Sequence[float]:
        shares: Sequence[float] = self._flows["limit_shares"][self._place].tolist()
        return shares


def total(flow: FlowFacts) -> str:
    """Sentence on the bytes acknowledged in a flow's life."""
    text = f"{flow.size(flow.number('bytes_acked'))}B acknowledged in total"
    return f"{text}; {_again(flow)}." if flow.known("total_retrans") else f"{text}."


def _again(flow: FlowFacts) -> str:
    if not flow.number("total_retrans"):
        return "no segment was retransmitted"
    if not flow.known("retrans_percent"):
        return f"{flow.number('total_retrans'):.0f} segments were retransmitted"
    return f"{percent(flow.number('retrans_percent'))} of the segments were retransmitted"


def path(flow: FlowFacts) -> str:
    """State of the path by its round trip, where the path is not the limit."""
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return "The round trip is not measured yet."
    if flow.queues:
        return f"There is a queue as well: {queueing(flow)}."
    return f"The path has room: {quiet(flow)}."


def queueing(flow: FlowFacts) -> str:
    """Words for the part of srtt that is queueing delay."""
    srtt, more = time(flow.number("srtt_us")), time(flow.number("queueing_us"))
    return f"{more} of {srtt} srtt is queueing delay"


def quiet(flow: FlowFacts) -> str:
    """Words for an srtt without a queue."""
    srtt, more = time(flow.number("srtt_us")), flow.number("queueing_us")
    return f"srtt {srtt} is " + (f"only {time(more)} above the minimum" if more else "the minimum")


def by_rwnd(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the peer's window, its present size, and the state of the path."""
    first = f"Limited by the peer's receive window {flow.share}."
    window, flying = flow.number("snd_wnd"), flow.number("in_flight")
    if window == 0:
        return first, "It is zero now: the application there does not read."
    if math.isnan(window) or flying > window:
        return first, path(flow)
    used = "all of it" if flying >= window - flow.number("mss") else flow.size(flying)
    return first, f"It offers {flow.size(window)}, {used} in flight. {path(flow)}"


def without_cwnd(flow: FlowFacts, beside: str) -> tuple[str, str]:
    """Reason why a flow without a cwnd has no verdict: it was captured.

    `beside` are the words for its largest share, with a number, if it is worth one.
    """
    if not flow.known("min_rtt"):
        return (
            "Not known: it was captured far from this end, or without its round trips.",
            "Capture on the machine of this end, from the handshake on.",
        )
    if not flow.divided:
        return "Not known: that takes two samples, and a captured handshake.", path(flow)
    unknown = f"{max(1 - sum(flow.shares), 0):.0%}".replace("%", " %")
    first = f"Not known for {unknown} of the time: with data in flight, a capture can't tell cwnd"
    return f"{first} from the application.", beside or path(flow)


def by_sndbuf(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the send buffer, its size, and the effect of a larger one."""
    first = f"Limited by the send buffer {flow.share}."
    more = "larger SO_SNDBUF, or none set, lets it send more."
    size, srtt, flying = flow.number("sndbuf"), flow.number("srtt_us"), flow.number("in_flight")
    if not size:
        return first, path(flow)
    if flying > size:  # it has grown since it was sampled
        return first, f"A {more}"
    held = f"It is {flow.size(size)}, with {flow.size(flying)} in flight"
    most = size / (srtt / 1e6) if srtt else 0.0
    if flow.number("rate") >= most:  # what is queued may go beyond it by one write
        return first, f"{held}: a {more}"
    return first, f"{held}: about {flow.rate(most)} over a round trip of {time(srtt)}; a {more}"


def by_app(flow: FlowFacts) -> tuple[str, str]:
    """Limit by the application, what is queued, and the rate that cwnd would allow."""
    first = f"Limited by the application {flow.share}."
    if flow.number("mptcp_subflows"):
        # The kernel sees that a subflow had nothing to send, and not on whose account: RFC 8684
        # leaves to the scheduler which of them gets the next data.
        first = (
            f"Given too little to send {flow.share}, by the application or by MPTCP's scheduler,"
            " which has other subflows."
        )
    unsent, idle = flow.number("notsent_bytes"), flow.number("last_data_sent") * 1000
    flying = flow.number("in_flight")
    if unsent:
        now = f"{flow.size(unsent)}B wait to be sent now"
    elif flying or flow.number("wqueue") or not flow.known("wqueue"):
        now = f"{flow.size(flying)}B are in flight now" if flying else ""
    else:
        now = "Nothing is queued now"
        if flow.known("last_data_sent") and idle > 2_000_000:
            return first, f"{now}; it last sent {time(idle)} ago."
    if not (flow.number("srtt_us") and flow.number("mss") and flow.number("snd_cwnd")):
        return first, f"{now}. {path(flow)}" if now else path(flow)
    most = flow.number("snd_cwnd") * flow.number("mss") / (flow.number("srtt_us") / 1e6)
    if flow.number("rate") > most:
        return first, f"{now}. {path(flow)}" if now else path(flow)
    would = f"cwnd {flow.number('snd_cwnd'):.0f} and srtt {time(flow.number('srtt_us'))} would"
    would = f"{would} allow {flow.rate(most)}; it sends {flow.rate(flow.number('rate'))}"
    return first, f"{now}: {would}." if now else f"{would}."


def _short(number: float) -> str:
    """Write a number with two figures, or more where it is 10 or more."""
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def _written(number: float, prefixes: tuple[str, ...]) -> str:
    """Write a number and its prefix, for a unit behind them."""
    scale, prefix = scaled(number, prefixes, 999.5 if prefixes is DECIMAL else 1023.5)
    return f"{_short(scale)} {prefix}" if prefix else f"{number:.0f} "


def time(microseconds: float) -> str:
    """Write a time as µs, ms, s, min or h."""
    for length, unit in ((3600e6, "h"), (60e6, "min"), (1e6, "s"), (1e3, "ms")):
        if microseconds >= length:
            return f"{_short(microseconds / length)} {unit}"
    return f"{microseconds:.0f} µs"


def percent(number: float) -> str:
    """Write percent."""
    return f"{number:.1f} %" if number >= 0.05 else "less than 0.1 %"
