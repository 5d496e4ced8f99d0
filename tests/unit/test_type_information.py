"""The kernel's types: members by name, and the flags that the BPF program is compiled with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.sources.kernel import type_flags, type_information
from tcctui.sources.kernel.type_information import Kind, TypeInformation
from tests.unit import kernel_types
from tests.unit.kernel_types import BASIC, CHARACTERS, POINTER, U8, U32, Type

TYPES = (
    *BASIC,
    Type(Kind.STRUCT, "inner", 8, [("first", U32, 0), ("second", U32, 32)]),  # 5
    Type(Kind.UNION, "", 16, [("whole", CHARACTERS, 0), ("", 5, 64)]),  # 6, anonymous
    Type(Kind.TYPEDEF, "u32", U32),  # 7
    Type(Kind.CONST, "", 7),  # 8
    Type(
        Kind.STRUCT,
        "outer",
        40,
        [("next", POINTER, 0), ("count", 8, 64), ("", 6, 128), ("low", U8, 256), ("high", U8, 261)],
        fields=[0, 0, 0, 5, 3],
    ),  # 9
    Type(Kind.STRUCT, "twice", 4, [("x", U32, 0)]),  # 10
    Type(Kind.STRUCT, "twice", 4, [("x", U32, 0)]),  # 11
    Type(Kind.STRUCT, "", 8, [("owned", U32, 32)]),  # 12
    Type(Kind.TYPEDEF, "lock_t", 12),  # 13
    Type(Kind.STRUCT, "holder", 48, [("inside", 9, 64)]),  # 14
)

DATA = kernel_types.type_information(TYPES)


@pytest.mark.parametrize(
    ("struct", "path", "offset", "bits"),
    [
        ("inner", "second", 32, 32),
        ("outer", "next", 0, 64),
        ("outer", "count", 64, 32),
        ("outer", "whole", 128, 128),
        ("outer", "second", 128 + 64 + 32, 32),
        ("outer", "high", 261, 3),
        ("lock_t", "owned", 32, 32),
        ("holder", "inside.second", 64 + 128 + 64 + 32, 32),
    ],
)
def test_members(struct: str, path: str, offset: int, bits: int) -> None:
    """Members of nested, anonymous and renamed types are where the kernel has them."""
    found = TypeInformation(DATA).member(struct, path)
    assert found is not None
    assert (found.offset, found.bits) == (offset, bits)


@pytest.mark.parametrize(
    ("struct", "path"),
    [("twice", "x"), ("nowhere", "x"), ("outer", "nothing"), ("outer", "count.x"), ("u32", "x")],
)
def test_no_such_member(struct: str, path: str) -> None:
    """A struct that is there twice, or a member that is not there, is none."""
    assert TypeInformation(DATA).member(struct, path) is None


def test_a_module_goes_on_where_the_kernel_ends() -> None:
    """Types of a module refer to the kernel's, and have names behind those of the kernel."""
    base = TypeInformation(DATA)
    names = len(DATA) - DATA.index(b"\0unsigned int\0")
    own = Type(Kind.STRUCT, "toy", 8, [("gain", U32, 0), ("lock", 13, 32)])
    module = TypeInformation(kernel_types.type_information([own], names), base)
    (number,) = [module.find(Kind.STRUCT, "toy")]
    assert number == len(TYPES) + 1
    assert [(one.name, one.bits) for one in module.members(number)] == [("gain", 32), ("lock", 64)]


@given(st.integers(0, len(DATA) - 1))
def test_what_is_cut_off_is_refused(length: int) -> None:
    """Less than all of it is a ValueError."""
    with pytest.raises(ValueError, match="type information"):
        TypeInformation(DATA[:length])


@given(st.integers(24, len(DATA) - 1), st.integers(0, 255))
def test_damage_ends(at: int, value: int) -> None:
    """Whatever a byte is, reading ends, with some answer or a ValueError."""
    damaged = bytearray(DATA)
    damaged[at] = value
    try:
        types = TypeInformation(bytes(damaged))
        for struct in ("outer", "holder", "lock_t"):
            types.member(struct, "inside.second")
    except (ValueError, IndexError):
        pass


def test_flags_without_types(tmp_path: Path) -> None:
    """A kernel without BTF has no flag: the tracepoint's own fields are read."""
    assert type_information.of_this_kernel(tmp_path / "vmlinux") is None
    assert type_flags.socket_flags(None) == type_flags.probe_flags(None) == []


def test_flags_of_members_as_they_have_to_be() -> None:
    """A member of another size than the program loads has no flag."""
    sizes = {U32: "-DTCC_ERROR_OFFSET=4", U8: ""}
    for number, flag in sizes.items():
        sock = Type(Kind.STRUCT, "sock", 8, [("sk_flags", U32, 0), ("sk_err", number, 32)])
        types = TypeInformation(kernel_types.type_information((*BASIC, sock)))
        assert type_flags.socket_flags(types) == [flag][: bool(flag)]
        assert type_flags.probe_flags(types) == []
