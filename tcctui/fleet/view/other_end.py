"""The other end of a connection, where its host is in the fleet, too: asked of `flow_10s`.

It has the same addresses and ports turned around, or its host has the remote address: of each
window a host sends some connections alone. Behind a translation of addresses it is not found.
"""

from __future__ import annotations

from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.fleet.tables.every_table import FLOW
from tcctui.fleet.view.engine import Engine
from tcctui.fleet.view.flow_statement import Asked

_AROUND_S = 600
"""Seconds before and after a moment in which hosts had their addresses."""

_SECONDS = 10.0
"""Time limit of the question."""

_NAMED = 3
"""Hosts that are named where several have the address."""


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


class Tuple(NamedTuple):
    """Addresses, as texts, and ports of a connection, as its host has them."""

    saddr: str
    sport: int
    daddr: str
    dport: int


def statement(of: Tuple, at_s: int) -> Asked:
    """Hosts that have the remote address, those that have the connection itself first."""
    sql = (
        "SELECT host, max(sport = {dport:UInt16} AND dport = {sport:UInt16}"
        " AND daddr = toIPv6({saddr:String})) AS same"
        f" FROM {FLOW.name} WHERE time > toDateTime({{first:UInt32}})"
        " AND time <= toDateTime({last:UInt32}) AND saddr = toIPv6({daddr:String})"
        " GROUP BY host ORDER BY same DESC, max(time) DESC LIMIT 100"
    )
    ends = of._asdict()
    return Asked(sql, {**ends, "first": at_s - _AROUND_S, "last": at_s + _AROUND_S})


def host_of_other_end(engine: Engine, host: str, of: Tuple, at_s: int) -> str:
    """Name of the host that has the other end of a connection at a moment.

    Raises:
        TcctuiError: there is no answer, or none or several hosts may have it.

    """
    if of.saddr == of.daddr or _is_loopback(of.daddr):
        return host
    if of.daddr.startswith("fe80:"):
        raise TcctuiError(
            f"{of.daddr} is an address of one link: others have it, too.",
            "For both ends of it, replay both hosts' recordings: tcctui replay FILE OTHER",
        )
    asked = statement(of, at_s)
    found = engine.query(asked.sql, asked.parameters, _SECONDS).to_pylist()
    hosts = [str(row["host"]) for row in found]
    if found and (found[0]["same"] or len(found) == 1):
        return hosts[0]
    if not found:
        raise TcctuiError(
            f"No host of the fleet has sent rows of {of.daddr} around then.",
            "Its other end has no agent, or its addresses are translated (NAT) on the way.",
        )
    more = len(hosts) - _NAMED
    raise TcctuiError(
        f"{of.daddr} is an address of {', '.join(hosts[:_NAMED])}"
        f"{f' and {more} more' if more > 0 else ''}, and none of them has sent this connection.",
        "Try again later: it may be among those that are sent.",
    )
