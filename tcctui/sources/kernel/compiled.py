"""The compiled BPF program as plain data: maps, and programs that refer to them by name.

This is what the compiler gives, what is kept for the next start, and what is loaded.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from tcctui.sources.kernel.type_facts import NO_FACTS, TypeFacts
from tcctui.wire.tracepoints import DEQUEUE

_INSTRUCTION = 8  # bytes of a struct bpf_insn: code, registers, offset, immediate
_IMMEDIATE = 4  # where the immediate begins
_LD_IMM64, _PSEUDO_MAP_FD = 0x18, 1  # include/uapi/linux/bpf.h
_CALL, _PSEUDO_KFUNC_CALL = 0x85, 2

CAST = 0x7CCF
"""Number of a helper that there is none of: stands for the kernel function bpf_rdonly_cast."""


class MapDefinition(NamedTuple):
    """A map: type, sizes in bytes, number of entries and flags, as BPF_MAP_CREATE takes them."""

    name: str
    kind: int
    key_size: int
    value_size: int
    entries: int
    flags: int


class ProgramDefinition(NamedTuple):
    """A program of type tracepoint, or one that has the tracepoint's own, typed arguments.

    `tracepoint` is its tracepoint as tracefs names it (tcp/tcp_probe), `instructions` its code, an
    array of `struct bpf_insn`; `references` are instructions, by number, that load the address of a
    map, by name: their immediates, 0 here, take the maps' descriptors. `arguments` is the number of
    the type that such arguments have, among the kernel's types; else 0. A `raw` one has them as
    numbers, and runs only while it is asked for.
    """

    tracepoint: str
    instructions: bytes
    references: list[tuple[int, str]]
    arguments: int = 0
    raw: bool = False

    def linked(self, maps: Mapping[str, int]) -> bytes:
        """Instructions with the descriptors of these maps."""
        code = bytearray(self.instructions)
        for at, name in self.references:
            struct.pack_into("=i", code, at * _INSTRUCTION + _IMMEDIATE, maps[name])
        return bytes(code)


class Compiled(NamedTuple):
    """All maps and programs of bpf/tcc.c, and what the types say that it was compiled for."""

    maps: list[MapDefinition]
    programs: list[ProgramDefinition]
    facts: TypeFacts = NO_FACTS

    def to_json(self) -> dict[str, Any]:
        """Represent as values that JSON has."""
        return {
            "maps": [one._asdict() for one in self.maps],
            "programs": [
                {**one._asdict(), "instructions": one.instructions.hex()} for one in self.programs
            ],
            "facts": self.facts,
        }

    @classmethod
    def from_json(cls, values: Any) -> Compiled:
        """Read what `to_json` gave.

        Raises:
            ValueError, TypeError, KeyError: it is something else.

        """
        return cls(
            [MapDefinition(**one) for one in values["maps"]],
            [
                ProgramDefinition(
                    one["tracepoint"],
                    bytes.fromhex(one["instructions"]),
                    [(int(at), str(name)) for at, name in one["references"]],
                    int(one["arguments"]),
                    bool(one["raw"]),
                )
                for one in values["programs"]
            ],
            TypeFacts.from_json(values["facts"]),
        )


def map_of(name: str, fdinfo: str) -> MapDefinition:
    """Definition of a map that exists, from /proc/PID/fdinfo/FD of its descriptor."""
    values = dict(re.findall(r"^(\w+):\s*(\w+)$", fdinfo, re.MULTILINE))
    names = ("map_type", "key_size", "value_size", "max_entries", "map_flags")
    return MapDefinition(name, *(int(values[one], 0) for one in names))


def program_of(
    tracepoint: str, code: bytes, maps: Mapping[int, str], *, arguments: int = 0, cast: int = 0
) -> ProgramDefinition:
    """Definition of a program, from code with the descriptors of these maps in it.

    `cast` is the number that bpf_rdonly_cast has among the kernel's types.
    """
    instructions = bytearray(code)
    references = []
    at = 0
    while at < len(code):
        wide = code[at] == _LD_IMM64
        # Two registers share a byte, as bit fields in the machine's order.
        source = code[at + 1] >> 4 if sys.byteorder == "little" else code[at + 1] & 15
        if wide and source == _PSEUDO_MAP_FD:
            (descriptor,) = struct.unpack_from("=i", code, at + _IMMEDIATE)
            struct.pack_into("=i", instructions, at + _IMMEDIATE, 0)
            references.append((at // _INSTRUCTION, maps[descriptor]))
        if code[at] == _CALL and struct.unpack_from("=i", code, at + _IMMEDIATE)[0] == CAST:
            little = sys.byteorder == "little"
            instructions[at + 1] = _PSEUDO_KFUNC_CALL << 4 if little else _PSEUDO_KFUNC_CALL
            struct.pack_into("=i", instructions, at + _IMMEDIATE, cast)
        at += _INSTRUCTION * (2 if wide else 1)
    raw = tracepoint == DEQUEUE
    return ProgramDefinition(tracepoint, bytes(instructions), references, arguments, raw)
