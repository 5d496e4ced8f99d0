"""Comparisons of arrays: numpy takes microseconds to see that an IntEnum is a number."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tcctui

ROOT = Path(tcctui.__file__).parent
FOLDERS = ("flows/intake", "flows/history", "wire", "rewind")
"""Code that runs for each batch."""

ENUMS = {"CaState", "CcInfo", "End", "EventKind", "Limit", "MarkKind", "TcpState"}
SINGLE = {"end", "limit"}
"""Names of single numbers, which cost nothing to compare."""


def compared(source: str) -> list[int]:
    """Lines at which something is compared with a member of an enumeration by its name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        and isinstance(one := node.comparators[0], ast.Attribute)
        and isinstance(one.value, ast.Name)
        and one.value.id in ENUMS
        and not (isinstance(node.left, ast.Name) and node.left.id in SINGLE)
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_arrays_are_compared_with_numbers(folder: str) -> None:
    """What runs for each batch compares arrays with plain numbers: 0.5 µs and not 12."""
    found = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := compared(path.read_text()))
    }
    assert not found


def test_the_check_finds_a_member() -> None:
    """A comparison with a member is found, and none with a number, or of a single one."""
    assert compared("a = b['end'] == End.LIVES") == [1]
    assert not compared("a = b['end'] == _LIVES or end == End.GONE or a.b == other.c")
