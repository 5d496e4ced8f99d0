"""Facts about one flow, as lines of text for the details."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from tcctui.fields.connection import ENDS
from tcctui.fields.mptcp import SUBFLOW_NAMES, Subflow
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.bbr import told
from tcctui.flows.diagnosis.health import NEEDS as HEALTH_NEEDS
from tcctui.flows.labels import local, remote, state_name
from tcctui.flows.snapshot import Flows
from tcctui.printable import plain
from tcctui.ui.style import units
from tcctui.ui.style.legible import legible
from tcctui.ui.table import cells
from tcctui.wire.events import TcpState
from tcctui.wire.tcp_states import CA_STATE_NAMES

if TYPE_CHECKING:
    from tcctui.wire.own_queue import OwnQueue

_OPT_ECN, _OPT_ECN_SEEN = 8, 16
"""Bits of `options`: TCPI_OPT_ECN and its like (include/uapi/linux/tcp.h)."""
_APP_LIMITED = 1
"""Bit of `rate_flags`: tcpi_delivery_rate_app_limited."""
_LONG_AGO_MS = 1e9
"""Limit above which last_* is the time since the machine's start: it never sent or received."""

_CAUSES = (
    *(("retrans_fast", "fast"), ("retrans_rto", "by RTO"), ("retrans_tlp", "TLP")),
    *(("retrans_syn", "SYN"), ("dsack_dups", "got twice (DSACK)"), ("undone", "undone")),
)
"""Causes of retransmissions, segments that the peer got twice, and undone recoveries."""

_READ_NS = 2_000_000_000
"""Nanoseconds for which that is told: a timeout, as of a probe, changes much without an ACK."""

NEEDS: tuple[str, ...] = (
    *(*ENDS, "ifindex", "state", "closed_ns"),
    *("ca_state", "snd_cwnd", "ssthresh", "srtt_us", "snd_wnd", "rcv_wnd", "in_flight", "mss"),
    *("bytes_acked", "rate", "sampled_ns", "last_ns", "from_sample", "slow_start"),
    *("comm", "pid", "cgroup", "netns", "netns_name", "cc", "uid"),
    *("snd_mss", "rcv_mss", "pmtu", "advmss", "wscale", "options", "rate_flags"),
    *("rttvar", "min_rtt", "rto", "pacing_rate", "delivery_rate", "queueing_us"),
    *("bytes_sent", "bytes_retrans", "bytes_received", "data_segs_out", "total_retrans"),
    "rcv_rate",
    *(name for name, _ in _CAUSES),
    *("dropped", "drop_reason"),
    *("retrans_percent", "reordering", "reord_seen", "delivered_ce", "lost", "sacked"),
    *("rqueue", "wqueue", "half_open", "last_data_sent", "last_data_recv"),
    *("notsent_bytes", "sndbuf", "rcvbuf", "wmem_queued"),
    *("bbr_bw", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain", "bbr_phase", "bbr_mode"),
    *("dctcp_enabled", "dctcp_alpha"),
    *("mptcp_token", "subflow_flags", "mptcp_flags", "mptcp_subflows"),
    *("mptcp_bytes_acked", "mptcp_bytes_received", "mptcp_bytes_retrans"),
    *("health", *HEALTH_NEEDS),
    *("socket", "algorithm", "in_flight_packets", "backoff", "snd_nxt", "snd_una"),
)
"""Flow columns that `facts` uses."""


TOLD_BY = "told by"
"""Label of the fact that one machine has of its source."""


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
    parts = (_health, _control, _mptcp, _times, _bbr, _amounts, _path)
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

    @property
    def inside(self) -> bool:
        """True while the socket is read at its ACKs: what it had at the last one is not old."""
        return self.read("socket")

    def read(self, kind: str) -> bool:
        """True while the newest event of the flow has what was read of its socket or algorithm."""
        when = int(self.flows[kind]["ts_ns"][0])
        return bool(when) and when + _READ_NS >= self.flows.now_ns

    def must(self, name: str, form: Callable[[float], str], words: str = "{}") -> str:
        """The same with a dash for an unknown value."""
        return self.show(name, form, words) or words.format(cells.MISSING)

    def text(self, name: str) -> str:
        """A name."""
        return legible(bytes(self.flows[name][0]))

    def some(self, name: str, word: str) -> str:
        """Count and its word, unless it is none."""
        return self.show(name, units.count, f"{{}} {word}") if self.number(name) > 0 else ""

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


def _health(said: _Said) -> Iterator[Fact]:
    if said.number("health") > 0:
        from tcctui.flows.diagnosis.health_sentences import suffers  # noqa: PLC0415 - rarely needed

        yield Fact.of(0, "health", *suffers(said.flows))


def _control(said: _Said) -> Iterator[Fact]:
    flows, show = said.flows, said.show
    pid = show("pid", units.plain_count, " {}")
    yield Fact.of(4, "process", (said.text("comm") or cells.MISSING) + pid, said.text("cgroup"))
    yield Fact.of(18, "local", *local(flows)[:1])
    yield Fact.of(19, "remote", *remote(flows)[:1])
    if flows["state"][0] == TcpState.LISTEN:
        queue = show("rqueue", units.count, "{} in the queue")
        half_open = show("half_open", units.count, "{} half-open")
        yield Fact.of(0, "to accept", queue, show("wqueue", units.count, "limit {}"), half_open)
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
    segments = said.inside and show("in_flight_packets", units.segments, "{} segments")
    flying = said.must("in_flight", units.size), segments or "", window, waiting * some
    yield Fact.of(5, "in flight", *flying)
    if said.inside:
        yield from _inside(said)


def _mptcp(said: _Said) -> Iterator[Fact]:
    """Facts of a subflow: its kind, its connection, and how much of that one it carries."""
    if not said.known("mptcp_token"):
        return
    from tcctui.flows.subflows import kinds, share  # noqa: PLC0415 - few machines have MPTCP

    flows = said.flows
    kind = int(kinds(flows["subflow_flags"], flows["mptcp_flags"])[0])
    more = said.number("mptcp_subflows")
    of = f" of {more + 1:.0f} subflows" if kind != Subflow.FALLBACK and more >= 0 else ""
    word = SUBFLOW_NAMES[kind] + ("" if of else " subflow" * (kind != Subflow.FALLBACK))
    yield Fact.of(2, "mptcp", word + of, said.show("mptcp_token", units.hexadecimal))
    if kind == Subflow.FALLBACK:
        return
    carries = []
    for name, done in (("acked", "acknowledged"), ("received", "received")):
        total = said.number(f"mptcp_bytes_{name}")
        if total > 0:
            part = share(flows[f"bytes_{name}"], flows[f"mptcp_bytes_{name}"]).item(0)
            carries.append(f"{units.percent(part)} of {units.size(total)} {done}")
    again = said.number("mptcp_bytes_retrans")
    yield Fact.of(2, "carries", *carries, f"{units.size(again)} reinjected" if again > 0 else "")


def queue_facts(queue: OwnQueue) -> Iterator[Fact]:
    """Facts of this machine's own queue, which the connection shares with others."""
    waiting = f"{units.size(queue.backlog)} waiting" if queue.backlog else "empty"
    if queue.backlog and not math.isnan(queue.wait_us):
        waiting += f", {units.milliseconds(queue.wait_us)} to go"
    drops = f"{units.count(queue.drops)} dropped" if queue.drops else ""
    yield Fact.of(6, "own queue", waiting, f"{queue.kind} on {plain(queue.device)}", drops)
    own = queue.own
    if own is not None:
        mean, longest = (units.milliseconds(us) for us in (own.wait_us, own.longest_us))
        backlog = f"{units.size(own.backlog)} of it"
        yield Fact.of(6, "own wait", f"{mean}, {longest} at most", backlog)


def _inside(said: _Said) -> Iterator[Fact]:
    """Facts of the socket itself, while it is read at its ACKs."""
    from tcctui.flows.inside.values import alone  # noqa: PLC0415 - only where it is read

    def show(name: str, form: Callable[[float], str], words: str = "{}") -> str:
        value = float(alone(name, said.flows["socket"][:1], said.flows).item(0))
        return "" if math.isnan(value) else words.format(form(value)) if value else ""

    least, most = (show(f"in_flight_packets_{end}", units.segments) for end in ("min", "max"))
    # One number stands with what is in flight in bytes.
    flying = f"{least or '0'} to {most} in flight" if most and least != most else ""
    probe = show("tlp_out", units.plain_count, "tail loss probe out")
    lost = said.show("lost", units.segments, "{} presumed lost") if said.number("lost") else ""
    yield Fact.of(5, "segments", flying, probe, lost)
    again = show("undo_retrans", units.segments, " ({} retransmits)")
    undo = show("undo_possible", units.plain_count, f"undo possible{again}")
    before = show("prior_ssthresh", units.segments, "ssthresh was {}") if undo else ""
    yield Fact.of(4, "recovery", show("recovery_left", units.size, "{} to go"), undo, before)
    limited = show("app_limited", units.plain_count, "limits the rate")
    unread = said.show("rqueue", units.size, "{} unread") if said.number("rqueue") else ""
    yield Fact.of(8, "application", limited, unread)


def _times(said: _Said) -> Iterator[Fact]:
    show, must = said.show, said.must
    rtt = must("srtt_us", units.milliseconds) + show("rttvar", units.milliseconds, " ± {}")
    yield Fact.of(0, "rtt", rtt, show("min_rtt", units.milliseconds, "min {}"))
    queueing = show("queueing_us", lambda value: units.milliseconds(value) if value else "none")
    again = f" (backoff {said.number('backoff'):.0f})" if said.number("backoff") > 0 else ""
    yield Fact.of(6, "queueing", queueing, show("rto", units.milliseconds, f"rto {{}}{again}"))
    limited = " (app-limited)" if said.bit("rate_flags", _APP_LIMITED) else ""
    delivered = must("delivery_rate", units.rate) + limited
    yield Fact.of(3, "delivery", delivered, must("rate", units.rate, "acked {}"))
    yield Fact.of(8, "pacing", show("pacing_rate", units.rate))


def _bbr(said: _Said) -> Iterator[Fact]:
    show, must = said.show, said.must
    if said.read("algorithm") and not said.flows["closed_ns"][0]:
        from tcctui.flows.algorithms.columns import first  # noqa: PLC0415 - where it is read
        from tcctui.ui.details.algorithm_state import lines  # noqa: PLC0415

        state = first(said.flows["algorithm"], said.flows["mss"])
        if state is not None:
            yield from (Fact(*line) for line in lines(state, said.number("snd_cwnd")))
            return
    if said.known("bbr_pacing_gain"):
        phase, mode = (int(said.flows[name][0]) for name in ("bbr_phase", "bbr_mode"))
        gains = show("bbr_pacing_gain", units.gain, "gain {}")
        gains += show("bbr_cwnd_gain", units.gain, " × {}")
        yield Fact.of(2, "bbr", told(phase, mode) if phase else "", gains)
        min_rtt = must("bbr_min_rtt", units.milliseconds, "min rtt {}")
        yield Fact.of(3, "bbr model", must("bbr_bw", units.rate, "bw {}"), min_rtt)
    if said.number("dctcp_enabled") > 0:
        yield Fact.of(7, "dctcp", show("dctcp_alpha", units.alpha, "alpha {}"))


def _amounts(said: _Said) -> Iterator[Fact]:
    show = said.show
    lost = said.must("total_retrans", units.count)
    lost += show("data_segs_out", units.count, " of {} segments")
    yield Fact.of(7, "retrans", lost, show("retrans_percent", units.percent))
    yield Fact.of(6, "by cause", ", ".join(filter(None, (said.some(*one) for one in _CAUSES))))
    acked = show("bytes_acked", units.size, "acked {}")
    reason = said.text("drop_reason")
    here = said.some("dropped", f"packet{'s' * (said.number('dropped') != 1)} here")
    yield Fact.of(4, "dropped", here, f"last {reason}" if here else "")
    yield Fact.of(9, "sent", said.sent(), acked, show("bytes_retrans", units.size, "retrans {}"))
    arriving = show("rcv_rate", units.rate) if said.number("rcv_rate") else ""
    yield Fact.of(15, "received", show("bytes_received", units.size), arriving)
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
    yield Fact.of(20, TOLD_BY, "a sample" if said.flows["from_sample"][0] else "tcp_probe")


def _ecn(said: _Said) -> str:
    if not said.known("options"):
        return ""
    if not said.bit("options", _OPT_ECN):
        return "off"
    return "on, seen" if said.bit("options", _OPT_ECN_SEEN) else "on"
