"""Operands of an expression, with operators and brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tcctui.query.errors import QueryError
from tcctui.query.terms import Piece

MAX_DEPTH = 40
"""Limit on the nesting of brackets."""

MAX_OPERANDS = 50
"""Limit on fields and numbers in one expression."""

_SPACE = re.compile(r"\s*")
_OPERAND = re.compile(r'[^\s"<>=!:()+*/|,~-]+')
_RATE_TAIL = re.compile(r"/s(?![A-Za-z0-9_])")
_PER_SECOND = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)[kKmMgGtT]?i?(?:b|bits?|B)")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[^\W0-9_]*|%)")
_SIGNS = {"+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "OVER"}


@dataclass(frozen=True)
class Lexeme:
    """One lexeme; `kind` is a terminal's name."""

    kind: str
    piece: Piece
    content: object = None


class Operands:
    """Expression read from a position on: operands with operators between them, and brackets."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.parts: list[Lexeme] = []
        self.end = at
        self.failed_at = at
        self.nested = False
        self.too_many = False
        self._open: list[Piece] = []
        while self._operand() and self._sign():
            pass
        self.whole = bool(self.parts) and self.parts[-1].kind not in _OPENING and not self._open

    def error(self, before: Lexeme) -> QueryError:
        """Error for an incomplete expression; `before` is the lexeme before it."""
        if self.too_many:
            at = self.failed_at
            reason = f"a calculation has at most {MAX_OPERANDS} fields and numbers"
            return QueryError(at - 1, at, reason)
        if self.parts and self.parts[-1].kind not in _OPENING and self._open:
            place = self._open[-1]
            return QueryError(
                place.start, place.end, "the bracket that begins here has no end", (")",)
            )
        last = (self.parts[-1] if self.parts else before).piece
        reason = f"'{last.text}' needs a number or a field behind it"
        return QueryError(last.start, last.end, reason, ("a number", "a field", "("))

    def _skip(self) -> int:
        space = _SPACE.match(self._text, self.end)
        return space.end() if space else self.end

    def _put(self, kind: str, start: int, end: int) -> None:
        self.parts.append(Lexeme(kind, Piece(self._text[start:end], start)))
        self.end = self.failed_at = end

    def _operand(self) -> bool:
        """Read an operand and the brackets before it."""
        at = self._skip()
        while self._text[at : at + 1] == "(":
            self.nested = True
            if len(self._open) >= MAX_DEPTH:
                return False
            self._put("APART", at, at + 1)
            self._open.append(self.parts[-1].piece)
            at = self._skip()
        match = _OPERAND.match(self._text, at)
        self.failed_at = at
        if (
            match is None
            or sum(one.kind in ("FIELD", "NUMBER") for one in self.parts) >= MAX_OPERANDS
        ):
            self.too_many = match is not None
            return False
        end = match.end()
        if _PER_SECOND.fullmatch(match[0]) and (tail := _RATE_TAIL.match(self._text, end)):
            end = tail.end()
        kind = "NUMBER" if _NUMBER.fullmatch(match[0]) else "FIELD"
        self._put(kind, at, end)
        return True

    def _sign(self) -> bool:
        """Read the brackets after an operand and an operator, if there is one."""
        at = self._skip()
        while self._open and self._text[at : at + 1] == ")":
            self._open.pop()
            self._put("TOGETHER", at, at + 1)
            at = self._skip()
        self.failed_at = at
        sign = self._text[at : at + 1]
        if sign not in _SIGNS or not sign:
            return False
        behind = self._text[at + 1 : at + 2]
        if sign == "-" and at > self.end and not behind.isspace():
            return False  # it negates the next condition
        self._put(_SIGNS[sign], at, at + 1)
        return True


_OPENING = frozenset({"APART", *_SIGNS.values()})
