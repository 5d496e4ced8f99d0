"""Layouts of algorithms' own state: from types (BTF), as plain data, and read by them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.algorithms import members
from tcctui.sources.kernel import private_layouts
from tcctui.sources.kernel.keyed_layouts import KeyedLayouts
from tcctui.sources.kernel.private_layouts import of_algorithms, of_program
from tcctui.sources.kernel.type_facts import NO_FACTS, TypeFacts, facts
from tcctui.sources.kernel.type_information import Kind, TypeInformation
from tcctui.wire import private_layout
from tcctui.wire.inside import ALGORITHM
from tcctui.wire.private_layout import PRIVATE_BYTES, PrivateLayout, PrivateMember
from tests.unit import kernel_types
from tests.unit.kernel_types import BASIC, U8, U32, Type

SIGNED, SAMPLE, SAMPLES, MINMAX, PAIR, LARGE = range(5, 11)

KERNEL = (
    *BASIC,
    Type(Kind.INT, "int", 4, more=[1 << 24 | 32]),  # 5
    Type(Kind.STRUCT, "minmax_sample", 8, [("t", U32, 0), ("v", U32, 32)]),  # 6
    Type(Kind.ARRAY, "", 0, more=[SAMPLE, U32, 3]),  # 7
    Type(Kind.STRUCT, "minmax", 24, [("s", SAMPLES, 0)]),  # 8
    Type(Kind.ARRAY, "", 0, more=[U8, U32, 2]),  # 9
    Type(Kind.ARRAY, "", 0, more=[U8, U32, 60]),  # 10
    Type(
        *(Kind.STRUCT, "bbr", 132),
        [
            *[("bw", MINMAX, 0), ("mode", U32, 192), ("gain", U32, 195), ("few", PAIR, 224)],
            *[("many", LARGE, 240), ("below", SIGNED, 736), ("behind", U32, 832)],
        ],
        fields=[0, 3, 10, 0, 0, 0, 0],
    ),
    Type(Kind.STRUCT, "bictcp", 8, [("delayed_ack", U32, 0), ("cnt", U32, 32)]),
    Type(Kind.STRUCT, "bictcp", 8, [("bic_K", U32, 0), ("cnt", U32, 32)]),
    Type(Kind.STRUCT, "vegas", 4, [("other", U32, 0)]),
    Type(Kind.STRUCT, "huge", 108, [("x", U32, 0)]),
    Type(Kind.STRUCT, "plain", 4, [("x", U32, 0)]),
)

STATE = Type(Kind.STRUCT, "state", 8, [("gain", U32, 0), ("level", SIGNED, 32)])
SECOND = Type(Kind.STRUCT, "second", 4, [("x", U32, 0)])
HUGE = Type(Kind.STRUCT, "vast", 108, [("x", U32, 0)])


def kernel(tmp_path: Path) -> tuple[Path, int]:
    """Directory with the kernel's types, and the length of their names."""
    data = kernel_types.type_information(KERNEL)
    (tmp_path / "vmlinux").write_bytes(data)
    return tmp_path, len(data) - data.index(b"\0unsigned int\0")


def test_members_of_nested_structs_and_arrays(tmp_path: Path) -> None:
    """Each number has a name, its place, bits and sign; what lies beyond 104 bytes is left out."""
    found = of_algorithms(["bbr"], {}, kernel(tmp_path)[0])["bbr"]
    assert found.struct == "bbr"
    assert {one.name: one[1:] for one in found.members} == {
        **{
            f"bw.s[{place}].{part}": (64 * place + 32 * at, 32, False)
            for place in range(3)
            for at, part in enumerate("tv")
        },
        "mode": (192, 3, False),
        "gain": (195, 10, False),
        "few[0]": (224, 8, False),
        "few[1]": (232, 8, False),
        **{f"many[{place}]": (240 + 8 * place, 8, False) for place in range(16)},
        "below": (736, 32, True),
    }


def test_structs_of_one_name_are_told_apart_by_their_members(tmp_path: Path) -> None:
    """Cubic's and bic's structs have one name; a struct of the name with other members is none."""
    found = of_algorithms(["cubic", "bic", "vegas", "reno"], {}, kernel(tmp_path)[0])
    names = {name: [one.name for one in layout.members] for name, layout in found.items()}
    assert names == {
        "cubic": ["bic_K", "cnt"],
        "bic": ["delayed_ack", "cnt"],
        "vegas": [],
        "reno": [],
    }
    assert found["vegas"].struct == found["reno"].struct == ""


@pytest.mark.parametrize(
    ("own", "struct"),
    [
        ([STATE], "state"),
        ([STATE, HUGE], "state"),
        ([STATE, SECOND], ""),
        ([STATE, SECOND._replace(name="unheard")], "unheard"),
        ([STATE, SECOND._replace(name="unheard_ca")], "unheard_ca"),
        ([HUGE._replace(name="unheard")], ""),
        ([], ""),
    ],
    ids=["the only one", "too large", "two", "by name", "by its usual name", "too large", "none"],
)
def test_a_module_of_an_unheard_algorithm(tmp_path: Path, own: list[Type], struct: str) -> None:
    """Its struct is the one of its name, or the only one that fits; else there are bytes alone."""
    directory, names = kernel(tmp_path)
    (directory / "tcp_unheard").write_bytes(kernel_types.type_information(own, names))
    found = of_algorithms(["unheard"], {}, directory)["unheard"]
    assert found.struct == struct
    assert bool(found.members) == bool(struct)
    if struct == "state":
        assert found.members[1] == PrivateMember("level", 32, 32, signed=True)


def test_of_the_kernels_structs_only_one_of_the_name(tmp_path: Path) -> None:
    """Without a module, a struct of the kernel is taken by its name alone, and of fitting size."""
    found = of_algorithms(["plain", "huge", "unheard", "../vmlinux"], {}, kernel(tmp_path)[0])
    assert {name: layout.struct for name, layout in found.items()} == {
        "plain": "plain",
        **dict.fromkeys(("huge", "unheard", "../vmlinux"), ""),
    }


def test_a_programs_copies_of_the_kernels_types_are_not_its_state(tmp_path: Path) -> None:
    """Of a BPF program's structs, its state is the only one that the kernel has none of."""
    types = TypeInformation(kernel(tmp_path)[0].joinpath("vmlinux").read_bytes())
    for own, struct in (([STATE], "state"), ([STATE, SECOND], "")):
        program = TypeInformation(kernel_types.type_information([*KERNEL, *own]))
        found = of_program(program, "bpf_unheard", types, 250)
        assert (found.struct if found else "") == struct
    assert of_program(types, "plain", types, 250) is not None


def test_what_the_types_say_once_and_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drop reasons' names, and the layouts that are built in: with them no types are read again."""
    monkeypatch.setattr(private_layout, "_kept", {})
    directory, _ = kernel(tmp_path)
    reasons = [("SKB_DROP_REASON_NO_SOCKET", 3), ("SKB_DROP_REASON_TCP_CSUM", 5)]
    enumeration = Type(Kind.ENUM, "skb_drop_reason", 4, constants=reasons)
    types = TypeInformation(kernel_types.type_information([*KERNEL, enumeration]))
    known = TypeFacts.from_json(json.loads(json.dumps(facts(types))))
    assert known == facts(types)
    assert known.drop_reasons == {3: "NO_SOCKET", 5: "TCP_CSUM"}
    found = [PrivateLayout.from_data(one) for one in known.layouts]
    assert {one.algorithm: one for one in found} == of_algorithms(
        ["bbr", "bic", "cubic"], {}, directory
    )
    assert facts(None) == NO_FACTS
    names = tmp_path / "names"
    names.write_text("reno cubic bbr\n")
    layouts = KeyedLayouts(known.layouts, types=tmp_path / "none", names=names)
    records = np.zeros(2, ALGORITHM)
    records["key"] = [private_layouts.key(name) for name in ("bbr", "cubic")]
    layouts.put(records)
    kept = map(private_layout.kept, records["key"].tolist())
    assert [one and one.struct for one in kept] == ["bbr", "bictcp"]


def test_layouts_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key stands for a layout once a record has it; one that nobody knows has bytes alone."""
    monkeypatch.setattr(private_layout, "_kept", {})
    names = tmp_path / "names"
    names.write_text("reno cubic other\n")
    directory, _ = kernel(tmp_path)
    asked: list[int] = []

    def more() -> dict[str, PrivateLayout]:
        asked.append(1)
        return {"other": PrivateLayout("other", "mine", (), 250)}

    layouts = KeyedLayouts([], more, types=directory, names=names)
    cubic, other = map(private_layouts.key, ("cubic", "other"))

    def structs(*keys: int) -> list[str]:
        records = np.zeros(len(keys), ALGORITHM)
        records["key"] = keys
        layouts.put(records)
        found = map(private_layout.kept, records["key"].tolist())
        return [one.struct if one else "none" for one in found]

    assert structs(cubic, 5, cubic) == ["bictcp", "", "bictcp"]
    assert not asked
    directory.joinpath("vmlinux").unlink()
    assert structs(cubic) == ["bictcp"]
    assert structs(cubic, other) == ["bictcp", "mine"]
    assert asked == [1]


def test_a_key_stands_for_one_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kernel's layout of the same algorithm gets a key of its own; there is an end."""
    monkeypatch.setattr(private_layout, "_kept", {})
    other = LAYOUT._replace(hz=1000)
    first, second = private_layout.keep(7, LAYOUT), private_layout.keep(7, other)
    assert first == 7 != second
    assert (private_layout.kept(first), private_layout.kept(second)) == (LAYOUT, other)
    assert (private_layout.keep(7, LAYOUT), private_layout.keep(7, other)) == (first, second)
    for hz in range(1, 2 * private_layout.MOST_KEPT):
        last = private_layout.keep(7, LAYOUT._replace(hz=hz))
    assert last == 0
    assert private_layout.kept(0) is None
    assert private_layout.keep(7, other) == second


def test_keys_are_the_kernels() -> None:
    """A key is the kernel's hash of a name: these are of a 6.18 kernel."""
    keys = {"reno": 0xC80D7A74, "cubic": 0xBB9B30F0, "bbr": 0x601A1E56}
    assert {name: private_layouts.key(name) for name in keys} == keys


def test_no_types_no_struct(tmp_path: Path) -> None:
    """Without BTF, there are bytes alone."""
    assert of_algorithms(["cubic"], {}, tmp_path)["cubic"].struct == ""


LAYOUT = PrivateLayout(
    "toy", "state", (PrivateMember("gain", 3, 10), PrivateMember("level", 32, 64, signed=True)), 250
)


def test_layouts_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layout comes back from the metadata of a recording as it was."""
    monkeypatch.setattr(private_layout, "_kept", {7: LAYOUT})
    assert private_layout.from_json(private_layout.to_json([7, 8]).encode()) == {7: LAYOUT}


@pytest.mark.parametrize(
    "change",
    [
        {"hz": 0},
        {"hz": "250"},
        {"struct": 3},
        {"struct": "a\033[2J"},
        {"algorithm": "x" * 100},
        {"members": [["gain", 800, 33, False]]},
        {"members": [["gain", -8, 8, False]]},
        {"members": [["gain", 1, 64, False]]},
        {"members": [["gain", 0, 0, False]]},
        {"members": [["gain", 0.0, 8, False]]},
        {"members": [["gain", 0]]},
        {"members": [["gain", 0, 8, False]] * 900},
        {"members": None},
    ],
)
def test_damaged_layouts(change: dict[str, object]) -> None:
    """What a stranger made of a layout is refused as a whole: nothing is read beyond the bytes."""
    with pytest.raises(ValueError, match="no layout"):
        PrivateLayout.from_data({**LAYOUT.to_data(), **change})
    text = json.dumps({"7": {**LAYOUT.to_data(), **change}})
    assert private_layout.from_json(text.encode()) == {}


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"x": {}}', '{"7": []}', "[" * 9999])
def test_no_layouts_in_other_text(text: str) -> None:
    """Other metadata has no layout."""
    assert private_layout.from_json(text.encode()) == {}


@given(
    st.lists(st.binary(min_size=PRIVATE_BYTES, max_size=PRIVATE_BYTES), min_size=1, max_size=3),
    st.integers(1, 64),
    st.data(),
)
def test_numbers(private: list[bytes], bits: int, data: st.DataObject) -> None:
    """A member is its bits of the little-endian bytes, with its sign."""
    offset = data.draw(st.integers(0, 8 * PRIVATE_BYTES - bits))
    signed = data.draw(st.booleans())
    if bits > 64 - offset % 8:
        return
    rows = np.frombuffer(b"".join(private), "u1").reshape(-1, PRIVATE_BYTES)
    found = members.number(rows, PrivateMember("x", offset, bits, signed=signed))
    for raw, value in zip(private, found.tolist(), strict=True):
        expected = int.from_bytes(raw, "little") >> offset & ((1 << bits) - 1)
        if signed and expected >> bits - 1:
            expected -= 1 << bits
        assert value == expected
