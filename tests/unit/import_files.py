"""Files of other tools, made by hand: captures, M-Lab's tcp-info, qlog."""

from __future__ import annotations

import base64
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

A, B = ("192.0.2.1", 40000), ("192.0.2.2", 443)
A6, B6 = ("2001:db8::1", 40000), ("2001:db8::2", 443)

EPOCH = 1_700_000_000
"""Seconds since 1970 of the first packet, about."""


class Packet(NamedTuple):
    """A TCP segment: microseconds since EPOCH, ends, numbers, flags, payload, window, options."""

    at: int
    source: tuple[str, int]
    target: tuple[str, int]
    seq: int
    ack: int
    flags: int = ACK
    payload: int = 0
    window: int = 1000
    options: bytes = b""
    ip_id: int = 0

    def tcp(self) -> bytes:
        """Header of TCP, and the payload."""
        options = self.options + bytes(-len(self.options) % 4)
        head = struct.pack(
            "!HHIIBBHHH",
            *(self.source[1], self.target[1], self.seq & 0xFFFFFFFF, self.ack & 0xFFFFFFFF),
            *((5 + len(options) // 4) << 4, self.flags, self.window, 0, 0),
        )
        return head + options + bytes(self.payload)

    def ip(self, extensions: bytes = b"") -> bytes:
        """Header of IP, `extensions` of IPv6 and the segment."""
        tcp = self.tcp()
        if ":" in self.source[0]:
            ends = [socket.inet_pton(socket.AF_INET6, end[0]) for end in (self.source, self.target)]
            following = 60 if extensions else 6
            head = struct.pack("!IHBB", 6 << 28, len(extensions + tcp), following, 64)
            return head + b"".join(ends) + extensions + tcp
        ends = [socket.inet_aton(end[0]) for end in (self.source, self.target)]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), self.ip_id, 0, 64, 6, 0)
        return head + b"".join(ends) + tcp


SCALED = b"\x02\x04\x05\xb4\x01\x03\x03\x07"
"""Options of a SYN: MSS 1460, window scale 7."""


def handshake(a: tuple[str, int] = A, b: tuple[str, int] = B, *, at: int = 0) -> list[Packet]:
    """SYN, SYN-ACK, ACK: 20 ms apart, both scaled by 2⁷; numbers begin at 1000 and 5000."""
    return [
        Packet(at, a, b, 1000, 0, SYN, window=64000, options=SCALED),
        Packet(at + 20_000, b, a, 5000, 1001, SYN | ACK, window=65000, options=SCALED),
        Packet(at + 20_100, a, b, 1001, 5001, window=500),
    ]


def lossy(a: tuple[str, int] = A, b: tuple[str, int] = B) -> list[Packet]:
    """Send four segments of 100 bytes, of which the second is retransmitted 50 ms later; close."""
    return [
        *handshake(a, b),
        *(Packet(30_000 + n, a, b, 1001 + 100 * n, 5001, ACK, 100, 500) for n in range(4)),
        Packet(50_000, b, a, 5001, 1101, window=510),
        Packet(80_000, a, b, 1101, 5001, ACK, 100, 500),
        Packet(100_000, b, a, 5001, 1401, window=520),
        Packet(101_000, a, b, 1401, 5001, FIN | ACK, window=500),
        Packet(121_000, b, a, 5001, 1402, FIN | ACK, window=520),
        Packet(121_100, a, b, 1402, 5002, window=500),
    ]


def ethernet(packet: Packet, tags: int = 0) -> bytes:
    """Frame of Ethernet, with so many VLAN tags."""
    kind = b"\x86\xdd" if ":" in packet.source[0] else b"\x08\x00"
    return bytes(12) + b"\x81\x00\x00\x05" * tags + kind + packet.ip()


def pcap(
    frames: Sequence[tuple[int, bytes]],
    *,
    link: int = 1,
    order: str = "<",
    nanoseconds: bool = False,
    snap: int = 0xFFFF,
) -> bytes:
    """Capture of frames, each with its microseconds since EPOCH."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    found = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for at, frame in frames:
        seconds, part = divmod(at, 1_000_000)
        part *= 1000 if nanoseconds else 1
        kept = frame[:snap]
        found += struct.pack(f"{order}IIII", EPOCH + seconds, part, len(kept), len(frame)) + kept
    return found


def pcapng(frames: Sequence[tuple[int, bytes]], *, link: int = 1, order: str = "<") -> bytes:
    """The same as pcapng, in nanoseconds, with a block of names among the packets."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{order}I", len(body) + 12)
        return struct.pack(f"{order}I", kind) + length + body + length

    found = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    resolution = struct.pack(f"{order}HHB3xI", 9, 1, 9, 0)
    found += block(1, struct.pack(f"{order}HHI", link, 0, 0) + resolution)
    found += block(4, bytes(4))
    for at, frame in frames:
        when = EPOCH * 1_000_000_000 + at * 1000
        head = struct.pack(
            f"{order}IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(frame), len(frame)
        )
        found += block(6, head + frame)
    return found


def captured(packets: Sequence[Packet]) -> bytes:
    """Capture of segments on Ethernet."""
    return pcap([(packet.at, ethernet(packet)) for packet in packets])


def raw_snapshot(
    timestamp: str, message: bytes, attributes: Sequence[bytes | None], **more: object
) -> bytes:
    """Line of M-Lab's archive: struct inet_diag_msg, and the attributes by their number."""
    row = {
        "Timestamp": timestamp,
        "RawIDM": base64.b64encode(message).decode(),
        "Attributes": [
            one if one is None else base64.b64encode(one).decode() for one in attributes
        ],
        **more,
    }
    return json.dumps(row).encode() + b"\n"


def idm(cookie: int = 7, state: int = 1) -> bytes:
    """Struct inet_diag_msg of A's socket."""
    ends = struct.pack("!HH", A[1], B[1])
    ends += socket.inet_aton(A[0]) + bytes(12) + socket.inet_aton(B[0]) + bytes(12)
    ident = ends + struct.pack("=III", 0, cookie, 0)
    return struct.pack("=BBBB", 2, state, 0, 0) + ident + struct.pack("=IIIII", 0, 0, 5000, 0, 9)


QLOG: dict[str, Any] = {
    "qlog_version": "0.3",
    "qlog_format": "JSON",
    "traces": [
        {
            "vantage_point": {"type": "server"},
            "common_fields": {"time_format": "relative", "reference_time": EPOCH * 1000},
            "events": [
                {
                    "time": 0,
                    "name": "connectivity:connection_started",
                    "data": {
                        **{"src_ip": B[0], "src_port": B[1]},
                        **{"dst_ip": A[0], "dst_port": A[1]},
                    },
                },
                {
                    "time": 1,
                    "name": "recovery:parameters_set",
                    "data": {"max_datagram_size": 1250},
                },
                *(
                    {
                        "time": 2,
                        "name": "transport:packet_sent",
                        "data": {
                            "header": {"packet_type": "1RTT", "packet_number": number},
                            "raw": {"length": 1250},
                            "frames": [{"frame_type": "stream"}],
                        },
                    }
                    for number in (1, 2)
                ),
                {
                    "time": 10.5,
                    "name": "recovery:metrics_updated",
                    "data": {
                        **{"smoothed_rtt": 25.5, "min_rtt": 20, "congestion_window": 12_500},
                        "bytes_in_flight": 2500,
                    },
                },
                {
                    "time": 30,
                    "name": "recovery:packet_lost",
                    "data": {
                        "header": {"packet_type": "1RTT", "packet_number": 2},
                        "trigger": "reordering_threshold",
                    },
                },
                {
                    "time": 30,
                    "name": "recovery:congestion_state_updated",
                    "data": {"old": "slow_start", "new": "recovery"},
                },
                {
                    "time": 31,
                    "name": "recovery:metrics_updated",
                    "data": {"bytes_in_flight": 0, "congestion_window": 6250, "ssthresh": 6250},
                },
                {"time": 3000, "name": "connectivity:connection_closed", "data": {}},
            ],
        }
    ],
}
"""A trace of version 0.3: of two packets of 1250 bytes one is acknowledged, one lost."""


def qlog_sequence(separator: bytes = b"\x1e") -> bytes:
    """The same as a later version has it: other names, records, a clock that is told."""
    trace: dict[str, Any] = QLOG["traces"][0]
    head = {
        "file_schema": "urn:ietf:params:qlog:file:sequential",
        "serialization_format": "application/qlog+json-seq",
        "trace": {
            "vantage_point": {"type": "server"},
            "common_fields": {
                "time_format": "relative_to_epoch",
                "reference_time": {
                    "clock_type": "monotonic",
                    "epoch": "unknown",
                    "wall_clock_time": "2023-11-14T22:13:20.000Z",
                },
            },
            "event_schemas": ["urn:ietf:params:qlog:events:quic-09"],
        },
    }
    names = {
        "recovery:metrics_updated": "quic:recovery_metrics_updated",
        "recovery:parameters_set": "quic:recovery_parameters_set",
        "recovery:congestion_state_updated": "quic:congestion_state_updated",
        "recovery:packet_lost": "quic:packet_lost",
        "transport:packet_sent": "quic:packet_sent",
        "connectivity:connection_started": "quic:connection_started",
        "connectivity:connection_closed": "quic:connection_closed",
    }
    records = [head]
    for event in trace["events"]:
        data = event["data"]
        if "src_ip" in data:
            data = {
                "local": {"ip_v4": data["src_ip"], "port_v4": data["src_port"]},
                "remote": {"ip_v4": data["dst_ip"], "port_v4": data["dst_port"]},
            }
        records.append({"time": event["time"], "name": names[event["name"]], "data": data})
    return b"".join(separator + json.dumps(record).encode() + b"\n" for record in records)
