"""Reference of the query language, for help, the manual page and completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tcctui.fields import algorithm_state
from tcctui.fields.algorithm_state import WithState
from tcctui.fields.field import Field
from tcctui.query.arithmetic import Operand
from tcctui.query.conditions import Comparable
from tcctui.query.query_fields import DESCRIBED, FIELDS
from tcctui.wire import private_layout


@dataclass(frozen=True)
class FieldHelp:
    """One field of the language.

    `kind` describes its values ("a duration"), `unit` is a bare number's ("ms"; empty without one),
    `source` the place in the kernel or elsewhere. `values` are all possible ones, if few; `sample`
    is a typical one; `calculable` fields are allowed in arithmetic.
    """

    name: str
    synonyms: tuple[str, ...]
    kind: str
    meaning: str
    source: str
    unit: str = ""
    values: tuple[str, ...] = ()
    sample: str = ""
    calculable: bool = False


def _described(field: Field, asked: Comparable) -> FieldHelp:
    quantity = asked.operand.quantity if isinstance(asked.operand, Operand) else None
    name, *synonyms = field.names
    return FieldHelp(
        *(name, tuple(synonyms), asked.noun, field.meaning, field.source),
        quantity.bare if quantity else "",
        asked.values,
        asked.sample,
        quantity is not None and quantity.dimension is not None,
    )


FIELD_HELP: tuple[FieldHelp, ...] = tuple(_described(*one) for one in DESCRIBED)
"""All fields, each once, the usual ones first."""


def _of_state(field: Field) -> FieldHelp:
    return _described(field, FIELDS[field.names[0]])


BY_NAME: Mapping[str, FieldHelp] = WithState(
    {name: one for one in FIELD_HELP for name in (one.name, *one.synonyms)}, _of_state
)
"""All fields by any of their names, and members of algorithms' own state."""


def states() -> list[FieldHelp]:
    """Members of algorithms' own state: those of connections seen here, then others known."""
    return [_of_state(field) for field in algorithm_state.fields(private_layout.members())]


SYNTAX: tuple[tuple[str, str], ...] = (
    ("nginx", "rows with this in their endpoints, state, process or algorithm"),
    ('"two words"', "the same with spaces or signs in it"),
    ("10.0.3.7:443", "an address with its port is also a word"),
    ("port:443,8000-8100", "a port, or one of several, at either end; sport: local, dport: remote"),
    ("dst:10.0.0.0/8|192.168.0.0/16", "an address, prefix or endpoint; | is the same as ,"),
    ("state:close_wait", "a state, limit or phase by name: limit:rwnd, ca:loss"),
    ("state:listen,syn-recv", "listeners and half-open connections: rows only while so asked for"),
    (
        "ca.bic_K>1s",
        "a member of the algorithm's own state, by the kernel's name",
    ),
    ("subflow:backup", "subflows of MPTCP by kind: initial, join, backup, fallback"),
    ("mptcp_token=0x38cec79d", "the subflows of one MPTCP connection"),
    ("half_open>100", "listeners by their half-open connections, which are counted meanwhile"),
    ("in_flight_packets>10", "what sockets hold at their ACKs: they are read while so asked for"),
    ("cc:bbr|cubic", "a part of a name, in either case"),
    ("srtt>80ms", "> >= < <= = !=, with a unit: us ms s m h"),
    ("acked>=64Ki", "k M G Ki Mi Gi; rates are bit/s, or bytes with B/s: rate>10Mbit, rate>1MB/s"),
    ("inflight>0.8*cwnd*mss", "arithmetic on numeric fields: + - * / and brackets"),
    ("~^10\\.0\\.[0-9]", "a regular expression that matches in the row"),
    ('proc~"^web [0-9]"', "a regular expression that matches in a name; !~ for no match"),
    ("port:443 cc:bbr", "both; the same as with and"),
    ("port:443 or port:80", "either; and binds tighter than or"),
    ("not proc:nginx", "negates a condition or brackets; -x and !x are the same"),
    ("cc:bbr and (srtt>80ms or retrans>0)", "brackets group conditions"),
)
"""Examples of every construct, each with its meaning."""

UNITS: tuple[tuple[str, str], ...] = (
    ("us ms s m h d", "durations; without unit ms, in age s"),
    ("k M G T, Ki Mi Gi Ti", "thousands and powers of 1,024, also before B and bit"),
    ("1e9", "1,000,000,000; also with a unit"),
    ("B", "bytes"),
    ("bit/s bit b/s bps", "bits per second; the same without unit"),
    ("B/s Bps", "bytes per second; a rate with B alone is one as well"),
)
"""Units of numbers, and their meaning."""
