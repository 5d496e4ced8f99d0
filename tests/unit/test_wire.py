"""The wire: Python's description of what is shared is the one of bpf/tcc.c."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.sources.kernel import filter_chain, program, slots, tracepoint_formats
from tcctui.sources.kernel.bpf_source import CONFIG
from tcctui.sources.kernel.filter_chain import FILTER, TEST
from tcctui.sources.kernel.load_options import MAX_FOCUS
from tcctui.sources.kernel.slots import FREE_SLOTS, MARK
from tcctui.wire.events import CGROUP_ID, EVENT, OWNED
from tcctui.wire.inside import ALGORITHM, INSIDE
from tcctui.wire.tracepoints import TRACEPOINTS

TCC_C = (Path(__file__).parents[2] / "bpf" / "tcc.c").read_text()

TYPES: dict[str, Any] = {
    **{"__u64": ctypes.c_uint64, "__u32": ctypes.c_uint32},
    **{"__u16": ctypes.c_uint16, "__u8": ctypes.c_uint8},
    "union address": ctypes.c_uint64 * 2,
    "char": ctypes.c_char,
}
CONSTANTS = dict(re.findall(r"^#define (\w+)\s+(\d+)", TCC_C, re.M))


def layout(name: str) -> Any:
    """Lay out a struct of the program as C does."""
    found = re.search(rf"^struct {name} \{{(.*?)\n\}};", TCC_C, re.DOTALL | re.M)
    assert found
    body = re.sub(r"/\*.*?\*/", "", found[1], flags=re.DOTALL)
    fields: list[tuple[str, Any]] = []
    for kind, field, count in re.findall(r"^\t(\w+(?: \w+)?) (\w+)(?:\[(\w+)\])?;", body, re.M):
        one = layout("test") if kind == "struct test" else TYPES[kind]
        fields.append((field, one * int(CONSTANTS.get(count, count)) if count else one))
    assert len(fields) == body.count(";")
    return type(name, (ctypes.Structure,), {"_fields_": fields})


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *(("event", EVENT), ("mark", MARK), ("config", CONFIG), ("free_slots", FREE_SLOTS)),
        *(("test", TEST), ("filter", FILTER), ("inside", INSIDE), ("algorithm", ALGORITHM)),
    ],
)
def test_what_both_sides_share_is_laid_out_as_the_kernel_has_it(
    name: str, dtype: np.dtype[Any]
) -> None:
    """Each field of a struct, and no other, has its name, place and size in the dtype.

    The kernel aligns records and the values of an array to 8 bytes.
    """
    struct = layout(name)
    assert dtype.fields is not None
    found = {field: (kind.itemsize, offset) for field, (kind, offset, *_) in dtype.fields.items()}
    assert found == {
        field: (getattr(struct, field).size, getattr(struct, field).offset)
        for field, _ in struct._fields_
    }
    assert dtype.itemsize == ctypes.sizeof(struct)
    assert dtype.itemsize % 8 == 0


def test_constants_are_the_programs() -> None:
    """Limits and verdicts have the numbers of the program."""
    limits = (int(CONSTANTS["MAX_FOCUS"]), int(CONSTANTS["MAX_TESTS"]))
    assert limits == (MAX_FOCUS, filter_chain.MAX_TESTS)
    assert "VERDICT_DROP = MAX_TESTS,\n\tVERDICT_PASS,\n" in TCC_C
    assert filter_chain.PASS == filter_chain.DROP + 1 == filter_chain.MAX_TESTS + 1


def test_every_kind_of_event_has_its_program() -> None:
    """The program for each tracepoint makes records of its kind, and there is no other kind."""
    parts = re.split(r"^PROGRAM(?:_OF)?\((\w+), (\w+)(?:, PROBE_ARGS)?\)$", TCC_C, flags=re.M)
    made = {
        f"{parts[at]}/{parts[at + 1]}": set(re.findall(r"EVENT_[A-Z_]+", parts[at + 2]))
        for at in range(1, len(parts), 3)
    }
    assert made == {row.name: {f"EVENT_{row.kind.name}"} for row in TRACEPOINTS}
    defined = {flag.removeprefix("-D").split("=")[0] for flag in tracepoint_formats.kind_flags()}
    assert set(re.findall(r"\bEVENT_[A-Z_]+[A-Z]\b", TCC_C)) <= defined


def test_slots_have_the_programs_states() -> None:
    """Each `enum slot_state` of the program has its number in Python."""
    numbers = re.findall(r"SLOT_(\w+) = (\d+)", TCC_C)
    assert {name: int(number) for name, number in numbers} == {
        name: getattr(slots, name) for name in ("LIVING", "GONE", "GONE_UNREPORTED")
    }


@pytest.mark.parametrize(
    ("text", "count"), [("0\n", 1), ("0-3\n", 4), ("0-3,8-11\n", 12), ("0,2,5\n", 6)]
)
def test_possible_processors(monkeypatch: pytest.MonkeyPatch, text: str, count: int) -> None:
    """There is room up to the highest number that a processor can have, not for how many work."""
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert program.possible_cpus() == count


def test_the_owner_of_a_state_event_is_where_the_kernel_puts_it() -> None:
    """`struct owner` stands at `snd_nxt`, and has the dtypes' fields.

    The name of the cgroup takes the place of its number, up to the ports.
    """
    struct = layout("owner")
    assert OWNED.fields is not None
    assert EVENT.fields is not None
    assert CGROUP_ID.fields is not None
    begin, end = EVENT.fields["snd_nxt"][1], EVENT.fields["sport"][1]
    kernels = {**OWNED.fields, **CGROUP_ID.fields}
    kind, offset, *_ = kernels.pop("cgroup")
    assert (offset, kind.itemsize) == (begin + struct.unused.offset, end - offset)
    for name, (kind, offset, *_) in kernels.items():
        field = getattr(struct, name)
        assert (offset - begin, kind.itemsize) == (field.offset, field.size), name
    assert ctypes.sizeof(struct) <= end - begin
    assert "(struct owner *)&event->snd_nxt" in TCC_C
