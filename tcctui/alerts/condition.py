"""Conditions of alerts, `--until` and `--fail-if`: a query, of groups, for some time.

    [group:KEY] CONDITION [for DURATION]

CONDITION is a query, or `any(QUERY)`, `count(QUERY)>3`, `share(QUERY)>10%`, `sum(rate)>1Gbit`,
`max(srtt)>200ms`, `min(…)`, `mean(…)`, several of them with `and` between. These are of the
connections of a group: of each group by KEY (`GROUPINGS`), or of all connections together. A query
behind `group:KEY` is the same as `any(QUERY)`. In the brackets of the last four is a column, or a
calculation; connections of which it is unknown don't count, and without any the condition is false.
With `for`, it has to hold at each check for that long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from tcctui.arrays import I64, Array, Floats, Indexes, Mask
from tcctui.flows.groups.groups import GROUPINGS, IDS_FROM, Grouping, membership
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.query import Query, QueryError, parse
from tcctui.query.aggregates import OF, OF_GROUPS, Aggregate, aggregate
from tcctui.query.errors import nearest
from tcctui.query.quantities import AGE, COUNT, PERCENT, Quantity

T = TypeVar("T")

ALL_CONNECTIONS = "all connections"
"""Name of the group of all, where nothing else groups them."""

_GROUP = re.compile(r"\s*group:(\S*)(?:\s+|$)")
_FOR = re.compile(r"(?:^|\s)for\s+([0-9]\S*)\s*$")
_OF = re.compile(rf"\s*({'|'.join(OF_GROUPS)})\s*\(")
_LIMIT = re.compile(r"\s*(>=|<=|==|!=|=|>|<)\s*([^\s()]+)")
_AND = re.compile(rf"\s+and(?=\s)|\s+(?=(?:{'|'.join(OF_GROUPS)})\s*\()")

_COMPARE: dict[str, Callable[[Floats, float], Array]] = {
    **{">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal},
    **{"=": np.equal, "==": np.equal, "!=": np.not_equal},
}

_QUANTITIES: dict[str, Quantity] = {"count": COUNT, "share": PERCENT}


class _Members(NamedTuple):
    """Flows in m groups: which ones count, shape (n,), and each one's group."""

    flows: Flows
    counts: Mask
    number: Indexes
    groups: int

    def of_each(self, mask: Mask) -> Indexes:
        """Count the flows of each group in a mask of some that count; shape (m,)."""
        return np.bincount(self.number[mask], minlength=self.groups)


class Verdict(NamedTuple):
    """Groups that a part of a condition holds of, and the flows that it is due to, as masks.

    `values` are the groups' aggregates, if it is about one.
    """

    holds: Mask
    matching: Mask
    values: Floats | None = None


def _held(values: Floats, symbol: str, limit: float) -> Mask:
    """Compare; false where unknown."""
    return np.asarray(_COMPARE[symbol](values, limit)) & ~np.isnan(values)


class Part(NamedTuple):
    """Condition on the connections of a group: `any`, or a `count` or `share` of those that match.

    `limit` is a number of connections, or percents.
    """

    of: str
    query: Query
    symbol: str = ">"
    limit: float = 0

    @property
    def fields(self) -> frozenset[str]:
        """Columns of flows that it needs."""
        return self.query.fields

    def judged(self, members: _Members) -> Verdict:
        """Tell which groups it holds of.

        Raises:
            QueryError: a regular expression takes too long over these rows.

        """
        mask = self.query.mask(members.flows) & members.counts
        values = members.of_each(mask).astype("f8")
        if self.of == "share":
            connections = members.of_each(members.counts)
            values = 100 * values / np.where(connections > 0, connections, np.nan)
        return Verdict(_held(values, self.symbol, self.limit), mask)

    def given_up(self) -> Part:
        """The same, and no flow matches any more."""
        return Part("any", replace(self.query, _match=lambda look: look.nothing()))


class Total(NamedTuple):
    """Condition on an aggregate over the connections of a group; `limit` is in its unit."""

    aggregate: Aggregate
    symbol: str
    limit: float

    @property
    def fields(self) -> frozenset[str]:
        """Columns of flows that it needs."""
        return self.aggregate.fields

    def judged(self, members: _Members) -> Verdict:
        """Tell which groups it holds of.

        It is due to all flows that it is known of; a maximum or minimum, to those beyond the limit.
        """
        own = self.aggregate.values(members.flows)
        values = self.aggregate.over(own, members.counts, members.number, members.groups)
        matching = members.counts & ~np.isnan(own)
        if self.aggregate.of in ("max", "min"):
            matching &= _held(own, self.symbol, self.limit)
        return Verdict(_held(values, self.symbol, self.limit), matching, values)

    def given_up(self) -> Total:
        """Itself: no text takes it long."""
        return self


class Found(NamedTuple):
    """Subjects of a condition: flows, or groups of flows.

    `there`, ascending, are the keys of all: cookies, or ids of groups. `holding` are those of which
    the condition holds now. `matching` is the mask of the flows that match any query of it;
    `number` has each flow's place in `there`. Of groups, `first` has the place of one flow of each,
    and `values` their aggregates by name: `sum(rate)`.
    """

    there: Keys
    holding: Keys
    matching: Mask
    number: Indexes
    first: I64
    values: Mapping[str, Floats] = MappingProxyType({})

    def members(self, key: int) -> I64:
        """Places of the matching flows of a subject."""
        place = int(np.searchsorted(self.there, np.uint64(key)))
        return np.flatnonzero(self.matching & (self.number == place))

    def connections(self, key: int) -> int:
        """Number of flows of a subject."""
        return int(np.count_nonzero(self.number == np.searchsorted(self.there, np.uint64(key))))

    def aggregates(self, key: int) -> dict[str, float]:
        """Aggregates of a group by name, in the units of their columns."""
        place = np.searchsorted(self.there, np.uint64(key))
        return {name: float(values[place]) for name, values in self.values.items()}


@dataclass(frozen=True)
class Condition:
    """A condition, made by `condition`; with `grouped`, it is of groups, else of each flow.

    Groups are by `by`; without it there is one, of all flows.
    """

    text: str
    parts: tuple[Part | Total, ...]
    grouped: bool = False
    by: Grouping | None = None
    for_ns: int = 0

    @classmethod
    def of(cls, query: Query) -> Condition:
        """Condition that holds of each flow that matches."""
        return cls(query.text, (Part("any", query),))

    @property
    def fields(self) -> frozenset[str]:
        """Columns of flows that it needs."""
        by = frozenset(self.by.needs if self.by is not None else ())
        return by | self.queried

    @property
    def queried(self) -> frozenset[str]:
        """Columns that its queries and aggregates are about."""
        return frozenset[str]().union(*(part.fields for part in self.parts))

    def found(self, flows: Flows, counts: Mask) -> Found:
        """Tell what it holds of, among the flows that count.

        Raises:
            QueryError: a regular expression takes too long over these rows.

        """
        if not self.grouped:
            cookies = flows["cookie"]
            at = np.arange(len(cookies))
            (alone,) = (part.judged(_Members(flows, counts, at, len(at))) for part in self.parts)
            return Found(cookies, cookies[alone.holds], alone.matching, at, at)
        ids, first, number = self._groups(flows, counts)
        members = _Members(flows, counts, number, len(ids))
        verdicts = [part.judged(members) for part in self.parts]
        holds = np.logical_and.reduce([one.holds for one in verdicts])
        matching = np.logical_or.reduce([one.matching for one in verdicts])
        values = {
            str(part.aggregate): one.values
            for part, one in zip(self.parts, verdicts, strict=True)
            if isinstance(part, Total) and one.values is not None
        }
        return Found(ids, ids[holds], matching, number, first, values)

    def _groups(self, flows: Flows, counts: Mask) -> tuple[Keys, I64, Indexes]:
        """Ids of groups, the place of one flow of each, and each flow's place among the ids.

        Flows that don't count are in none: their place is not to be read.
        """
        if self.by is None:
            return np.array([IDS_FROM]), np.zeros(1, "i8"), np.where(counts, 0, -1)
        rows = np.flatnonzero(counts)
        few = Flows(flows.now_ns, {name: flows[name][rows] for name in self.by.needs})
        ids, first, of = membership(few, self.by)
        number = np.full(len(counts), -1)
        number[rows] = of
        return ids, rows[first], number

    def label(self, flows: Flows, found: Found, key: int) -> str:
        """Name of a group: `net 10.0.3.0/24`; empty for a flow."""
        if not self.grouped:
            return ""
        if self.by is None:
            return ALL_CONNECTIONS
        row = found.first[np.searchsorted(found.there, np.uint64(key))]
        one = Flows(flows.now_ns, {name: flows[name][row : row + 1] for name in self.by.needs})
        return f"{self.by.name} {self.by.label(*(part[0].item() for part in self.by.keys(one)))}"

    def given_up(self) -> Condition:
        """The same, and it holds of nothing any more."""
        return replace(self, parts=tuple(part.given_up() for part in self.parts))


def condition(text: str) -> Condition:
    """Parse a condition.

    Raises:
        QueryError: the text is none; with the place and the reason.

    """
    end = len(text)
    for_ns = 0
    if lasts := _FOR.search(text):
        for_ns = int(_number(AGE.read, lasts, 1))
        end = lasts.start()
    begin, by, grouped = 0, None, False
    if named := _GROUP.match(text[:end]):
        begin, by, grouped = named.end(), _grouping(named), True
    parts = _parts(text[:end], begin)
    if not parts:
        body = text[begin:end]
        if not body.strip():
            raise QueryError(begin, max(end, begin + 1), "a condition is missing")
        parts = (Part("any", _parsed(body, begin)),)
    else:
        grouped = True
    return Condition(text.strip(), parts, grouped, by, for_ns)


def _grouping(named: re.Match[str]) -> Grouping:
    if named[1] in GROUPINGS:
        return GROUPINGS[named[1]]
    near = nearest(named[1], GROUPINGS)
    advice = f": did you mean '{near}'?" if near else f"; there is {', '.join(GROUPINGS)}"
    start, end = named.span(1)
    raise QueryError(start, max(end, start + 1), f"no group '{named[1][:40]}'{advice}")


def _parts(text: str, at: int) -> tuple[Part | Total, ...]:
    """Read `any(…)`, `count(…)>3`, `sum(…)>1G` and the like; empty where there is none."""
    parts: list[Part | Total] = []
    while of := _OF.match(text, at):
        close = _closing(text, of.end() - 1)
        inside = text[of.end() : close]
        limit = _LIMIT.match(text, close + 1)
        at = close + 1 if limit is None else limit.end()
        if of[1] in OF:
            parts.append(_total(of, inside, close, limit))
        else:
            parts.append(_part(of, inside, close, limit))
        if not text[at:].strip():
            return tuple(parts)
        joined = _AND.match(text, at)
        if joined is None or not _OF.match(text, joined.end()):
            start = at + len(text[at:]) - len(text[at:].lstrip())
            reason = f"behind {of[1]}(…) comes 'and' with {', '.join(OF_GROUPS)}, or 'for'"
            raise QueryError(start, len(text.rstrip()), reason)
        at = joined.end()
    return tuple(parts)


def _part(of: re.Match[str], inside: str, close: int, limit: re.Match[str] | None) -> Part:
    query = _parsed(inside, of.end())
    if of[1] == "any":
        if limit:
            raise QueryError(limit.start(1), limit.end(), "any(…) has no number behind it")
        return Part("any", query)
    quantity = _QUANTITIES[of[1]]
    limit = _compared(of, close, limit, {"count": "count(…)>3", "share": "share(…)>10%"}[of[1]])
    return Part(of[1], query, limit[1], float(_number(quantity.read, limit, 2)))


def _total(of: re.Match[str], inside: str, close: int, limit: re.Match[str] | None) -> Total:
    with _shifted(of.end()):
        found = aggregate(of[1], inside)
    limit = _compared(of, close, limit, f"{found}>{found.quantity.sample}")
    return Total(found, limit[1], float(_number(found.limit, limit, 2)))


def _compared(
    of: re.Match[str], close: int, limit: re.Match[str] | None, sample: str
) -> re.Match[str]:
    if limit is None:
        reason = f"{of[1]}(…) needs a comparison behind it, such as {sample}"
        raise QueryError(of.start(1), close + 1, reason)
    return limit


def _closing(text: str, opening: int) -> int:
    """Offset of the bracket that closes one; those in quotes don't count."""
    depth, quoted = 0, False
    for at in range(opening, len(text)):
        char = text[at]
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(char, 0)
            if not depth:
                return at
    raise QueryError(opening, opening + 1, "the bracket that begins here has no end")


def _number(read: Callable[[str], T], found: re.Match[str], group: int) -> T:
    try:
        return read(found[group])
    except ValueError as error:
        raise QueryError(*found.span(group), str(error)) from None


def _parsed(text: str, at: int) -> Query:
    """Parse the query that begins at an offset of the whole text."""
    if not text.strip():
        raise QueryError(at - 1, at, "a condition is missing in these brackets")
    with _shifted(at):
        return parse(text)


@contextmanager
def _shifted(at: int) -> Iterator[None]:
    """Let mistakes be in the whole text, of which a part begins at an offset."""
    try:
        yield
    except QueryError as error:
        raise QueryError(at + error.start, at + error.end, error.reason, error.expected) from None
