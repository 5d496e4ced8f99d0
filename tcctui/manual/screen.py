"""Reference sections of the manual: searches, keys, columns, signs."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App

from tcctui.manual import roff
from tcctui.query.reference import FIELD_HELP, SYNTAX, UNITS, FieldHelp
from tcctui.ui.actions import actions, spoken
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.style.signs import LIMITS, MARKS
from tcctui.ui.table.columns import BY_NAME, GROUPS
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player

_KEYS = (
    ("Screen", (DashboardApp, Dashboard)),
    ("Flows", FlowTable.__mro__),
    ("Time", (Player,)),
    ("While searching", (SearchBar,)),
)


def searches() -> Iterator[str]:
    """The language of searches and filters."""
    for text, meaning in SYNTAX:
        yield roff.tagged(roff.bold(text), meaning)
    yield roff.subsection("Units")
    for text, meaning in UNITS:
        yield roff.tagged(roff.bold(text), meaning)
    yield roff.subsection("Fields")
    yield roff.paragraph(
        "What a field has that is a column, too, is explained there, under COLUMNS."
    )
    for field in FIELD_HELP:
        names = ", ".join(map(roff.bold, (field.name, *field.synonyms)))
        unit = f"A bare number is in {field.unit}." if field.unit else ""
        if column := _column_of(field):
            yield roff.tagged(names, f"Column {BY_NAME[column].title}. {unit}")
        else:
            yield roff.tagged(names, field.meaning or field.kind, _of(field.source), unit)


def _column_of(field: FieldHelp) -> str:
    """Column of the field's values; columns of an end have both address and port."""
    names = {field.name, *field.synonyms} - {"local", "remote"}
    return next((name for name in BY_NAME if name in names), "")


def keys() -> Iterator[str]:
    """The keys of the dashboard, by what the settings call their actions."""
    app: App[None] = App()
    for title, owners in _KEYS:
        yield roff.subsection(title)
        for action in actions(owners):
            tag = f"{roff.bold(spoken(app, action.keys))} ({roff.escaped(action.id)})"
            yield roff.tagged(tag, action.meaning)


def columns() -> Iterator[str]:
    """The columns of the table, in groups, by their titles and by what the settings call them."""
    for title, names in GROUPS:
        yield roff.subsection(title)
        for name in names:
            column = BY_NAME[name]
            tag = f"{roff.bold(column.title)} ({roff.escaped(name)})"
            yield roff.tagged(tag, column.meaning, _of(column.source))


def signs() -> Iterator[str]:
    """Signs of the strip and of the time axis."""
    for title, kinds in (("Limited by", LIMITS.values()), ("Marks", MARKS.values())):
        yield roff.subsection(title)
        for sign in kinds:
            tag = f"{roff.escaped(sign.glyph)} {roff.bold(sign.word)}"
            yield roff.tagged(tag, sign.meaning)


def _of(source: str) -> str:
    return f"Source: {source}." if source else ""
