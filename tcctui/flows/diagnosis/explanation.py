"""What holds a flow back, in plain words and with the figures that it rests on."""

from __future__ import annotations

import math

from tcctui.config.settings import Units
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.flows.diagnosis.causes import CAUSES, Limit
from tcctui.flows.snapshot import Flows
from tcctui.wire.events import NO_SSTHRESH, CaState

EXPLAINED_BY: tuple[str, ...] = (
    *("limit", "limit_shares", "bbr_phase", "queueing_us", "retrans_percent"),
    *("closed_ns", "sampled_ns", "snd_cwnd", "ssthresh", "srtt_us", "snd_wnd", "in_flight", "mss"),
    *("ca_state", "rate", "bytes_acked", "cc", "min_rtt", "total_retrans", "sndbuf", "rqueue"),
    *("last_data_sent", "pacing_rate", "bbr_bw", "bytes_received", "rto", "notsent_bytes"),
)
"""The columns that `explain` needs."""

QUEUE_US = 2000
"""srtt is called longer than the least one from so many microseconds on, and from a quarter on:
less is jitter of hosts and of delayed acknowledgements."""

_QUEUE_PART = 0.25

_BESIDE = 0.2  # a second cause is named from this share on

_WORDS = {
    Limit.CWND: "congestion control",
    Limit.RWND: "the other end's window",
    Limit.SNDBUF: "this end's send buffer",
    Limit.APP: "the application",
    Limit.RECOVERY: "making up for losses",
}

_STALE_NS = 15_000_000_000


def explain(flows: Flows, place: int = 0, units: Units | None = None) -> tuple[str, str]:
    """Say in two sentences of plain words what holds a flow back, and what that rests on.

    `flows` has `EXPLAINED_BY`; `place` is the flow's in it. `units` is how quantities are written.
    """
    flow = _Flow(flows, place, units)
    if flow.number("closed_ns"):
        return f"Closed {_time((flows.now_ns - flow.number('closed_ns')) / 1e3)} ago.", _total(flow)
    if not flow.number("sampled_ns"):
        return (
            "No sample yet.",
            "What limits a flow follows from samples of sock_diag; tcp_probe does not tell it.",
        )
    limit = Limit(int(flow.number("limit")))
    if limit == Limit.UNKNOWN:
        age = flows.now_ns - flow.number("sampled_ns")
        if age > _STALE_NS:
            return f"Not sampled for {_time(age / 1e3)}.", "What limited it before is out of date."
        return "Sampled once so far.", "What limits it follows from two samples 250 ms apart."
    return _SENTENCES[limit](flow)


class _Flow:
    """Values of one flow; 0 where missing."""

    def __init__(self, flows: Flows, place: int, units: Units | None) -> None:
        self._units = units or Units()
        self._flows = flows
        self._place = place

    def number(self, name: str) -> float:
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
        return not math.isnan(float(self._flows[name][self._place]))

    @property
    def algorithm(self) -> str:
        name = bytes(self._flows["cc"][self._place]).decode("ascii", "replace")
        return f" ({name})" if name else ""

    @property
    def queues(self) -> bool:
        """Whether srtt is much longer than the least one was."""
        least = max(QUEUE_US, _QUEUE_PART * self.number("min_rtt"))
        return self.number("queueing_us") >= least

    def share(self, limit: Limit) -> str:
        """How much of the time that was, and what the rest was mostly."""
        shares = self._flows["limit_shares"][self._place]
        at = CAUSES.index(limit)
        text = f"for {shares[at]:.0%} of the last 2 s".replace("%", " %")
        for other in sorted(range(len(CAUSES)), key=lambda cause: -shares[cause]):
            if other != at and shares[other] >= _BESIDE:
                return f"{text} (and for {100 * shares[other]:.0f} % by {_WORDS[CAUSES[other]]})"
        return text


def _total(flow: _Flow) -> str:
    text = f"{flow.size(flow.number('bytes_acked'))}B were acknowledged in all"
    return f"{text}; {_again(flow)}." if flow.known("total_retrans") else f"{text}."


def _again(flow: _Flow) -> str:
    if not flow.number("total_retrans"):
        return "no segment was sent again"
    if not flow.known("retrans_percent"):
        return f"{flow.number('total_retrans'):.0f} segments were sent again"
    return f"{_percent(flow.number('retrans_percent'))} of the segments were sent again"


def _path(flow: _Flow) -> str:
    """What the round trip says about the path where it is not what limits."""
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return "The round trip was not measured yet."
    if flow.queues:
        srtt, more = _time(flow.number("srtt_us")), _time(flow.number("queueing_us"))
        return f"The path is filled as well: {more} of the {srtt} srtt is queueing."
    return f"The path would carry more: {_quiet(flow)}."


def _quiet(flow: _Flow) -> str:
    srtt, more = _time(flow.number("srtt_us")), flow.number("queueing_us")
    return f"srtt {srtt} is " + (f"only {_time(more)} above the least" if more else "the least")


def _by_cwnd(flow: _Flow) -> tuple[str, str]:
    share = flow.share(Limit.CWND)
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
            text += f"; {_time(flow.number('queueing_us'))} of the srtt is queueing"
        return first, f"{text}."
    if not (flow.known("queueing_us") and flow.number("srtt_us")):
        return first, "The round trip was not measured yet."
    srtt, more = _time(flow.number("srtt_us")), _time(flow.number("queueing_us"))
    if flow.queues:
        return first, f"Filled the path: {more} of the {srtt} srtt is queueing; {_again(flow)}."
    if flow.number("snd_cwnd") < flow.number("ssthresh"):
        return first, f"Still in slow start: cwnd doubles with each round trip of {srtt}."
    quiet = f"No queue builds up, {_quiet(flow)}"
    if flow.number("retrans_percent") >= 0.1:
        return first, f"{quiet}, yet {_again(flow)}: losses keep cwnd low, not a full path."
    return first, f"{quiet}; {_again(flow)}, and cwnd grows by a segment each round trip or so."


def _is_full(flow: _Flow) -> bool:
    return flow.number("in_flight") >= (flow.number("snd_cwnd") - 1) * flow.number("mss")


def _window(flow: _Flow) -> str:
    cwnd, mss = flow.number("snd_cwnd"), flow.number("mss")
    if _is_full(flow):
        return f"cwnd {cwnd:.0f}, all of it in flight"
    segments = round(flow.number("in_flight") / mss)
    return f"cwnd {cwnd:.0f}, {segments} segment{'s' * (segments != 1)} in flight"


def _by_rwnd(flow: _Flow) -> tuple[str, str]:
    first = f"Limited by the other end's window {flow.share(Limit.RWND)}"
    window, flying = flow.number("snd_wnd"), flow.number("in_flight")
    if math.isnan(window):
        return f"{first}.", _path(flow)
    if not window:
        return f"{first}: it is closed.", "The application there does not read what has come."
    used = "all of it" if flying >= window - flow.number("mss") else f"{flow.size(flying)}"
    return f"{first}: {flow.size(window)} offered, {used} in flight.", _path(flow)


def _by_sndbuf(flow: _Flow) -> tuple[str, str]:
    first = f"Limited by this end's send buffer {flow.share(Limit.SNDBUF)}"
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
        f"That carries about {flow.rate(most)} over a round trip of {_time(srtt)}; a {more}",
    )


def _by_app(flow: _Flow) -> tuple[str, str]:
    first = f"Limited by the application {flow.share(Limit.APP)}: "
    first += "nothing waits to be sent."
    idle = flow.number("last_data_sent") * 1000
    if flow.known("last_data_sent") and idle > 2_000_000:
        return first, f"It last sent {_time(idle)} ago."
    if not (flow.number("srtt_us") and flow.number("mss")):
        return first, _path(flow)
    most = flow.number("snd_cwnd") * flow.number("mss") / (flow.number("srtt_us") / 1e6)
    second = f"cwnd {flow.number('snd_cwnd'):.0f} and srtt {_time(flow.number('srtt_us'))} would"
    return first, f"{second} allow {flow.rate(most)}; it sends {flow.rate(flow.number('rate'))}."


def _by_recovery(flow: _Flow) -> tuple[str, str]:
    first = f"Held back by making up for losses {flow.share(Limit.RECOVERY)}: cwnd "
    first += f"{flow.number('snd_cwnd'):.0f}"
    if flow.number("ssthresh") < NO_SSTHRESH:
        first += f", ssthresh {flow.number('ssthresh'):.0f}"
    again = _again(flow)
    second = f"{again[0].upper()}{again[1:]} in its life"
    if flow.number("ca_state") == CaState.LOSS:
        second += f"; the timer of {_time(flow.number('rto'))} ran out"
    elif flow.queues:
        second += f"; {_time(flow.number('queueing_us'))} of the srtt is queueing: the path is full"
    return f"{first}.", f"{second}."


def _receives(flow: _Flow) -> tuple[str, str]:
    first = "This end only receives: nothing here limits it but how fast it reads."
    if flow.number("rqueue"):
        return first, f"{flow.size(flow.number('rqueue'))}B have come and wait to be read."
    return first, f"It has read all of the {flow.size(flow.number('bytes_received'))}B that came."


_SENTENCES = {
    Limit.CWND: _by_cwnd,
    Limit.RWND: _by_rwnd,
    Limit.SNDBUF: _by_sndbuf,
    Limit.APP: _by_app,
    Limit.RECOVERY: _by_recovery,
    Limit.RECEIVES: _receives,
}


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


def _time(microseconds: float) -> str:
    """Write a time as µs, ms, s, min or h."""
    for length, unit in ((3600e6, "h"), (60e6, "min"), (1e6, "s"), (1e3, "ms")):
        if microseconds >= length:
            return f"{_short(microseconds / length)} {unit}"
    return f"{microseconds:.0f} µs"


def _percent(number: float) -> str:
    return f"{number:.1f} %" if number >= 0.05 else "less than 0.1 %"
