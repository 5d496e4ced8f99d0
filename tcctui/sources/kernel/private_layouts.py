"""Layouts of algorithms' own state, from the types (BTF) of the kernel, its modules, and programs.

Those that are built in are kept with the compiled program (`type_facts`). No other is made before
a record of that algorithm is there: reading the kernel's types takes 50 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tcctui.sources.kernel import tick
from tcctui.sources.kernel.registered_algorithms import (
    STRUCTS,
    WITHOUT,
)
from tcctui.sources.kernel.type_information import Kind, TypeInformation
from tcctui.wire.private_layout import MOST_BITS, PRIVATE_BYTES, PrivateLayout, PrivateMember

TYPES = Path("/sys/kernel/btf")
"""Types of the kernel, `vmlinux`, and of its modules, by their names."""

_MOST_ELEMENTS, _DEEPEST = 16, 4


def key(name: str) -> int:
    """Key of an algorithm: `jhash` of its name (tcp_validate_congestion_control, tcp_cong.c)."""
    padded = name.encode()[:16].ljust(16, b"\0")
    words = [int.from_bytes(padded[at : at + 4], "little") for at in range(0, 16, 4)]
    a = b = c = (0xDEADBEEF + 16 + len(name.encode())) & _ALL
    a, b, c = (a + words[0]) & _ALL, (b + words[1]) & _ALL, (c + words[2]) & _ALL
    for turns in (4, 6, 8, 16, 19, 4):  # __jhash_mix, include/linux/jhash.h
        a = ((a - c) & _ALL) ^ _turned(c, turns)
        c = (c + b) & _ALL
        a, b, c = b, c, a
    a = (a + words[3]) & _ALL
    for turns in (14, 11, 25, 16, 4, 14, 24):  # __jhash_final
        c = ((c ^ b) - _turned(b, turns)) & _ALL
        a, b, c = b, c, a
    # The last of seven steps is on the third word.
    return b


_ALL = 0xFFFFFFFF


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _ALL


def of_algorithms(
    names: Iterable[str], of_programs: Mapping[str, PrivateLayout], types: Path = TYPES
) -> dict[str, PrivateLayout]:
    """Find the layouts of algorithms; without a struct where there is none, or it is not sure."""
    hz = tick.per_second()
    found = {name: PrivateLayout(name, "", (), hz) for name in names}
    found |= {name: layout for name, layout in of_programs.items() if name in found}
    wanted = [name for name, layout in found.items() if not layout.struct and name not in WITHOUT]
    kernel = _read(types / "vmlinux") if any(wanted) else None
    if kernel is None:
        return found
    for name in filter(None, wanted):
        for own in (_module(types, name, kernel), kernel):
            number = None if own is None else _struct(own, name, alone=own is not kernel)
            if own is not None and number is not None:
                found[name] = layout(own, name, number, hz)
                break
    return found


def built_in(types: TypeInformation) -> list[PrivateLayout]:
    """Find the layouts of the kernel's own algorithms that are no modules, by its types."""
    hz = tick.per_second()
    found = ((name, _struct(types, name, alone=False)) for name in STRUCTS)
    return [layout(types, name, number, hz) for name, number in found if number is not None]


def of_program(
    types: TypeInformation, name: str, kernel: TypeInformation, hz: int
) -> PrivateLayout | None:
    """Layout of an algorithm that is a BPF program, by the program's own types.

    They have copies of some of the kernel's, which are not its state.
    """
    number = _struct(types, name, alone=True, kernel=kernel)
    return None if number is None else layout(types, name, number, hz)


def layout(types: TypeInformation, algorithm: str, number: int, hz: int) -> PrivateLayout:
    """Layout of a struct, by its number: nested structs and arrays in single numbers."""
    members = [
        member
        for member in _numbers(types, number, "", 0, 0)
        if member.offset + member.bits <= 8 * PRIVATE_BYTES
    ]
    return PrivateLayout(algorithm, types.own_name(number), tuple(members), hz)


def _numbers(
    types: TypeInformation, number: int, before: str, offset: int, deep: int
) -> Iterator[PrivateMember]:
    for member in types.members(number):
        name, at = before + member.name, offset + member.offset
        yield from _of_type(types, (member.type, member.kind, member.bits), name, at, deep)


def _of_type(
    types: TypeInformation, of: tuple[int, int, int], name: str, at: int, deep: int
) -> Iterator[PrivateMember]:
    number, kind, bits = of
    if deep > _DEEPEST:
        return
    if kind in (Kind.STRUCT, Kind.UNION):
        yield from _numbers(types, number, f"{name}.", at, deep + 1)
    elif kind == Kind.ARRAY:
        element, kind, count = types.elements(number)
        size = 8 * types.size(element)
        for place in range(min(count, _MOST_ELEMENTS)):
            one = f"{name}[{place}]"
            yield from _of_type(types, (element, kind, size), one, at + place * size, deep + 1)
    elif kind in _NUMBERS and 0 < bits <= MOST_BITS - at % 8:
        yield PrivateMember(name, at, bits, types.signed(number))


_NUMBERS = (Kind.INT, Kind.ENUM, Kind.ENUM64, Kind.POINTER)


def _read(path: Path, base: TypeInformation | None = None) -> TypeInformation | None:
    with suppress(OSError, ValueError):
        return TypeInformation(path.read_bytes(), base)
    return None


def _module(types: Path, name: str, kernel: TypeInformation) -> TypeInformation | None:
    """Types of an algorithm's module, such as tcp_cubic."""
    for module in (f"tcp_{name}", name):
        if "/" not in module and module != "vmlinux" and (types / module).is_file():
            return _read(types / module, kernel)
    return None


def _struct(
    types: TypeInformation, name: str, *, alone: bool, kernel: TypeInformation | None = None
) -> int | None:
    """Number of an algorithm's struct: by its name, else where it is `alone` of a fitting size.

    None where there is none, or which of several it is can't be told.
    """
    if name in STRUCTS and kernel is None:
        struct, member = STRUCTS[name]
        found = [
            number
            for number in types.every(Kind.STRUCT, struct)
            if member in {one.name for one in types.members(number)}
        ]
        return found[0] if len(found) == 1 else None
    bare = name.removeprefix("bpf_").removeprefix("tcp_").replace("-", "_")
    for struct in dict.fromkeys((name, bare, f"tcp_{bare}", f"{bare}_ca", f"{bare}tcp")):
        found = [one for one in types.every(Kind.STRUCT, struct) if _may_be(types, one)]
        if found:
            return found[0] if len(found) == 1 else None
    if not alone:
        return None
    own = [
        number
        for struct, number in types.structs()
        if _may_be(types, number) and (kernel is None or not kernel.every(Kind.STRUCT, struct))
    ]
    return own[0] if len(own) == 1 else None


def _may_be(types: TypeInformation, number: int) -> bool:
    return 0 < types.size(number) <= PRIVATE_BYTES
