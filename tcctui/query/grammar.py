"""Grammar of queries: grouping of conditions, and precedence in arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from lark import Lark, Token, UnexpectedToken, v_args
from lark.lexer import Lexer
from lark.visitors import Transformer

from tcctui.query import arithmetic, text_terms
from tcctui.query.arithmetic import Expression, Operand
from tcctui.query.conditions import Comparable, Comparison, Piece, Term, all_of, any_of, negation
from tcctui.query.errors import QueryError
from tcctui.query.lexer import Fitting, Lexeme, calculation, lexemes, unknown_field
from tcctui.query.query_fields import FIELDS

MAX_CONDITIONS = 100
"""Limit on distinct conditions of a query: each costs time at every evaluation."""

_GRAMMAR = r"""
    start: either?
    either: every (OR every)*
    every: one (AND? one)*
    ?one: NOT one                    -> turned
        | OPEN either CLOSE          -> group
        | WORD                       -> word
        | PATTERN                    -> pattern
        | FITTING                    -> fitting
        | CONDITION                  -> condition
        | sum COMPARE sum            -> compared
    ?sum: product
        | sum (PLUS | MINUS) product -> total
    ?product: atom
        | product (TIMES | OVER) atom -> product
    ?atom: FIELD                     -> field
        | NUMBER                     -> number
        | APART sum TOGETHER         -> together
    %declare OR AND NOT OPEN CLOSE WORD PATTERN FITTING CONDITION COMPARE
    %declare PLUS MINUS TIMES OVER FIELD NUMBER APART TOGETHER
"""

_COUNTED = {"WORD", "PATTERN", "FITTING", "CONDITION", "COMPARE"}
_CONDITION = {"WORD", "PATTERN", "FITTING", "CONDITION", "FIELD", "NUMBER", "APART"}


class _Parts(Lexer):
    """Passes the output of `lexemes` to the parser."""

    def __init__(self, lexer_conf: object) -> None:
        """Ignore the configuration."""

    def lex(self, data: str) -> Iterator[Token]:  # type: ignore[override] # lark's older interface
        """Token for each lexeme."""
        written = set()
        for part in lexemes(data):
            if part.kind in _COUNTED:
                written.add(part.piece.text if part.kind != "COMPARE" else part.piece.start)
            if len(written) > MAX_CONDITIONS:
                reason = f"a filter has at most {MAX_CONDITIONS} different conditions"
                raise QueryError(part.piece.start, part.piece.end, reason)
            token = Token(part.kind, part.piece.text, part.piece.start)
            token.value = part
            yield token


class _Operands(Lexer):
    """Passes the output of `calculation` to the parser."""

    def __init__(self, lexer_conf: object) -> None:
        """Ignore the configuration."""

    def lex(self, data: str) -> Iterator[Token]:  # type: ignore[override] # as above
        """Token for each lexeme."""
        for part in calculation(data):
            token = Token(part.kind, part.piece.text, part.piece.start)
            token.value = part
            yield token


@v_args(inline=True)
class _Meaning(Transformer[Token, Any]):
    """Builds conditions and expressions bottom up."""

    def start(self, *whole: Term) -> Term:
        return whole[0] if whole else all_of([])

    def either(self, *parts: Term | Token) -> Term:
        return any_of(text_terms.searched_together(_distinct(parts)))

    def every(self, *parts: Term | Token) -> Term:
        return all_of(_distinct(parts))

    def turned(self, _: Token, term: Term) -> Term:
        return negation(term)

    def group(self, _: Token, term: Term, __: Token) -> Term:
        return term

    def word(self, token: Token) -> Term:
        return _written(text_terms.contains(_content(token)), token)

    def pattern(self, token: Token) -> Term:
        return _written(text_terms.fits(_content(token)), token)

    def fitting(self, token: Token) -> Term:
        asked: Fitting = _content(token)
        make = text_terms.name_does_not_fit if asked.opposite else text_terms.name_fits
        return _written(make(asked.column, asked.pattern), token)

    def condition(self, token: Token) -> Term:
        content: tuple[Comparable, Comparison] = _content(token)
        field, asked = content
        term = field.term(asked)
        return _written(negation(term) if asked.symbol == "!=" else term, token)

    def compared(self, left: Expression, symbol: Token, right: Expression) -> Term:
        return arithmetic.comparison(left, _piece(symbol).text, right)

    def total(self, left: Expression, sign: Token, right: Expression) -> Expression:
        return arithmetic.total(left, _piece(sign).text, right)

    def product(self, left: Expression, sign: Token, right: Expression) -> Expression:
        return arithmetic.product(left, _piece(sign).text, right)

    def field(self, token: Token) -> Expression:
        piece = _piece(token)
        field = FIELDS.get(piece.text.lower())
        if field is None:
            raise unknown_field(piece)
        if not isinstance(field.operand, Operand):
            reason = f"{piece.text} is {field.noun}: it can't be calculated with"
            raise QueryError(piece.start, piece.end, reason)
        return arithmetic.of_field(piece, field.operand)

    def number(self, token: Token) -> Expression:
        return arithmetic.of_literal(_piece(token))

    def together(self, opening: Token, inner: Expression, closing: Token) -> Expression:
        return arithmetic.within(inner, _piece(opening), _piece(closing))


def read(text: str) -> Term:
    """Parse a whole query.

    Raises:
        QueryError: the text is invalid.

    """
    try:
        term: Term = _parser().parse(text)  # type: ignore[assignment] # what `start` makes
    except UnexpectedToken as error:
        raise _misplaced(text, error) from None
    return term


def read_calculation(text: str) -> Expression:
    """Parse a calculation with columns: `rate`, `inflight/mss`.

    Raises:
        QueryError: the text is none.

    """
    found: Expression = _calculator().parse(text)  # type: ignore[assignment] # what `sum` makes
    return found


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_Parts, transformer=_Meaning())


@cache
def _calculator() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", start="sum", lexer=_Operands, transformer=_Meaning())


def _content(token: Token) -> Any:
    return token.value.content


def _piece(token: Token) -> Piece:
    return token.value.piece


def _written(term: Term, token: Token) -> Term:
    return term._replace(text=_piece(token).text)


def _distinct(parts: Sequence[Term | Token]) -> list[Term]:
    """Conditions without repetitions."""
    terms = [part for part in parts if isinstance(part, Term)]
    return list({term.text or id(term): term for term in terms}.values())


_NAMES = {"AND": "and", "OR": "or", "NOT": "not", "OPEN": "(", "CLOSE": ")"}


def _misplaced(text: str, error: UnexpectedToken) -> QueryError:
    """Error for a misplaced token, or for a missing one at the end."""
    parts = lexemes(text)
    at = error.token.start_pos if error.token.type != "$END" else None
    place = next((n for n, part in enumerate(parts) if part.piece.start == at), len(parts))
    before = parts[place - 1] if place else None
    expected = _expected(error.expected)
    if place == len(parts):
        opened = _never_closed(parts)
        if opened is not None and before is not None and before.kind not in _UNFINISHED:
            start, reason = opened, "the bracket that begins here has no end"
            return QueryError(start, start + 1, reason, expected)
    wrong = parts[place] if place < len(parts) else None
    if before is not None and before.kind in _UNFINISHED and (wrong is None or wrong.kind != "AND"):
        piece, reason = before.piece, _UNFINISHED[before.kind].format(before.piece.text)
    elif wrong is None:
        piece, reason = Piece(text, 0), "a condition is missing"
    else:
        piece, reason = (
            wrong.piece,
            _WRONG.get(wrong.kind, "{} can't stand here").format(wrong.piece),
        )
    return QueryError(piece.start, max(piece.end, piece.start + 1), reason, expected)


_UNFINISHED = {
    "AND": "'{}' needs a condition on both sides; to search for the word, quote it",
    "OR": "'{}' needs a condition on both sides; to search for the word, quote it",
    "NOT": "'{}' needs a condition behind it",
    "OPEN": "there is no condition between the brackets",
}
_WRONG = {
    "AND": "{} needs a condition on both sides; to search for the word, quote it",
    "OR": "{} needs a condition on both sides; to search for the word, quote it",
    "CLOSE": "this bracket closes none",
}


def _expected(terminals: Iterable[str]) -> tuple[str, ...]:
    kinds = set(terminals)
    named = [name for kind, name in _NAMES.items() if kind in kinds]
    return ("a condition", *named) if kinds & _CONDITION else tuple(named)


def _never_closed(parts: Sequence[Lexeme]) -> int | None:
    opened = []
    for part in parts:
        if part.kind == "OPEN":
            opened.append(part.piece.start)
        elif part.kind == "CLOSE" and opened:
            opened.pop()
    return opened[-1] if opened else None
