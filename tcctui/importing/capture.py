"""Capture files: pcap and pcapng, walked from packet to packet, a block at a time.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Only the walk is a loop; what is in
the packets is read by numpy (`packet_headers`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Mask

_PCAP = {
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
"""Magic number: byte order, and nanoseconds of a unit of a timestamp's fraction."""

_INTERFACE, _ENHANCED = 1, 6
_PCAPNG = b"\x0a\x0d\x0d\x0a"

MAGIC = (*_PCAP, _PCAPNG)
"""First four bytes of a capture file."""

_LARGEST = 1 << 24
"""Bytes of the largest plausible packet or block; libpcap's own limit is 256 KiB for a packet."""

_BLOCK = 1 << 24
"""Bytes read at a time."""

_MOST_INTERFACES = 1 << 16

_PAD = 256
"""Zeros behind a block, so that no header is read beyond its end."""

_SECOND = 1_000_000_000


class Block(NamedTuple):
    """Packets of a piece of a capture; arrays have an entry for each packet.

    `data` are bytes, and `at` the packets' first ones among them. `length` is the number of bytes
    captured of each, `wire` its length on the wire, `link` its link type (LINKTYPE_...), `ts_ns`
    nanoseconds since 1970.
    """

    data: U8
    at: I64
    length: I64
    wire: I64
    link: I64
    ts_ns: I64


class DamagedError(ValueError):
    """A capture that goes on with what is no packet."""


class Capture:
    """Reads a capture; `cut_short` is True once it ended in the middle of a packet."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.cut_short = False
        self._offset = 0
        """Bytes of the file before the block."""

    def blocks(self) -> Iterator[Block]:
        """Packets, a block at a time.

        Raises:
            DamagedError: what follows is no packet.

        """
        magic = self._file.read(4)
        if magic == _PCAPNG:
            yield from self._pcapng(magic)
        elif magic in _PCAP:
            yield from self._pcap(*_PCAP[magic])
        else:
            raise DamagedError("it is no capture file")

    def _read(self, rest: bytes) -> bytes:
        """Next block, behind what is left of the one before; that alone at the end."""
        return rest + self._file.read(_BLOCK)

    def _pcap(self, order: str, unit_ns: int) -> Iterator[Block]:
        head = self._file.read(20)
        if len(head) < 20:
            self.cut_short = True
            return
        link = struct.unpack(f"{order}I", head[16:])[0] & 0xFFFF
        self._offset = 24
        rest = b""
        while len(data := self._read(rest)) > len(rest):
            at = self._packets(data, order)
            end = at[-1] if at else 0
            if len(at) > 1:
                yield _pcap_block(data, np.array(at[:-1], "i8"), order, unit_ns, link)
            rest = data[end:]
            self._offset += end
        self.cut_short = bool(rest)

    def _packets(self, data: bytes, order: str) -> list[int]:
        """Offsets of whole packets' headers, and the first byte behind the last."""
        length_at = struct.Struct(f"{order}I").unpack_from
        at, last = 0, len(data)
        found = [0]
        while at + 16 <= last:
            (length,) = length_at(data, at + 8)
            if length > _LARGEST:
                raise DamagedError(
                    f"a packet at byte {self._offset + at:,} says that it has {length:,} bytes"
                )
            at += 16 + length
            if at > last:
                break
            found.append(at)
        return found

    def _pcapng(self, magic: bytes) -> Iterator[Block]:
        rest = magic
        order = ""
        interfaces: list[_Interface] = []
        while len(data := self._read(rest)) > len(rest):
            at, last = 0, len(data)
            packets: list[int] = []
            of: list[int] = []
            while at + 12 <= last:
                if data[at : at + 4] == _PCAPNG:
                    if packets:  # of another section
                        yield _pcapng_block(data, packets, of, order, interfaces)
                        packets, of = [], []
                    order = self._order(data, at)
                    interfaces = []
                kind, length = struct.unpack_from(f"{order}II", data, at)
                if not 12 <= length <= _LARGEST or length & 3:
                    raise DamagedError(
                        f"a block at byte {self._offset + at:,} says that it has {length:,} bytes"
                    )
                if at + length > last:
                    break
                if kind == _ENHANCED and length >= 32:
                    interface, captured = struct.unpack_from(f"{order}I8xI", data, at + 8)
                    if interface >= len(interfaces) or captured > length - 32:
                        raise DamagedError(f"a packet at byte {self._offset + at:,} is none")
                    packets.append(at)
                    of.append(interface)
                elif kind == _INTERFACE and length >= 20:
                    if len(interfaces) >= _MOST_INTERFACES:
                        raise DamagedError(f"it has more than {_MOST_INTERFACES:,} interfaces")
                    interfaces.append(_Interface.of(data[at + 8 : at + length - 4], order))
                at += length
            if packets:
                yield _pcapng_block(data, packets, of, order, interfaces)
            rest = data[at:]
            self._offset += at
        self.cut_short = bool(rest)

    def _order(self, data: bytes, at: int) -> str:
        """Byte order of the section that begins at an offset."""
        magic = data[at + 8 : at + 12]
        if magic == b"\x1a\x2b\x3c\x4d":
            return ">"
        if magic == b"\x4d\x3c\x2b\x1a":
            return "<"
        raise DamagedError(f"the section at byte {self._offset + at:,} has no byte order")


class _Interface(NamedTuple):
    """Interface of a pcapng section: link type, timestamps a second, seconds to add to them."""

    link: int
    per_second: int
    offset_s: int

    @classmethod
    def of(cls, body: bytes, order: str) -> _Interface:
        """Read the body of an Interface Description Block."""
        (link,) = struct.unpack_from(f"{order}H", body)
        per_second, offset_s = 1_000_000, 0
        at = 8
        while at + 4 <= len(body):
            code, length = struct.unpack_from(f"{order}HH", body, at)
            value = body[at + 4 : at + 4 + length]
            if code == 0 or len(value) < length:
                break
            if code == 9 and length:  # if_tsresol
                power = value[0] & 0x7F
                base = 2 if value[0] & 0x80 else 10
                if base**power > 1 << 62:
                    raise DamagedError("an interface's timestamps are finer than any clock's")
                per_second = base**power
            elif code == 14 and length == 8:  # if_tsoffset
                (offset_s,) = struct.unpack(f"{order}q", value)
                offset_s = min(max(offset_s, -(1 << 32)), 1 << 32)
            at += 4 + length + (-length & 3)
        return cls(link, per_second, offset_s)


def numbers(data: U8, at: I64, size: int, *, little: bool = False) -> I64:
    """Unsigned numbers of up to 7 bytes at offsets, big-endian unless they are `little`."""
    found = np.zeros(len(at), "i8")
    for place in range(size):
        found = found << 8 | data[at + (size - 1 - place if little else place)]
    return found


def _padded(data: bytes) -> U8:
    return np.frombuffer(data + bytes(_PAD), "u1")


def _pcap_block(data: bytes, heads: I64, order: str, unit_ns: int, link: int) -> Block:
    bytes_, little = _padded(data), order == "<"
    seconds, part, length, wire = (
        numbers(bytes_, heads + place, 4, little=little) for place in (0, 4, 8, 12)
    )
    links = np.full(len(heads), link, "i8")
    return Block(bytes_, heads + 16, length, wire, links, seconds * _SECOND + part * unit_ns)


def _pcapng_block(
    data: bytes, packets: list[int], of: list[int], order: str, interfaces: list[_Interface]
) -> Block:
    bytes_, little = _padded(data), order == "<"
    heads, which = np.array(packets, "i8"), np.array(of, "i8")
    high, low, length, wire = (
        numbers(bytes_, heads + place, 4, little=little) for place in (12, 16, 20, 24)
    )
    links = np.array([interface.link for interface in interfaces], "i8")[which]
    when = np.zeros(len(heads), "i8")
    stamps = high.astype("u8") << np.uint64(32) | low.astype("u8")
    for number in set(of):
        interface = interfaces[number]
        mine: Mask = which == number
        units = np.uint64(interface.per_second)
        seconds, part = stamps[mine] // units, stamps[mine] % units
        if interface.per_second > 1 << 34:  # the fraction times 10⁹ would not fit
            fine = np.uint64(interface.per_second // _SECOND or 1)
            part_ns = part // fine
        else:
            part_ns = part * np.uint64(_SECOND) // units
        whole = np.minimum(seconds, np.uint64(1 << 33)).astype("i8") + interface.offset_s
        when[mine] = whole * _SECOND + part_ns.astype("i8")
    return Block(bytes_, heads + 28, length, wire, links, when)
