"""M-Lab's tcp-info: snapshots of sock_diag as JSON lines, to samples.

Two forms: as the collector archives them, with the kernel's bytes in base64 (ArchivalRecord of
github.com/m-lab/tcp-info), and parsed, as its tools and M-Lab's tables have them (Snapshot, alone
or as `Snapshots` of a row).
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from tcctui.importing.imported import Form, Imported, NotReadableError
from tcctui.importing.json_values import address, listed, mapping, nanoseconds, parsed, whole
from tcctui.sources.sock_diag.inet_diag import MESSAGE, decode
from tcctui.wire.events import AF_INET, AF_INET6
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import (
    NO_QUEUE,
    NOT_COUNTED,
    SAMPLE,
    TCP_INFO,
    CcInfo,
    Samples,
    bits_of,
)

_LONGEST = 1 << 20
"""Bytes of the longest line of one snapshot; a row of parsed ones may have `_LONGEST_ROW`."""

_LONGEST_ROW = 1 << 26

_A_SNAPSHOT = SAMPLE.itemsize * 4
"""Bytes that a snapshot takes on its way to the recording."""

_NETLINK_HEADER = 16
_MOST_ATTRIBUTES = 64

NAMES: Mapping[str, str] = {
    "ca_state": "CAState",
    "retransmits": "Retransmits",
    "probes": "Probes",
    "backoff": "Backoff",
    "options": "Options",
    "wscale": "WScale",
    "rate_flags": "AppLimited",
    "rto": "RTO",
    "ato": "ATO",
    "snd_mss": "SndMSS",
    "rcv_mss": "RcvMSS",
    "unacked": "Unacked",
    "sacked": "Sacked",
    "lost": "Lost",
    "retrans": "Retrans",
    "last_data_sent": "LastDataSent",
    "last_ack_sent": "LastAckSent",
    "last_data_recv": "LastDataRecv",
    "last_ack_recv": "LastAckRecv",
    "pmtu": "PMTU",
    "rcv_ssthresh": "RcvSsThresh",
    "rtt": "RTT",
    "rttvar": "RTTVar",
    "snd_ssthresh": "SndSsThresh",
    "snd_cwnd": "SndCwnd",
    "advmss": "AdvMSS",
    "reordering": "Reordering",
    "rcv_rtt": "RcvRTT",
    "rcv_space": "RcvSpace",
    "total_retrans": "TotalRetrans",
    "pacing_rate": "PacingRate",
    "max_pacing_rate": "MaxPacingRate",
    "bytes_acked": "BytesAcked",
    "bytes_received": "BytesReceived",
    "segs_out": "SegsOut",
    "segs_in": "SegsIn",
    "notsent_bytes": "NotsentBytes",
    "min_rtt": "MinRTT",
    "data_segs_in": "DataSegsIn",
    "data_segs_out": "DataSegsOut",
    "delivery_rate": "DeliveryRate",
    "busy_time": "BusyTime",
    "rwnd_limited": "RWndLimited",
    "sndbuf_limited": "SndBufLimited",
    "delivered": "Delivered",
    "delivered_ce": "DeliveredCE",
    "bytes_sent": "BytesSent",
    "bytes_retrans": "BytesRetrans",
    "dsack_dups": "DSackDups",
    "reord_seen": "ReordSeen",
    "rcv_ooopack": "RcvOooPack",
    "snd_wnd": "SndWnd",
}
"""Members of struct tcp_info by tcctui's names, and by those of M-Lab (tcp/tcpinfo.go)."""

_MEMORY = {
    "rmem_alloc": "RmemAlloc",
    "rcvbuf": "Rcvbuf",
    "wmem_alloc": "WmemAlloc",
    "sndbuf": "Sndbuf",
    "wmem_queued": "WmemQueued",
    "drops": "Drops",
}
_BBR = {
    "bbr_bw": "BW",
    "bbr_min_rtt": "MinRTT",
    "bbr_pacing_gain": "PacingGain",
    "bbr_cwnd_gain": "CwndGain",
}
_MESSAGE = {
    "state": "IDiagState",
    "rqueue": "IDiagRqueue",
    "wqueue": "IDiagWqueue",
    "uid": "IDiagUID",
    "inode": "IDiagInode",
}


def read_tcp_info(files: Sequence[tuple[str, BinaryIO]], memory: int) -> Imported:
    """Make samples of the snapshots in files, each a name and its file, open.

    `memory` is the budget in bytes.

    Raises:
        NotReadableError: a file is damaged, has no snapshot, or too many.

    """
    parts: list[Samples] = [np.zeros(0, SAMPLE)]
    remarks = []
    count = 0
    for name, file in files:
        raw = _Raw()
        without = 0
        for place, line in enumerate(_lines(name, file), 1):
            try:
                row = parsed(line)
                if not isinstance(row, dict):
                    raise ValueError("it is no object")
                if row.get("RawIDM") is not None:
                    count += 1
                    raw.add(row)
                elif snapshots := _snapshots(row):
                    count += len(snapshots)
                    found = [_parsed(row, snapshot) for snapshot in snapshots]
                    known = [one for one in found if one is not None]
                    without += len(found) - len(known)
                    parts += known
                elif "Metadata" not in row:
                    raise ValueError("it has no snapshot")
            except ValueError as error:
                raise NotReadableError(
                    f"{name} is damaged in line {place:,}: {_short(error)}.",
                    "It should have a snapshot of M-Lab's tcp-info on each line.",
                ) from error
            if count * _A_SNAPSHOT > memory:
                needed = max(2 * count * _A_SNAPSHOT, memory + 1)
                raise NotReadableError(
                    f"{name} has more than {count:,} snapshots, which take more memory than they"
                    " may.",
                    f"Import a part of it, or allow more: --reading-memory {-(-needed >> 30)}G",
                )
        parts.append(raw.samples())
        without += raw.without
        if without:
            remarks.append(f"{name}: {without:,} snapshots without ends or time are left out.")
    samples = joined(parts)
    if not len(samples):
        raise NotReadableError(
            f"There is no snapshot in {files[0][0] if len(files) == 1 else 'the files'}.",
            "It should have one of M-Lab's tcp-info on each line.",
        )
    _number(samples)
    return Imported(Form.TCP_INFO, samples=samples, remarks=remarks)


def _short(error: ValueError) -> str:
    """First clause of what json says."""
    return str(error).partition(": ")[0][:80]


def _lines(name: str, file: BinaryIO) -> Iterator[bytes]:
    """Lines that are not empty."""
    while line := file.readline(_LONGEST_ROW):
        if len(line) >= _LONGEST_ROW:
            raise NotReadableError(
                f"{name} has a line of more than {_LONGEST_ROW:,} bytes.",
                "It should have a snapshot of M-Lab's tcp-info on each line.",
            )
        if line := line.strip():
            yield line


class _Raw:
    """Snapshots as the kernel's bytes, made into messages of sock_diag and decoded together."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._starts: list[int] = []
        self._lengths: list[int] = []
        self._times: list[int] = []
        self.without = 0
        """Number of snapshots without a time."""

    def add(self, row: dict[str, Any]) -> None:
        """Take in one. Raises ValueError for what is none."""
        head = _bytes(row["RawIDM"])
        if len(head) != MESSAGE.itemsize - _NETLINK_HEADER:
            raise ValueError(f"RawIDM has {len(head)} bytes")
        when = nanoseconds(row.get("Timestamp"))
        if when is None:
            self.without += 1
            return
        message = bytearray(bytes(_NETLINK_HEADER) + head)
        for kind, value in enumerate(listed(row.get("Attributes"))[:_MOST_ATTRIBUTES]):
            if value is not None:
                part = _bytes(value)[:0x1000]
                message += struct.pack("=HH", len(part) + 4, kind) + part + bytes(-len(part) % 4)
        self._starts.append(len(self._data))
        self._lengths.append(len(message))
        self._times.append(when)
        self._data += message

    def samples(self) -> Samples:
        """Samples of all of them; the remainders of closed sockets have none."""
        found, which = decode(
            memoryview(bytes(self._data) + bytes(8)),
            np.array(self._starts, "i8"),
            np.array(self._lengths, "u4"),
        )
        found["ts_ns"] = np.array(self._times, "u8")[which]
        return pick(found, found["state"] > 0)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError("an attribute is no text in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("an attribute is no text in base64") from error


def _snapshots(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Parsed snapshots of a line: several of a row, or it is one."""
    for place in (row, mapping(row.get("raw"))):
        several = [one for one in listed(place.get("Snapshots")) if isinstance(one, dict)]
        if several:
            return several
    return [row] if isinstance(row.get("TCPInfo"), dict) else []


def _parsed(row: dict[str, Any], snapshot: dict[str, Any]) -> Samples | None:
    """Sample of a parsed snapshot; None without its ends or time."""
    message = mapping(snapshot.get("InetDiagMsg"))
    sample = np.zeros(1, SAMPLE)
    when = nanoseconds(snapshot.get("Timestamp"))
    places = (mapping(row.get(name)).get("SockID") for name in ("a", "raw"))
    socket = mapping(row.get("SockID") or next(filter(None, places), None))
    known = _ends(sample, mapping(message.get("ID")) or socket)
    if not known or when is None:
        return None
    sample["ts_ns"] = when
    sample["half_open"] = NOT_COUNTED
    sample["rqueue"] = sample["wqueue"] = NO_QUEUE
    _put(sample, message, _MESSAGE)
    info = mapping(snapshot.get("TCPInfo"))
    _put(sample, info, NAMES)
    sample["info_len"] = _known_bytes(info)
    sample["also_known"] = bits_of(name for name in NAMES if info.get(NAMES[name]) is not None)
    if not sample["state"][0]:
        sample["state"] = whole(info.get("State"), 0xFF) or 0
    algorithm = snapshot.get("CongestionAlgorithm")
    if isinstance(algorithm, str):
        sample["cc"] = algorithm.encode(errors="replace")[:16]
    if memory := mapping(snapshot.get("SocketMem")):
        sample["has_skmem"] = 1
        _put(sample, memory, _MEMORY)
    if bbr := mapping(snapshot.get("BBRInfo")):
        sample["cc_info"] = CcInfo.BBR
        _put(sample, bbr, _BBR)
    return sample if sample["state"][0] else None


def _put(sample: Samples, values: dict[str, Any], names: Mapping[str, str]) -> None:
    for ours, theirs in names.items():
        found = whole(values.get(theirs), (1 << 8 * SAMPLE[ours].itemsize) - 1)
        if found is not None:
            sample[ours] = found


def _known_bytes(info: dict[str, Any]) -> int:
    """Bytes of struct tcp_info before the first member that is not there."""
    known = 0
    for name, (kind, place) in TCP_INFO.items():
        if name not in NAMES or info.get(NAMES[name]) is None:
            break
        known = place + np.dtype(kind).itemsize
    return known


def _ends(sample: Samples, socket: dict[str, Any]) -> bool:
    """Write both ends, device and cookie; False if the ends are missing."""
    if "IDiagSrc" in socket:  # of LinuxSockID: bytes as the kernel has them
        values = {name: bytes(listed(part)) for name, part in socket.items() if _is_bytes(part)}
        family = AF_INET6 if any(values.get("IDiagSrc", b"")[4:]) else AF_INET
        source, target = (
            _halves(values.get(name, b""), family) for name in ("IDiagSrc", "IDiagDst")
        )
        ports = [int.from_bytes(values.get(f"IDiag{end}Port", b""), "big") for end in "SD"]
        cookie = int.from_bytes(values.get("IDiagCookie", b""), "little")
        device = int.from_bytes(values.get("IDiagIf", b""), "big")
    else:
        source, target = address(socket.get("SrcIP")), address(socket.get("DstIP"))
        ports = [whole(socket.get(name), 0xFFFF) or 0 for name in ("SPort", "DPort")]
        given = socket.get("Cookie")
        cookie = int(given) if isinstance(given, int) else 0
        device = whole(socket.get("Interface"), 0xFFFFFFFF) or 0
        family = AF_INET if source is not None and source[0] == 0 else AF_INET6
    if source is None or target is None or not any(ports):
        return False
    sample["saddr"], sample["daddr"] = source, target
    sample["sport"], sample["dport"] = (port & 0xFFFF for port in ports)
    sample["family"], sample["ifindex"] = family, device & 0xFFFFFFFF
    sample["sock_cookie"] = cookie & 0xFFFF_FFFF_FFFF_FFFF
    return True


def _is_bytes(part: Any) -> bool:
    return (
        isinstance(part, list)
        and len(part) <= 16
        and all(isinstance(one, int) and 0 <= one < 256 for one in part)
    )


def _halves(part: bytes, family: int) -> tuple[int, int] | None:
    if len(part) != 16:
        return None
    if family == AF_INET:
        return 0, 0xFFFF << 32 | int.from_bytes(part[:4], "big")
    return int.from_bytes(part[:8], "big"), int.from_bytes(part[8:], "big")


def _number(samples: Samples) -> None:
    """Give sockets without a cookie one by their ends, beyond those that are there."""
    nameless = np.flatnonzero(samples["sock_cookie"] == 0)
    if not len(nameless):
        return
    some = samples[nameless]
    ends = np.column_stack(
        [some["saddr"], some["daddr"], some["sport"].astype("u8") << 16 | some["dport"]]
    ).astype("u8")
    _, number = np.unique(ends, axis=0, return_inverse=True)
    samples["sock_cookie"][nameless] = (1 << 40) + 1 + number.reshape(-1)
