"""Reference pages as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from tcctui.reference.blocks import Block, Command, Entry, Heading, Listing, Paragraph

WIDEST = 100
"""Largest width of a page: longer lines are hard to read."""

_WIDEST_TERM = 24


def rendered(title: str, blocks: Iterable[Block], width: int) -> str:
    """Page of at most `width` columns; listings and commands may be wider."""
    width = min(width, WIDEST)
    parts = [title]
    for kind, run in groupby(blocks, type):
        if kind is Entry:
            parts.append(_entries([one for one in run if isinstance(one, Entry)], width))
        else:
            parts += [_block(one, width) for one in run]
    return "\n\n".join(parts) + "\n"


def _block(block: Block, width: int) -> str:
    if isinstance(block, Heading):
        return block.title
    if isinstance(block, Paragraph):
        return "\n".join(_wrapped(block.text, width, 2))
    if isinstance(block, Listing):
        return textwrap.indent(block.text.rstrip("\n"), "    ")
    assert isinstance(block, Command)
    return "\n".join([f"    {block.line}", *_wrapped(block.effect, width, 8)])


def _entries(entries: list[Entry], width: int) -> str:
    """Terms in a column, with their sentences beside them."""
    terms = [_term(one) for one in entries]
    column = 4 + max((len(term) for term in terms if len(term) <= _WIDEST_TERM), default=4)
    lines: list[str] = []
    for term, one in zip(terms, entries, strict=True):
        texts = [line for text in one.texts for line in _wrapped(text, width, column)]
        first = f"  {term}"
        if texts and len(first) < column - 1:
            lines.append(first + texts.pop(0)[len(first) :])
        else:
            lines.append(first)
        lines += texts
    return "\n".join(lines)


def _term(one: Entry) -> str:
    return f"{one.term} ({one.setting})" if one.setting else one.term


def _wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    margin = " " * indent
    yield from textwrap.wrap(
        " ".join(text.split()),
        max(width, indent + 20),
        initial_indent=margin,
        subsequent_indent=margin,
        break_on_hyphens=False,
        break_long_words=False,
    )
