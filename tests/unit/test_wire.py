"""The wire: Python's description of an event is the one that bpf/tcc.c writes."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

from tcctui.events import EVENT, EventKind

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


def test_kinds_have_the_programs_numbers() -> None:
    """Each `enum event_kind` of the program has its number in Python."""
    body = re.search(r"enum event_kind \{(.*?)\};", TCC_C, re.DOTALL)
    assert body
    numbers = {name: int(number) for name, number in re.findall(r"EVENT_(\w+) = (\d+)", body[1])}
    assert numbers == {kind.name: kind.value for kind in EventKind}
