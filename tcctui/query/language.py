"""The filter language: from text to a mask over columns.

A query is conditions joined by `and` (or just a space) and `or`, turned around by `not` (or a `-`
or `!` right before them), with brackets; `not` binds tighter than `and`, and that than `or`.

- `nginx`, `10.0.3.7:443`, `"two words"`, `a|b`: found anywhere in a row's endpoints,
  state, process or algorithm, in either case; `~regex`, `~"a b"`: a regular expression, likewise.
  Within quotes, a quotation mark is written twice: `"5"" disk"`.
- `port:443`, `port:443,8000-8100`, `sport:`, `dport:`: either, local or remote port.
- `ip:10.0.0.0/8`, `src:`, `dst:`: either, local or remote address, prefix or endpoint
  (`10.0.0.7:443`, `[::1]:443`, `:443`). A port behind an IPv6 address needs the brackets:
  `src:2001:db8::1:443` is one address. `family:ipv4` is that of the addresses as they are shown.
- `state:listen` and `state:syn-recv` have rows, of listeners and half-open connections, only while
  a query names them.
- `state:estab,close-wait`, `phase:slow-start`, `limit:rwnd|sndbuf`, `ca:recovery,loss`,
  `bbr:probe_rtt`: `|` is the same as `,`.
- `cc:bbr,cubic`, `proc:nginx`, `cgroup:docker`, `netns:blue`: a part of the name, in either case;
  `proc~^ng`, `proc!~^ng`: a regular expression is found in it or not.
- `cwnd>100`, `srtt >= 20ms`, `rate<1Mbit`, `ssthresh=inf`: `>`, `>=`, `<`, `<=`, `=`, `==`, `!=`,
  or `:` for `=`. `!=` is the opposite of `=`: `port!=443` has 443 at neither end. No comparison
  holds of what is not known of a flow. Integers are compared exactly.
- `inflight>0.8*cwnd*mss`, `srtt>min_rtt+20ms`, `rate > cwnd*mss/srtt`: either side can be
  calculated, in floating point. Durations, bytes and rates are told apart; segments and counts are
  plain numbers. Nothing holds of what is divided by 0. ` -x` behind a comparison begins another
  condition, `a-b` and `a - b` subtract.

A field is letters and `_`, with `%` or a window such as `%10s` or `_10s` behind at most, before a
`:`, or whatever is before a
comparison. Hence `10.0.0.1:443`, `fe80::1` and `[::1]:80` are plain words, and so are one to four
hex digits followed by a second colon (`fe::1`, `dead:beef::1`), unless they name a field. Words
with brackets in them, and the words `and`, `or` and `not`, are quoted to be searched for.

Text becomes parts in `lexemes`, parts belong together by `grammar`, and mean what the modules
called `conditions`, `*_terms` and `arithmetic` make of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tcctui.arrays import Mask
from tcctui.query.address_formula import Bounds
from tcctui.query.address_formula import all_of as all_bounds
from tcctui.query.conditions import all_of
from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation, Flows

if TYPE_CHECKING:
    from tcctui.query.sql import Statement

MAX_LENGTH = 2000
"""Largest length of a query: bounds the time that a pasted text can take."""

_KEYWORDS = ("and", "or", "not")
_LAST_WORD = re.compile(r"(?:^|[\s(])[-!]?([A-Za-z_][A-Za-z0-9_%]*)$")


@dataclass(frozen=True)
class Query:
    """A filter, made by `parse`.

    `fields` are the columns that `mask` needs, by their names in `columns.FIELDS`, `SAMPLED`
    and `DERIVED`.
    """

    text: str
    fields: frozenset[str]
    _match: Callable[[Evaluation], Mask] = field(repr=False, compare=False)
    bounds: Bounds = field(default=Bounds(), repr=False, compare=False)
    """The kernel's part of it: no flow that matches is outside `bounds.holds`."""
    _sql: Callable[[Statement], str] = field(default=lambda _: "1", repr=False, compare=False)

    def in_sql(self, statement: Statement) -> str:
        """Write it as SQL, which is 1 of each row that matches, and else 0.

        Raises:
            NotInSqlError: a database can't decide it.

        """
        return self._sql(statement)

    def mask(self, flows: Flows) -> Mask:
        """Mask of the matching flows: a new array of one bool per flow.

        `flows` has `cookie` and `fields` as arrays of one length, which are not changed.

        Raises:
            QueryError: a regular expression takes too long over these rows.

        """
        return self._match(Evaluation(flows))

    def __and__(self, other: Query) -> Query:
        """Conjunction of both."""
        if not self.text.strip():
            return other
        if not other.text.strip():
            return self
        return Query(
            f"({self.text}) and ({other.text})",
            self.fields | other.fields,
            lambda look: self._match(look) & other._match(look),
            all_bounds([self.bounds, other.bounds]),
            lambda statement: f"({self._sql(statement)} AND {other._sql(statement)})",
        )

    def answered_by(
        self, answer: Callable[[Flows], Mask], other: Query, bounds: Bounds | None = None
    ) -> Query:
        """Give a query with the same text, of which `answer` says what it matches.

        It may ask `other` too, whose fields are then there as well. `bounds` are those of the
        answer, where they are not the same. In SQL it is still this query.
        """
        return replace(
            self,
            fields=self.fields | other.fields,
            _match=answer,
            bounds=bounds or self.bounds,
        )


def parse(text: str) -> Query:
    """Parse a query; blank text matches every flow.

    Raises:
        QueryError: the text is not a query; with the place and the reason.

    """
    if len(text) > MAX_LENGTH:
        raise QueryError(MAX_LENGTH, len(text), f"a filter has at most {MAX_LENGTH:,} characters")
    whole = all_of([])
    if text.strip():
        from tcctui.query.grammar import read  # noqa: PLC0415 - lark takes 50 ms

        whole = read(text)
    return Query(text, whole.columns, whole.match, whole.bounds, whole.sql)


def is_unfinished(text: str) -> bool:
    """True if the last word is the beginning of a field's name, such as `por` or `port`.

    Its user is more likely on the way to `port:443` than searching for the word.
    """
    from tcctui.query.query_fields import FIELDS  # noqa: PLC0415 - not without a query

    last = _LAST_WORD.search(text, max(0, len(text) - MAX_LENGTH))
    return last is not None and any(
        name.startswith(last[1].lower()) for name in (*FIELDS, *_KEYWORDS)
    )


ALL = parse("")
"""The query that matches every flow."""
