"""The query language: constructs, units and fields."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.query.reference import FIELD_HELP, SYNTAX, UNITS, FieldHelp
from tcctui.reference.blocks import Block, Heading, Paragraph, entry, sourced
from tcctui.ui.table.columns import BY_NAME


def blocks() -> Iterator[Block]:
    """Examples of every construct, units, and all fields."""
    yield Paragraph(
        "One language for the search box, --filter, --until and --alert. Words are found anywhere"
        " in a row; a space means and. Fields have the names of the tracepoint, of ss, of TCP_INFO"
        " and of the columns. A mistake is underlined and explained; meanwhile the last valid"
        " search stays in force."
    )
    for text, meaning in SYNTAX:
        yield entry(text, meaning)
    yield Heading("Units")
    for text, meaning in UNITS:
        yield entry(text, meaning)
    yield Heading("In the kernel")
    yield Paragraph(
        "Address and port terms of a filter run in the kernel. It may pass extra connections; it"
        " never drops a match. The status line shows its part. In the dashboard, K restricts the"
        " kernel's delivery to possible matches of the search: that saves work on a busy machine,"
        " but undelivered events are missing when the search is cleared or time is rewound."
    )
    yield Heading("Fields")
    yield Paragraph("A field that is a column, too, is described there: tcctui help columns.")
    for field in FIELD_HELP:
        names = ", ".join((field.name, *field.synonyms))
        unit = f"A bare number is in {field.unit}." if field.unit else ""
        if column := _column_of(field):
            yield entry(names, f"Column {BY_NAME[column].title}. {unit}")
        else:
            yield entry(names, field.meaning or field.kind, sourced(field.source), unit)


def _column_of(field: FieldHelp) -> str:
    """Column of the field's values; columns of an end have both address and port."""
    names = {field.name, *field.synonyms} - {"local", "remote"}
    return next((name for name in BY_NAME if name in names), "")
