"""Windows and queues of samples, with tcp_probe's meaning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.wire.events import CaState
from tcctui.wire.samples import Samples, value


def in_flight(samples: Samples) -> npt.NDArray[np.int64]:
    """Bytes that are sent and not acknowledged: snd_nxt - snd_una.

    wqueue is write_seq - snd_una (inet_csk_diag_fill, net/ipv4/tcp_diag.c), tcpi_notsent_bytes
    write_seq - snd_nxt (tcp_get_info, net/ipv4/tcp.c).
    """
    wqueue = samples["wqueue"].astype("i8")
    unsent = value(samples, "notsent_bytes")
    segments = samples["unacked"].astype("i8") * samples["snd_mss"]
    known = ~np.isnan(unsent)
    bytes_ = np.where(known, wqueue - np.where(known, unsent, 0), np.minimum(segments, wqueue))
    result: npt.NDArray[np.int64] = np.maximum(bytes_, 0).astype("i8")
    return result


def current_ssthresh(samples: Samples) -> npt.NDArray[np.uint32]:
    """Slow start threshold in segments, as tcp_probe reports it (tcp_current_ssthresh, net/tcp.h).

    TCP_INFO has the plain one; the kernel uses 3/4 of snd_cwnd where that is larger, unless cwnd is
    being reduced.
    """
    plain, cwnd = samples["snd_ssthresh"], samples["snd_cwnd"]
    reducing = (samples["ca_state"] == CaState.CWR) | (samples["ca_state"] == CaState.RECOVERY)
    current: npt.NDArray[np.uint32] = np.where(
        reducing, plain, np.maximum(plain, (cwnd >> 1) + (cwnd >> 2))
    )
    return current
