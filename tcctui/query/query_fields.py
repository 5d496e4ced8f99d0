"""Fields that a query can name, by all of their names: made of the table of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tcctui.fields.algorithm_state import WithState
from tcctui.fields.every_field import USUAL, every
from tcctui.fields.field import Field, Unit, Where
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.query.address_formula import End
from tcctui.query.arithmetic import number
from tcctui.query.conditions import Comparable, names
from tcctui.query.health_terms import health
from tcctui.query.network_terms import endpoints, families, ports
from tcctui.query.quantities import QUANTITIES
from tcctui.query.text_terms import texts
from tcctui.wire.tcp_states import STATES_BY_NAME, fold


def _ends(field: Field) -> tuple[End, ...]:
    return tuple(end for end in ("s", "d") if any(part[0] == end for part in field.parts))


_SPELLINGS: Mapping[str, Mapping[str, frozenset[int]]] = {
    "state": STATES_BY_NAME,
    "slow_start": {"congestionavoidance": frozenset({0})},
}
"""Spellings of values beside their names."""


def _code(field: Field) -> Comparable:
    named = VALUE_NAMES[field.name].items()
    words = {code: word.lower() for code, word in named if code != field.unknown}
    if field.name == "limit":
        words[Limit.UNKNOWN] = "unknown"
    choices = tuple(dict.fromkeys(words.values()))
    values = {fold(word): frozenset({code}) for code, word in words.items()}
    spellings = {**values, **_SPELLINGS.get(field.name, {})}
    return names(field.name, field.noun, spellings, choices)


_KINDS: Mapping[Unit, Callable[[Field], Comparable]] = {
    Unit.PORT: lambda field: ports(*_ends(field)),
    Unit.ENDPOINT: lambda field: endpoints(*_ends(field)),
    Unit.IP_VERSION: lambda _: families(),
    Unit.NAME: lambda field: texts(field.name, field.noun, field.sample),
    Unit.CODE: _code,
}


def _comparable(field: Field) -> Comparable:
    if field.name == "health":
        return health()
    if field.unit in _KINDS:
        return _KINDS[field.unit](field)
    # Of what samples and sockets tell, unknown values are NaN already.
    unknown = None if field.where in (Where.SAMPLE, Where.INSIDE) else field.unknown
    return number(field.name, QUANTITIES[field.unit], unknown)


def _order(field: Field) -> tuple[int, int]:
    """The usual ones first: names, numbers that are usual columns, numbers of flows, others."""
    if field.unit in _KINDS:
        return 0, 0
    if field.key in USUAL:
        return 1, USUAL.index(field.key)
    return 2 + (field.where in (Where.SAMPLE, Where.INSIDE)), 0


DESCRIBED: tuple[tuple[Field, Comparable], ...] = tuple(
    (field, _comparable(field)) for field in sorted(every(), key=_order) if field.query
)
"""Every field that has a name in the language, the usual ones first."""

FIELDS: Mapping[str, Comparable] = WithState(
    {name: comparable for field, comparable in DESCRIBED for name in field.names}, _comparable
)
"""Names allowed before `:` or a comparison, and any member of an algorithm's state: `ca.NAME`."""
