"""Members of algorithms' own state (`icsk_ca_priv`): units and meanings of those that are known.

Each struct's members are in the order in which a person asks for them. Members that are not here
have their names alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple, TypeVar

from tcctui.fields.field import Column, Field, Unit, Where

PREFIX = "ca."
"""Prefix of such members' names in the query language, in settings and in exports."""


UNKNOWN_CODE = 255
"""Number of no word, of members that are words."""


_MEMBER = re.compile(rf"{re.escape(PREFIX)}[a-z_][\w.\[\]]*", re.IGNORECASE)


def is_member(name: str) -> bool:
    """True if a name is that of a member, of any algorithm: `ca.bic_K`."""
    return _MEMBER.fullmatch(name) is not None


class Scale(Enum):
    """Form in which the kernel keeps a number; the unit is the one in which it is shown."""

    PLAIN = "as it is"
    SINCE_JIFFIES = "moment in jiffies, 0: never; shown as the time since"
    JIFFIES = "time in jiffies"
    PER_JIFFY = "per jiffy"
    SECONDS_1024 = "time in 1024ths of a second"
    PACKETS = "packets per microsecond, times 2^24"
    """BW_SCALE (net/ipv4/tcp_bbr.c): bytes per second by the flow's segment size."""


class State(NamedTuple):
    """A member that is known; `unknown` is its number for no value, `words` are those of codes.

    `factor` is what one stands for, of fixed-point numbers.
    """

    name: str
    unit: Unit
    meaning: str
    scale: Scale = Scale.PLAIN
    factor: float = 1.0
    unknown: int | None = None
    words: tuple[str, ...] = ()


_NEVER = 0xFFFFFFFF

_SEGMENTS, _TIME, _FLAG, _COUNT = Unit.SEGMENTS, Unit.MICROSECONDS, Unit.FLAG, Unit.COUNT
_SEQUENCE, _RATE = Unit.SEQUENCE, Unit.BYTES_PER_SECOND

_CUBIC = (
    State("last_max_cwnd", _SEGMENTS, "W_max: window before the last reduction", unknown=0),
    State(
        *("bic_K", _TIME, "K: time from the epoch's begin to the plateau"), Scale.SECONDS_1024
    ),
    State("epoch_start", _TIME, "time since the curve's epoch began", Scale.SINCE_JIFFIES),
    State("bic_origin_point", _SEGMENTS, "window of the curve's plateau", unknown=0),
    State("tcp_cwnd", _SEGMENTS, "W_est: window that reno would have", unknown=0),
    State("cnt", _SEGMENTS, "acknowledged segments after which cwnd grows by one", unknown=0),
    State("ack_cnt", _SEGMENTS, "segments acknowledged towards the next step of W_est"),
    State("delay_min", _TIME, "minimum round-trip time", unknown=0),
    State("found", _FLAG, "HyStart has ended slow start"),
    State("curr_rtt", _TIME, "minimum round-trip time of this round (HyStart)", unknown=_NEVER),
    State("sample_cnt", _COUNT, "RTT samples of this round (HyStart)"),
    State("last_cwnd", _SEGMENTS, "window at the last update", unknown=0),
    State("last_time", _TIME, "time since the last update", Scale.SINCE_JIFFIES),
    State("end_seq", _SEQUENCE, "end of this round (HyStart)"),
)  # fmt: skip

_MODES = ("startup", "drain", "probe_bw", "probe_rtt")
_CA_STATES = ("open", "disorder", "cwr", "recovery", "loss")

_BBR = (
    State("mode", Unit.CODE, "mode, as the kernel has it", words=_MODES),
    State("pacing_gain", Unit.GAIN, "factor from the bandwidth to the pacing rate"),
    State("cwnd_gain", Unit.GAIN, "factor from the bandwidth-delay product to cwnd"),
    State("bw.s[0].v", _RATE, "bandwidth: maximum of the last 10 rounds", Scale.PACKETS, unknown=0),
    State("bw_hi[0]", _RATE, "maximum bandwidth of this probing cycle", Scale.PACKETS, unknown=0),
    State("bw_hi[1]", _RATE, "maximum bandwidth of the cycle before", Scale.PACKETS, unknown=0),
    State("bw_lo", _RATE, "bandwidth's short-term bound", Scale.PACKETS, unknown=_NEVER),
    State("bw_latest", _RATE, "bandwidth of the last round", Scale.PACKETS, unknown=0),
    State("min_rtt_us", _TIME, "minimum round-trip time of the last 10 s", unknown=_NEVER),
    State("min_rtt_stamp", _TIME, "time since min_rtt_us was measured", Scale.SINCE_JIFFIES),
    State("probe_rtt_min_us", _TIME, "minimum round-trip time since PROBE_RTT", unknown=_NEVER),
    State("probe_rtt_min_stamp", _TIME, "time since probe_rtt_min_us", Scale.SINCE_JIFFIES),
    State("inflight_hi", _SEGMENTS, "bound of what is in flight", unknown=_NEVER),
    State("inflight_lo", _SEGMENTS, "its short-term bound", unknown=_NEVER),
    State("inflight_latest", _SEGMENTS, "segments delivered in the last round"),
    State("rtt_cnt", _COUNT, "rounds so far"),
    State("full_bw_reached", _FLAG, "startup has filled the pipe"),
    State("full_bw", _RATE, "bandwidth that would be outgrown", Scale.PACKETS, unknown=0),
    State("full_bw_cnt", _COUNT, "rounds without growth of 25 %"),
    State("cycle_idx", _COUNT, "phase of the cycle of pacing gains"),
    State("idle_restart", _FLAG, "restarts after idle"),
    State("packet_conservation", _FLAG, "sends what was delivered, in recovery's first round"),
    State("probe_rtt_round_done", _FLAG, "PROBE_RTT has had a round"),
    State("round_start", _FLAG, "a round begins"),
    State("prev_ca_state", Unit.CODE, "state of recovery at the last ACK", words=_CA_STATES),
    State("has_seen_rtt", _FLAG, "has an RTT sample"),
    State("lt_use_bw", _FLAG, "paces at a policer's rate"),
    State("lt_bw", _RATE, "the policer's rate", Scale.PACKETS, unknown=0),
    State("lt_is_sampling", _FLAG, "measures whether there is a policer"),
    State("lt_rtt_cnt", _COUNT, "rounds of that measurement"),
    State("prior_cwnd", _SEGMENTS, "window to come back to", unknown=0),
    State("extra_acked[0]", _SEGMENTS, "acknowledged beyond the bandwidth, at most"),
    State("extra_acked[1]", _SEGMENTS, "the same of the window before"),
    State("ack_epoch_acked", _SEGMENTS, "acknowledged in this epoch of aggregation"),
    State("init_cwnd", _SEGMENTS, "window at the begin"),
    State("ce_state", _FLAG, "the last segment received had a congestion mark"),
)  # fmt: skip

_DCTCP = (
    State("dctcp_alpha", Unit.ALPHA, "average share of bytes with congestion marks"),
    State("loss_cwnd", _SEGMENTS, "window before the last loss", unknown=0),
    State("ce_state", _FLAG, "the last segment received had a congestion mark"),
    State("old_delivered", Unit.TOTAL, "delivered at the window's begin"),
    State("old_delivered_ce", Unit.TOTAL, "of them with marks"),
    State("next_seq", _SEQUENCE, "end of the window"),
    State("prior_rcv_nxt", _SEQUENCE, "rcv_nxt at the last change of ce_state"),
)

_VEGAS = (
    State("baseRTT", _TIME, "minimum round-trip time", unknown=0x7FFFFFFF),
    State("minRTT", _TIME, "minimum round-trip time of this round", unknown=0x7FFFFFFF),
    State("cntRTT", _COUNT, "RTT samples of this round"),
    State("doing_vegas_now", _FLAG, "vegas works; without it is reno"),
    State("beg_snd_cwnd", _SEGMENTS, "window at the round's begin"),
    State("beg_snd_nxt", _SEQUENCE, "end of the round"),
)

_WESTWOOD = (
    State("bw_est", _RATE, "bandwidth estimate", Scale.PER_JIFFY, unknown=0),
    State("bw_ns_est", _RATE, "bandwidth estimate, less smoothed", Scale.PER_JIFFY, unknown=0),
    State("rtt_min", _TIME, "minimum round-trip time", Scale.JIFFIES, unknown=0),
    State("rtt", _TIME, "round-trip time", Scale.JIFFIES, unknown=0),
    State("rtt_win_sx", _TIME, "time since this window began", Scale.SINCE_JIFFIES),
    State("bk", Unit.BYTES, "acknowledged in this window"),
    State("snd_una", _SEQUENCE, "the last acknowledged"),
    State("first_ack", _FLAG, "had no ACK yet"),
    State("reset_rtt_min", _FLAG, "takes the next RTT for the minimum"),
)

_ILLINOIS = (
    State("alpha", _COUNT, "additive increase, in segments per round", factor=1 / 128),
    State("beta", Unit.PERCENT, "share that a loss takes from cwnd", factor=100 / 64),
    State("base_rtt", _TIME, "minimum round-trip time", unknown=0x7FFFFFFF),
    State("max_rtt", _TIME, "maximum round-trip time", unknown=0),
    State("sum_rtt", _TIME, "sum of this round's samples"),
    State("cnt_rtt", _COUNT, "RTT samples of this round"),
    State("acked", _SEGMENTS, "acknowledged towards the next step"),
    State("rtt_above", _FLAG, "delays are above the threshold"),
    State("rtt_low", _COUNT, "rounds below the threshold"),
    State("end_seq", _SEQUENCE, "end of this round"),
)  # fmt: skip

STATES: Mapping[str, tuple[State, ...]] = {
    "bictcp": _CUBIC,
    "bbr": _BBR,
    "bbr3": _BBR,
    "dctcp": _DCTCP,
    "vegas": _VEGAS,
    "westwood": _WESTWOOD,
    "illinois": _ILLINOIS,
}
"""Members that are known, by their struct (net/ipv4/tcp_*.c)."""

BY_NAME: Mapping[str, State] = {
    state.name.lower(): state for states in reversed(list(STATES.values())) for state in states
}
"""Members by their names in lower case, of whichever struct: those of one name have one unit."""


def field(name: str) -> Field:
    """Field of a member, known or not: `ca.bic_K`, in any case."""
    member = name[len(PREFIX) :]
    state = BY_NAME.get(member.lower()) or State(member, _COUNT, "")
    structs = [struct for struct, states in STATES.items() if state in states]
    code = state.unit is Unit.CODE
    own = PREFIX + state.name
    return Field(
        *(own, "u1" if code else "f8", state.unit),
        state.meaning or f"member {member} of the algorithm's own state",
        f"icsk_ca_priv {', '.join(f'struct {struct}' for struct in structs)}".rstrip(),
        Column(state.name.upper(), key=own),
        query=own.lower(),
        where=Where.INSIDE,
        unknown=UNKNOWN_CODE if code else None,
        noun="a word",
    )


def fields(seen: Iterable[str] = ()) -> tuple[Field, ...]:
    """Fields of members: those that were seen, then all others that are known."""
    names = {name.lower(): name for name in (*seen, *BY_NAME)}
    return tuple(field(PREFIX + name) for name in names.values())


Made = TypeVar("Made")


class WithState(Mapping[str, Made]):
    """Mapping of fields by name; for members of states, values are `made` when they are asked for.

    They are not counted, and not among all names.
    """

    def __init__(self, fields: Mapping[str, Made], made: Callable[[Field], Made]) -> None:
        self._fields, self._made = fields, made
        self._states: dict[str, Made] = {}

    def __getitem__(self, name: str) -> Made:
        if name in self._fields or not is_member(name):
            return self._fields[name]
        if name not in self._states:
            if len(self._states) >= _MOST:
                self._states.clear()
            self._states[name] = self._made(field(name))
        return self._states[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


_MOST = 256
