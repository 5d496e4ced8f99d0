"""Facts about one flow, as lines of text for the details."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tcctui.fields.connection import ENDS
from tcctui.flows.columns import missing
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


def facts(flows: Flows) -> list[Fact]:
    """All facts about the first of the flows, from top to bottom.

    Unknown values are left out, except for a few that everyone expects, which are a dash.
    """
    said = _Said(flows)
    return [
        Fact(rank, label, there)
        for rank, label, pieces in _lines(said)
        if (there := tuple(piece for piece in pieces if piece))
    ]


class _Said:
    """Values of one flow as text; empty if unknown."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

    def number(self, name: str) -> float:
        """Value, NaN if unknown."""
        column = self.flows[name][:1]
        return np.nan if missing(name, column)[0] else float(column[0])

    def known(self, name: str) -> bool:
        """True if a value is known."""
        return not np.isnan(self.number(name))

    def show(self, name: str, form: Callable[[float], str], words: str = "{}") -> str:
        """Value formatted by `form`, among `words`."""
        value = self.number(name)
        return "" if np.isnan(value) else words.format(form(value))

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
        return "" if np.isnan(sent) else units.size(max(sent, self.number("bytes_acked")))

    def ago(self, name: str, words: str) -> str:
        """Time since an event that a sample reports in milliseconds."""
        value = self.number(name)
        if np.isnan(value) or value > _LONG_AGO_MS:
            return ""
        since = max(0, self.flows.now_ns - int(self.flows["sampled_ns"][0]))
        if name == "last_data_sent" and self.flows["last_ns"][0] > self.flows["sampled_ns"][0]:
            since = 0  # it was not idle since: something was acknowledged
        return words.format(units.age(value * 1e6 + since))


def _lines(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    """Yield rank, label and text in pieces of each line."""
    yield from _whose(said)
    yield from _window(said)
    yield from _times(said)
    yield from _bbr(said)
    yield from _amounts(said)
    yield from _path(said)


def _whose(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    flows = said.flows
    pid = said.show("pid", units.plain_count, " {}")
    yield 4, "process", [(said.text("comm") or cells.MISSING) + pid, said.text("cgroup")]
    yield 18, "local", local(flows)[:1]
    yield 19, "remote", remote(flows)[:1]
    yield 14, "netns", [said.text("netns_name") or said.show("netns", units.plain_count)]


def _window(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    flows = said.flows
    state = int(flows["ca_state"][0])
    closed = bool(flows["closed_ns"][0])
    phase = "" if flows["bbr_phase"][0] else cells.phase(flows).removeprefix("congestion ")
    yield (
        2,
        "control",
        [
            said.text("cc") or cells.MISSING,
            CA_STATE_NAMES.get(state, ""),
            state_name(int(flows["state"][0])) if closed else phase * said.known("snd_cwnd"),
        ],
    )
    yield (
        1,
        "cwnd",
        [
            said.must("snd_cwnd", units.segments),
            said.show("ssthresh", units.segments, "ssthresh {}"),
        ],
    )
    yield (
        5,
        "in flight",
        [
            said.must("in_flight", units.size),
            said.show("snd_wnd", units.size, "peer's window {}"),
            said.show("notsent_bytes", units.size, "waiting {}") if _some(said) else "",
        ],
    )


def _some(said: _Said) -> bool:
    return said.number("notsent_bytes") > 0


def _times(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    rtt = said.must("srtt_us", units.milliseconds)
    yield (
        0,
        "rtt",
        [
            rtt + said.show("rttvar", units.milliseconds, " ± {}"),
            said.show("min_rtt", units.milliseconds, "min {}"),
        ],
    )
    yield (
        6,
        "queueing",
        [
            said.show("queueing_us", lambda value: units.milliseconds(value) if value else "none"),
            said.show("rto", units.milliseconds, "rto {}"),
        ],
    )
    limited = " (app-limited)" if said.bit("rate_flags", _APP_LIMITED) else ""
    delivered = said.must("delivery_rate", units.rate) + limited
    yield 3, "delivery", [delivered, said.must("rate", units.rate, "acked {}")]
    yield 8, "pacing", [said.show("pacing_rate", units.rate)]


def _bbr(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    if said.known("bbr_pacing_gain"):
        phase = BbrPhase(int(said.flows["bbr_phase"][0]))
        yield (
            2,
            "bbr",
            [
                f"{PHASE_NAMES[phase]} (inferred)" if phase else "",
                said.show("bbr_pacing_gain", units.gain, "gain {}")
                + said.show("bbr_cwnd_gain", units.gain, " × {}"),
            ],
        )
        yield (
            3,
            "bbr model",
            [
                said.must("bbr_bw", units.rate, "bw {}"),
                said.must("bbr_min_rtt", units.milliseconds, "min rtt {}"),
            ],
        )
    if said.number("dctcp_enabled") > 0:
        yield (
            7,
            "dctcp",
            [said.show("dctcp_alpha", units.alpha, "alpha {}")],
        )


def _amounts(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    yield (
        7,
        "retrans",
        [
            said.must("total_retrans", units.count)
            + said.show("data_segs_out", units.count, " of {} segments"),
            said.show("retrans_percent", units.percent),
        ],
    )
    yield (
        9,
        "sent",
        [
            said.sent(),
            said.show("bytes_acked", units.size, "acked {}"),
            said.show("bytes_retrans", units.size, "again {}"),
        ],
    )
    yield 15, "received", [said.show("bytes_received", units.size)]
    yield (
        10,
        "last",
        [said.ago("last_data_sent", "sent {} ago"), said.ago("last_data_recv", "received {} ago")],
    )


def _path(said: _Said) -> Iterator[tuple[int, str, list[str]]]:
    yield (
        11,
        "mss",
        [
            said.show("snd_mss", units.plain_count) or said.show("mss", units.plain_count),
            said.show("pmtu", units.plain_count, "pmtu {}"),
            said.show("advmss", units.plain_count, "advertised {}"),
        ],
    )
    scale = int(said.number("wscale")) if said.bit("options", units.OPT_WSCALE) else None
    yield (
        16,
        "scaling",
        [] if scale is None else [f"window × 2^{scale & 15} sent, 2^{scale >> 4} received"],
    )
    yield (
        12,
        "reorder",
        [
            said.show("reordering", units.plain_count, "{} segments"),
            said.show("reord_seen", units.count, "seen {} times"),
        ],
    )
    yield 13, "ecn", [_ecn(said), said.show("delivered_ce", units.count, "{} marked")]
    yield (
        17,
        "buffers",
        [said.show("sndbuf", units.size, "send {}"), said.show("rcvbuf", units.size, "receive {}")],
    )
    source = "a sample" if said.flows["from_sample"][0] else "tcp_probe"
    yield 20, "told by", [source]


def _ecn(said: _Said) -> str:
    if not said.known("options"):
        return ""
    if not said.bit("options", _OPT_ECN):
        return "off"
    return "on, seen" if said.bit("options", _OPT_ECN_SEEN) else "on"
