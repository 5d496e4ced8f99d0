"""Address and port formulas as the kernel evaluates them: `struct filter` in bpf/tcc.c."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Records
from tcctui.query.address_formula import AnyOf, Atom, Inside, Not, PortRange, Reach, size

MAX_TESTS = 64
"""Largest number of tests of a filter."""

DROP, PASS = MAX_TESTS, MAX_TESTS + 1
"""`enum verdict`: where to go on that is no test."""

TEST = np.dtype(
    [
        ("address", ">u8", (2,)),
        ("mask", ">u8", (2,)),
        ("low", "u2"),
        ("span", "u2"),
        ("not_local", "u1"),
        ("not_remote", "u1"),
        ("next", "u2"),
    ]
)
"""`struct test`: an address and a port, one of which every address or port has."""

FILTER = np.dtype([("first", "u4"), ("unused", "u4"), ("tests", TEST, (MAX_TESTS,))])
"""`struct filter`."""

_PORTS = 0xFFFF


def packed(reach: Reach) -> Records:
    """Encode a formula of at most `MAX_TESTS` atoms as a `struct filter`, shape ().

    Each atom is one test with a jump for either result, so that only the needed tests run.
    """
    assert size(reach) <= MAX_TESTS
    found: list[tuple[Atom, int, int]] = []  # in reverse order, with the jump target of each

    def place(formula: Reach, yes: int, no: int) -> int:
        """Insert a formula before the present tests; gives its first test's index."""
        if isinstance(formula, Not):
            yes, no, formula = no, yes, formula.atom
        if isinstance(formula, (PortRange, Inside)):
            found.append((formula, yes, no))
            return len(found) - 1
        any_of = isinstance(formula, AnyOf)
        begin = no if any_of else yes
        for part in reversed(formula.parts):
            begin = place(part, yes, begin) if any_of else place(part, begin, no)
        return begin

    begin = place(reach, PASS, DROP)
    last = len(found) - 1

    def turned(at: int) -> int:
        return at if at >= MAX_TESTS else last - at

    made = np.zeros((), FILTER)
    made["first"] = turned(begin)
    for test, (atom, yes, no) in zip(made["tests"], reversed(found), strict=False):
        test["next"] = turned(yes) | turned(no) << 8
        test["not_local"], test["not_remote"] = "s" not in atom.end, "d" not in atom.end
        if isinstance(atom, PortRange):
            test["low"], test["span"] = atom.low, atom.high - atom.low
        else:
            high, low, mask_high, mask_low = atom.prefix.halves
            test["address"], test["mask"] = (high, low), (mask_high, mask_low)
            test["span"] = _PORTS
    return made
