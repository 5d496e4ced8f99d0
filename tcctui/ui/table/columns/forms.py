"""How cells write what `units` has no form for, and cells that are made of several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcctui.flows.diagnosis.bbr import PHASE_NAMES, UNIT, BbrPhase
from tcctui.flows.snapshot import Flows
from tcctui.ui.style import units
from tcctui.ui.table import cells
from tcctui.wire.events import AF_INET, AF_INET6, CaState

DCTCP_ONE = 1024
"""An alpha of 1.0 (DCTCP_MAX_ALPHA, net/ipv4/tcp_dctcp.c)."""

_WSCALE = 4

OPTIONS: Mapping[int, str] = {
    1: "ts",
    2: "sack",
    _WSCALE: "wscale",
    8: "ecn",
    16: "ecnseen",
    32: "fastopen",
    64: "usec_ts",
    128: "tfo_child",
}
"""Bits of tcpi_options (TCPI_OPT_*, include/uapi/linux/tcp.h), in ss's words where it has one."""

CA_STATES: Mapping[int, str] = {
    CaState.OPEN: "Open",
    CaState.DISORDER: "Disorder",
    CaState.CWR: "CWR",
    CaState.RECOVERY: "Recovery",
    CaState.LOSS: "Loss",
}

FAMILIES: Mapping[int, str] = {AF_INET: "IPv4", AF_INET6: "IPv6"}

BBR_PHASES: Mapping[int, str] = {
    phase: name for phase, name in PHASE_NAMES.items() if phase != BbrPhase.UNKNOWN
}

PHASES: Mapping[int, str] = {0: "avoidance", 1: "slow-start"}

YES_NO: Mapping[int, str] = {0: "no", 1: "yes"}


def gain(value: float) -> str:
    """A gain of BBR: 1.25."""
    return f"{value / UNIT:.2f}"


def alpha(value: float) -> str:
    """DCTCP's share of marked bytes: 0.125."""
    return f"{value / DCTCP_ONE:.3f}"


def bits(value: float) -> str:
    """A number that is a set of bits or an address: 0x1f; 0 for none."""
    return f"{int(value):#x}" if value else "0"


def whole(value: float) -> str:
    """A number of which each digit counts."""
    return str(int(value))


def device(value: float) -> str:
    """The number of a device; "any" where a socket is bound to none."""
    return whole(value) if value else "any"


def clock(microseconds: float) -> str:
    """A time that adds up: 4.12 ms, 950 ms, then 3.2s, 3m05s."""
    return units.milliseconds(microseconds) if microseconds < 1e6 else units.age(microseconds * 1e3)


def ago(milliseconds: float) -> str:
    """Time since something, of milliseconds: 40 ms, 3.2s, 3m05s."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else units.age(milliseconds * 1e6)


def app_limited(flags: float) -> str:
    """Whether the lowest bit of tcpi_rate_flags is set (tcpi_delivery_rate_app_limited)."""
    return YES_NO[int(flags) & 1]


def options(value: float) -> str:
    """The options that both ends agreed on, in words; "none" where there are none."""
    return " ".join(word for bit, word in OPTIONS.items() if int(value) & bit) or "none"


def scales(flows: Flows) -> list[str]:
    """Both window scales, ours last, as ss writes them: 7,10; a dash where there is no scaling."""
    scaling = (np.nan_to_num(flows["options"]).astype("u1") & _WSCALE) != 0
    return [
        f"{int(scale) & 15},{int(scale) >> 4}" if known else cells.MISSING
        for scale, known in zip(flows["wscale"].tolist(), scaling.tolist(), strict=True)
    ]


def word(words: Mapping[int, str]) -> Callable[[float], str]:
    """A form that gives numbers their names; a number without one is itself."""
    return lambda value: words.get(int(value), whole(value))


def since(name: str) -> Callable[[Flows], list[str]]:
    """Cells that say how long ago the moment in the column `name` was."""

    def made(flows: Flows) -> list[str]:
        moments = flows[name]
        unknown = cells.missing(name, moments).tolist()
        return [
            cells.MISSING if none else units.age(max(0, flows.now_ns - moment))
            for moment, none in zip(moments.tolist(), unknown, strict=True)
        ]

    return made


def share(place: int) -> Callable[[Flows], list[str]]:
    """Cells of one of `limit_shares`: the part of the last 2 s, in percent."""
    return lambda flows: [
        cells.MISSING if value != value else units.percent(100 * value)  # noqa: PLR0124 - NaN
        for value in flows["limit_shares"][:, place].tolist()
    ]


def phase(flows: Flows) -> list[str]:
    """What congestion control is at; of BBR, whose cwnd below ssthresh says nothing, its model."""
    return [
        cells.MISSING
        if not cwnd
        else BBR_PHASES.get(inferred, cells.MISSING)
        if cc == b"bbr"
        else PHASES[slow]
        for cwnd, cc, inferred, slow in zip(
            *(flows[name].tolist() for name in ("snd_cwnd", "cc", "bbr_phase", "slow_start")),
            strict=True,
        )
    ]
