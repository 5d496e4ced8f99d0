"""Hostile files to import: captures, tcp-info and qlog, changed at random where they have numbers.

Half of the changes know where a format has its lengths; the others are of any byte.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tcctui import memory
from tcctui.errors import TcctuiError
from tcctui.importing.command import import_files
from tests.unit import import_files as made

FOUND = Path("fuzz-found.import")
"""Where the input is left that a run failed with."""

SLOWEST = 2.0
"""CPU seconds that an input may take."""

LARGEST = 500 << 20
"""Bytes of memory that an input may take."""

_BUDGET = 64 << 20

_NUMBERS = (0, 1, 2, 7, 12, 16, 20, 40, 255, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_JSON = (
    *(b"-1", b"1e999", b"null", b"[]", b"{}", b'"9999999999999999999999"', b"1" * 5000, b"true"),
    *(b'"\\ud800"', b"0.1", b"18446744073709551616", b"[" * 5000, b'"2023-99-99T00:00:00Z"'),
)


class HarmError(Exception):
    """An input took more time or memory than it may."""


def corpus() -> list[bytes]:
    """Files to begin with: each format, in each of its forms."""
    packets = made.lossy() + made.lossy(made.A6, made.B6)
    frames = [(packet.at, made.ethernet(packet)) for packet in packets]
    raw = made.raw_snapshot(
        "2023-11-14T22:13:20.5Z", made.idm(), [None, None, bytes(range(232)), None, b"cubic\0"]
    )
    parsed = {
        "Timestamp": "2023-11-14T22:13:20Z",
        "SockID": {"SrcIP": "192.0.2.1", "DstIP": "192.0.2.2", "SPort": 4, "DPort": 5, "Cookie": 9},
        "TCPInfo": {"State": 1, "CAState": 0, "SndCwnd": 10, "RTT": "20000"},
    }
    return [
        made.pcap(frames),
        made.pcap(frames, order=">", nanoseconds=True),
        made.pcapng(frames),
        made.pcapng(frames, order=">"),
        made.captured(_with_options()),
        raw * 3,
        json.dumps(parsed).encode(),
        json.dumps(made.QLOG).encode(),
        made.qlog_sequence(),
        made.qlog_sequence(b""),
    ]


def _with_options() -> list[made.Packet]:
    """Lossy transfer with timestamps, blocks of SACK, and duplicates that they tell of."""
    stamped, block = b"\x01\x01\x08\x0a", b"\x01\x01\x05\x12"
    packets = made.lossy()
    for place, packet in enumerate(packets[3:], 3):
        clocks = stamped + struct.pack("!II", 100 + place, 90 + place)
        if packet.source == made.B:
            clocks += block + struct.pack("!IIII", 1101, 1201, 1201, 1401)
        packets[place] = packet._replace(options=clocks)
    return packets


def changed(files: Sequence[bytes], dice: random.Random) -> bytes:
    """One of the files with some changes, perhaps compressed."""
    data = bytearray(dice.choice(files))
    text = bytes(data[:1]) in {b"{", b"\x1e"}
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(data) or 1)
        act = dice.randrange(7)
        if act == 0 and data:
            data[place] = dice.randrange(256)
        elif act == 1:
            del data[place : place + dice.randint(1, 64)]
        elif act == 2:
            data[place:place] = data[place : place + dice.randint(1, 200)] * dice.randint(1, 8)
        elif act == 3:
            del data[place:]
        elif text:
            _change_json(data, place, dice)
        else:
            place &= ~3
            form = dice.choice("<>")
            data[place : place + 4] = struct.pack(f"{form}I", dice.choice(_NUMBERS))
    return gzip.compress(bytes(data), 1) if dice.random() < 0.1 else bytes(data)


def _change_json(data: bytearray, place: int, dice: random.Random) -> None:
    """Replace the next value with another."""
    begin = data.find(b":", place) + 1
    if begin:
        ends = [at for at in (data.find(mark, begin) for mark in b",}]") if at >= 0]
        end = min(ends, default=begin)
        data[begin:end] = dice.choice(_JSON)


def read(data: bytes, directory: Path) -> bool:
    """Import an input; False if it is refused, which leaves nothing behind."""
    source, out = directory / "input", directory / "out.arrows"
    source.write_bytes(data)
    out.unlink(missing_ok=True)
    refusal = None
    try:
        with memory.limited(2 * _BUDGET + (256 << 20)):
            import_files([str(source)], str(out), memory=_BUDGET, remarks=io.StringIO())
    except TcctuiError as error:
        refusal = error
    if refusal is None:
        return True
    assert len(refusal.reason) < 1000, refusal.reason
    left = {path.name for path in directory.iterdir()}
    assert left == {"input"}, left
    return False


def run(count: int, seed: int, *, slowest: float = SLOWEST) -> str:
    """Import so many inputs; gives how many were refused.

    Raises:
        HarmError: one took too much time or memory. Any other exception is a defect, too; the input
            is then in FOUND.

    """
    files, refused = corpus(), 0
    with TemporaryDirectory() as directory:
        for number in range(count):
            data = changed(files, random.Random(f"{seed} {number}"))
            begun = time.process_time()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                refused += not read(data, Path(directory))
                took = time.process_time() - begun
                more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
                if took > slowest or more > LARGEST:
                    raise HarmError(f"{took:.1f} s, {more >> 20} MiB")
            except BaseException:
                FOUND.write_bytes(data)
                raise
    return f"{count} files from seed {seed}: {refused} refused"
