"""One sample of a socket from sock_diag: `SAMPLE`, and the presence of its values."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from tcctui.arrays import I64, U32, U64, Array, Floats, Mask, Records
from tcctui.fields.every_field import BY_RECORDED, every
from tcctui.fields.field import Part, Unit, Where
from tcctui.wire.events import CaState
from tcctui.wire.records import pick

_CWR, _RECOVERY = map(int, (CaState.CWR, CaState.RECOVERY))

TCP_INFO: Mapping[str, tuple[str, int]] = {
    field.name: (field.dtype, field.offset)
    for field in sorted(every(), key=lambda field: field.offset or 0)
    if field.offset is not None and field.part is None
}
"""Members of `struct tcp_info` (include/uapi/linux/tcp.h) without `tcpi_`: type and offset."""

TCP_INFO_BYTES = max(offset + np.dtype(kind).itemsize for kind, offset in TCP_INFO.values())
"""Bytes of a `struct tcp_info` that are kept: up to the last member that has a field."""

BITS: Mapping[str, int] = {name: 1 << at for at, name in zip(range(64), TCP_INFO, strict=False)}
"""Bit of each member of `struct tcp_info` in `also_known`: recordings have it, so it stays.

The kernel adds members at the end: a new one takes the next bit, and none beyond 64.
"""

MPTCP_INFO: Mapping[str, tuple[str, int]] = {
    field.name: (field.dtype, field.offset or 0) for field in every() if field.part is Part.MPTCP
}
"""Members of `struct mptcp_info` (include/uapi/linux/mptcp.h) that are kept: type and offset."""

_HEAD = (
    *("ts_ns", "sock_cookie", "saddr", "daddr", "sport", "dport", "family", "info_len"),
    *("ifindex", "inode", "uid", "rqueue", "wqueue", "state", "end", "cc_info", "has_skmem"),
    *("netns", "pid", "cc", "comm", "netns_name", "cgroup"),
)
_TAIL = (
    "also_known",
    *("bbr_bw", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain"),
    *("dctcp_ce_state", "dctcp_enabled", "dctcp_alpha"),
    *("rmem_alloc", "rcvbuf", "wmem_alloc", "sndbuf", "wmem_queued", "drops", "half_open"),
    *("mptcp_bytes_retrans", "mptcp_bytes_sent", "mptcp_bytes_received", "mptcp_bytes_acked"),
    *("mptcp_token", "mptcp_flags", "subflow_flags", "subflow_id_loc", "subflow_id_rem"),
    *("mptcp_subflows", "mptcp_info_len"),
)
"""Order of what is around `struct tcp_info`."""


def _form(name: str) -> np.dtype[Any]:
    field = BY_RECORDED[name]
    return np.dtype((field.dtype, (2,)) if field.unit is Unit.ADDRESS else field.dtype)


def _sample() -> np.dtype[np.void]:
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    at = 0

    def put(name: str, form: Any, place: int) -> None:
        names.append(name)
        formats.append(form)
        offsets.append(place)

    for name in _HEAD:
        put(name, _form(name), at)
        at += _form(name).itemsize
    at = -(-at // 8) * 8
    # The kernel's struct unchanged, copied in one piece.
    put("tcp_info", f"V{TCP_INFO_BYTES}", at)
    for name, (kind, place) in TCP_INFO.items():
        put(name, kind, at + place)
    at += -(-TCP_INFO_BYTES // 8) * 8
    for name in _TAIL:
        put(name, _form(name), at)
        at += _form(name).itemsize
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": -(-at // 8) * 8}
    )


NOT_COUNTED = BY_RECORDED["half_open"].unknown or 0
"""`half_open` of what is no listener, or while nobody asked."""

NO_QUEUE = BY_RECORDED["wqueue"].unknown or 0
"""`rqueue` and `wqueue` of what was not read of a socket."""

SAMPLE = _sample()
"""One sample of one socket. `saddr`, `daddr`, ports and `family` are as in `events.EVENT`.

The kernel tells the first `info_len` bytes of `struct tcp_info`. Of what is beyond, those members
are known that have their bit (`BITS`) in `also_known`, which is 0 of all that a kernel told.

Use `value` to read a value that a kernel, an algorithm or a privilege may lack.
"""

CLOCKS = ("ts_ns", "last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv")
"""Fields that change on an idle socket."""


Samples = Records
"""A one-dimensional array of `SAMPLE` records."""

NO_SAMPLES: Samples = np.empty(0, SAMPLE)

_SOCKET = ("sock_cookie", "saddr", "daddr", "sport", "dport", "family", "ifindex")
SOCKET = np.dtype([(name, SAMPLE[name]) for name in _SOCKET])
"""Key of one socket in a request; fields as in `SAMPLE`, `ifindex` 0 if unknown."""


class End(IntEnum):
    """`end` of a sample: state of the socket's existence."""

    LIVES = 0
    DESTROYED = 1
    """It was destroyed; these are its last values."""
    GONE = 2
    """It is no longer there; the sample has no values but cookie and time, and perhaps a state of
    TIME_WAIT: that of its remainder.
    """


class CcInfo(IntEnum):
    """`cc_info` of a sample: the algorithm whose values are present."""

    NONE = 0
    BBR = 1
    DCTCP = 2


_CC_PARTS = {Part.BBR: CcInfo.BBR, Part.DCTCP: CcInfo.DCTCP}
CC_FIELDS: Mapping[str, CcInfo] = {
    field.name: _CC_PARTS[field.part] for field in every() if field.part in _CC_PARTS
}
SKMEM_FIELDS = frozenset(field.name for field in every() if field.part is Part.MEMORY)
TEXT_FIELDS = frozenset(
    field.name for field in every() if field.unit is Unit.NAME and field.where is Where.SAMPLE
)

_UNKNOWN: Mapping[str, int] = {
    field.name: field.unknown
    for field in every()
    if field.where is Where.SAMPLE and field.unknown is not None
}
_HAPPENED: Mapping[str, str] = {field.name: field.happened for field in every() if field.happened}


class Check(NamedTuple):
    """A value is missing where `compare` is true of a field and a number.

    Of a member of TCP_INFO that is compared with `info_len`, `also_known` may have it nevertheless.
    """

    field: str
    compare: np.ufunc
    number: int


@functools.cache
def checks(name: str) -> tuple[Check, ...]:
    """Everything that tells where values of a field are missing."""
    found = []
    if name in TCP_INFO:
        kind, place = TCP_INFO[name]
        found.append(Check("info_len", np.less, place + np.dtype(kind).itemsize))
    if name in CC_FIELDS:
        found.append(Check("cc_info", np.not_equal, int(CC_FIELDS[name])))
    if name in MPTCP_INFO:
        kind, place = MPTCP_INFO[name]
        found.append(Check("mptcp_info_len", np.less, place + np.dtype(kind).itemsize))
    if name in SKMEM_FIELDS:
        found.append(Check("has_skmem", np.equal, 0))
    if name in _UNKNOWN:
        found.append(Check(name, np.equal, _UNKNOWN[name]))
    if name in _HAPPENED:
        found.append(Check(_HAPPENED[name], np.equal, 0))
    return tuple(found)


def value(samples: Samples, name: str) -> Array:
    """One field of many samples: floats, NaN where missing, or bytes, empty where missing.

    `name` is any field of `SAMPLE` with one number or a text (`TEXT_FIELDS`).
    """
    if name in TEXT_FIELDS:
        return samples[name]
    numbers = samples[name].astype("f8")
    for check in checks(name):
        missing = check.compare(samples[check.field], check.number)
        if check.field == "info_len" and np.count_nonzero(missing):
            missing &= samples["also_known"] & np.uint64(BITS.get(name, 0)) == 0
        if np.count_nonzero(missing):
            numbers[missing] = np.nan
    return numbers


def is_known(samples: Samples, name: str) -> Mask:
    """Mask of the samples that have a member of TCP_INFO, whatever its number."""
    kind, place = TCP_INFO[name]
    there: Mask = samples["info_len"] >= place + np.dtype(kind).itemsize
    if np.count_nonzero(there) < len(there):
        there |= samples["also_known"] & np.uint64(BITS.get(name, 0)) > 0
    return there


def has_info(samples: Samples) -> Mask:
    """Mask of the samples that have any member of TCP_INFO."""
    there: Mask = samples["info_len"] > 0
    if np.count_nonzero(there) < len(there):
        there |= samples["also_known"] > 0
    return there


def bits_of(names: Iterable[str]) -> int:
    """`also_known` of samples that have these members of TCP_INFO."""
    return sum(BITS.get(name, 0) for name in set(names))


OWNER_NUMBERS = frozenset({"pid", "uid"})
"""Numbers that events may have told of a socket that was never sampled."""


def never_told(samples: Samples, name: str) -> Array:
    """Mask of records, of which some may be no sample, that lack a field for that reason.

    Without a sample, `sock_cookie` is 0; with an owner that an event told, `pid` is not. Of a
    destroyed socket the kernel tells no user: 0 is then nobody, and not root.
    """
    if name not in OWNER_NUMBERS:
        return samples["sock_cookie"] == 0
    return (samples["inode"] == 0) & (samples["pid"] == 0) & (samples["uid"] == 0)


def read_by_value(name: str) -> frozenset[str]:
    """Fields that `value` reads for one: itself, and those that say whether it is there."""
    if name in TEXT_FIELDS:
        return frozenset({name})
    checks: tuple[tuple[Collection[str], str], ...] = (
        *((TCP_INFO, "info_len"), (MPTCP_INFO, "mptcp_info_len")),
        *((CC_FIELDS, "cc_info"), (SKMEM_FIELDS, "has_skmem")),
    )
    name_and = {name} if name not in OWNER_NUMBERS else {"pid", "inode", "uid"}
    found = {check for names, check in checks if name in names}
    if name in TCP_INFO:
        found.add("also_known")
    return frozenset({*name_and, *found} | ({_HAPPENED[name]} if name in _HAPPENED else set()))


WORDS = SAMPLE.itemsize // 8
"""Whole words of 8 bytes in a sample."""


def _words_of(names: Collection[str]) -> U64:
    """Mask of the words of these fields; shape (WORDS,)."""
    mask = np.zeros(1, SAMPLE)
    for name in names:
        mask[name] = np.frombuffer(b"\xff" * SAMPLE[name].itemsize, SAMPLE[name].base)
    return mask.view("u8")


BUT_CLOCKS = ~_words_of(CLOCKS)
"""Mask of a sample's words without `CLOCKS`; shape (WORDS,)."""

_ENDS = ("saddr", "daddr", "sport", "dport", "family")
_FIRST, _BEHIND = SAMPLE.fields["saddr"][1] // 8, SAMPLE.fields["info_len"][1] // 8 + 1  # type: ignore[index]
_OF_ENDS = _words_of(_ENDS)[_FIRST:_BEHIND]


def _differing(some: Samples, others: Samples) -> U64:
    return (some.view("u8") ^ others.view("u8")).reshape(-1, WORDS)


def alike(some: Samples, others: Samples) -> bool:
    """True if these samples, one beside the other, are the same but for `CLOCKS`."""
    return not np.count_nonzero(_differing(some, others) & BUT_CLOCKS)


def same_ends(some: Samples, others: Samples) -> bool:
    """True if these samples, one beside the other, have the same addresses and ports."""
    one, other = (part.view("u8").reshape(-1, WORDS)[:, _FIRST:_BEHIND] for part in (some, others))
    return not np.count_nonzero((one ^ other) & _OF_ENDS)


def in_flight(samples: Samples, unsent: Floats | None = None) -> I64:
    """Bytes that are sent and not acknowledged: snd_nxt - snd_una.

    wqueue is write_seq - snd_una (inet_csk_diag_fill, net/ipv4/tcp_diag.c), tcpi_notsent_bytes
    write_seq - snd_nxt (tcp_get_info, net/ipv4/tcp.c). `unsent` is the latter, if it was read.
    Where either is unknown, it is that of the segments in flight.
    """
    unsent = value(samples, "notsent_bytes") if unsent is None else unsent
    bytes_ = samples["wqueue"] - unsent
    missing = np.isnan(unsent) | (samples["wqueue"] == NO_QUEUE)
    if np.count_nonzero(missing):
        segments = samples["unacked"].astype("i8") * samples["snd_mss"]
        bytes_ = np.where(missing, np.minimum(segments, samples["wqueue"]), bytes_)
    return np.maximum(bytes_, 0).astype("i8")


def current_ssthresh(samples: Samples) -> U32:
    """Slow start threshold in segments, as tcp_probe reports it (tcp_current_ssthresh, net/tcp.h).

    TCP_INFO has the plain one; the kernel uses 3/4 of snd_cwnd where that is larger, unless cwnd is
    being reduced.
    """
    plain, cwnd = samples["snd_ssthresh"], samples["snd_cwnd"]
    reducing = (samples["ca_state"] == _CWR) | (samples["ca_state"] == _RECOVERY)
    return np.where(reducing, plain, np.maximum(plain, (cwnd >> 1) + (cwnd >> 2)))


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
        samples["also_known"] &= np.uint64(bits_of(TCP_INFO.keys() & names))


def newest(samples: Samples) -> Samples:
    """Copy the newest sample of each socket, in the order of the cookies."""
    cookies = samples["sock_cookie"]
    order = np.lexsort((samples["ts_ns"], cookies))
    cookies = cookies[order]
    last = np.ones(len(cookies), bool)
    last[:-1] = cookies[1:] != cookies[:-1]
    return pick(samples, order[last])
