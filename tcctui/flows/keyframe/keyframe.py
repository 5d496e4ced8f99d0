"""All that is known about flows at a moment, but their histories, as bytes.

Every array has its name, and so have the fields of records in arrays: what a later version does not
know of these it drops, and what an earlier one did not have is unknown.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.index import Keys
from tcctui.flows.keyframe import layout
from tcctui.flows.keyframe.packed import Packed, pack
from tcctui.right_of_way import give_way

_FORMAT = 0x326B6374
"""The first bytes, `tck2`. Another one where what is kept changes its meaning."""

_HEAD = struct.Struct("<III")  # format, bytes of what describes the arrays, checksum of the rest

_MOST = 1 << 30  # bytes that all arrays may have; files may say anything

_WIDEST = 1 << 16  # bytes of an entry

_KIND = re.compile(r"[<>|][biufSV]\d{1,5}", re.ASCII)  # numpy takes programs for types, too

MARKS = "marks."
"""Beginning of the names of arrays of timeouts of late, for health; others' may lack them."""

ALGORITHMS = "algorithms.layouts"
"""Name of the array with the layouts of algorithms' own state, as bytes of JSON."""

WITHOUT_FLOWS = ("opened.", "owners.", MARKS, ALGORITHMS)
"""Beginnings of the names of arrays that have no entry for each flow."""

_DAMAGE = (
    *(TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError),
    MemoryError,
)


@dataclass(frozen=True, eq=False)
class Keyframe:
    """State of the store at `now_ns`.

    `numbers` are single ones; of the `arrays`, most have an entry for each flow. `layouts` are
    those of arrays whose entries are records, or numbers that have names.
    """

    now_ns: int
    numbers: Mapping[str, int]
    arrays: Mapping[str, Array]
    layouts: Mapping[str, np.dtype[np.void]]

    def of_flows(self, cookies: Keys) -> Keyframe:
        """The part of some flows: nothing is left of others, nor of sockets without a flow.

        Raises:
            ValueError: it is damaged.

        """
        whose = self.arrays.get("columns.cookie")
        if whose is None:
            raise ValueError("a keyframe lacks its cookies")
        mine = np.isin(whose, cookies)
        marked = np.isin(self.arrays.get(f"{MARKS}cookie", whose[:0]), cookies)
        arrays = {}
        for name, array in self.arrays.items():
            of_each = len(array) == len(whose) and not name.startswith(WITHOUT_FLOWS)
            if name == ALGORITHMS:
                arrays[name] = array
            elif name.startswith(MARKS) and len(array) == len(marked):
                arrays[name] = array[marked]
            else:
                arrays[name] = array[mine] if of_each else array[:0]
        events = arrays.get("columns.events", np.zeros(0, "u8"))
        numbers = {**self.numbers, "events": int(events.sum())}
        return replace(self, arrays=arrays, numbers=numbers)

    def to_bytes(self) -> bytes:
        """Pack it."""
        packed = {}
        for name, array in self.arrays.items():
            give_way()  # each takes a millisecond, and there are a hundred
            packed[name] = pack(array)
        arrays = {
            name: [
                array.dtype.str,
                array.shape,
                array.varying.tolist(),
                array.raw,
                len(array.planes),
            ]
            for name, array in packed.items()
        }
        layouts = {name: layout.written(kind) for name, kind in self.layouts.items()}
        head = json.dumps([self.now_ns, dict(self.numbers), arrays, layouts]).encode()
        same = [array.same.tobytes() for array in packed.values()]
        planes = [array.planes for array in packed.values()]
        data = b"".join([head, *same, *planes])
        return _HEAD.pack(_FORMAT, len(head), zlib.crc32(data)) + data

    @classmethod
    def from_bytes(cls, data: bytes) -> Keyframe:
        """Unpack it.

        Raises:
            ValueError: it is another version's, or damaged.

        """
        if len(data) < _HEAD.size:
            raise ValueError("a keyframe is too short")
        form, length, check = _HEAD.unpack_from(data)
        if form != _FORMAT and form not in layout.UNNAMED:
            raise ValueError("a keyframe is of another version of tcctui")
        if check != zlib.crc32(memoryview(data)[_HEAD.size :]):
            raise ValueError("a keyframe is damaged")
        try:
            head = json.loads(data[_HEAD.size :][:length])
            if form != _FORMAT:
                head.append(layout.UNNAMED[form])
            return cls._read(head, memoryview(data)[_HEAD.size + length :])
        except _DAMAGE as error:
            raise ValueError(f"a keyframe is damaged: {error}") from error

    @classmethod
    def _read(cls, head: list[Any], data: memoryview) -> Keyframe:
        now_ns, numbers, described, written = head
        layouts = {str(name): layout.read(*written[name]) for name in written}
        whole = {str(name): _whole(numbers[name]) for name in numbers}
        arrays = {}
        at, planes_at = 0, sum(_described(*parts)[2] for parts in described.values())
        whole_size = sum(
            shape[0] * width
            for _, shape, width in (_described(*parts) for parts in described.values())
        )
        if planes_at > len(data) or whole_size > _MOST:
            raise ValueError("its arrays are longer than can be")
        for name, (dtype, shape, varying, raw, length) in described.items():
            kind, size, width = _described(dtype, shape)
            places = np.array([_whole(place, width - 1) for place in varying], "u2")
            same = np.frombuffer(data[at : at + width], "u1")
            planes = bytes(data[planes_at : planes_at + _whole(length, len(data))])
            arrays[name] = Packed(kind, size, same, places, _whole(raw, width), planes).array()
            at, planes_at = at + width, planes_at + length
        return cls(_whole(now_ns), whole, arrays, layouts)


def unpacked_size(data: bytes) -> int:
    """Bytes of a keyframe's arrays, by its own description; 0 for one that is damaged."""
    try:
        _, length, _ = _HEAD.unpack_from(data)
        described = json.loads(data[_HEAD.size :][:length])[2]
        parts = [_described(*parts) for parts in described.values()]
    except (*_DAMAGE, struct.error, ValueError):
        return 0
    return sum(int(shape[0]) * width for _, shape, width in parts)


def _described(dtype: object, shape: Sequence[object], *_: object) -> tuple[Any, Any, int]:
    """Give an array's type, its shape, and the bytes of an entry, as far as they make sense."""
    if not isinstance(dtype, str) or not _KIND.fullmatch(dtype):
        raise ValueError("its arrays are absurd")
    kind = np.dtype(dtype)
    size = tuple(_whole(length, _MOST) for length in shape)
    width = kind.itemsize * math.prod(size[1:])
    if kind.hasobject or not size or size[0] * width > _MOST or width > _WIDEST:
        raise ValueError("its arrays are absurd")
    return kind, size, width


def _whole(number: object, most: int = (1 << 63) - 1) -> int:
    """See that something is a whole number that may be."""
    if not isinstance(number, int) or not 0 <= number <= most:
        raise ValueError(f"{number!r} can't be")
    return number
