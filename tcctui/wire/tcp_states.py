"""Names of TCP and CA states in output and queries."""

from __future__ import annotations

from collections.abc import Mapping

from tcctui.wire.events import CaState, TcpState

STATE_NAMES: Mapping[int, str] = {
    TcpState.ESTABLISHED: "ESTAB",
    TcpState.SYN_SENT: "SYN-SENT",
    TcpState.SYN_RECV: "SYN-RECV",
    TcpState.FIN_WAIT1: "FIN-WAIT-1",
    TcpState.FIN_WAIT2: "FIN-WAIT-2",
    TcpState.TIME_WAIT: "TIME-WAIT",
    TcpState.CLOSE: "CLOSED",  # ss's word is UNCONN, for any socket that is not connected
    TcpState.CLOSE_WAIT: "CLOSE-WAIT",
    TcpState.LAST_ACK: "LAST-ACK",
    TcpState.LISTEN: "LISTEN",
    TcpState.CLOSING: "CLOSING",
    # A request socket; sock_diag reports it as TCP_SYN_RECV (net/ipv4/inet_diag.c), as ss does.
    TcpState.NEW_SYN_RECV: "SYN-RECV",
}
"""Displayed name of each state, by its number (`TcpState`): the words of `ss`, but for CLOSED."""

CA_STATE_NAMES: Mapping[int, str] = {
    CaState.OPEN: "Open",
    CaState.DISORDER: "Disorder",
    CaState.CWR: "CWR",
    CaState.RECOVERY: "Recovery",
    CaState.LOSS: "Loss",
}
"""The same for states of loss recovery, in the words of the kernel's comments."""


def fold(name: str) -> str:
    """Normalise a name's spelling: `FIN_WAIT1` and `fin-wait-1` are `finwait1`."""
    return name.lower().replace("-", "").replace("_", "")


WITHOUT_CONNECTION = (TcpState.LISTEN, TcpState.SYN_RECV)
"""States of listeners, and of requests that a listener has not yet made a socket for."""


def _spellings() -> dict[str, frozenset[int]]:
    numbers: dict[str, set[int]] = {"unconn": {TcpState.CLOSE}}
    for state in TcpState:
        for name in (STATE_NAMES[state], state.name, f"TCP_{state.name}"):
            numbers.setdefault(fold(name), set()).add(state)
    return {name: frozenset(states) for name, states in numbers.items()}


STATES_BY_NAME: Mapping[str, frozenset[int]] = _spellings()
"""The numbers meant by each folded name: ss's spelling and the kernel's.

`synrecv` means NEW_SYN_RECV too, which ss doesn't tell apart.
"""
