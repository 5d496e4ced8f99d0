"""Completion of a query: fields, comparisons, units, and present values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tcctui.fields.algorithm_state import PREFIX
from tcctui.fields.field import QUERY_NAME
from tcctui.query.query_fields import FIELDS
from tcctui.query.reference import BY_NAME, FIELD_HELP, FieldHelp, states

MOST = 40
"""Limit on suggestions."""


@dataclass(frozen=True)
class Suggestion:
    """Text to insert, and its meaning."""

    text: str
    meaning: str


@dataclass(frozen=True)
class Completion:
    """Replacements for `text[start:end]`, the likeliest first."""

    start: int
    end: int
    choices: tuple[Suggestion, ...]


_VALUE = re.compile(
    rf"""({QUERY_NAME})(:|!=|==?)((?:"[^"]*"|[^\s"(),|])*[,|])*("[^"]*|[^\s"(),|]*)$"""
)
_PATTERN = re.compile(r"(?:^|[\s(!-])[A-Za-z_%]*!?~\S*$")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)([A-Za-zµ%/]*)$")
_CALCULATED = re.compile(rf"({QUERY_NAME})\s*(?:>=|<=|==?|!=|>|<|:)[^<>=:]*$")
_OPERAND = re.compile(
    r"(?:(?:[<>=]|[*/+(])\s*|[A-Za-z0-9_)%]\s*-\s+|[A-Za-z0-9_)%]-)((?:[A-Za-z_][A-Za-z0-9_%]*)?)$"
)
_WORD = re.compile(r"(?:^|[\s(])[-!]?((?:[A-Za-z_][A-Za-z0-9_%.\[\]]*)?)$")
_TAIL = re.compile(r"[A-Za-z0-9_%.\[\]]*")
_PLAIN_VALUE = re.compile(r"[^\s\"(),|<>=]+")

COMPARISONS = (
    (">", "more than"),
    ("<", "less than"),
    (">=", "at least"),
    ("<=", "at most"),
    (":", "is"),
    ("!=", "is not"),
)
"""Comparisons and their meanings."""

_KEYWORDS = (
    Suggestion("and ", "both conditions"),
    Suggestion("or ", "one of the conditions"),
    Suggestion("not ", "negates the next condition"),
)
_UNITS = {
    "a duration": ("ms", "us", "s", "m", "h"),
    "a rate": ("Mbit", "kbit", "Gbit", "MB/s", "kB/s"),
    "a number of bytes": ("k", "M", "G", "Ki", "Mi"),
    "a percentage": ("%",),
    "a number": ("k", "M"),
}
_MEANINGS = {
    **{"us": "microseconds", "ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"},
    **{"k": "thousand", "M": "million", "G": "thousand million", "Ki": "1,024", "Mi": "1,048,576"},
    **{"Mbit": "million bits per second", "kbit": "thousand bits per second"},
    **{"Gbit": "thousand million bits per second", "%": "percent"},
    **{"MB/s": "million bytes per second", "kB/s": "thousand bytes per second"},
}


def complete(text: str, cursor: int, live: Mapping[str, Sequence[str]]) -> Completion:
    """Complete a query at the cursor.

    `live` has the values present, by any name of their field: `{"cc": ["bbr", "cubic"], "proc":
    ["nginx"], "port": ["443"]}`.
    """
    before = text[max(0, cursor - 500) : cursor]
    tail = _TAIL.match(text, cursor)
    end = tail.end() if tail else cursor
    typed, choices = _choices(before, live)
    return Completion(cursor - len(typed), end, tuple(choices[:MOST]))


def _choices(  # noqa: PLR0911 - one for each place
    before: str, live: Mapping[str, Sequence[str]]
) -> tuple[str, list[Suggestion]]:
    """The part of the text before the cursor to be replaced, and its replacements."""
    if (value := _VALUE.search(before)) and value[1].lower() in FIELDS:
        help_ = BY_NAME[value[1].lower()]
        if not help_.unit and (help_.values or not _is_number(help_)):
            return value[4], _values(help_, value[4].removeprefix('"'), live)
        if not value[4] and _live(help_, live):
            return value[4], _values(help_, "", live)
    if _PATTERN.search(before) or before.count('"') % 2:
        return "", []
    if compared := _CALCULATED.search(before):
        name = compared[1].lower()
        if (number := _NUMBER.search(before)) and name in BY_NAME:
            fitting = units(BY_NAME[name].kind)
            return number[1], [unit for unit in fitting if unit.text.startswith(number[1])]
        operand = _OPERAND.search(before)
        if operand and (name not in BY_NAME or _is_number(BY_NAME[name])):
            return operand[1], calculable(operand[1])
    if word := _WORD.search(before):
        return word[1], _terms(before, word[1])
    return "", []


def units(kind: str) -> list[Suggestion]:
    """Units of numbers of a kind: "a duration"."""
    return [Suggestion(unit, _MEANINGS[unit]) for unit in _UNITS.get(kind, ())]


def calculable(typed: str) -> list[Suggestion]:
    """Fields that can be calculated with, with a name that starts with the typed text."""
    numbers = [one for one in FIELD_HELP if one.calculable]
    return [Suggestion(name, one.meaning) for name, one in _fields(typed, numbers)]


def _is_number(one: FieldHelp) -> bool:
    return FIELDS[one.name].operand is not None


def _terms(before: str, typed: str) -> list[Suggestion]:
    """Field names with a comparison, and words between conditions."""
    among = states() if typed.lower().startswith(PREFIX) else FIELD_HELP
    exact = BY_NAME.get(typed.lower())
    if exact not in among:  # a member that is not known is one of an algorithm that may come
        exact = None
    choices = []
    if exact is not None:
        signs = COMPARISONS if FIELDS[exact.name].ordered else COMPARISONS[4:]
        choices = [
            Suggestion(f"{typed}{sign}", f"{exact.meaning}: {meaning}") for sign, meaning in signs
        ]
    behind = before[: len(before) - len(typed)].rstrip()
    complete_before = bool(behind) and not re.search(r"(?:^|[\s(])(?:and|or|not)$|[(!-]$", behind)
    words = _KEYWORDS if complete_before else _KEYWORDS[2:]
    if typed:
        choices += [one for one in words if one.text.startswith(typed.lower())]
    for name, one in _fields(typed, among):
        if one != exact:
            ordered = FIELDS[name].ordered and _is_number(one)
            choices.append(Suggestion(f"{name}{'>' if ordered else ':'}", one.meaning))
    return [*choices, *(() if typed else words)]


def _fields(typed: str, among: Iterable[FieldHelp]) -> list[tuple[str, FieldHelp]]:
    """Fields with a name that starts with the typed text, else contains it."""
    wanted = typed.lower()
    begin, inside = [], []
    for one in among:
        names = (one.name, *one.synonyms)
        if name := next((name for name in names if name.startswith(wanted)), None):
            begin.append((name, one))
        elif len(wanted) > 1 and any(wanted in name for name in names):
            inside.append((one.name, one))
    return [*begin, *inside]


def _live(one: FieldHelp, live: Mapping[str, Sequence[str]]) -> Sequence[str]:
    names = [one.name, *one.synonyms]
    if one.name in ("sport", "dport"):
        names.append("port")
    if one.name in ("src", "dst"):
        names.append("ip")
    return next((live[name] for name in names if name in live), ())


def _values(one: FieldHelp, typed: str, live: Mapping[str, Sequence[str]]) -> list[Suggestion]:
    """Present values, then all possible ones; those that start with the typed text first."""
    there = dict.fromkeys(_live(one, live), f"{one.meaning}: there now")
    all_there = {value.lower() for value in there}
    rest = {value: one.meaning for value in one.values if value.lower() not in all_there}
    found = [
        (not value.lower().startswith(typed.lower()), value, meaning)
        for value, meaning in (there | rest).items()
        if typed.lower() in value.lower() and '"' not in value
    ]
    found.sort(key=lambda choice: choice[0])
    return [
        Suggestion(value if _PLAIN_VALUE.fullmatch(value) else f'"{value}"', meaning)
        for _, value, meaning in found
    ]
