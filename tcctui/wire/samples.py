"""One sample of a socket from sock_diag: `SAMPLE`, and the presence of its values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.wire.records import pick

TCP_INFO: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "ca_state": ("u1", 1),
        "retransmits": ("u1", 2),
        "probes": ("u1", 3),
        "backoff": ("u1", 4),
        "options": ("u1", 5),
        "wscale": ("u1", 6),  # snd_wscale in the lower half, rcv_wscale in the upper one
        "rate_flags": ("u1", 7),  # lowest bit: delivery_rate_app_limited
        "rto": ("u4", 8),
        "ato": ("u4", 12),
        "snd_mss": ("u4", 16),
        "rcv_mss": ("u4", 20),
        "unacked": ("u4", 24),
        "sacked": ("u4", 28),
        "lost": ("u4", 32),
        "retrans": ("u4", 36),
        "last_data_sent": ("u4", 44),
        "last_ack_sent": ("u4", 48),
        "last_data_recv": ("u4", 52),
        "last_ack_recv": ("u4", 56),
        "pmtu": ("u4", 60),
        "rcv_ssthresh": ("u4", 64),
        "rtt": ("u4", 68),
        "rttvar": ("u4", 72),
        "snd_ssthresh": ("u4", 76),
        "snd_cwnd": ("u4", 80),
        "advmss": ("u4", 84),
        "reordering": ("u4", 88),
        "rcv_rtt": ("u4", 92),
        "rcv_space": ("u4", 96),
        "total_retrans": ("u4", 100),
        "pacing_rate": ("u8", 104),
        "max_pacing_rate": ("u8", 112),
        "bytes_acked": ("u8", 120),
        "bytes_received": ("u8", 128),
        "segs_out": ("u4", 136),
        "segs_in": ("u4", 140),
        "notsent_bytes": ("u4", 144),
        "min_rtt": ("u4", 148),
        "data_segs_in": ("u4", 152),
        "data_segs_out": ("u4", 156),
        "delivery_rate": ("u8", 160),
        "busy_time": ("u8", 168),
        "rwnd_limited": ("u8", 176),
        "sndbuf_limited": ("u8", 184),
        "delivered": ("u4", 192),
        "delivered_ce": ("u4", 196),
        "bytes_sent": ("u8", 200),
        "bytes_retrans": ("u8", 208),
        "dsack_dups": ("u4", 216),
        "reord_seen": ("u4", 220),
        "rcv_ooopack": ("u4", 224),
        "snd_wnd": ("u4", 228),
        "rcv_wnd": ("u4", 232),
        "rehash": ("u4", 236),
    }
)
"""Fields of `struct tcp_info` (include/uapi/linux/tcp.h) without `tcpi_`: type, and place in it.

Times are microseconds but for `last_*` (milliseconds); `unacked`, `sacked`, `lost`, `retrans` and
windows of the congestion control are segments, rates bytes per second.
"""

TCP_INFO_BYTES = 240
"""Bytes kept of `struct tcp_info`: up to `rehash`."""

_HEAD = (
    ("ts_ns", "u8"),  # CLOCK_MONOTONIC
    ("sock_cookie", "u8"),
    ("saddr", ">u8", (2,)),
    ("daddr", ">u8", (2,)),
    ("sport", "u2"),
    ("dport", "u2"),
    ("family", "u2"),
    (
        "info_len",
        "u2",
    ),  # bytes of TCP_INFO that the kernel gave; the fields beyond are unknown
    ("ifindex", "u4"),  # the device that the socket is bound to, or 0
    ("inode", "u4"),  # 0 if no process has the socket any more
    ("uid", "u4"),
    ("rqueue", "u4"),  # bytes received and not yet read
    ("wqueue", "u4"),  # bytes written and not yet acknowledged: write_seq - snd_una
    ("state", "u1"),  # TcpState
    ("end", "u1"),  # End
    ("cc_info", "u1"),  # CcInfo
    ("has_skmem", "u1"),
    ("netns", "u4"),  # inode of the network namespace, 0 if unknown
    ("pid", "u4"),  # 0 if unknown
    ("cc", "S16"),  # TCP_CA_NAME_MAX
    ("comm", "S16"),  # TASK_COMM_LEN
    ("netns_name", "S48"),
    ("cgroup", "S64"),  # the container or unit, in short
)
_TAIL = (
    ("bbr_bw", "u8"),  # bytes per second
    ("bbr_min_rtt", "u4"),  # microseconds
    ("bbr_pacing_gain", "u4"),  # 256 is 1.0
    ("bbr_cwnd_gain", "u4"),
    ("dctcp_ce_state", "u2"),
    ("dctcp_enabled", "u2"),
    ("dctcp_alpha", "u4"),  # 1024 is 1.0
    ("rmem_alloc", "u4"),  # struct sk_meminfo: bytes
    ("rcvbuf", "u4"),
    ("wmem_alloc", "u4"),
    ("sndbuf", "u4"),
    ("wmem_queued", "u4"),
    ("drops", "u4"),
)


def _sample() -> np.dtype[np.void]:
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    at = 0

    def put(name: str, form: Any, place: int) -> None:
        names.append(name)
        formats.append(form)
        offsets.append(place)

    for name, kind, *shape in _HEAD:
        form = np.dtype((kind, shape[0]) if shape else kind)
        put(name, form, at)
        at += form.itemsize
    at = -(-at // 8) * 8
    # The kernel's struct unchanged, copied in one piece.
    put("tcp_info", f"V{TCP_INFO_BYTES}", at)
    for name, (kind, place) in TCP_INFO.items():
        put(name, kind, at + place)
    at += TCP_INFO_BYTES
    for name, kind in _TAIL:
        put(name, kind, at)
        at += np.dtype(kind).itemsize
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": -(-at // 8) * 8}
    )


SAMPLE = _sample()
"""One sample of one socket. `saddr`, `daddr`, ports and `family` are as in `events.EVENT`.

Use `value` to read a value that a kernel, an algorithm or a privilege may lack.
"""

Samples = npt.NDArray[np.void]
"""A one-dimensional array of `SAMPLE` records."""

NO_SAMPLES: Samples = np.empty(0, SAMPLE)

SOCKET = np.dtype(
    [
        ("sock_cookie", "u8"),
        ("saddr", ">u8", (2,)),
        ("daddr", ">u8", (2,)),
        ("sport", "u2"),
        ("dport", "u2"),
        ("family", "u2"),
        ("ifindex", "u4"),
    ]
)
"""Key of one socket in a request; fields as in `SAMPLE`, `ifindex` 0 if unknown."""


class End(IntEnum):
    """`end` of a sample: state of the socket's existence."""

    LIVES = 0
    DESTROYED = 1
    """It was destroyed; these are its last values."""
    GONE = 2
    """It is no longer there; the sample has no values but cookie and time."""


class CcInfo(IntEnum):
    """`cc_info` of a sample: the algorithm whose values are present."""

    NONE = 0
    BBR = 1
    DCTCP = 2


CC_FIELDS: Mapping[str, CcInfo] = MappingProxyType(
    {
        "bbr_bw": CcInfo.BBR,
        "bbr_min_rtt": CcInfo.BBR,
        "bbr_pacing_gain": CcInfo.BBR,
        "bbr_cwnd_gain": CcInfo.BBR,
        "dctcp_ce_state": CcInfo.DCTCP,
        "dctcp_enabled": CcInfo.DCTCP,
        "dctcp_alpha": CcInfo.DCTCP,
    }
)
SKMEM_FIELDS = frozenset({"rmem_alloc", "rcvbuf", "wmem_alloc", "sndbuf", "wmem_queued", "drops"})
TEXT_FIELDS = frozenset({"cc", "comm", "netns_name", "cgroup"})

_UNKNOWN: Mapping[str, int] = MappingProxyType(
    {
        "min_rtt": 0xFFFFFFFF,  # tcp_min_rtt() before the first measurement
        "bbr_min_rtt": 0xFFFFFFFF,
        "pacing_rate": 0xFFFFFFFFFFFFFFFF,  # not paced
        "max_pacing_rate": 0xFFFFFFFFFFFFFFFF,
        "rtt": 0,  # nothing was measured yet
        "rttvar": 0,
        "rcv_rtt": 0,
        "delivery_rate": 0,
        "snd_mss": 0,
        "pmtu": 0,
        "pid": 0,
        "netns": 0,
        "bbr_bw": 0,  # it has not sent
        "bbr_pacing_gain": 0,
        "bbr_cwnd_gain": 0,
    }
)
"""Values that say that there is none."""

_SINCE: Mapping[str, str] = MappingProxyType(
    {"last_data_sent": "data_segs_out", "last_data_recv": "data_segs_in"}
)
"""Times since optional events, and the events' counts."""


def value(samples: Samples, name: str) -> npt.NDArray[Any]:
    """One field of many samples: floats, NaN where missing, or bytes, empty where missing.

    `name` is any field of `SAMPLE` with one number or a text (`TEXT_FIELDS`).
    """
    if name in TEXT_FIELDS:
        return samples[name]
    numbers = samples[name].astype("f8")
    missing = np.zeros(len(samples), bool)
    if name in TCP_INFO:
        kind, place = TCP_INFO[name]
        missing |= samples["info_len"] < place + np.dtype(kind).itemsize
    if name in CC_FIELDS:
        missing |= samples["cc_info"] != CC_FIELDS[name]
    if name in SKMEM_FIELDS:
        missing |= samples["has_skmem"] == 0
    if name in _UNKNOWN:
        missing |= samples[name] == np.array(_UNKNOWN[name], samples[name].dtype)
    if name in _SINCE:
        missing |= samples[_SINCE[name]] == 0
    numbers[missing] = np.nan
    return numbers


def forget_all_but(samples: Samples, names: Collection[str]) -> None:
    """Let samples know no other fields than these: those that their version had. Changes them.

    A field of TCP_INFO that has no name there is known as far as the others' bytes go.
    """
    for name, unknown in _UNKNOWN.items():
        if name not in names:
            samples[name] = unknown
    named = [TCP_INFO[name] for name in TCP_INFO if name in names]
    if len(named) < len(TCP_INFO):
        end = max((place + np.dtype(kind).itemsize for kind, place in named), default=0)
        samples["info_len"] = np.minimum(samples["info_len"], end)


def newest(samples: Samples) -> Samples:
    """Copy the newest sample of each socket, in the order of the cookies."""
    cookies = samples["sock_cookie"]
    order = np.lexsort((samples["ts_ns"], cookies))
    cookies = cookies[order]
    last = np.ones(len(cookies), bool)
    last[:-1] = cookies[1:] != cookies[:-1]
    return pick(samples, order[last])
