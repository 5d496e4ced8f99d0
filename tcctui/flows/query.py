"""The search box's filter language: from text to a mask over columns.

A query is terms separated by spaces, all of which must hold; a leading `-` turns a term around.

- `nginx`, `10.0.3.7:443`, `"two words"`: found anywhere in a row's endpoints,
  state, process or algorithm, in either case.
- `port:443`, `port:443,8000-8100`, `sport:`, `dport:`: either, local or remote port.
- `ip:10.0.0.0/8`, `src:`, `dst:`: either, local or remote address, prefix or endpoint
  (`10.0.0.7:443`, `[::1]:443`, `:443`). A port behind an IPv6 address needs the brackets:
  `src:2001:db8::1:443` is one address.
- `state:estab,close-wait`, `phase:slow-start`, `limit:rwnd,sndbuf`, `ca:recovery,loss`,
  `bbr:probe_rtt`.
- `cc:bbr,cubic`, `proc:nginx`, `cgroup:docker`, `netns:blue`: a part of the name, in either case.
- `cwnd>100`, `srtt >= 20ms`, `rate<1Mbit`, `ssthresh=inf`: `>`, `>=`, `<`, `<=`, `=`, `==`, `!=`,
  or `:` for `=`. `!=` is the opposite of `=`: `port!=443` has 443 at neither end. No comparison
  holds of what is not known of a flow.

A field is letters and `_`, with a `%` behind at most, before a `:`, or whatever is before a
comparison. Hence `10.0.0.1:443`, `fe80::1` and `[::1]:80` are plain words, and so are one to four
hex digits followed by a second colon (`fe::1`, `dead:beef::1`), unless they name a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tcctui.flows.query_fields import FIELDS
from tcctui.flows.terms import (
    Comparison,
    Flows,
    Mask,
    Piece,
    QueryError,
    Term,
    all_of,
    nearest,
    negation,
)
from tcctui.flows.text_terms import contains

__all__ = ["ALL", "FIELD_NAMES", "MAX_LENGTH", "Query", "QueryError", "is_unfinished", "parse"]

MAX_LENGTH = 2000
"""Characters of a query: bounds the time that a pasted text can take."""

FIELD_NAMES = tuple(FIELDS)
"""What may stand before `:` or a comparison."""

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'[^\s"<>=]+')
_VALUE = re.compile(r'[^\s"]+')
_NAMED = re.compile(r"([A-Za-z_]+%?)(:)")
_COMPARED = re.compile(r'([^\s"<>=!:]+)\s*(>=|<=|==|!=|=|>|<)')
_HEX_GROUPS = re.compile(r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f.]*:")
_SYMBOLS = re.compile(r"[<>=]+")
_LAST_WORD = re.compile(r"(?:^|\s)-?([A-Za-z_]+)$")


@dataclass(frozen=True)
class Query:
    """A filter, made by `parse`.

    `fields` are the columns that `mask` needs, by their names in `columns.FIELDS`, `SAMPLED`
    and `DERIVED`.
    """

    text: str
    fields: frozenset[str]
    _match: Callable[[Flows], Mask] = field(repr=False, compare=False)

    def mask(self, flows: Flows) -> Mask:
        """Tell which flows match: a new array of one bool per flow.

        `flows` has `cookie` and `fields` as arrays of one length, which are not changed.
        """
        return self._match(flows)


def parse(text: str) -> Query:
    """Read a query; blank text matches every flow.

    Raises:
        QueryError: the text is no query; says where and why.

    """
    if len(text) > MAX_LENGTH:
        raise QueryError(MAX_LENGTH, len(text), f"a filter has at most {MAX_LENGTH:,} characters")
    terms = []
    at = _skip_space(text, 0)
    while at < len(text):
        term, at = _read_term(text, at)
        terms.append(term)
        at = _skip_space(text, at)
    whole = all_of(terms)
    return Query(text, whole.columns, whole.match)


def is_unfinished(text: str) -> bool:
    """Whether the last word is the beginning of a field's name, such as `por` or `port`.

    Who types that is more likely on the way to `port:443` than looking for the word.
    """
    last = _LAST_WORD.search(text, max(0, len(text) - MAX_LENGTH))
    return last is not None and any(name.startswith(last[1].lower()) for name in FIELD_NAMES)


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _read_term(text: str, at: int) -> tuple[Term, int]:
    """Read the term that begins at `at`; return it and where it ends."""
    if text[at] != "-":
        return _read_condition(text, at)
    following = text[at + 1 : at + 2]
    if following in ("", "-") or following.isspace():
        raise QueryError(at, at + 1, "'-' needs a term right behind it, such as -port:443")
    term, end = _read_condition(text, at + 1)
    return negation(term), end


def _read_condition(text: str, at: int) -> tuple[Term, int]:
    head = _find_head(text, at)
    if head is not None:
        return _read_comparison(text, head)
    word, end = _read_value(text, at, _WORD)
    if word is not None:
        return contains(word.text), end
    # Only < > = are neither space, quote nor word.
    symbols = _SYMBOLS.match(text, at)
    end = symbols.end() if symbols else at + 1
    raise QueryError(at, end, f"'{text[at:end]}' needs a field before it, such as cwnd>10")


def _find_head(text: str, at: int) -> re.Match[str] | None:
    """Match a field's name and what follows it, if that is what stands here."""
    head = _NAMED.match(text, at)
    if head is None:
        return _COMPARED.match(text, at)
    if head[1].lower() not in FIELDS and _HEX_GROUPS.match(text, at):
        return None  # an IPv6 address such as fe::1
    return head


def _read_comparison(text: str, head: re.Match[str]) -> tuple[Term, int]:
    name, symbol = head.groups()
    kind = FIELDS.get(name.lower())
    if kind is None:
        near = nearest(name, FIELD_NAMES)
        advice = f": did you mean '{near}'?" if near else "; to search for this text, quote it"
        wrong = Piece(name, head.start())
        raise QueryError(wrong.start, wrong.end, f"unknown field {wrong}{advice}")
    if symbol[0] in "<>" and not kind.ordered:
        reason = f"{name} can't be compared with {symbol}; write {name}:{kind.sample}"
        raise QueryError(head.start(2), head.end(2), reason)
    # Behind `:` a space ends the term: `port: nginx` is a word and a field still without value.
    start = head.end() if symbol == ":" else _skip_space(text, head.end())
    value, end = _read_value(text, start, _VALUE)
    if value is None:
        reason = f"{name}{symbol} needs {kind.noun}, such as {name}{symbol}{kind.sample}"
        raise QueryError(head.start(), head.end(), reason)
    operator = {":": "=", "==": "=", "!=": "="}.get(symbol, symbol)
    term = kind.term(Comparison(name, symbol, operator, value))
    return (negation(term) if symbol == "!=" else term), end


def _read_value(text: str, at: int, pattern: re.Pattern[str]) -> tuple[Piece | None, int]:
    """Read what is quoted or matches; return it, or None if nothing is here, and where it ends."""
    if text[at : at + 1] == '"':
        closing = text.find('"', at + 1)
        if closing < 0:
            raise QueryError(at, len(text), "the quote that begins here has no end")
        if closing == at + 1:
            raise QueryError(at, closing + 1, "there is nothing between the quotes")
        return Piece(text[at + 1 : closing], at + 1), closing + 1
    match = pattern.match(text, at)
    return (Piece(match[0], at), match.end()) if match else (None, at)


ALL = parse("")
"""The query that matches every flow."""
