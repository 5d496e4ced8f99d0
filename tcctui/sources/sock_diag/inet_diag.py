"""Messages of sock_diag: requests to bytes, answers to `SAMPLE` arrays. No I/O here.

Layouts are the kernel's (include/uapi/linux/netlink.h, sock_diag.h, inet_diag.h), numbers in the
machine's byte order but for addresses and ports. All messages of one length and one layout of
attributes are decoded together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum

import numpy as np

from tcctui.arrays import U32, Array, Indexes, Mask, Records, distinct
from tcctui.sources.sock_diag.netlink import HEADER, NLM_F_DUMP, NLM_F_REQUEST, Messages, pieces
from tcctui.wire.addresses import V4_MAPPED, ZONE, are_link_local
from tcctui.wire.events import AF_INET, TcpState
from tcctui.wire.records import pick
from tcctui.wire.samples import NOT_COUNTED, SAMPLE, TCP_INFO_BYTES, CcInfo, Samples

_LISTEN = int(TcpState.LISTEN)

SOCK_DIAG_BY_FAMILY = 20
_TCPDIAG_GETSOCK = 18  # include/uapi/linux/inet_diag.h: of every family, and only for dumps here
_IPPROTO_TCP = 6
_TIME_WAIT_TIMER = 3

CONNECTED = 0xFFF & ~(1 << 3 | 1 << 6 | 1 << 7 | 1 << 10)
"""Bits of TcpState, as `ss` takes them without -a: not SYN_RECV, TIME_WAIT, CLOSE and LISTEN."""


class Attribute(IntEnum):
    """Attributes of an answer (enum in uapi/linux/inet_diag.h): those read here."""

    INFO = 2
    VEGASINFO = 3
    """Only asked for: the answer is the algorithm's own, BBRINFO or DCTCPINFO."""
    CONG = 4
    SKMEMINFO = 7
    DCTCPINFO = 9
    BBRINFO = 16
    ULP_INFO = 19
    """Comes unasked, of sockets with an upper layer protocol: TLS, and MPTCP's subflows."""


_MPTCP = 3  # INET_ULP_INFO_MPTCP
_ULP, _SUBFLOW = 1 << 16, 2 << 16
_NESTED = {Attribute.ULP_INFO: _ULP, _ULP | _MPTCP: _SUBFLOW}
"""Attributes that contain others, and the bit that is added to the kinds of these."""

_SUBFLOW_FIELDS = {
    _SUBFLOW | 2: ("mptcp_token", "u4"),
    _SUBFLOW | 8: ("subflow_flags", "u4"),
    _SUBFLOW | 9: ("subflow_id_rem", "u1"),
    _SUBFLOW | 10: ("subflow_id_loc", "u1"),
}
"""MPTCP_SUBFLOW_ATTR_TOKEN_LOC, FLAGS, ID_REM and ID_LOC (include/uapi/linux/mptcp.h).

Older kernels tell none of it without CAP_NET_ADMIN (tcp_diag_get_aux, net/ipv4/tcp_diag.c).
"""


_ASKED = (Attribute.INFO, Attribute.VEGASINFO, Attribute.CONG, Attribute.SKMEMINFO)
_EXTENSIONS = sum(1 << attribute - 1 for attribute in _ASKED)

_ID = np.dtype(
    [
        ("sport", ">u2"),
        ("dport", ">u2"),
        ("src", ">u8", (2,)),
        ("dst", ">u8", (2,)),
        ("ifindex", "u4"),
        ("cookie", "u4", (2,)),
    ]
)
REQUEST = np.dtype(
    [
        ("header", HEADER),
        ("family", "u1"),
        ("protocol", "u1"),
        ("extensions", "u1"),
        ("pad", "u1"),
        ("states", "u4"),
        ("id", _ID),
    ]
)
"""struct nlmsghdr and struct inet_diag_req_v2."""

_DUMP = np.dtype(
    [
        ("header", HEADER),
        ("family", "u1"),
        ("lengths", "u1", (2,)),
        ("extensions", "u1"),
        ("id", _ID),
        ("states", "u4"),
        ("dbs", "u4"),
    ]
)
"""struct nlmsghdr and struct inet_diag_req."""

MESSAGE = np.dtype(
    [
        ("header", HEADER),
        ("family", "u1"),
        ("state", "u1"),
        ("timer", "u1"),
        ("retrans", "u1"),
        ("id", _ID),
        ("expires", "u4"),
        ("rqueue", "u4"),
        ("wqueue", "u4"),
        ("uid", "u4"),
        ("inode", "u4"),
    ]
)
"""struct nlmsghdr and struct inet_diag_msg; attributes follow."""

_PIECE = np.dtype(f"V{SAMPLE.itemsize}")
_TIMER = MESSAGE.fields["timer"][1]  # type: ignore[index]
_COPIED = ("family", "state", "rqueue", "wqueue", "uid", "inode")
_SKMEM = {"rmem_alloc": 0, "rcvbuf": 1, "wmem_alloc": 2, "sndbuf": 3, "wmem_queued": 5, "drops": 8}
"""enum in uapi/linux/sock_diag.h: places in an array of u4."""


def dump_request(sequence: int, more: Iterable[int] = ()) -> bytes:
    """Request for all connected sockets, IPv4 and IPv6, and those in `more` states.

    For each request the kernel walks all of its table of connections: a millisecond where there
    are none. A request of today is for one family; this one, the older, is for all
    (inet_diag_dump_compat, net/ipv4/inet_diag.c).
    """
    request = np.zeros(1, _DUMP)
    _head(request, _TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP)
    number(request, sequence)
    request["states"] = CONNECTED | sum(1 << state for state in more)
    return request.tobytes()


def dump_request_of(sequence: int, family: int, attribute: bytes) -> bytes:
    """Request for all connected sockets of a family, of the protocol that an attribute names."""
    request = np.zeros(1, REQUEST)
    _head(request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP)
    number(request, sequence)
    request["header"]["length"] += len(attribute)
    request["family"], request["protocol"] = family, _IPPROTO_TCP
    request["states"] = CONNECTED
    return request.tobytes() + attribute


def queries(sockets: Records) -> Records:
    """One request for each of `sockets` (of `SOCKET`), still to be numbered."""
    requests = np.zeros(len(sockets), REQUEST)
    _head(requests, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST)
    requests["protocol"] = _IPPROTO_TCP
    requests["family"] = sockets["family"]
    requests["states"] = 0xFFFFFFFF
    name = requests["id"]
    name["sport"], name["dport"] = sockets["sport"], sockets["dport"]
    v4 = sockets["family"] == AF_INET
    for theirs, ours in (("src", "saddr"), ("dst", "daddr")):
        high, low = (sockets[ours][:, half].astype("u8") for half in (0, 1))
        high[are_link_local(high)] &= ~np.uint64(ZONE)
        name[theirs][:, 0] = np.where(v4, low << np.uint64(32), high)
        name[theirs][:, 1] = np.where(v4, np.uint64(0), low)
    name["ifindex"] = sockets["ifindex"]
    name["cookie"][:, 0] = sockets["sock_cookie"] & np.uint64(0xFFFFFFFF)
    name["cookie"][:, 1] = sockets["sock_cookie"] >> np.uint64(32)
    return requests


def number(requests: Records, first: int) -> None:
    """Number requests from `first` on."""
    requests["header"]["sequence"] = first + np.arange(len(requests))


def _head(requests: Records, kind: int, flags: int) -> None:
    header = requests["header"]
    header["length"] = requests.itemsize
    header["kind"] = kind
    header["flags"] = flags
    requests["extensions"] = _EXTENSIONS


def samples_of(messages: Messages, mine: Mask, netns: int) -> tuple[Samples, Indexes]:
    """Samples of those messages that are `mine` and about a socket.

    Gives them without `end`, in the messages' order, and for each its message's index.
    """
    headers = messages.headers
    places = np.flatnonzero(mine & _about_sockets(headers))
    samples, which = decode(messages.data, messages.starts[places], headers["length"][places])
    places = places[which]
    samples["ts_ns"] = messages.stamps[places]
    samples["netns"] = netns
    return samples, places


def _about_sockets(headers: Records) -> Mask:
    """Mask of the messages about a socket: answers are of the request's kind."""
    kinds = headers["kind"]
    return np.asarray((kinds == SOCK_DIAG_BY_FAMILY) | (kinds == _TCPDIAG_GETSOCK))


def decode(data: memoryview, starts: Indexes, lengths: Array) -> tuple[Samples, Indexes]:
    """Samples of the messages about sockets; those too short to be one are left out.

    `starts` and `lengths` are bytes. Gives samples without time, end and network namespace, and for
    each its message's index.
    """
    samples = np.zeros(len(starts), SAMPLE)
    records = samples.view(_PIECE)
    enough = lengths >= MESSAGE.itemsize
    for places, messages, layout in alike(data, starts, lengths, enough):
        if len(messages) == len(samples):
            _fill(samples, messages, layout)
            break
        part = np.zeros(len(messages), SAMPLE)
        _fill(part, messages, layout)
        records[places] = part.view(records.dtype)
    enough &= ~_time_wait(data, starts, enough)
    which = enough.nonzero()[0]
    if len(which) < len(samples):
        samples = pick(samples, which)
    return samples, which


Layout = tuple[tuple[int, int, int], ...]
"""Attributes of a message: kind, bytes, offset; those of `_NESTED` behind the one they are in."""


def alike(
    data: memoryview, starts: Indexes, lengths: Array, which: Mask
) -> Iterator[tuple[Indexes, Records, Layout]]:
    """Give `which` messages in parts of one layout each: their indexes, and the messages."""
    for length in distinct(lengths[which]).tolist():
        places = (which & (lengths == length)).nonzero()[0]
        messages = pieces(data, starts[places], length)
        while len(messages):
            layout = _layout(messages[0].tobytes())
            headers = _headers(messages, layout)
            same = (headers == headers[0]).all(axis=1)
            if np.count_nonzero(same) == len(messages):
                yield places, messages, layout
                break
            yield places[same], messages[same], layout
            places, messages = places[~same], messages[~same]


def of_time_wait(messages: Messages) -> Mask:
    """Mask of the messages about the remainder of a closed socket.

    The kernel keeps it in TIME_WAIT, or orphaned in FIN_WAIT2; it has the socket's cookie and no
    values (inet_twsk_diag_fill, net/ipv4/inet_diag.c).
    """
    headers = messages.headers
    about = _about_sockets(headers) & (headers["length"] >= MESSAGE.itemsize)
    return _time_wait(messages.data, messages.starts, about)


def _time_wait(data: memoryview, starts: Indexes, whole: Mask) -> Mask:
    found = np.zeros(len(starts), bool)
    found[whole] = np.frombuffer(data, "u1")[starts[whole] + _TIMER] == _TIME_WAIT_TIMER
    return found


def column(records: Records, kind: str, at: int) -> Array:
    """Values at one offset of all records, as a view."""
    return np.ndarray((len(records),), kind, records, at, (records.itemsize,))


def _layout(message: bytes) -> Layout:
    """Attributes of a message, up to the first invalid one."""
    return tuple(_attributes(message, MESSAGE.itemsize, len(message), 0))


def _attributes(message: bytes, at: int, end: int, bit: int) -> list[tuple[int, int, int]]:
    found = []
    while at + 4 <= end:
        length = int.from_bytes(message[at : at + 2], sys.byteorder)
        kind = int.from_bytes(message[at + 2 : at + 4], sys.byteorder) | bit
        if length < 4 or at + length > end:
            break
        found.append((kind, length - 4, at + 4))
        if kind in _NESTED:
            found += _attributes(message, at + 4, at + length, _NESTED[kind])
        at += length + 3 & ~3
    return found


def _headers(messages: Records, layout: Layout) -> U32:
    """Lengths and kinds of the messages' attributes at the places of a layout; shape (n, m)."""
    whole = messages.itemsize & ~3
    words = np.ndarray((len(messages), whole >> 2), "u4", messages, 0, (messages.itemsize, 4))
    return words[:, [(at - 4) >> 2 for _, _, at in layout]]


def _fill(samples: Samples, messages: Records, layout: Layout) -> None:
    """Write messages that have the same attributes into as many samples, which are zeros."""
    message = column(messages, MESSAGE, 0)  # type: ignore[arg-type]
    for name in _COPIED:
        samples[name] = message[name]
    ident = message["id"]
    samples["sport"], samples["dport"] = ident["sport"], ident["dport"]
    samples["ifindex"] = ident["ifindex"]
    samples["half_open"] = NOT_COUNTED
    cookie = ident["cookie"].astype("u8")
    samples["sock_cookie"] = cookie[:, 0] | cookie[:, 1] << np.uint64(32)
    v4 = message["family"] == AF_INET
    for ours, theirs in (("saddr", "src"), ("daddr", "dst")):
        high, low = (ident[theirs][:, half].astype("u8") for half in (0, 1))
        here = are_link_local(high) & ~v4
        if np.count_nonzero(here):  # not of IPv4, which is in the upper half here
            high[here] = high[here] & ~np.uint64(ZONE) | ident["ifindex"][here]
        samples[ours][:, 0] = np.where(v4, np.uint64(0), high)
        samples[ours][:, 1] = np.where(v4, np.uint64(V4_MAPPED) | high >> np.uint64(32), low)
    _fill_subflow(samples, messages, layout)
    for kind, size, at in layout:
        if kind == Attribute.INFO:
            samples["info_len"] = min(size, 0xFFFF)
            _copy(samples, "tcp_info", messages, at, min(size, TCP_INFO_BYTES))
            # Attributes of listeners are like those of connections, but tell of a queue.
            if np.count_nonzero(listens := message["state"] == _LISTEN):
                samples["info_len"][listens] = 0
                samples["tcp_info"][listens] = bytes(TCP_INFO_BYTES)
        elif kind == Attribute.CONG:
            _copy(samples, "cc", messages, at, min(size, 16))
        elif kind == Attribute.SKMEMINFO and size >= 36:
            samples["has_skmem"] = 1
            for field, place in _SKMEM.items():
                samples[field] = column(messages, "u4", at + 4 * place)
        elif kind == Attribute.BBRINFO and size >= 20:
            # struct tcp_bbr_info
            samples["cc_info"] = CcInfo.BBR
            low, high = (column(messages, "u4", at + place).astype("u8") for place in (0, 4))
            samples["bbr_bw"] = low | high << np.uint64(32)
            for place, field in ((8, "min_rtt"), (12, "pacing_gain"), (16, "cwnd_gain")):
                samples[f"bbr_{field}"] = column(messages, "u4", at + place)
        elif kind == Attribute.DCTCPINFO and size >= 8:
            # struct tcp_dctcp_info
            samples["cc_info"] = CcInfo.DCTCP
            samples["dctcp_enabled"] = column(messages, "u2", at)
            samples["dctcp_ce_state"] = column(messages, "u2", at + 2)
            samples["dctcp_alpha"] = column(messages, "u4", at + 4)


def _fill_subflow(samples: Samples, messages: Records, layout: Layout) -> None:
    for kind, size, at in layout:
        name, form = _SUBFLOW_FIELDS.get(kind, ("", "u1"))
        if name and size >= np.dtype(form).itemsize:
            samples[name] = column(messages, form, at)


def _copy(samples: Samples, name: str, messages: Records, at: int, size: int) -> None:
    """Copy bytes unchanged to a field's beginning."""
    if size:
        place = SAMPLE.fields[name][1]  # type: ignore[index]
        column(samples, f"V{size}", place)[:] = column(messages, f"V{size}", at)
