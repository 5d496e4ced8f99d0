"""Arrays in little memory: what is the same in all entries is kept once, the rest compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcctui.arrays import U8, U16, Array, Indexes, Mask

_LEVEL = 1  # of zlib: bytes that lie side by side are alike, which it sees at once

_BLOCK = 1 << 17  # bytes of entries that are turned into planes together: they fit into a cache

_LOOKED_AT = 1024  # bytes of a plane, by which it is told whether it can be compressed

_PLANES = 16  # that are looked at together

_MANY = 2 * _LOOKED_AT  # bytes of a plane, from which on that is worth it

_DEFLATED = 512  # bytes, at least, that have frequencies of their own: these take 40 to 80 to write


Change = Callable[[Array], None]
"""Changes some entries in place; called with one block after the other, from the first on."""


@dataclass(frozen=True, eq=False)
class Packed:
    """An array, byte by byte: the first bytes of all entries, then the second ones, and so on.

    Numbers of neighbours that lie close differ in few of these planes. `same` is the first entry;
    `varying` says which of its bytes others have otherwise; `planes` are those: the first `raw` of
    them as they are, since nothing would be won, the others compressed.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    same: U8
    varying: U16
    raw: int
    planes: bytes

    @property
    def nbytes(self) -> int:
        """Bytes it takes, nearly."""
        return len(self.planes) + self.same.nbytes + self.varying.nbytes + _OBJECTS

    def __len__(self) -> int:
        return self.shape[0]

    def array(self, change: Change | None = None) -> Array:
        """Give the array as it was; `change` undoes what was done by that of `pack`.

        Raises:
            ValueError: the planes are not those of such an array.

        """
        count = self.shape[0]
        planes = self._planes(count)
        made = np.empty(self.shape, self.dtype)
        entries = made.reshape(-1).view("u1").reshape(count, len(self.same))
        some = max(1, _BLOCK // max(1, len(self.same)))
        for at in range(0, count, some):
            block = slice(at, at + some)
            entries[block] = self.same
            entries[block, self.varying] = planes[:, block].T
            if change is not None:
                change(made[block])
        return made

    def _planes(self, count: int) -> U8:
        """Take the planes apart; never more than they are to be, whatever they say."""
        size, raw = len(self.varying) * count, self.raw * count
        if not size:
            return np.empty((0, count), "u1")
        opened = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            rest = opened.decompress(self.planes[raw:], size - raw + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        planes = np.empty(size, "u1")
        if not 0 <= raw <= min(size, len(self.planes)) or len(rest) != size - raw:
            raise ValueError("packed planes have another size than their array")
        planes[:raw] = np.frombuffer(self.planes, "u1", raw)
        planes[raw:] = np.frombuffer(rest, "u1")
        return planes.reshape(len(self.varying), count)


_OBJECTS = 500
"""Bytes of the Python objects around a packed array."""


def pack(array: Array, change: Change | None = None, order: Indexes | None = None) -> Packed:
    """Pack an array of one dimension or more; entries are those of the first.

    `change` makes a copy of them easier to compress; `order` has their indexes, if it is another.
    """
    array = np.ascontiguousarray(array)
    count = len(array)
    width = array.dtype.itemsize * int(np.prod(array.shape[1:], dtype="i8"))
    if not count or not width:
        return Packed(array.dtype, array.shape, np.zeros(width, "u1"), np.empty(0, "u2"), 0, b"")
    pieces = array.reshape(-1).view(f"V{width}")
    planes = np.empty((width, count), "u1")
    word = np.dtype("u8" if width % 8 == 0 else "u1")
    differ = np.zeros(width // word.itemsize, word)
    some = max(1, _BLOCK // width)
    for at in range(0, count, some):
        block = pieces[at : at + some] if order is None else pieces[order[at : at + some]]
        if change is not None:
            block = block.copy() if order is None else block
            change(block.view(array.dtype))
        planes[:, at : at + some] = block.view("u1").reshape(-1, width).T
        same = planes[:, 0].copy()
        words = block.view(word).reshape(-1, len(differ))
        differ |= np.bitwise_or.reduce(words ^ same.view(word), axis=0)
    varying = differ.view("u1").nonzero()[0]
    noisy = _noisy(planes, varying) if count >= _MANY else np.zeros(len(varying), bool)
    raw, rest = varying[noisy].tolist(), varying[~noisy].tolist()
    kept = b"".join([*(planes[number].tobytes() for number in raw), _compressed(planes, rest)])
    return Packed(array.dtype, array.shape, same, np.array(raw + rest, "u2"), len(raw), kept)


def _noisy(planes: U8, numbers: Indexes) -> Mask:
    """True for planes of these whose bytes are all about equally frequent.

    To compress them is slow and gains nothing.
    """
    # Of even chances, n + n²/256 is to be expected.
    expected = _LOOKED_AT + _LOOKED_AT**2 / 256
    noisy = np.zeros(len(numbers), bool)
    for at in range(0, len(numbers), _PLANES):
        some = numbers[at : at + _PLANES]
        places = planes[some, :: planes.shape[1] // _LOOKED_AT][:, :_LOOKED_AT].astype("i8")
        places += 256 * np.arange(len(some))[:, None]
        counts = np.bincount(places.ravel(), minlength=256 * len(some)).reshape(-1, 256)
        noisy[at : at + _PLANES] = (counts * counts).sum(axis=1) < 1.12 * expected
    return noisy


def _compressed(planes: U8, numbers: list[int]) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    parts = []
    some = -(-_DEFLATED // planes.shape[1])
    for at in range(0, len(numbers), some):
        parts.append(deflate.compress(planes[numbers[at : at + some]].tobytes()))
        parts.append(deflate.flush(zlib.Z_BLOCK))  # the next ones have other frequencies
    parts.append(deflate.flush())
    return b"".join(parts)
