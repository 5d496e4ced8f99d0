"""From text to what the grammar is about: words, conditions, operands and signs.

What a character means depends on where it stands: `-` turns a condition around, is a part of
`close-wait` and of `8000-8100`, and subtracts; `(` groups conditions, and sums. It is decided here,
with one look ahead at most, so that the grammar has but one way to read anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tcctui.fields.field import QUERY_NAME
from tcctui.query.aggregates import OF_GROUPS
from tcctui.query.conditions import Comparable, Comparison, Piece
from tcctui.query.errors import QueryError, nearest
from tcctui.query.quantities import NUMBER
from tcctui.query.query_fields import FIELDS

MAX_DEPTH = 40
"""Limit on the nesting of brackets."""

MAX_OPERANDS = 50
"""Limit on fields and numbers in one expression."""

_OPERAND = re.compile(r'[^\s"<>=!:()+*/|,~-]+')
_RATE_TAIL = re.compile(r"/s(?![A-Za-z0-9_])")
_PER_SECOND = re.compile(rf"{NUMBER}[kKmMgGtT]?i?(?:b|bits?|B)")
_NUMBER = re.compile(rf"{NUMBER}(?:[^\W0-9_]*|%)")
_SIGNS = {"+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "OVER"}
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'[^\s"<>=()]+')
_VALUE = re.compile(r'[^\s"()]+')
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?!")')
_ITEM = re.compile(r'[^\s"(),|]+')
_NAMED = re.compile(rf"({QUERY_NAME})(:)")
_FITS = re.compile(rf"({QUERY_NAME})(!?~)")
_COMPARED = re.compile(r"\s*(>=|<=|==|!=|=|>|<)")
_HEX_GROUPS = re.compile(r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f.]*:")
_SYMBOLS = re.compile(r"!?[<>=]+")
_KEYWORD = re.compile(r'(and|or|not|&&|\|\|)(?=[\s()"~]|$)', re.IGNORECASE)
_KINDS = {"and": "AND", "&&": "AND", "or": "OR", "||": "OR", "not": "NOT"}
_ALIKE = 0.72
"""Similarity to a field's name from which a word is taken for a misspelling of it."""


@dataclass(frozen=True)
class Lexeme:
    """One lexeme; `kind` is a terminal's name."""

    kind: str
    piece: Piece
    content: object = None


@dataclass(frozen=True)
class Fitting:
    """Name that a pattern is applied to."""

    column: str
    opposite: bool
    pattern: Piece


def lexemes(text: str) -> list[Lexeme]:
    """Split a text into lexemes.

    Raises:
        QueryError: a part is invalid in any query.

    """
    return _Reader(text).read()


def calculation(text: str) -> list[Lexeme]:
    """Split a text that is one calculation, as in brackets.

    Raises:
        QueryError: it is none, or more than that.

    """
    operands = _Operands(text, 0)
    rest = text[operands.end :].strip()
    if rest and (operands.whole or not operands.parts):
        start = text.index(rest, operands.end)
        reason = "a column or a calculation stands here, such as rate; count(…) takes a condition"
        raise QueryError(start, start + len(rest), reason, ("a field",))
    if not operands.whole:
        raise operands.error(Lexeme("APART", Piece("(", -1)))
    return operands.parts


def unknown_field(piece: Piece) -> QueryError:
    """Error for an unknown field name."""
    near = nearest(piece.text, FIELDS, _ALIKE)
    advice = f": did you mean '{near}'?" if near else "; to search for this text, quote it"
    return QueryError(piece.start, piece.end, f"unknown field {piece}{advice}", ("a field",))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[Lexeme] = []
        self._depth = 0
        self._plain_until = 0  # no arithmetic begins before this: that was checked already

    def read(self) -> list[Lexeme]:
        at = self._skip(0)
        while at < len(self._text):
            at = self._skip(self._step(at))
        return self._parts

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self._text, at)
        return space.end() if space else at

    def _put(self, kind: str, start: int, end: int, content: object = None) -> int:
        self._parts.append(Lexeme(kind, Piece(self._text[start:end], start), content))
        return end

    def _step(self, at: int) -> int:  # noqa: PLR0911 - one for each kind of beginning
        """Read the lexeme that begins here; gives its end."""
        text = self._text
        if keyword := _KEYWORD.match(text, at):
            return self._put(_KINDS[keyword[0].lower()], at, keyword.end())
        if text[at] == ")":
            self._depth -= 1
            return self._put("CLOSE", at, at + 1)
        if text[at] == "-" or (text[at] == "!" and not text.startswith("!=", at)):
            return self._turned(at)
        if text[at] == "~":
            pattern, end = self._pattern(at + 1)
            return self._put("PATTERN", at, end, pattern)
        compared = self._comparison(at)
        if compared is not None:
            return compared
        if text[at] == "(":
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise QueryError(at, at + 1, f"brackets can be {MAX_DEPTH} deep at most")
            return self._put("OPEN", at, at + 1)
        return self._word(at)

    def _turned(self, at: int) -> int:
        following = self._text[at + 1 : at + 2]
        sign = self._text[at]
        if following in ("", "-", "!", ")") or following.isspace():
            reason = f"'{sign}' needs a term right behind it, such as {sign}port:443"
            raise QueryError(at, at + 1, reason, ("a condition",))
        return self._put("NOT", at, at + 1)

    def _word(self, at: int) -> int:
        if self._text[at] == '"':
            quoted, end = self._quoted(at)
            return self._put("WORD", at, end, (quoted,))
        word = _WORD.match(self._text, at)
        if word is None:
            # Only < > = are neither space, quote, bracket nor word.
            symbols = _SYMBOLS.match(self._text, at)
            raise self._without_field(at, symbols.end() if symbols else at + 1)
        if word[0] in OF_GROUPS and self._text[word.end() : word.end() + 1] == "(":
            reason = (
                f"{word[0]}(…) is about many connections: only --alert, --until and --fail-if take"
                " it, and no other terms beside it"
            )
            raise QueryError(at, word.end() + 1, reason)
        if set(word[0]) == {"|"}:
            reason = "write 'or' between conditions; '|' is for values, such as cc:bbr|cubic"
            raise QueryError(at, word.end(), reason, ("or",))
        if _SYMBOLS.fullmatch(word[0]):
            raise self._without_field(at, word.end())
        pieces = []
        start = at
        for part in word[0].split("|"):
            if not part:
                sign = max(start - 1, at)
                raise QueryError(sign, sign + 1, "'|' needs a word on both sides", ("a word",))
            pieces.append(Piece(part, start))
            start += len(part) + 1
        return self._put("WORD", at, word.end(), tuple(pieces))

    def _without_field(self, at: int, end: int) -> QueryError:
        """Error of a comparison with nothing before it."""
        reason = f"'{self._text[at:end]}' needs a field before it, such as cwnd>10"
        return QueryError(at, end, reason, ("a field",))

    def _quoted(self, at: int) -> tuple[Piece, int]:
        """Read a text in quotes; a quotation mark in it is written twice."""
        quoted = _QUOTED.match(self._text, at)
        if quoted is None:
            raise QueryError(at, len(self._text), "the quote that begins here has no end", ('"',))
        if not quoted[1]:
            raise QueryError(at, quoted.end(), "there is nothing between the quotes", ("a word",))
        return Piece(quoted[1].replace('""', '"'), at + 1), quoted.end()

    def _pattern(self, at: int) -> tuple[Piece, int]:
        """Read a regular expression: quoted, or up to a space or a bracket that it did not open."""
        text = self._text
        if text[at : at + 1] == '"':
            return self._quoted(at)
        end, depth, inside = at, 0, False
        while end < len(text) and not text[end].isspace():
            char = text[end]
            if char == "\\" and text[end + 1 : end + 2].strip():
                end += 1
            elif inside:
                inside = char != "]"
            elif char == "[":
                inside = True
            elif char == "(":
                depth += 1
            elif char == ")":
                if not depth:
                    break
                depth -= 1
            end += 1
        if end == at:
            reason = "'~' needs a regular expression, such as ~^10\\.0\\. or proc~^ng"
            raise QueryError(at - 1, at, reason, ("a regular expression",))
        return Piece(text[at:end], at), end

    def _comparison(self, at: int) -> int | None:  # noqa: PLR0911 - as in _step
        """Read a comparison, if one begins here; gives its end."""
        text = self._text
        if head := _FITS.match(text, at):
            return self._fitting(head)
        head = _NAMED.match(text, at)
        if head is not None:
            if head[1].lower() not in FIELDS and _HEX_GROUPS.match(text, at):
                return None  # an IPv6 address such as fe::1
            return self._compared(Piece(head[1], at), ":", head.end(1), head.end())
        if at < self._plain_until:
            return None
        operands = _Operands(text, at)
        symbol = _COMPARED.match(text, operands.end) if operands.whole else None
        if symbol is None:
            if not operands.nested:
                self._plain_until = operands.failed_at
            return None
        if [one.kind for one in operands.parts] == ["FIELD"]:
            name = operands.parts[0].piece
            return self._compared(name, symbol[1], symbol.start(1), symbol.end())
        self._parts += operands.parts
        self._put("COMPARE", symbol.start(1), symbol.end())
        return self._calculated(self._skip(symbol.end()))

    def _fitting(self, head: re.Match[str]) -> int:
        name = Piece(head[1], head.start())
        kind = self._kind(name)
        if not kind.text:
            could = ", ".join(one for one, field in FIELDS.items() if field.text)
            reason = f"{name.text} is no text; patterns can be asked of {could}"
            raise QueryError(name.start, head.end(), reason)
        pattern, end = self._pattern(head.end())
        fitting = Fitting(kind.text, head[2] == "!~", pattern)
        return self._put("FITTING", head.start(), end, fitting)

    def _kind(self, name: Piece) -> Comparable:
        kind = FIELDS.get(name.text.lower())
        if kind is None:
            raise unknown_field(name)
        return kind

    def _compared(self, name: Piece, symbol: str, at: int, end: int) -> int:
        """Read the value of a comparison."""
        kind = self._kind(name)
        if symbol[0] in "<>" and not kind.ordered:
            reason = f"{name.text} can't be compared with {symbol}; write {name.text}:{kind.sample}"
            raise QueryError(at, end, reason, (":", "=", "!="))
        # Behind `:` a space ends the term: `port: nginx` is a word and a field without value.
        start = end if symbol == ":" else self._skip(end)
        if kind.operand is not None and self._is_calculation(start):
            self._put("FIELD", name.start, name.end)
            self._put("COMPARE", at, end)
            return self._calculated(start)
        items, stop = self._items(start)
        if not items:
            written = f"{name.text}{symbol}"
            reason = f"{written} needs {kind.noun}, such as {written}{kind.sample}"
            raise QueryError(name.start, end, reason, (kind.noun,))
        self._check(name, kind, items)
        value = Piece(self._text[start:stop], start)
        if value.text.startswith('"') and len(items) == 1:
            value = items[0]
        operator = {":": "=", "==": "=", "!=": "="}.get(symbol, symbol)
        asked = Comparison(name.text, symbol, operator, value, tuple(items))
        return self._put("CONDITION", name.start, stop, (kind, asked))

    def _check(self, name: Piece, kind: Comparable, items: list[Piece]) -> None:
        for place, item in enumerate(items):
            if not item.text:
                at = item.start - 1 if place else item.start
                sign = {",": "a comma"}.get(self._text[at], f"'{self._text[at]}'")
                reason = f"{name.text}: {sign} needs {kind.noun} on both sides"
                raise QueryError(at, at + 1, reason, (kind.noun,))

    def _items(self, at: int) -> tuple[list[Piece], int]:
        """Values between `,` or `|`, each quoted or not."""
        items: list[Piece] = []
        end = at
        while True:
            if self._text[end : end + 1] == '"':
                piece, end = self._quoted(end)
            else:
                match = _ITEM.match(self._text, end)
                piece = Piece(match[0] if match else "", end)
                end = piece.end
            more = self._text[end : end + 1] in (",", "|") and end < len(self._text)
            if not (items or more or piece.text):
                return [], at
            items.append(piece)
            if not more:
                return items, end
            end += 1

    def _is_calculation(self, at: int) -> bool:
        """True if this is more than a value: a field, or several operands."""
        operands = _Operands(self._text, at)
        if not operands.parts:
            return False
        first = operands.parts[0]
        if len(operands.parts) > 1 or first.kind == "APART":
            return True
        if first.kind != "FIELD":
            return False
        name = first.piece.text.lower()
        behind = self._text[first.piece.end : first.piece.end + 1]
        if name in FIELDS or behind in {":", ",", "|"}:
            return name in FIELDS
        return name[:1].isalpha() and nearest(name, FIELDS, _ALIKE) is not None

    def _calculated(self, at: int) -> int:
        operands = _Operands(self._text, at)
        if not operands.whole:
            raise operands.error(self._parts[-1])
        self._parts += operands.parts
        return operands.end


class _Operands:
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
