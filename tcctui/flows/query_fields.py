"""The fields that a query can name, and the columns that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.events import CaState
from tcctui.flows import quantities
from tcctui.flows.bbr import PHASE_NAMES
from tcctui.flows.bbr import BbrPhase as Phase
from tcctui.flows.causes import LIMIT_NAMES, Limit
from tcctui.flows.columns import UNKNOWN_WINDOW
from tcctui.flows.states import STATE_NAMES, STATES_BY_NAME, fold
from tcctui.flows.terms import Field, endpoints, names, number, ports
from tcctui.flows.text_terms import texts

_PHASES = {
    "slowstart": frozenset({1}),
    "avoidance": frozenset({0}),
    "congestionavoidance": frozenset({0}),
}
_LIMITS = {
    **{LIMIT_NAMES[limit]: limit for limit in Limit if limit != Limit.UNKNOWN},
    "unknown": Limit.UNKNOWN,
}
_CA_STATES = {state.name.lower(): state for state in CaState}
_BBR = {PHASE_NAMES[phase]: phase for phase in Phase if phase != Phase.UNKNOWN}
_CWND = number("snd_cwnd", quantities.SEGMENTS, unknown=0)
_SRTT = number("srtt_us", quantities.ROUND_TRIP, unknown=0)
_IN_FLIGHT = number("in_flight", quantities.BYTES)
_RCV_WND = number("rcv_wnd", quantities.BYTES, unknown=UNKNOWN_WINDOW)
_ACKED = number("bytes_acked", quantities.BYTES)
_RETRANS_PERCENT = number("retrans_percent", quantities.PERCENT)
_MIN_RTT = number("min_rtt", quantities.ROUND_TRIP)
_QUEUEING = number("queueing_us", quantities.ROUND_TRIP)
_DELIVERY = number("delivery_rate", quantities.BIT_RATE)
_PACING = number("pacing_rate", quantities.BIT_RATE)


def _named(column: str, noun: str, numbers: Mapping[str, int]) -> Field:
    values = {fold(name): frozenset({number}) for name, number in numbers.items()}
    return names(column, noun, values, tuple(numbers))


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "port": ports("sport", "dport"),
        "sport": ports("sport"),
        "dport": ports("dport"),
        "ip": endpoints("s", "d"),
        "src": endpoints("s"),
        "dst": endpoints("d"),
        "state": names(
            "state",
            "a state",
            STATES_BY_NAME,
            tuple(dict.fromkeys(name.lower() for name in STATE_NAMES.values())),
        ),
        "phase": names("slow_start", "a phase", _PHASES, ("slow-start", "avoidance")),
        "limit": _named("limit", "a cause", _LIMITS),
        "ca": _named("ca_state", "a state", _CA_STATES),
        "bbr": _named("bbr_phase", "a phase", _BBR),
        "cc": texts("cc", "an algorithm", "bbr"),
        "proc": texts("comm", "a name", "nginx"),
        "cgroup": texts("cgroup", "a name", "docker"),
        "netns": texts("netns_name", "a name", "host"),
        "pid": number("pid", quantities.IDENTIFIER),
        "uid": number("uid", quantities.IDENTIFIER),
        "cwnd": _CWND,
        "snd_cwnd": _CWND,
        "ssthresh": number("ssthresh", quantities.THRESHOLD, unknown=0),
        "srtt": _SRTT,
        "rtt": _SRTT,
        "srtt_us": _SRTT,
        "inflight": _IN_FLIGHT,
        "in_flight": _IN_FLIGHT,
        "rcv_wnd": _RCV_WND,
        "rwnd": _RCV_WND,
        "snd_wnd": number("snd_wnd", quantities.BYTES, unknown=UNKNOWN_WINDOW),
        "mss": number("mss", quantities.BYTES, unknown=0),
        "acked": _ACKED,
        "bytes_acked": _ACKED,
        "rate": number("rate", quantities.BIT_RATE),
        "retrans": number("total_retrans", quantities.SEGMENTS),
        "retrans_pct": _RETRANS_PERCENT,
        "retrans%": _RETRANS_PERCENT,
        "retr%": _RETRANS_PERCENT,
        "unacked": number("unacked", quantities.SEGMENTS),
        "minrtt": _MIN_RTT,
        "min_rtt": _MIN_RTT,
        "rttvar": number("rttvar", quantities.ROUND_TRIP),
        "rto": number("rto", quantities.ROUND_TRIP),
        "queueing": _QUEUEING,
        "queueing_us": _QUEUEING,
        "delivery": _DELIVERY,
        "delivery_rate": _DELIVERY,
        "pacing": _PACING,
        "pacing_rate": _PACING,
        "received": number("bytes_received", quantities.BYTES),
        "unsent": number("notsent_bytes", quantities.BYTES),
        "pmtu": number("pmtu", quantities.BYTES),
        "age": number("age_ns", quantities.AGE),
        "mark": number("mark", quantities.IDENTIFIER),
        "cookie": number("cookie", quantities.IDENTIFIER),
    }
)
"""What may stand before `:` or a comparison."""
