"""Facts about one flow, as lines of text for the details."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tcctui.fields.connection import ENDS
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.bbr import PHASE_NAMES, BbrPhase
from tcctui.flows.labels import local, remote, state_name
from tcctui.flows.snapshot import Flows
from tcctui.ui.style import units
from tcctui.ui.style.legible import legible
from tcctui.ui.table import cells
from tcctui.wire.tcp_states import CA_STATE_NAMES

_OPT_ECN, _OPT_ECN_SEEN = 8, 16
"""Bits of `options`: TCPI_OPT_ECN and its like (include/uapi/linux/tcp.h)."""
_APP_LIMITED = 1
"""Bit of `rate_flags`: tcpi_delivery_rate_app_limited."""
_LONG_AGO_MS = 1e9
"""Limit above which last_* is the time since the machine's start: it never sent or received."""

NEEDS: tuple[str, ...] = (
    *(*ENDS, "state", "closed_ns"),
    *("ca_state", "snd_cwnd", "ssthresh", "srtt_us", "snd_wnd", "rcv_wnd", "in_flight", "mss"),
    *("bytes_acked", "rate", "sampled_ns", "last_ns", "from_sample", "slow_start"),
    *("comm", "pid", "cgroup", "netns", "netns_name", "cc", "uid"),
    *("snd_mss", "rcv_mss", "pmtu", "advmss", "wscale", "options", "rate_flags"),
    *("rttvar", "min_rtt", "rto", "pacing_rate", "delivery_rate", "queueing_us"),
    *("bytes_sent", "bytes_retrans", "bytes_received", "data_segs_out", "total_retrans"),
    *("retrans_percent", "reordering", "reord_seen", "delivered_ce", "lost", "sacked"),
    *("last_data_sent", "last_data_recv", "notsent_bytes", "sndbuf", "rcvbuf", "wmem_queued"),
    *("bbr_bw", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain", "bbr_phase"),
    *("dctcp_enabled", "dctcp_alpha"),
)
"""Flow columns that `facts` uses."""


class Fact(NamedTuple):
    """One fact: the lower its `rank`, the later it is dropped.

    The first of the `pieces` is the most important.
    """

    rank: int
    label: str
    pieces: tuple[str, ...]

    @classmethod
    def of(cls, rank: int, label: str, *pieces: str) -> Fact:
        """Make a fact of those pieces that are not empty."""
        return cls(rank, label, tuple(filter(None, pieces)))


def facts(flows: Flows) -> list[Fact]:
    """All facts about the first of the flows, from top to bottom.

    Unknown values are left out, except for a few that everyone expects, which are a dash.
    """
    said = _Said(flows)
    parts = (_control, _times, _bbr, _amounts, _path)
    return [fact for part in parts for fact in part(said) if fact.pieces]


class _Said:
    """Values of one flow as text; empty if unknown."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

    def number(self, name: str) -> float:
        """Value, NaN if unknown."""
        value: float = self.flows[name].item(0)
        return math.nan if value == UNKNOWN.get(name) else value

    def known(self, name: str) -> bool:
        """True if a value is known."""
        return not math.isnan(self.number(name))

    def show(self, name: str, form: Callable[[float], str], words: str = "{}") -> str:
        """Value formatted by `form`, among `words`."""
        value = self.number(name)
        return "" if math.isnan(value) else words.format(form(value))

    def must(self, name: str, form: Callable[[float], str], words: str = "{}") -> str:
        """The same with a dash for an unknown value."""
        return self.show(name, form, words) or words.format(cells.MISSING)

    def text(self, name: str) -> str:
        """A name."""
        return legible(bytes(self.flows[name][0]))

    def bit(self, name: str, bit: int) -> bool:
        """True if a bit is set; False if unknown."""
        return self.known(name) and bool(int(self.number(name)) & bit)

    def sent(self) -> str:
        """Bytes sent: at least those acknowledged, which an event may have reported since."""
        sent = self.number("bytes_sent")
        return "" if math.isnan(sent) else units.size(max(sent, self.number("bytes_acked")))

    def ago(self, name: str, words: str) -> str:
        """Time since an event that a sample reports in milliseconds."""
        value = self.number(name)
        if math.isnan(value) or value > _LONG_AGO_MS:
            return ""
        since = max(0, self.flows.now_ns - int(self.flows["sampled_ns"][0]))
        if name == "last_data_sent" and self.flows["last_ns"][0] > self.flows["sampled_ns"][0]:
            since = 0  # it was not idle since: something was acknowledged
        return words.format(units.age(value * 1e6 + since))


def _control(said: _Said) -> Iterator[Fact]:
    flows, show = said.flows, said.show
    pid = show("pid", units.plain_count, " {}")
    yield Fact.of(4, "process", (said.text("comm") or cells.MISSING) + pid, said.text("cgroup"))
    yield Fact.of(18, "local", *local(flows)[:1])
    yield Fact.of(19, "remote", *remote(flows)[:1])
    yield Fact.of(14, "netns", said.text("netns_name") or show("netns", units.plain_count))
    phase = "" if flows["bbr_phase"][0] else cells.phase(flows).removeprefix("congestion ")
    phase *= said.known("snd_cwnd")
    if flows["closed_ns"][0]:
        phase = state_name(int(flows["state"][0]))
    state = CA_STATE_NAMES.get(int(flows["ca_state"][0]), "")
    yield Fact.of(2, "control", said.text("cc") or cells.MISSING, state, phase)
    ssthresh = show("ssthresh", units.segments, "ssthresh {}")
    yield Fact.of(1, "cwnd", said.must("snd_cwnd", units.segments), ssthresh)
    window = show("snd_wnd", units.size, "peer's window {}")
    waiting = show("notsent_bytes", units.size, "waiting {}")
    some = said.number("notsent_bytes") > 0
    yield Fact.of(5, "in flight", said.must("in_flight", units.size), window, waiting * some)


def _times(said: _Said) -> Iterator[Fact]:
    show, must = said.show, said.must
    rtt = must("srtt_us", units.milliseconds) + show("rttvar", units.milliseconds, " ± {}")
    yield Fact.of(0, "rtt", rtt, show("min_rtt", units.milliseconds, "min {}"))
    queueing = show("queueing_us", lambda value: units.milliseconds(value) if value else "none")
    yield Fact.of(6, "queueing", queueing, show("rto", units.milliseconds, "rto {}"))
    limited = " (app-limited)" if said.bit("rate_flags", _APP_LIMITED) else ""
    delivered = must("delivery_rate", units.rate) + limited
    yield Fact.of(3, "delivery", delivered, must("rate", units.rate, "acked {}"))
    yield Fact.of(8, "pacing", show("pacing_rate", units.rate))


def _bbr(said: _Said) -> Iterator[Fact]:
    show, must = said.show, said.must
    if said.known("bbr_pacing_gain"):
        phase = BbrPhase(int(said.flows["bbr_phase"][0]))
        gains = show("bbr_pacing_gain", units.gain, "gain {}")
        gains += show("bbr_cwnd_gain", units.gain, " × {}")
        yield Fact.of(2, "bbr", f"{PHASE_NAMES[phase]} (inferred)" if phase else "", gains)
        min_rtt = must("bbr_min_rtt", units.milliseconds, "min rtt {}")
        yield Fact.of(3, "bbr model", must("bbr_bw", units.rate, "bw {}"), min_rtt)
    if said.number("dctcp_enabled") > 0:
        yield Fact.of(7, "dctcp", show("dctcp_alpha", units.alpha, "alpha {}"))


def _amounts(said: _Said) -> Iterator[Fact]:
    show = said.show
    lost = said.must("total_retrans", units.count)
    lost += show("data_segs_out", units.count, " of {} segments")
    yield Fact.of(7, "retrans", lost, show("retrans_percent", units.percent))
    acked = show("bytes_acked", units.size, "acked {}")
    yield Fact.of(9, "sent", said.sent(), acked, show("bytes_retrans", units.size, "retrans {}"))
    yield Fact.of(15, "received", show("bytes_received", units.size))
    received = said.ago("last_data_recv", "received {} ago")
    yield Fact.of(10, "last", said.ago("last_data_sent", "sent {} ago"), received)


def _path(said: _Said) -> Iterator[Fact]:
    show, whole = said.show, units.plain_count
    mss = show("snd_mss", whole) or show("mss", whole)
    yield Fact.of(
        11, "mss", mss, show("pmtu", whole, "pmtu {}"), show("advmss", whole, "advertised {}")
    )
    if said.bit("options", units.OPT_WSCALE):
        scale = int(said.number("wscale"))
        yield Fact.of(16, "scaling", f"window × 2^{scale & 15} sent, 2^{scale >> 4} received")
    seen = show("reord_seen", units.count, "seen {} times")
    yield Fact.of(12, "reorder", show("reordering", whole, "{} segments"), seen)
    yield Fact.of(13, "ecn", _ecn(said), show("delivered_ce", units.count, "{} marked"))
    receive = show("rcvbuf", units.size, "receive {}")
    yield Fact.of(17, "buffers", show("sndbuf", units.size, "send {}"), receive)
    yield Fact.of(20, "told by", "a sample" if said.flows["from_sample"][0] else "tcp_probe")


def _ecn(said: _Said) -> str:
    if not said.known("options"):
        return ""
    if not said.bit("options", _OPT_ECN):
        return "off"
    return "on, seen" if said.bit("options", _OPT_ECN_SEEN) else "on"
