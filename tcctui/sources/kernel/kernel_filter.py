"""Filter that runs in the kernel: the part of a query that addresses and ports decide."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import U16, U64, Mask, Records
from tcctui.fields.algorithm_state import PREFIX
from tcctui.fields.inside import INSIDE
from tcctui.query.address_formula import (
    EVERYTHING,
    All,
    AnyOf,
    Bounds,
    Not,
    PortRange,
    Reach,
    all_of,
    fitted,
    opposite,
    words,
)
from tcctui.sources.kernel.filter_chain import MAX_TESTS, packed
from tcctui.wire.addresses import Prefix
from tcctui.wire.events import TcpState
from tcctui.wire.inside import Asked
from tcctui.wire.tcp_states import STATES_BY_NAME, WITHOUT_CONNECTION, fold

if TYPE_CHECKING:
    from tcctui.query import Query

_STATES = re.compile(r"\bstate\s*(?::|==?)\s*([^\s()]+)")
_HALF_OPEN = re.compile(r"\bhalf_open\b")
_STATE = re.compile(rf"\b{re.escape(PREFIX)}[a-z_]")

_INSIDE = re.compile(rf"\b({'|'.join(name for field in INSIDE for name in field.names)})\b")


@dataclass(frozen=True)
class KernelFilter:
    """Filter on the flows that the kernel reports: those for which `reach` is true.

    It may pass extra flows and never drops a match; `exact` means that it passes no extra ones, so
    that nothing remains to be evaluated.
    """

    reach: Reach = EVERYTHING
    exact: bool = True
    without_connection: frozenset[int] = frozenset()
    """States of sockets without a connection that are sampled, too; events have none of them."""
    half_open: bool = False
    """True if the half-open connections of each sampled listener are counted."""
    inside: Asked = Asked.NOTHING
    """Reads of all flows' sockets, beside their events."""

    @classmethod
    def of(cls, query: Query) -> KernelFilter:
        """Extract the part of a query that the kernel can evaluate."""
        return cls._of_bounds(query.bounds).naming(query.text)

    def naming(self, *queries: str) -> KernelFilter:
        """Filter that also samples the listeners or half-open connections that queries name.

        Those about `half_open` are about listeners. What only sockets themselves tell is read.
        """
        named, text = set(self.without_connection), " ".join(queries).lower()
        half_open = self.half_open or _HALF_OPEN.search(text) is not None
        if half_open:
            named.add(TcpState.LISTEN)
        for values in _STATES.findall(text):
            for name in re.split("[,|]", values):
                named |= STATES_BY_NAME.get(fold(name), frozenset()).intersection(
                    WITHOUT_CONNECTION
                )
        inside = self.inside
        if _INSIDE.search(text) is not None:
            inside |= Asked.SOCKET_OF_ALL
        if _STATE.search(text) is not None:
            inside |= Asked.ALGORITHM_OF_ALL
        return replace(
            self, without_connection=frozenset(named), half_open=half_open, inside=inside
        )

    @classmethod
    def _of_bounds(cls, bounds: Bounds) -> KernelFilter:
        reach = fitted(bounds.holds, MAX_TESTS)
        return cls(reach, Bounds(reach, bounds.fails).exact)

    @classmethod
    def on_ports(cls, *ports: int) -> KernelFilter:
        """Filter for flows with one of these ports at either end."""
        return cls(fitted(AnyOf(tuple(PortRange("sd", port, port) for port in ports)), MAX_TESTS))

    def __and__(self, other: KernelFilter) -> KernelFilter:
        """Conjunction of both."""
        both = all_of(
            [
                Bounds(one.reach, opposite(one.reach) if one.exact else EVERYTHING)
                for one in (self, other)
            ]
        )
        named = self.without_connection | other.without_connection
        return replace(
            self._of_bounds(both),
            without_connection=named,
            half_open=self.half_open or other.half_open,
            inside=self.inside | other.inside,
        )

    def pack(self) -> Records:
        """Its `struct filter`, shape ()."""
        return packed(self.reach)

    def passes(  # noqa: PLR0917 - columns, in the order in which flows have them
        self,
        saddr_hi: U64,
        saddr_lo: U64,
        daddr_hi: U64,
        daddr_lo: U64,
        sport: U16,
        dport: U16,
    ) -> Mask:
        """Evaluate on columns of flows, with the kernel's result: a bool for each row."""
        ends = {"s": (saddr_hi, saddr_lo, sport), "d": (daddr_hi, daddr_lo, dport)}

        def decided(reach: Reach) -> Mask:
            if isinstance(reach, Not):
                return ~decided(reach.atom)
            if isinstance(reach, All):
                whole = np.ones(len(sport), bool)
                for part in reach.parts:
                    whole &= decided(part)
                return whole
            some = np.zeros(len(sport), bool)
            if isinstance(reach, AnyOf):
                for part in reach.parts:
                    some |= decided(part)
                return some
            for end in reach.end:
                high, low, port = ends[end]
                if isinstance(reach, PortRange):
                    some |= (port >= reach.low) & (port <= reach.high)
                else:
                    some |= _inside(reach.prefix, high, low)
            return some

        return decided(self.reach)

    def passing(self, records: Records) -> Mask:
        """Evaluate on records that have both ends, such as events and samples."""
        if self.reach == EVERYTHING:
            return np.ones(len(records), bool)
        local, remote = (records[name].astype("u8") for name in ("saddr", "daddr"))
        halves = (local[:, 0], local[:, 1], remote[:, 0], remote[:, 1])
        return self.passes(*halves, records["sport"], records["dport"])

    def __str__(self) -> str:
        return words(self.reach)


def _inside(prefix: Prefix, high: U64, low: U64) -> Mask:
    # numpy's own type, because numpy before 2 turns large Python ints into floats here
    address_high, address_low, mask_high, mask_low = map(np.uint64, prefix.halves)
    return (high & mask_high == address_high) & (low & mask_low == address_low)
