"""What the table's cells say: one text for each flow, made of its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import UNKNOWN_CA_STATE, UNKNOWN_WINDOW
from tcctui.flows.diagnosis.bbr import PHASE_NAMES, BbrPhase
from tcctui.flows.diagnosis.diagnosis import LIMIT_NAMES, Limit
from tcctui.flows.labels import endpoints, state_name
from tcctui.flows.snapshot import Flows
from tcctui.ui.style import units
from tcctui.ui.style.printable import legible

MISSING = "–"
"""Stands where nothing is known."""

_UNKNOWN: Mapping[str, int] = MappingProxyType(
    {
        "snd_cwnd": 0,
        "ssthresh": 0,
        "srtt_us": 0,
        "mss": 0,
        "snd_wnd": UNKNOWN_WINDOW,
        "rcv_wnd": UNKNOWN_WINDOW,
        "limit": Limit.UNKNOWN,
        "ca_state": UNKNOWN_CA_STATE,
        "bbr_phase": BbrPhase.UNKNOWN,
        "skaddr": 0,
        "acks": 0,
        "last_ns": 0,
        "sampled_ns": 0,
        "opened_ns": 0,
        "closed_ns": 0,
    }
)
"""Values of flow columns that say that there is none, where the column has no NaN for that."""


def missing(name: str, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Say of which flows the column `name`, whose values these are, knows nothing."""
    if values.dtype.kind == "S":
        return np.asarray(values == b"")
    if values.dtype.kind == "f":
        return np.isnan(values)
    if name in _UNKNOWN:
        return np.asarray(values == _UNKNOWN[name])
    return np.zeros(len(values), bool)


def number(name: str, form: Callable[[float], str]) -> Callable[[Flows], list[str]]:
    """Cells that show the column `name`, each number as `form` writes it."""

    def cells(flows: Flows) -> list[str]:
        values = flows[name]
        return [
            MISSING if unknown else form(value)
            for value, unknown in zip(values.tolist(), missing(name, values).tolist(), strict=True)
        ]

    return cells


def text(name: str) -> Callable[[Flows], list[str]]:
    """Cells that show a column of bytes, such as names that processes give themselves."""
    return lambda flows: [legible(value) or MISSING for value in flows[name].tolist()]


def local(flows: Flows) -> list[str]:
    """Address and port at this end."""
    return endpoints(flows["saddr_hi"], flows["saddr_lo"], flows["sport"])


def remote(flows: Flows) -> list[str]:
    """Address and port at the other end."""
    return endpoints(flows["daddr_hi"], flows["daddr_lo"], flows["dport"])


def state(flows: Flows) -> list[str]:
    """The socket's state, in ss's words."""
    return [state_name(value) for value in flows["state"].tolist()]


def limit(flows: Flows) -> list[str]:
    """What limits a flow, in a word."""
    return [LIMIT_NAMES[value] for value in flows["limit"].tolist()]


def age(flows: Flows) -> list[str]:
    """The age; of a flow whose opening was not seen it is a lower bound, marked with >."""
    seen = (flows["opened_ns"] > 0).tolist()
    return [
        units.age(value) if known else f">{units.age(value)}"
        for value, known in zip(flows["age_ns"].tolist(), seen, strict=True)
    ]


def phase(flows: Flows) -> str:
    """The phase of congestion control that a flow is in; `flows` has one.

    BBR goes by its model: that its cwnd is below ssthresh says nothing.
    """
    if bytes(flows["cc"][0]) == b"bbr":
        inferred = int(flows["bbr_phase"][0])
        return f"{PHASE_NAMES[inferred]} (inferred)" if inferred else ""
    return "slow start" if flows["slow_start"][0] else "congestion avoidance"
