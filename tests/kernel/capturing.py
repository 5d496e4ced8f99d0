"""A capture of a namespace's device, as tcpdump would make it: pcap or pcapng, by AF_PACKET."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside

_ALL, _OUTGOING = 0x0003, 4
_STAMPED, _FORCED, _STATISTICS = 35, 33, 6  # SO_TIMESTAMPNS, SO_RCVBUFFORCE, PACKET_STATISTICS
_SOL_PACKET = 263
_SNAPPED = 128
_ETHERNET, _RAW = 1, 101  # link types


class Capturing:
    """Captures what a device sees, from the start to the end of its context, into a file.

    With `ng`, it is pcapng with nanoseconds. A TUN device's packets have no Ethernet. A loopback
    device sees each packet twice: of those, only what comes in is kept.
    """

    def __init__(self, namespace: str, path: Path, *, device: str = "", ng: bool = False) -> None:
        self._device = device or Network.DEVICE
        with inside(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _FORCED, 64 << 20)
        self._socket.bind((self._device, _ALL))
        self._socket.settimeout(0.05)
        self._file = path.open("wb")
        self._ng = ng
        self.packets = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Capturing:
        link = _RAW if self._device.startswith("tun") else _ETHERNET
        self._file.write(_ng_head(link) if self._ng else _head(link))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        dropped = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1]
        self._socket.close()
        self._file.close()
        assert dropped == 0 or kind is not None, f"{dropped} packets were not captured"

    def wait_for_packets(self, count: int) -> None:
        """Wait until so many packets are captured."""
        until(f"{count} packets are captured", lambda: self.packets >= count)

    def _read(self) -> None:
        buffer = bytearray(_SNAPPED)
        while True:
            try:
                wire, controls, _, sender = self._socket.recvmsg_into(
                    [buffer], 64, socket.MSG_TRUNC
                )
            except TimeoutError:
                if self._over.is_set():
                    return
                continue
            if sender[2] == _OUTGOING and self._device == "lo":
                continue
            seconds, nanoseconds = struct.unpack("=qq", controls[0][2])
            data = bytes(buffer[: min(wire, _SNAPPED)])
            packet = _ng_packet if self._ng else _packet
            self._file.write(packet(seconds, nanoseconds, data, wire))
            self.packets += 1


def _head(link: int) -> bytes:
    return struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAPPED, link)


def _packet(seconds: int, nanoseconds: int, data: bytes, wire: int) -> bytes:
    return struct.pack("=IIII", seconds, nanoseconds, len(data), wire) + data


def _ng_head(link: int) -> bytes:
    section = struct.pack("=IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    finer = struct.pack("=HHB3xI", 9, 1, 9, 0)
    return section + _block(1, struct.pack("=HHI", link, 0, _SNAPPED) + finer)


def _ng_packet(seconds: int, nanoseconds: int, data: bytes, wire: int) -> bytes:
    when = seconds * 1_000_000_000 + nanoseconds
    head = struct.pack("=IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(data), wire)
    return _block(6, head + data + bytes(-len(data) % 4))


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("=II", kind, length) + body + struct.pack("=I", length)
