"""Columns of the table, in the groups of the columns dialog."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Heading, Paragraph, entry, sourced
from tcctui.ui.table.columns import BY_NAME, GROUPS, state_group


def blocks() -> Iterator[Block]:
    """Title, settings name, meaning and source of each column."""
    yield Paragraph(
        "Wider screens show more columns; C chooses, orders and sizes them, and the choice is kept."
        " The name in brackets is the column's name in the settings. An AGE with > is a lower"
        " bound: the connection was open before tcctui. Sparklines show the minimum of cwnd and"
        " the maximum of srtt in each 3 s, so that no dip and no spike is averaged away."
    )
    for title, names in (*GROUPS, state_group()):
        yield Heading(title)
        for name in names:
            column = BY_NAME[name]
            yield entry(column.title, column.meaning, sourced(column.source), setting=name)
    yield Paragraph(
        "Any other member of any algorithm's state, by the name that the kernel's, its module's or"
        " its BPF program's types (BTF) have for it, is a column as well: ca.NAME. Of BPF programs"
        " that were registered later than tcctui was started, only the bytes are known."
    )
