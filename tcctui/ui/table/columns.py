"""Columns of the flow table, made of the table of fields: cells, width, order, and a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tcctui.fields import algorithm_state, every_field
from tcctui.fields.algorithm_state import WithState
from tcctui.fields.field import UNUSUAL, Column, Field, Format, Unit
from tcctui.fields.fleet import FLEET
from tcctui.flows.diagnosis.health import NAMES, UNKNOWN, Sign
from tcctui.flows.diagnosis.verdicts import BY_LIMIT, CAUSES, LIMIT_NAMES, Limit
from tcctui.flows.frame import Sparkline
from tcctui.flows.snapshot import Flows
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.ui.style import units
from tcctui.ui.style.colours import limit_style
from tcctui.ui.table import cell_queries, cells
from tcctui.ui.table.cell_queries import Ask
from tcctui.ui.table.cells import Cells
from tcctui.wire import private_layout


@dataclass(frozen=True)
class TableColumn:
    """One column of the table.

    `needs` are the flow columns that `cells` and `query` make their text from: one text per flow,
    and one for a cell. `sort` are the flow columns it sorts by, the most significant first; empty
    for a column that can't be sorted. `style` is the component class its cells are drawn in,
    `styles` are those of some of its words. `rank` says which of the usual columns stay on a narrow
    screen: the lowest ranks. `width` is the least number of characters that its usual cells need,
    `most` what it can use where there is room, `tight` what is enough where there is little.
    `meaning` is a sentence for a person, with the unit, `source` says where the values are from, in
    the kernel's words. Where there is a `sparkline`, the cells are drawn from that history instead.
    With `by_clock` they change with time alone, too.
    """

    name: str
    title: str
    width: int
    rank: int
    meaning: str
    needs: tuple[str, ...] = ()
    cells: Callable[[Flows], list[str]] = lambda _: []
    sort: tuple[str, ...] = ()
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)
    left: bool = False
    most: int = 0
    tight: int = 0
    descending: bool = True
    source: str = ""
    query: Ask | None = None
    sparkline: Sparkline | None = None
    by_clock: bool = False

    @property
    def least(self) -> int:
        """The narrowest that it can be made: numbers are never cut, for they would be others."""
        if not self.left or not self.most:
            return self.width
        return min(self.width, len(self.title) + bool(self.sort))

    @property
    def greatest(self) -> int:
        """The widest that it can be made."""
        return max(self.most, 2 * self.width)


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


def _number(write: Callable[[float], str], width: int, asks: Asks = cell_queries.exactly) -> Form:
    return Form(lambda field: cells.number(field.name, write), width, asks)


def _words(write: Callable[[float], str]) -> Form:
    return Form(lambda field: cells.number(field.name, write), words=True)


_MEASURED = cell_queries.at_least

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
    Format.PER_SECOND: _number(units.per_second, 6, _MEASURED),
    Format.PERCENT: _number(units.percent, 6, _MEASURED),
    Format.CHANGE: _number(units.change, 8, lambda _: None),
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
        asks=lambda field: cell_queries.named(field, VALUE_NAMES[field.name]),
        words=True,
    ),
    Format.SIGNS: Form(
        lambda field: cells.word(field.name, VALUE_NAMES[field.name]),
        asks=lambda field: cell_queries.named(field, VALUE_NAMES[field.name]),
        words=True,
    ),
    Format.PHASE: Form(
        lambda _: cells.phases,
        asks=lambda _: cell_queries.phase,
        words=True,
        needs=("snd_cwnd", "cc", "bbr_phase"),
    ),
    Format.TEXT: Form(lambda field: cells.text(field.name), asks=cell_queries.written, words=True),
    Format.ENDPOINT: Form(
        lambda field: cells.endpoint(field.parts), asks=cell_queries.address, words=True
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
    Unit.PER_SECOND: Format.PER_SECOND,
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
        f"{field.meaning} {BY_LIMIT[CAUSES[place]].part}",
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
        tight=told.tight,
        descending=not form.words or format_ in (Format.PHASE, Format.SIGNS, *_WORST),
        source=field.source,
        query=form.asks(field) if field.query else None,
        sparkline=line,
        by_clock=format_ is Format.SINCE,
    )


_STYLES = {
    "limit": {word: limit_style(limit) for limit, word in LIMIT_NAMES.items() if limit},
    "health": {
        word: limit_style(Limit.RECOVERY if signs >= Sign.LOSS else Limit.RWND)
        for signs, word in NAMES.items()
        if 0 < signs < UNKNOWN
    },
}
"""Styles of words, by field: those of the verdicts are as bad."""


USUAL = every_field.USUAL

_GROUPS = tuple(
    (title, tuple(column for field in fields for column in columns(field)))
    for title, fields in every_field.GROUPS
    if title
)

GROUPS = tuple((title, tuple(column.name for column in made)) for title, made in _GROUPS)
"""All columns by what they are about: a title, and names."""


def state_group() -> tuple[str, tuple[str, ...]]:
    """Columns of algorithms' own state: those of connections seen here, then others' known ones."""
    members = algorithm_state.fields(private_layout.members())
    return "Algorithm's own state", tuple(member.key for member in members)


OF_FLEET = frozenset(column.name for field in FLEET for column in columns(field))
"""Names of columns that rows of one machine leave empty."""

OF_GROUPS = OF_FLEET - {"host", "weight"}
"""Those that only groups have: no search is about them."""

_MADE = {column.name: column for _, made in _GROUPS for column in made}

BY_NAME: Mapping[str, TableColumn] = WithState(
    {name: _MADE[name] for name in dict.fromkeys((*USUAL, *_MADE))},
    lambda member: columns(member)[0],
)
"""Every column there is, the usual ones first; and any member of an algorithm's own state."""

SPARKLINES = tuple(column for column in BY_NAME.values() if column.sparkline is not None)
"""The sparklines: their cells are drawn from histories."""

COLUMNS = tuple(BY_NAME[name] for name in USUAL if BY_NAME[name].sparkline is None)
"""The usual columns but the sparklines, from left to right."""
