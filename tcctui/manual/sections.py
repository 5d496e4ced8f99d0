"""Sections of the manual, laid out from the reference pages."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.manual import roff
from tcctui.reference.blocks import Block, Command, Entry, Heading, Listing, Paragraph
from tcctui.reference.topics import TOPICS, blocks


def references() -> Iterator[str]:
    """Section of each topic of `tcctui help`."""
    yield from map(reference, TOPICS)


def reference(topic: str) -> str:
    """Section of one topic."""
    return roff.section(TOPICS[topic].title.upper(), *map(_laid_out, blocks(topic)))


def _laid_out(block: Block) -> str:
    if isinstance(block, Heading):
        return roff.subsection(block.title)
    if isinstance(block, Paragraph):
        return roff.paragraph(block.text)
    if isinstance(block, Command):
        return roff.examples([(block.line, block.effect)])
    if isinstance(block, Listing):
        return roff.listing(block.text)
    assert isinstance(block, Entry)
    setting = f" ({roff.escaped(block.setting)})" if block.setting else ""
    return roff.tagged(roff.bold(block.term) + setting, *block.texts)
