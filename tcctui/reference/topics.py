"""Topics of `tcctui help`: names and summaries here, pages imported on demand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from tcctui.reference.blocks import Block


class Topic(NamedTuple):
    """Title of a page, and its summary in a list."""

    title: str
    summary: str


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "keys": Topic("Keys", "keys of the dashboard"),
        "columns": Topic("Columns", "columns of the table, with meaning and source"),
        "query": Topic("Query language", "searches, --filter, --until and --alert"),
        "verdicts": Topic("Verdicts", "limits of a connection, and remedies"),
        "signs": Topic("Signs", "marks on the time axis, signs in front of rows"),
        "alerts": Topic("Alerts", "--alert, its log and its hook"),
        "recording": Topic("Recordings", "rewind, record, replay; the file format"),
        "export": Topic("Export", "tables and charts of a recording; five questions in SQL"),
        "trace": Topic("Trace", "events, conditions and summaries without a screen"),
        "agent": Topic("Agent", "rows of this host for a fleet, metrics for Prometheus"),
        "fleet": Topic("Fleet", "many machines: tables in ClickHouse, the collector"),
        "settings": Topic("Settings", "the settings file"),
        "privileges": Topic("Privileges", "root, capabilities, containers, missing BPF"),
        "accuracy": Topic("Accuracy", "limits of the tracepoint and of samples"),
        "internals": Topic("Internals", "from the kernel to the screen, and the cost"),
        "files": Topic("Files", "settings and history"),
        "environment": Topic("Environment", "environment variables"),
        "status": Topic("Exit status", "exit codes"),
    }
)
"""Topics by name; the page of each is the module of that name in this package."""


class Page(Protocol):
    """Module of a topic."""

    def blocks(self) -> Iterable[Block]:
        """Content of the page."""


def blocks(topic: str) -> Iterable[Block]:
    """Content of one of `TOPICS`."""
    return cast(Page, import_module(f"tcctui.reference.{topic}")).blocks()
