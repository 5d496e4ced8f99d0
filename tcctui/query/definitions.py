"""Every field of the language, once: its names, what it is about, its meaning and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.flows.diagnosis.bbr import BbrPhase as Phase
from tcctui.flows.diagnosis.causes import VERDICTS, Limit
from tcctui.query.network_terms import endpoints, families, ports
from tcctui.query.terms import Field, names
from tcctui.query.text_terms import texts
from tcctui.wire.events import CaState
from tcctui.wire.tcp_states import STATE_NAMES, STATES_BY_NAME, fold


@dataclass(frozen=True)
class Definition:
    """A field under its usual name; `synonyms` are the kernel's, ss's and the table's."""

    name: str
    synonyms: tuple[str, ...]
    field: Field
    meaning: str
    source: str


_PHASES = {
    "slowstart": frozenset({1}),
    "avoidance": frozenset({0}),
    "congestionavoidance": frozenset({0}),
}
_LIMITS = {
    **{row.name: row.limit for row in VERDICTS},
    "unknown": Limit.UNKNOWN,
}
_CA_STATES = {state.name.lower(): state for state in CaState}
_BBR = {PHASE_NAMES[phase]: phase for phase in Phase if phase != Phase.UNKNOWN}
_STATES = tuple(dict.fromkeys(name.lower() for name in STATE_NAMES.values()))
_ENDS = "tcp_probe, sock_diag"


def _named(column: str, noun: str, numbers: Mapping[str, int]) -> Field:
    values = {fold(name): frozenset({number}) for name, number in numbers.items()}
    return names(column, noun, values, tuple(numbers))


def _ends() -> tuple[Definition, ...]:
    local, remote = endpoints("s"), endpoints("d")
    return (
        Definition("port", (), ports("s", "d"), "port at either end", _ENDS),
        Definition("sport", ("lport",), ports("s"), "port at this end", "tcp_probe sport"),
        Definition("dport", ("rport",), ports("d"), "port at the other end", "tcp_probe dport"),
        Definition("ip", ("addr",), endpoints("s", "d"), "address or prefix of either end", _ENDS),
        Definition("src", ("local", "saddr"), local, "address at this end", "tcp_probe saddr"),
        Definition("dst", ("remote", "daddr"), remote, "address at the other", "tcp_probe daddr"),
        Definition(
            "family", (), families(), "IP version of the addresses as they are shown", _ENDS
        ),
    )


NAMED: tuple[Definition, ...] = (
    *_ends(),
    Definition(
        *("state", ()),
        names("state", "a state", STATES_BY_NAME, _STATES),
        *("state of the socket", "sock_diag idiag_state, inet_sock_set_state"),
    ),
    Definition(
        *("phase", ()),
        names("slow_start", "a phase", _PHASES, ("slow-start", "avoidance")),
        *("slow start while cwnd is below ssthresh", "tcp_probe snd_cwnd < ssthresh"),
    ),
    Definition(
        *("limit", ("limited",)),
        _named("limit", "a cause", _LIMITS),
        *("what held it back for most of the last 2 s", "worked out by tcctui"),
    ),
    Definition(
        *("ca", ("ca_state",)),
        _named("ca_state", "a state", _CA_STATES),
        *("state of loss recovery", "TCP_INFO tcpi_ca_state"),
    ),
    Definition(
        *("bbr", ("bbr_phase",)),
        _named("bbr_phase", "a phase", _BBR),
        *("phase of BBR, inferred from its gains", "INET_DIAG_BBRINFO"),
    ),
    Definition(
        *("cc", ("congestion",)),
        texts("cc", "an algorithm", "bbr"),
        *("congestion control algorithm", "INET_DIAG_CONG"),
    ),
    Definition(
        *("proc", ("process", "comm")),
        texts("comm", "a name", "nginx"),
        *("name of the process that has the socket", "/proc/PID/comm"),
    ),
    Definition(
        *("cgroup", ()),
        texts("cgroup", "a name", "docker"),
        *("container or unit of the process", "/proc/PID/cgroup"),
    ),
    Definition(
        *("netns", ("netns_name",)),
        texts("netns_name", "a name", "host"),
        *("network namespace: its name, or its number where it has none", "/run/netns, /proc"),
    ),
)
"""Fields that have names, addresses or ports for values."""
