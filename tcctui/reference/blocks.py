"""Blocks of a reference page, free of any layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    """Title of the blocks after it."""

    title: str


@dataclass(frozen=True)
class Paragraph:
    """Prose, wrapped by the renderer."""

    text: str


@dataclass(frozen=True)
class Entry:
    """Term, with an optional name for settings, and sentences that describe it."""

    term: str
    texts: tuple[str, ...]
    setting: str = ""


@dataclass(frozen=True)
class Command:
    """Command line to type, and its effect."""

    line: str
    effect: str


@dataclass(frozen=True)
class Listing:
    """Text that is copied verbatim, such as a query in SQL."""

    text: str


Block: TypeAlias = Heading | Paragraph | Entry | Command | Listing


def entry(term: str, *texts: str, setting: str = "") -> Entry:
    """Entry without the empty ones among its sentences."""
    return Entry(term, tuple(filter(None, texts)), setting)


def sourced(source: str) -> str:
    """Sentence about the place where the kernel has a value; empty without one."""
    return f"Source: {source}." if source else ""
