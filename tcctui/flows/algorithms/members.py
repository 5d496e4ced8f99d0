"""Members of algorithms' own state, out of their records: numpy over a batch of one algorithm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import U8, Array, Floats, Records
from tcctui.fields.algorithm_state import STATES, Scale, State
from tcctui.fields.field import Unit
from tcctui.wire.private_layout import PRIVATE_BYTES, PrivateLayout, PrivateMember

JIFFIES_BITS = 24
"""Bits of the time in jiffies that a record has."""

_WORD = 8


def number(private: U8, member: PrivateMember) -> Array:
    """One member of each: unsigned or signed of 64 bits.

    `private` has the shape (n, PRIVATE_BYTES).
    """
    first = min(member.offset // 8, PRIVATE_BYTES - _WORD)
    words = np.ascontiguousarray(private[:, first : first + _WORD]).view("<u8")[:, 0]
    above = np.uint64(64 - member.bits)
    raised = words << (above - np.uint64(member.offset - 8 * first))
    return raised.view("i8") >> above.astype("i8") if member.signed else raised >> above


def jiffies(records: Records) -> Array:
    """Time of records in jiffies, its lowest `JIFFIES_BITS`."""
    parts = records["jiffies"].astype("i8")
    return np.asarray(parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16)


def member_of(layout: PrivateLayout, name: str) -> PrivateMember | None:
    """The member of a name, whatever its case; None where there is none."""
    asked = name.lower()
    return next((one for one in layout.members if one.name.lower() == asked), None)


def state_of(layout: PrivateLayout, name: str) -> State:
    """Description of a member: at least its name."""
    known = STATES.get(layout.struct, ())
    return next((one for one in known if one.name == name), State(name, Unit.COUNT, ""))


class Known(NamedTuple):
    """Records of one algorithm, oldest first or of several flows, and how to read them.

    `mss` are the bytes of a segment of each, NaN where unknown.
    """

    layout: PrivateLayout
    records: Records
    mss: Floats

    def has(self, name: str) -> bool:
        """True if the struct has this member."""
        return member_of(self.layout, name) is not None

    def raw(self, name: str) -> Array:
        """A member as the kernel has it.

        Raises:
            KeyError: there is none of that name.

        """
        member = member_of(self.layout, name)
        if member is None:
            raise KeyError(name)
        return number(self.records["private"], member)

    def value(self, name: str) -> Floats:
        """A member in its unit (`algorithm_state.State`); NaN where it is unknown, or none."""
        member = member_of(self.layout, name)
        if member is None:
            return np.full(len(self.records), np.nan)
        state = state_of(self.layout, member.name)
        raw = number(self.records["private"], member)
        found = self._scaled(raw, state) * state.factor
        if state.unknown is not None:
            found[raw == state.unknown] = np.nan
        return found

    def _scaled(self, raw: Array, state: State) -> Floats:
        hz = self.layout.hz
        match state.scale:
            case Scale.SINCE_JIFFIES:
                ago = self.since(raw) * 1e6 / hz
                ago[raw == 0] = np.nan
                return ago
            case Scale.JIFFIES:
                return raw * (1e6 / hz)
            case Scale.PER_JIFFY:
                return raw * float(hz)
            case Scale.SECONDS_1024:
                return raw * (1e6 / 1024)
            case Scale.PACKETS:
                return raw * (1e6 / (1 << 24)) * self.mss
            case _:
                return raw.astype("f8")

    def since(self, moments: Array) -> Floats:
        """Jiffies from moments to the records; negative for such as are to come.

        Beyond half of 2^24 jiffies (9 h at 250 a second) it is another number.
        """
        turn = 1 << JIFFIES_BITS
        passed = (jiffies(self.records) - moments.astype("i8")) % turn
        return np.where(passed >= turn // 2, passed - turn, passed).astype("f8")
