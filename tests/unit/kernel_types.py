"""Type information (BTF) made for tests, of a few structs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tcctui.sources.kernel.type_information import Kind


class Names:
    """The section of names, behind those of a base."""

    def __init__(self, before: int = 0) -> None:
        self.section = b"\0"
        self._before = before

    def place(self, name: str) -> int:
        """Place of a name, which is added unless it is there; 0 for none."""
        if not name:
            return 0
        at = self.section.find(b"\0" + name.encode() + b"\0") + 1
        if not at:
            at = len(self.section)
            self.section += name.encode() + b"\0"
        return at + self._before


class Type(NamedTuple):
    """A type as `struct btf_type` has it: its kind and name, its size or type, and what follows.

    `members` are name, type and offset in bits; with `fields`, bits of each behind that.
    `constants` are an enumeration's, with their numbers.
    """

    kind: int
    name: str
    size: int = 0
    members: Sequence[tuple[str, int, int]] = ()
    more: Sequence[int] = ()
    fields: Sequence[int] = ()
    constants: Sequence[tuple[str, int]] = ()


def type_information(types: Sequence[Type], before: int = 0) -> bytes:
    """Make BTF of these types, numbered from 1 on, or with names behind those of a base."""
    names, body = Names(before), b""
    for one in types:
        count = len(one.members) + len(one.constants)
        information = int(bool(one.fields)) << 31 | one.kind << 24 | count
        body += struct.pack("=III", names.place(one.name), information, one.size)
        body += struct.pack(f"={len(one.more)}I", *one.more)
        bits = one.fields or [0] * len(one.members)
        for (name, number, offset), width in zip(one.members, bits, strict=True):
            body += struct.pack("=III", names.place(name), number, width << 24 | offset)
        for name, number in one.constants:
            body += struct.pack("=II", names.place(name), number)
    sizes = (0, len(body), len(body), len(names.section))
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, *sizes) + body + names.section


U32, U8, POINTER, CHARACTERS = 1, 2, 3, 4

BASIC = (
    Type(Kind.INT, "unsigned int", 4, more=[32]),
    Type(Kind.INT, "unsigned char", 1, more=[8]),
    Type(Kind.POINTER, "", U32),
    Type(Kind.ARRAY, "", 0, more=[U8, U32, 16]),
)
"""Types 1 to 4: u32, u8, a pointer, and sixteen bytes."""
