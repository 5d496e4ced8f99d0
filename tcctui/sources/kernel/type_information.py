"""The kernel's type information (BTF): its structs' members by name, with offset, size and kind.

Read without numpy, in the process that compiles the BPF program: 130,000 types in 50 ms. The format
is that of Documentation/bpf/btf.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

VMLINUX = Path("/sys/kernel/btf/vmlinux")

_MAGIC = 0xEB9F
_HEAD = struct.Struct("=HBBIIIII")
_WORD = 4
_TYPE_WORDS = 3  # of a struct btf_type: name, information, size or type
_POINTER_BYTES = 8
_DEEPEST = 32  # of types that are made of types


class Kind(IntEnum):
    """Kinds of types, of include/uapi/linux/btf.h, as far as they are named here."""

    INT = 1
    POINTER = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNCTION = 12
    TYPE_TAG = 18
    ENUM64 = 19


_FURTHER_NAMES = (Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG)
_COMPOUND = (Kind.STRUCT, Kind.UNION)

# Words behind a type, and for each of its members, by kind: 14 is a variable, 13 a function's
# prototype, 15 a section, 17 a tag.
_MORE = [{1: 1, 3: 3, 14: 1, 17: 1}.get(kind, 0) for kind in range(32)]
_EACH = [{4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}.get(kind, 0) for kind in range(32)]


class Member(NamedTuple):
    """A member of a struct: where it begins, its `bits` there, and its kind.

    `offset` is in bits from the struct's begin, as those of a bit field need not be whole bytes.
    """

    name: str
    offset: int
    bits: int
    kind: int
    type: int

    @property
    def byte(self) -> int:
        """Bytes from the struct's begin."""
        return self.offset // 8


class TypeInformation:
    """Types of a kernel, or with `base` those of a module, which go on where the kernel's end.

    Raises:
        ValueError: it is no type information, or is cut off.

    """

    def __init__(self, data: bytes, base: TypeInformation | None = None) -> None:
        if len(data) < _HEAD.size or _HEAD.unpack_from(data)[0] != _MAGIC:
            raise ValueError("no type information")
        _, _, _, head, types_at, types_length, names_at, names_length = _HEAD.unpack_from(data)
        if head + max(types_at + types_length, names_at + names_length) > len(data):
            raise ValueError("the type information is cut off")
        types = data[head + types_at : head + types_at + types_length]
        self._base = base
        self._found: dict[tuple[int, str], int | None] = {}
        self._names = data[head + names_at : head + names_at + names_length]
        self._names_before: int = 0
        self._first: int = 1
        self._starts: list[int] = []
        if base is not None:
            self._names_before = base._names_before + len(base._names)
            self._first = base._first + len(base._starts)
        words = self._words = memoryview(types[: len(types) // _WORD * _WORD]).cast("I")
        starts = self._starts
        at, end = 0, len(words) - _TYPE_WORDS
        while at <= end:
            starts.append(at)
            information = words[at + 1]
            kind = information >> 24 & 31
            at += _TYPE_WORDS + _MORE[kind] + _EACH[kind] * (information & 0xFFFF)
        if at != len(words):
            raise ValueError("the type information is cut off")

    def find(self, kind: Kind, name: str) -> int | None:
        """Number of the type of this kind and name; None unless there is just one."""
        if (kind, name) not in self._found:
            self._found[kind, name] = self._search(kind, name)
        return self._found[kind, name]

    def _search(self, kind: Kind, name: str) -> int | None:
        found = self.every(kind, name)
        return found[0] if len(found) == 1 else None

    def every(self, kind: Kind, name: str) -> list[int]:
        """Numbers of all types of this kind and name, but for those of the base."""
        place = self._names.find(b"\0" + name.encode() + b"\0") + 1
        if not place:
            return []
        place += self._names_before
        words = self._words
        return [
            number
            for number, at in enumerate(self._starts, self._first)
            if words[at] == place and words[at + 1] >> 24 & 31 == kind
        ]

    def own_name(self, number: int) -> str:
        """Name of a type; empty where it has none."""
        words, at = self._at(number)
        return self.name(words[at])

    def structs(self) -> Iterator[tuple[str, int]]:
        """Names and numbers of all structs that have a name, but for those of the base."""
        words = self._words
        for number, at in enumerate(self._starts, self._first):
            if words[at] and words[at + 1] >> 24 & 31 == Kind.STRUCT:
                yield self.name(words[at]), number

    def member(self, of: str, path: str) -> Member | None:
        """Member of a struct or of a type's own name, through anonymous structs and unions.

        `path` names a member, and behind points members of members. None if there is no such one.
        """
        number = self.find(Kind.STRUCT, of) or self.find(Kind.TYPEDEF, of)
        before = 0
        found = None
        for name in path.split("."):
            if number is None:
                return None
            found = next((one for one in self.members(number) if one.name == name), None)
            if found is None:
                return None
            before, number, outside = before + found.offset, found.type, before
            found = found._replace(offset=outside + found.offset)
        return found

    def members(self, number: int, *, deep: int = 0) -> Iterator[Member]:
        """Members of a struct or union, those of anonymous ones inside it among them."""
        number, kind = self._bare(number)
        if kind not in _COMPOUND or deep > _DEEPEST:
            return
        words, at = self._at(number)
        fields = words[at + 1] >> 31
        for place in range(at + _TYPE_WORDS, self._end(words, at), 3):
            name, kind_of, where = words[place], words[place + 1], words[place + 2]
            bits, offset = (where >> 24, where & 0xFFFFFF) if fields else (0, where)
            bare, kind = self._bare(kind_of)
            if not name and kind in _COMPOUND:
                for one in self.members(bare, deep=deep + 1):
                    yield one._replace(offset=offset + one.offset)
            elif name:
                size = bits or 8 * self.size(bare)
                yield Member(self.name(name), offset, size, kind, bare)

    def constants(self, number: int) -> dict[int, str]:
        """Names of an enumeration's constants, by number."""
        number, kind = self._bare(number)
        if kind != Kind.ENUM:
            return {}
        words, at = self._at(number)
        count = words[at + 1] & 0xFFFF
        places = range(at + _TYPE_WORDS, at + _TYPE_WORDS + 2 * count, 2)
        return {words[place + 1]: self.name(words[place]) for place in places}

    def size(self, number: int, *, deep: int = 0) -> int:
        """Bytes that a type has; 0 where it has none."""
        number, kind = self._bare(number)
        words, at = self._at(number)
        if kind == Kind.POINTER:
            return _POINTER_BYTES
        if kind == Kind.ARRAY and deep < _DEEPEST:
            return words[at + 5] * self.size(words[at + 3], deep=deep + 1)
        has = kind in {Kind.INT, *_COMPOUND, Kind.ENUM, Kind.ENUM64}
        return words[at + 2] if has else 0

    def signed(self, number: int) -> bool:
        """True if a type is a number that may be negative; of an enum, nobody knows before 6.0."""
        number, kind = self._bare(number)
        words, at = self._at(number)
        if kind == Kind.INT:
            return bool(words[at + 3] >> 24 & 1)
        return kind in {Kind.ENUM, Kind.ENUM64} and bool(words[at + 1] >> 31)

    def elements(self, number: int) -> tuple[int, int, int]:
        """Type, its kind, and number of an array's elements; zeros unless it is an array."""
        number, kind = self._bare(number)
        if kind != Kind.ARRAY:
            return 0, 0, 0
        words, at = self._at(number)
        bare, kind = self._bare(words[at + 3])
        return bare, kind, words[at + 5]

    def name(self, place: int) -> str:
        """Name at a place of the names."""
        if self._base is not None and place < self._names_before:
            return self._base.name(place)
        place -= self._names_before
        end = self._names.find(b"\0", place)
        return self._names[place:end].decode(errors="replace")

    def _at(self, number: int) -> tuple[memoryview[int], int]:
        if self._base is not None and number < self._first:
            return self._base._at(number)
        return self._words, self._starts[number - self._first]

    def _bare(self, number: int) -> tuple[int, int]:
        """Type without its further names and qualifiers, and its kind; 0 is void."""
        for _ in range(_DEEPEST):
            if not 0 < number < self._first + len(self._starts):
                break
            words, at = self._at(number)
            kind = words[at + 1] >> 24 & 31
            if kind not in _FURTHER_NAMES:
                return number, kind
            number = words[at + 2]
        return 0, 0

    @staticmethod
    def _end(words: memoryview[int], at: int) -> int:
        return at + _TYPE_WORDS + 3 * (words[at + 1] & 0xFFFF)


def of_this_kernel(btf: Path = VMLINUX) -> TypeInformation | None:
    """Types of the running kernel; None where they can't be read, without CONFIG_DEBUG_INFO_BTF."""
    try:
        return TypeInformation(btf.read_bytes())
    except (OSError, ValueError):
        return None
