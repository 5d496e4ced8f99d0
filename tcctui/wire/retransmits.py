"""Why the kernel sent a segment again, and whether it took a loss back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from tcctui.arrays import U8, Mask
from tcctui.wire.events import RECOVERY, CaState, Events, TcpState

_OPEN, _DISORDER, _CWR, _RECOVERY, _LOSS = map(int, CaState)
_SYN_SENT, _SYN_RECV = int(TcpState.SYN_SENT), int(TcpState.SYN_RECV)

_LOSS_PROBE, _REORDERING = 5, 6
"""Timers: ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT (include/net/inet_connection_sock.h)."""


class Cause(IntEnum):
    """Cause of a retransmission."""

    UNKNOWN = 0
    """The kernel's types are not known, or the event is of an older recording."""
    TIMEOUT = 1
    """The retransmission timer ran out (tcp_retransmit_timer)."""
    AFTER_TIMEOUT = 2
    """In Loss, as ACKs allow: the rest of what a timeout marked as lost."""
    FAST = 3
    """In Recovery: by duplicate ACKs, SACK or RACK (tcp_xmit_retransmit_queue)."""
    REORDERING = 4
    """In Recovery, by the timer of RACK's reordering window (tcp_rack_reo_timeout)."""
    PROBE = 5
    """Tail loss probe: no ACK came for two round-trip times (tcp_send_loss_probe)."""
    SYN = 6
    """The SYN, or data with it: no answer came."""
    OTHER = 7
    """Outside all of these: a smaller MTU, for one (tcp_simple_retransmit)."""


CAUSE_WORDS: Mapping[int, str] = {
    Cause.UNKNOWN: "",
    Cause.TIMEOUT: "RTO",
    Cause.AFTER_TIMEOUT: "after an RTO",
    Cause.FAST: "fast",
    Cause.REORDERING: "RACK timer",
    Cause.PROBE: "TLP",
    Cause.SYN: "SYN",
    Cause.OTHER: "other",
}
"""Words for people."""


COUNTED: Mapping[str, tuple[Cause, ...]] = {
    "retrans_rto": (Cause.TIMEOUT, Cause.AFTER_TIMEOUT),
    "retrans_fast": (Cause.FAST, Cause.REORDERING),
    "retrans_tlp": (Cause.PROBE,),
    "retrans_syn": (Cause.SYN,),
}
"""Columns of a flow that count retransmissions, and the causes that each counts."""


def causes(events: Events) -> U8:
    """Cause of each RETRANSMIT event, a `Cause`.

    A timeout clears the pending timer before it sends (tcp_write_timer_handler), and every ACK that
    sends more in Loss has set it anew: that tells the two apart.
    """
    at = events.view(RECOVERY)
    state, pending = at["ca_state"], at["pending"]
    calm = (state == _OPEN) | (state == _DISORDER) | (state == _CWR)
    found = np.select(
        [
            at["known"] == 0,
            (events["newstate"] == _SYN_SENT) | (events["newstate"] == _SYN_RECV),
            (state == _LOSS) & (pending == 0),
            state == _LOSS,
            (state == _RECOVERY) & (pending == _REORDERING),
            state == _RECOVERY,
            calm & (pending == _LOSS_PROBE),
        ],
        [
            *(Cause.UNKNOWN, Cause.SYN, Cause.TIMEOUT, Cause.AFTER_TIMEOUT),
            *(Cause.REORDERING, Cause.FAST, Cause.PROBE),
        ],
        Cause.OTHER,
    )
    return found.astype("u1")


def undone(events: Events) -> Mask:
    """Tell which CA_STATE events end a recovery that was spurious: the reduction is taken back.

    The kernel has then forgotten what there was to undo, but knows the ssthresh from before
    (tcp_undo_cwnd_reduction): by DSACKs, timestamps (Eifel) or F-RTO.
    """
    at = events.view(RECOVERY)
    reduced = (at["ca_state"] == _RECOVERY) | (at["ca_state"] == _LOSS)
    calm = (events["newstate"] == _OPEN) | (events["newstate"] == _DISORDER)
    taken_back = (at["undo_marker"] == 0) & (at["prior_ssthresh"] > 0)
    return np.asarray((at["known"] > 0) & reduced & calm & taken_back)
