"""Hostile recordings: those of the corpus, changed at random where the format has its numbers.

Bytes changed blindly are mostly refused by checksums and lengths, so most changes know the format:
they change a batch's note, the index behind its compression, a keyframe before its checksum, a
column's values before Arrow packs them, the order of messages.
"""

from __future__ import annotations

import json
import os
import random
import resource
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tcctui import memory
from tcctui.errors import TcctuiError
from tcctui.export.job import Job
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.query import ALL
from tcctui.recording import ipc_frames as frames
from tcctui.recording.arrow import Encoder, pa
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.budget import Budget
from tcctui.recording.chunks import Chunk, pieces
from tcctui.recording.file import Recording
from tcctui.recording.file_index import MARK, TRAILER
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter

CORPUS = Path(__file__).with_name("corpus")
REACHING = Path(__file__).with_name("found")
"""Inputs of an hour that coverage guided, each of which reached code that no other had."""

FOUND = Path("fuzz-found.arrows")
"""Where the input is left that a run failed with."""

SLOWEST = 2.0
"""CPU seconds that an input may take."""

LARGEST = 500 << 20
"""Bytes of memory that an input may take."""

_END_NS = 1 << 62
_PLAYED, _EXPORTED = 4, 32
"""Of so many inputs, one is played and exported, too: that takes several times as long."""


class HarmError(Exception):
    """An input took more time or memory than it may."""


def corpus() -> list[bytes]:
    """Recordings to begin with: those kept, and of those with keyframes what is written today."""
    kept = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    return [*kept, *filter(None, map(_anew, kept))]


def _anew(data: bytes) -> bytes:
    """Write a recording with today's columns, as changed keyframes are written; else nothing."""
    chunks = list(_chunks(_messages(data)))
    if not any(chunk.keyframe for chunk in chunks):
        return b""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "anew"
        with closing(RecordingWriter(path, Origin("fuzz"))) as writer:
            for chunk in chunks:
                writer.write(chunk)
        return path.read_bytes()


def run(
    count: int,
    seed: int,
    *,
    inputs: Callable[[random.Random], bytes] | None = None,
    slowest: float = SLOWEST,
) -> str:
    """Read so many inputs; gives the figures of the worst. A failing input is left in `FOUND`.

    Raises:
        HarmError: one takes more than `slowest` CPU seconds, or `LARGEST` bytes.
        Exception: whatever reading raises, but for an expected failure (TcctuiError).

    """
    inputs = inputs or Mutator(corpus()).input
    give_back()
    usual = _peak()
    worst, refused = 0.0, 0
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        data = inputs(chance)
        begun = time.thread_time()
        try:
            play, export = number % _PLAYED == 0, number % _EXPORTED == 0
            refused += not read(data, play=play, export=export)
            took = time.thread_time() - begun
            if took > slowest or _peak() - usual > LARGEST:
                raise HarmError(f"{took:.1f} s, {(_peak() - usual) >> 20} MiB")
        except BaseException:
            FOUND.write_bytes(data)
            print(f"Input {number} of seed {seed} is in {FOUND}.")
            raise
        worst = max(worst, took)
    figures = (
        f"{count:,} recordings from seed {seed}: {refused:,} refused, the slowest {worst:.2f} s of"
        f" CPU time, {(_peak() - usual) >> 20} MiB more than before"
    )
    print(figures)
    return figures


def give_back() -> None:
    """Let freed memory be the system's again, so that the next input's is seen."""
    memory.return_at_once()
    pa.set_memory_pool(pa.system_memory_pool())


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def read(data: bytes, *, play: bool = True, export: bool = True) -> bool:
    """Do with a recording what commands do; False if it is refused."""
    file = os.memfd_create("recording")
    try:
        os.write(file, data)
        with closing(Recording(Path(f"/proc/self/fd/{file}"))) as recording:
            recording.totals()
            store = _restored(recording)
            for chunk in recording.chunks(0, _END_NS):
                if play:
                    deliver(pieces(chunk, _END_NS), store)
            store.flows(["text", "limit", "rate", "age_ns"])
            store.give_up()
            if export:
                for table in ("events", "samples", "flows"):
                    job = Job(recording, ALL, progress=False)
                    for part in job._parts(table):
                        part.to_pydict()
            str(recording.remark)
    except TcctuiError:
        return False
    finally:
        os.close(file)
    return True


def _restored(recording: Recording) -> Store:
    """Restore the last keyframe, as a replay does that begins in the middle."""
    store = Store(1 << 20)
    if (found := recording.keyframe(_END_NS)) is not None:
        try:
            store.restore(Keyframe.from_bytes(found[1]))
        except ValueError:
            store.give_up()
            return Store(1 << 20)
    return store


_NUMBERS = (0, 1, 2, 7, 8, 127, 255, 256, 65535, (1 << 31) - 1, 1 << 31, 1 << 58, (1 << 62) - 1)
"""Numbers that are near limits."""


class Mutator:
    """Makes inputs of recordings, each given by its chance alone."""

    def __init__(self, recordings: Sequence[bytes]) -> None:
        self._encoder = Encoder(Origin("fuzz"))
        self._all = [_messages(data) for data in recordings]
        self._chunks = [list(_chunks(messages)) for messages in self._all]
        self._changes = (
            *(self._bytes, self._bytes, self._cut, self._order, self._spliced),
            *(self._note, self._index, self._index, self._keyframe, self._values, self._values),
        )

    def input(self, chance: random.Random) -> bytes:
        """Make one input."""
        at = chance.randrange(len(self._all))
        messages = list(self._all[at])
        for _ in range(chance.choice((1, 1, 2, 3))):
            chance.choice(self._changes)(chance, at, messages)
        return b"".join(messages)

    def changed(self, chance: random.Random, data: bytes) -> bytes:
        """Change a recording that need not be one any more."""
        try:
            messages = _messages(data)
        except (ValueError, struct.error):
            return _changed(chance, data)
        chance.choice((self._bytes, self._cut, self._order, self._note, self._index))(
            chance, 0, messages
        )
        return b"".join(messages)

    def _bytes(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        place = chance.randrange(len(messages))
        messages[place] = _changed(chance, messages[place])

    def _cut(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        place = chance.randrange(len(messages))
        messages[place] = messages[place][: chance.randrange(len(messages[place]) + 1)]
        del messages[place + 1 :]

    def _order(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        one, other = (chance.randrange(len(messages)) for _ in range(2))
        if chance.random() < 0.5:
            messages.insert(one, messages[other])
        else:
            messages[one], messages[other] = messages[other], messages[one]

    def _spliced(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        messages.insert(chance.randrange(len(messages)), chance.choice(chance.choice(self._all)))

    def _note(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        """Let a batch say something else of itself, in as many letters."""
        place = chance.randrange(len(messages))
        message = messages[place]
        try:
            note = frames.head(memoryview(message)[frames.PREFIX :]).note
        except ValueError:
            return
        numbers = note.split()
        if not numbers:
            return
        which = chance.randrange(len(numbers))
        length = len(numbers[which])
        numbers[which] = str(chance.choice(_NUMBERS)).encode().rjust(length, b"0")[:length]
        messages[place] = message.replace(note, b" ".join(numbers), 1)

    def _index(self, chance: random.Random, _: int, messages: list[bytes]) -> None:
        """Change numbers, or the number of rows, of the index behind the end."""
        tail = messages[-1]
        if not tail.endswith(MARK):
            return
        try:
            numbers = np.frombuffer(zlib.decompress(tail[: -TRAILER.size]), "<i8").copy()
        except (zlib.error, ValueError):
            return
        if not len(numbers):
            return
        for _ in range(chance.choice((1, 1, 2, 9))):
            numbers[chance.randrange(len(numbers))] = _number(chance)
        if len(numbers) < 100 and chance.random() < 0.1:
            numbers = np.tile(numbers, chance.choice((2, 100, 20_000)))
        packed = zlib.compress(numbers.tobytes(), 1)
        messages[-1] = packed + TRAILER.pack(len(packed), MARK)

    def _values(self, chance: random.Random, at: int, messages: list[bytes]) -> None:
        """Pack a batch anew, with other values."""
        place = chance.randrange(len(self._chunks[at]))
        chunk = self._chunks[at][place]
        records = [chunk.events.copy(), chunk.samples.copy()]
        for made in records:
            if not len(made):
                continue
            for _ in range(chance.choice((1, 3, 20))):
                row = made[chance.randrange(len(made))]
                name = chance.choice(made.dtype.names or ("",))
                if name != "tcp_info":
                    row[name] = np.frombuffer(
                        chance.choice((chance.randbytes(512), bytes(512), b"\xff" * 512))[
                            : made.dtype[name].itemsize
                        ],
                        made.dtype[name],
                    )[0]
        begin_ns, end_ns = chunk.begin_ns, chunk.end_ns
        if chance.random() < 0.2:
            begin_ns, end_ns = sorted(abs(_number(chance)) >> 5 for _ in range(2))
        events, samples = records
        changed = replace(chunk, begin_ns=begin_ns, end_ns=end_ns, events=events, samples=samples)
        self._replace(messages, place, changed)

    def _keyframe(self, chance: random.Random, at: int, messages: list[bytes]) -> None:
        """Change a keyframe, and give it its checksum again."""
        places = [place for place, one in enumerate(self._chunks[at]) if one.keyframe]
        if not places:
            return
        place = chance.choice(places)
        chunk = self._chunks[at][place]
        changed = _keyframe_changed(chance, chunk.keyframe)
        self._replace(messages, place, replace(chunk, keyframe=changed))

    def _replace(self, messages: list[bytes], place: int, chunk: Chunk) -> None:
        if place + 1 < len(messages) - 1:
            messages[place + 1] = self._encoder.batch(chunk)
            if messages[-1].endswith(MARK):
                messages.pop()  # or nothing behind it is believed


def _messages(data: bytes) -> list[bytes]:
    """Cut a recording into its messages; the last part is what follows the end."""
    parts, at = [], 0
    while at < len(data):
        length = frames.metadata_length(data[at : at + frames.PREFIX])
        size = frames.PREFIX + length
        if length:
            size += frames.head(data[at + frames.PREFIX : at + size]).body
        parts.append(data[at : at + size])
        at += size
        if not length:
            break
    return [*parts, data[at:]]


def _chunks(messages: Sequence[bytes]) -> Iterator[Chunk]:
    decoder = Decoder(messages[0], Budget("corpus"))
    for at, message in enumerate(messages[1:-2]):
        yield decoder.chunk(message, at)


def _number(chance: random.Random) -> int:
    number = chance.choice((*_NUMBERS, chance.getrandbits(63)))
    return -number if chance.random() < 0.1 else number


def _changed(chance: random.Random, data: bytes) -> bytes:
    """Change a few bytes: one, a run of them, a number, or where a part begins."""
    if not data:
        return chance.randbytes(8)
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(changed))
        kind = chance.randrange(5)
        if kind == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at] = chance.choice((0, 1, 127, 128, 255))
        elif kind == 2:
            size = chance.choice((2, 4, 8))
            number = _number(chance) & (1 << 8 * size) - 1
            changed[at : at + size] = number.to_bytes(size, "little")
        elif kind == 3:
            del changed[at : at + chance.choice((1, 8, 64))]
        else:
            changed[at:at] = changed[at : at + chance.choice((1, 8, 64))]
        if not changed:
            break
    return bytes(changed)


_HEAD = struct.Struct("<III")


def _keyframe_changed(chance: random.Random, data: bytes) -> bytes:
    form, length, _ = _HEAD.unpack_from(data)
    head, rest = data[_HEAD.size :][:length], data[_HEAD.size + length :]
    if chance.random() < 0.3:
        rest = _changed(chance, rest)
    else:
        told = json.loads(head)
        _json_changed(chance, told)
        head = json.dumps(told).encode()
    packed = head + rest
    return _HEAD.pack(form, len(head), zlib.crc32(packed)) + packed


def _json_changed(chance: random.Random, told: object) -> None:
    """Change one thing somewhere in what JSON has."""
    while True:
        keys: list[int | str] = []
        if isinstance(told, list):
            keys = list(range(len(told)))
        elif isinstance(told, dict):
            keys = list(told)
        if not keys:
            return
        key = chance.choice(keys)
        below = told[key]  # type: ignore[index]
        if isinstance(below, list | dict) and below and chance.random() < 0.9:
            told = below
            continue
        values: tuple[object, ...] = (
            _number(chance),
            -1,
            1 << 70,
            0.5,
            "x",
            "<u8",
            "|V65000",
            None,
            [],
            {},
            [1, 2],
        )
        told[key] = chance.choice(values)  # type: ignore[index]
        return
