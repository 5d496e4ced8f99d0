"""Exit codes."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, entry


def blocks() -> Iterator[Block]:
    """Codes and meanings."""
    yield entry("0", "Success.")
    yield entry("1", "Failure: one sentence describes it, another has the fix.")
    yield entry("2", "Usage error, such as an invalid filter.")
    yield entry("3", "trace --until: no match within --duration.")
    yield entry("4", "trace --fail-if: something matched.")
    yield entry("129", "The dashboard's terminal is gone, with or without SIGHUP.")
    yield entry("141", "The reader of the output has closed the pipe, as in: tcctui trace | head")
