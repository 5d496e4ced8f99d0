"""Words for the numbers of columns that stand for words (`Unit.CODE`)."""

from __future__ import annotations

from collections.abc import Mapping

from tcctui.fields.algorithm_state import BY_NAME as KNOWN
from tcctui.fields.algorithm_state import PREFIX, UNKNOWN_CODE
from tcctui.fields.mptcp import SUBFLOW_NAMES
from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.flows.diagnosis.health import NAMES as HEALTH_NAMES
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES
from tcctui.wire.events import AF_INET, AF_INET6
from tcctui.wire.tcp_states import CA_STATE_NAMES, STATE_NAMES

VALUE_NAMES: Mapping[str, Mapping[int, str]] = {
    "state": STATE_NAMES,
    "ca_state": CA_STATE_NAMES,
    "limit": LIMIT_NAMES,
    "health": HEALTH_NAMES,
    "bbr_phase": PHASE_NAMES,
    "subflow": SUBFLOW_NAMES,
    "slow_start": {1: "slow-start", 0: "avoidance"},
    "family": {AF_INET: "IPv4", AF_INET6: "IPv6"},
    "from_sample": {0: "event", 1: "sample"},
    **{
        PREFIX + state.name: {UNKNOWN_CODE: "–", **dict(enumerate(state.words))}
        for state in KNOWN.values()
        if state.words
    },
}
"""Words by number, by the name of the column."""
