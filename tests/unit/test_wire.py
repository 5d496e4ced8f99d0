"""The wire: Python's description of an event is the one that bpf/tcc.c writes."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.sources.kernel import program, slots, tracepoint_formats
from tcctui.sources.kernel.bpf_source import CONFIG, MAX_FOCUS
from tcctui.sources.kernel.slots import FREE_SLOTS, MARK
from tcctui.wire.events import EVENT
from tcctui.wire.tracepoints import TRACEPOINTS

TCC_C = (Path(__file__).parents[2] / "bpf" / "tcc.c").read_text()

TYPES: dict[str, Any] = {
    "__u64": ctypes.c_uint64,
    "__u32": ctypes.c_uint32,
    "__u16": ctypes.c_uint16,
    "__u8": ctypes.c_uint8,
    "union address": ctypes.c_uint64 * 2,
}


def test_an_event_is_laid_out_as_the_kernel_writes_it() -> None:
    """Each field of `struct event`, and no other, has its name, place and size in the dtype."""
    body = re.search(r"struct event \{(.*?)\};", TCC_C, re.DOTALL)
    assert body
    fields: list[tuple[str, Any]] = []
    for kind, name, count in re.findall(r"^\t(\w+(?: \w+)?) (\w+)(?:\[(\d+)\])?;", body[1], re.M):
        fields.append((name, TYPES[kind] * int(count) if count else TYPES[kind]))
    assert len(fields) == body[1].count(";")
    layout = type("Layout", (ctypes.Structure,), {"_fields_": fields})
    assert EVENT.itemsize == ctypes.sizeof(layout) == 128
    assert EVENT.fields is not None
    found = {name: (kind.itemsize, offset) for name, (kind, offset, *_) in EVENT.fields.items()}
    assert found == {
        name: (getattr(layout, name).size, getattr(layout, name).offset) for name, _ in fields
    }


def test_a_record_keeps_events_aligned() -> None:
    """An event is a multiple of 8 bytes, as the kernel rounds records up to that."""
    assert EVENT.itemsize % 8 == 0


def test_every_kind_of_event_has_its_program() -> None:
    """The program for each tracepoint makes records of its kind, and there is no other kind."""
    parts = re.split(r"^TRACEPOINT_PROBE\((\w+), (\w+)\)$", TCC_C, flags=re.M)
    made = {
        f"{parts[at]}/{parts[at + 1]}": set(re.findall(r"EVENT_[A-Z_]+", parts[at + 2]))
        for at in range(1, len(parts), 3)
    }
    assert made == {row.name: {f"EVENT_{row.kind.name}"} for row in TRACEPOINTS}
    defined = {flag.removeprefix("-D").split("=")[0] for flag in tracepoint_formats.kind_flags()}
    assert set(re.findall(r"\bEVENT_[A-Z_]+[A-Z]\b", TCC_C)) <= defined


@pytest.mark.parametrize(
    ("name", "kind"), [("mark", MARK), ("config", CONFIG), ("free_slots", FREE_SLOTS)]
)
def test_shared_memory_is_laid_out_as_the_kernel_has_it(name: str, kind: np.dtype[Any]) -> None:
    """Each field of what both sides write has its name and place; each value is 8 bytes' multiple.

    The kernel aligns the values of an array to 8 bytes.
    """
    body = re.search(rf"struct {name} \{{(.*?)\n\}};", TCC_C, re.DOTALL)
    assert body
    lengths = dict(re.findall(r"^#define (\w+)\s+(\d+)", TCC_C, re.M))
    assert int(lengths["MAX_FOCUS"]) == MAX_FOCUS
    fields: list[tuple[str, Any]] = [
        (field, TYPES[type_] * int(lengths[count]) if count else TYPES[type_])
        for type_, field, count in re.findall(r"^\t(__u\d+) (\w+)(?:\[(\w+)\])?;", body[1], re.M)
    ]
    layout = type("Layout", (ctypes.Structure,), {"_fields_": fields})
    assert kind.fields is not None
    assert {field: offset for field, (_, offset, *_) in kind.fields.items()} == {
        field: getattr(layout, field).offset for field, _ in fields
    }
    assert kind.itemsize == ctypes.sizeof(layout)
    assert kind.itemsize % 8 == 0


def test_slots_have_the_programs_states() -> None:
    """Each `enum slot_state` of the program has its number in Python."""
    numbers = re.findall(r"SLOT_(\w+) = (\d+)", TCC_C)
    assert {name: int(number) for name, number in numbers} == {
        name: getattr(slots, name) for name in ("LIVING", "GONE", "GONE_UNTOLD")
    }


@pytest.mark.parametrize(
    ("text", "count"), [("0\n", 1), ("0-3\n", 4), ("0-3,8-11\n", 12), ("0,2,5\n", 6)]
)
def test_possible_processors(monkeypatch: pytest.MonkeyPatch, text: str, count: int) -> None:
    """There is room up to the highest number that a processor can have, not for how many work."""
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert program.possible_cpus() == count
