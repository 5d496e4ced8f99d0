"""Groupings of a fleet's connections: keys in SQL, labels, and queries for their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tcctui.fleet.schema.ddl import literal
from tcctui.fleet.schema.labels import DICTIONARY
from tcctui.flows.groups.groups import asked
from tcctui.query.language import MAX_LENGTH
from tcctui.wire.addresses import V4_MAPPED, Prefix, parse_prefix

_LAST_OCTET, _BEHIND_48 = (1 << 8) - 1, (1 << 80) - 1


class FleetGrouping(NamedTuple):
    """Criterion for grouping.

    `key` is an SQL expression of a text over a table of groups, `of_flows` over `flow_10s`;
    `chosen` is the condition for the rows of a key, whose place in it is `{}`: on the column
    itself, without a function of each row. `column` is the flow column that has the key in a
    group's row, if there is one. `label` and `query` write a key for a person, and the query for
    its connections (None if there is none).
    """

    name: str
    title: str
    meaning: str
    key: str
    of_flows: str
    chosen: str
    label: Callable[[str], str]
    query: Callable[[str], str | None]
    column: str = ""


def _named(name: str, title: str, meaning: str, column: str, field: str) -> FleetGrouping:
    ask = asked(field)
    return FleetGrouping(
        *(name, title, meaning, f"toString({column})", f"toString({column})", f"{column} = {{}}"),
        lambda key: key or "unknown",
        lambda key: ask(key.encode(errors="replace")),
        column,
    )


def _net(key: str) -> Prefix | None:
    address = parse_prefix(key).address
    if not address:
        return None
    four = address >> 32 == V4_MAPPED >> 32
    return Prefix(address, (1 << 128) - 1 - (_LAST_OCTET if four else _BEHIND_48))


_NUMBER = "toUInt128(daddr)"
_NET_OF_FLOWS = (
    f"toString(CAST(if(bitShiftRight({_NUMBER}, 32) = 65535,"
    f" bitAnd({_NUMBER}, {(1 << 128) - 1 - _LAST_OCTET}::UInt128),"
    f" bitAnd({_NUMBER}, {(1 << 128) - 1 - _BEHIND_48}::UInt128)), 'IPv6'))"
)

OTHER = "other"
"""Label of what an agent had no room to tell apart."""

GROUPINGS: Mapping[str, FleetGrouping] = {
    grouping.name: grouping
    for grouping in (
        FleetGrouping(
            "net",
            "remote net",
            "remote /24 of IPv4, /48 of IPv6",
            "toString(prefix)",
            _NET_OF_FLOWS,
            "prefix = toIPv6({})",
            lambda key: str(_net(key) or OTHER),
            lambda key: None if _net(key) is None else f"dst:{_net(key)}",
        ),
        FleetGrouping(
            "port",
            "service",
            "port of the end that listens",
            "toString(service_port)",
            "toString(if(service_port > 0, service_port, least(sport, dport)))",  # older agents
            "service_port = toUInt16({})",
            lambda key: OTHER if key == "0" else f"port {key}",
            lambda key: None if key == "0" else f"port:{key}",
        ),
        _named("process", "process", "name of the process that has the socket", "comm", "proc"),
        _named("host", "host", "host of the fleet", "host", "host"),
        _named("cc", "algorithm", "congestion control algorithm", "cc", "cc"),
        _named("cgroup", "container", "container or unit of the process", "cgroup", "cgroup"),
        _named("netns", "namespace", "network namespace", "netns_name", "netns"),
    )
}
"""Groupings by name."""

_LABEL = "label:"


def of_label(label: str) -> str:
    """Name of the grouping by one of the labels that a user has given to hosts."""
    return f"{_LABEL}{label}"


def grouping(name: str) -> FleetGrouping:
    """Grouping of a name: one of `GROUPINGS`, or by a label.

    No query selects hosts by a label: `query` is for whoever knows the hosts.

    Raises:
        KeyError: there is none.

    """
    label = name.removeprefix(_LABEL)
    if label == name:
        return GROUPINGS[name]
    key = f"dictGet({literal(DICTIONARY)}, {literal(label)}, host)"
    meaning = "label of hosts"
    return FleetGrouping(
        *(name, label, meaning, key, key, f"{key} = {{}}"),
        lambda key: key or "no label",
        lambda _: None,
    )


_LONGEST_QUERY = MAX_LENGTH // 2
"""Characters of a query for hosts: another search is to have its place beside."""


def query_for_hosts(hosts: Iterable[str]) -> str | None:
    """Query for connections of these hosts; None where it would be too long."""
    wanted = "|".join(re.escape(host) for host in hosts)
    text = f'host~"^({wanted})$"'
    return text if wanted and len(text) <= _LONGEST_QUERY else None
