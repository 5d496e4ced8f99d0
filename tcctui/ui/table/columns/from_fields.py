"""Columns made of fields: a format says how cells are written, and what is asked for with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from tcctui.fields.field import UNUSUAL, Column, Field, Format, Unit
from tcctui.flows.diagnosis.verdicts import BY_LIMIT, CAUSES, LIMIT_NAMES
from tcctui.flows.frame import Sparkline
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.ui.style import units
from tcctui.ui.style.colours import limit_style
from tcctui.ui.table import cells
from tcctui.ui.table.cells import Cells
from tcctui.ui.table.columns import asking
from tcctui.ui.table.columns.column import Ask, TableColumn

Asks = Callable[[Field], "Ask | None"]


class Form(NamedTuple):
    """Cells of a format, the width they need, and the search that finds them again.

    `needs` are flow columns that its cells need besides the field's.
    """

    cells: Callable[[Field], Cells]
    width: int = 0
    asks: Asks = lambda _: None
    words: bool = False
    needs: tuple[str, ...] = ()


def _number(write: Callable[[float], str], width: int, asks: Asks = asking.exactly) -> Form:
    return Form(lambda field: cells.number(field.name, write), width, asks)


def _words(write: Callable[[float], str]) -> Form:
    return Form(lambda field: cells.number(field.name, write), words=True)


_MEASURED = asking.at_least

SPARKLINE_WIDTH, SPARKLINE_SECONDS = 10, 30
_SPARKLINE = Form(lambda _: lambda _: [], SPARKLINE_WIDTH, words=True)

FORMS: Mapping[Format, Form] = {
    Format.SEGMENTS: _number(units.segments, 6),
    Format.SHORT: _number(units.short_count, 6, _MEASURED),
    Format.WHOLE: _number(units.plain_count, 6),
    Format.SIZE: _number(units.size, 8, _MEASURED),
    Format.RATE: _number(units.rate, 9, _MEASURED),
    Format.MILLISECONDS: _number(units.milliseconds, 8, _MEASURED),
    Format.CLOCK: _number(units.clock, 8, _MEASURED),
    Format.AGO: _number(units.ago, 7, _MEASURED),
    Format.PERCENT: _number(units.percent, 6, _MEASURED),
    Format.GAIN: _number(units.gain, 10),
    Format.ALPHA: _number(units.alpha, 10),
    Format.IDENTIFIER: _number(units.plain_count, 10),
    Format.HEXADECIMAL: _number(units.hexadecimal, 10),
    Format.DEVICE: _number(units.device, 8),
    Format.OPTIONS: _words(units.options),
    Format.APP_LIMITED: _words(units.app_limited),
    Format.FLAG: _words(units.flag),
    Format.AGE: Form(lambda _: cells.age, 7, _MEASURED, needs=("opened_ns",)),
    Format.SINCE: Form(lambda field: cells.since(field.name), 7),
    Format.SCALES: Form(lambda _: cells.scales, needs=("options",)),
    Format.WORD: Form(
        lambda field: cells.word(field.name, VALUE_NAMES[field.name]),
        asks=lambda field: asking.named(field, VALUE_NAMES[field.name]),
        words=True,
    ),
    Format.PHASE: Form(
        lambda _: cells.phases,
        asks=lambda _: asking.phase,
        words=True,
        needs=("snd_cwnd", "cc", "bbr_phase"),
    ),
    Format.TEXT: Form(lambda field: cells.text(field.name), asks=asking.written, words=True),
    Format.ENDPOINT: Form(
        lambda field: cells.endpoint(field.parts), asks=asking.address, words=True
    ),
    **dict.fromkeys((Format.LOWEST, Format.HIGHEST), _SPARKLINE),
}

_BY_UNIT: Mapping[Unit, Format] = {
    **dict.fromkeys((Unit.SEGMENTS, Unit.THRESHOLD), Format.SEGMENTS),
    **dict.fromkeys((Unit.TOTAL, Unit.COUNT), Format.SHORT),
    Unit.BYTES: Format.SIZE,
    Unit.BYTES_PER_SECOND: Format.RATE,
    Unit.MICROSECONDS: Format.MILLISECONDS,
    Unit.MILLISECONDS: Format.AGO,
    Unit.MOMENT: Format.SINCE,
    Unit.PERCENT: Format.PERCENT,
    Unit.GAIN: Format.GAIN,
    Unit.ALPHA: Format.ALPHA,
    **dict.fromkeys((Unit.SEQUENCE, Unit.IDENTIFIER), Format.IDENTIFIER),
    Unit.PORT: Format.WHOLE,
    Unit.BITS: Format.HEXADECIMAL,
    Unit.FLAG: Format.FLAG,
    Unit.CODE: Format.WORD,
    Unit.NAME: Format.TEXT,
    Unit.ENDPOINT: Format.ENDPOINT,
}
"""Formats of columns that name none."""

_WORST: Mapping[Format, Literal["min", "max"]] = {Format.LOWEST: "min", Format.HIGHEST: "max"}
"""Formats of sparklines, and the value that they draw of each piece of a history."""


def columns(field: Field) -> tuple[TableColumn, ...]:
    """Make the columns of a field: one, or of shares one for each cause; none where it has none."""
    if field.column is None:
        return ()
    if field.column.format is Format.SHARES:
        return tuple(_share(field, place) for place in range(len(CAUSES)))
    return (_column(field, field.column),)


def _share(field: Field, place: int) -> TableColumn:
    word = LIMIT_NAMES[CAUSES[place]]
    return TableColumn(
        f"{word}_share",
        f"{word.upper()}%",
        max(6, len(word) + 1),
        UNUSUAL,
        f"{field.meaning} {BY_LIMIT[CAUSES[place]].by}",
        (field.name,),
        cells.share(place),
        source=field.source,
    )


def _column(field: Field, told: Column) -> TableColumn:
    format_ = told.format or _BY_UNIT[field.unit]
    form = FORMS[format_]
    own = field.parts or (field.name,)
    line = None
    if format_ in _WORST:
        line = Sparkline(own[0], _WORST[format_], SPARKLINE_SECONDS, SPARKLINE_WIDTH)
    sort = () if line else own
    return TableColumn(
        field.key,
        told.title,
        told.width or max(form.width, len(told.title) + bool(sort)),
        told.rank,
        field.meaning,
        () if line else (*own, *form.needs),
        form.cells(field),
        sort,
        told.style,
        _STYLES.get(field.name, {}),
        left=form.words,
        most=told.most,
        descending=not form.words or format_ in (Format.PHASE, *_WORST),
        source=field.source,
        query=form.asks(field) if field.query else None,
        sparkline=line,
    )


_STYLES = {"limit": {word: limit_style(limit) for limit, word in LIMIT_NAMES.items() if limit}}
