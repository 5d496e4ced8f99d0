"""Details of the selected flow: its verdict in words, and all known values."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tcctui.flows.diagnosis.verdicts import BY_LIMIT, EXPLAINED_BY, explain
from tcctui.flows.frame import Close
from tcctui.flows.groups.groups import Groups
from tcctui.flows.snapshot import Flows
from tcctui.ui.details.facts import NEEDS, TOLD_BY, Fact, facts, queue_facts
from tcctui.ui.style import units
from tcctui.ui.style.changed_lines import refresh_changed
from tcctui.ui.style.colours import rules
from tcctui.ui.style.kept_lines import KeptLines
from tcctui.ui.style.legible import plain
from tcctui.ui.style.signs import LIMIT_STYLES
from tcctui.ui.table.layout import fit
from tcctui.ui.view import Look, Summary

if TYPE_CHECKING:
    from tcctui.wire.own_queue import OwnQueue

NAMES: frozenset[str] = frozenset({*NEEDS, *EXPLAINED_BY, "limit"})
"""Flow columns of the details."""

_LABELS = 11
"""Width of the column of labels, with the blank behind it."""

OVER_S, WINDOW_S = 2, 10
"""Seconds that a verdict is about: on one machine, and in a row of a fleet."""

_NO_VERDICT = "A verdict needs samples of sock_diag, which an import has not."

_LATER = 100
"""Above any rank of a fact."""

_Piece = tuple[str, str]
"""Text, and its style."""


class Details(KeptLines, Widget):
    """Panel with the details of one flow."""

    STYLES = "details"
    DEFAULT_CSS = rules("Details", "details", LIMIT_STYLES)

    def __init__(self, look: Look) -> None:
        super().__init__(id="details")
        self._look = look
        self._shown: list[list[_Piece]] = []
        self._cookie: int | None = None
        self.queue: OwnQueue | None = None
        """Queue of this machine that the connection's segments leave by, where it is known."""
        self.imported = ""
        """Description of an imported recording, which tells what it lacks; empty of others."""
        self._shown_size: tuple[int, int] = (0, 0)

    def on_resize(self) -> None:
        """Fit the content to the room."""
        if self.has_room and self.content_size != self._shown_size:
            self._look(anew=False)

    def on_show(self) -> None:
        """Update after having been hidden."""
        self._look(anew=False)

    @property
    def has_room(self) -> bool:
        """True if any of it is visible."""
        return bool(self.display and self.content_size.width and self.content_size.height)

    def show(
        self,
        close: Close,
        cookie: int | None,
        instead: str,
        group: tuple[Groups, int] | None = None,
        summary: Summary | None = None,
    ) -> None:
        """Show a flow of a frame; `instead` names the selection if it is not a flow.

        Where that is a group, `group` are all groups and its number. Rows of a fleet have a
        `summary`: of one that stands for many it is shown in place of the flow.
        """
        self._cookie = cookie
        if not self.has_room:
            return
        if summary is not None and summary.title:
            self._paint(self._summed_up(summary))
            return
        text = "" if cookie is not None else instead
        shown = self._lines(close.flows, text, of_fleet=summary is not None)
        if group is not None and cookie is None:
            from tcctui.ui.table.group_summary import group_summary  # noqa: PLC0415

            width, height = self.content_size
            known = [Fact(rank, *said) for rank, said in enumerate(group_summary(*group))]
            shown += lines(known, width, height - len(shown))
        self._paint(shown)

    def wait(self, cookie: int | None) -> None:
        """Keep a flow's details while another moment is computed; for another flow, say so."""
        if self._cookie != cookie and self.has_room:
            self._cookie = cookie
            self._paint([[(fit(" working it out …", self.content_size.width, left=True), "title")]])

    def _paint(self, shown: list[list[_Piece]]) -> None:
        before, self._shown, self._shown_size = self._shown, shown, self.content_size
        refresh_changed(self, before, shown)

    def _lines(self, flows: Flows, instead: str, *, of_fleet: bool) -> list[list[_Piece]]:
        width, height = self.content_size
        if not flows.count:
            return [[(fit(f" {plain(instead)}", width, left=True), "title")]]
        if self.imported and not flows["sampled_ns"][0] and not flows["closed_ns"][0]:
            said = [[(f" {line}", "")] for line in _in_lines(_NO_VERDICT, width - 2)]
        else:
            said = sentences(flows, width, over_s=WINDOW_S if of_fleet else OVER_S)
        room = height - 1 - len(said)
        known = facts(flows)
        if self.queue is not None:
            at = next((at for at, fact in enumerate(known) if fact.label == "in flight"), -1)
            known[at + 1 : at + 1] = queue_facts(self.queue)
        if of_fleet or self.imported:
            known = [fact for fact in known if fact.label != TOLD_BY]
        if self.imported:
            known.append(Fact(3, TOLD_BY, tuple(self.imported.split(" · "))))
        return [_title(flows, width), *said, *lines(known, width, room)]

    def _summed_up(self, summary: Summary) -> list[list[_Piece]]:
        width, height = self.content_size
        known = [Fact(rank, *said) for rank, said in enumerate(summary.facts)]
        title = fit(f" {plain(summary.title)}", width, left=True)
        return [[(title, "title")], *lines(known, width, height - 1)]

    def render_line(self, y: int) -> Strip:
        """Render a line: the title, a sentence, or a fact."""
        width = self.drawn_size.width
        if y >= len(self._shown):
            return Strip.blank(width, self.styles_of())
        styles = self.styles_of
        segments = [Segment(text, styles[style]) for text, style in self._shown[y]]
        return Strip(segments)


def _title(flows: Flows, width: int) -> list[_Piece]:
    """Title: the verdict, in its colour."""
    verdict = BY_LIMIT.get(int(flows["limit"][0]))
    word = " limit unknown yet"
    if flows["closed_ns"][0]:
        word = " closed"
    elif verdict:
        word = f" {verdict.glyph} {verdict.phrase}"
        if not verdict.by:
            word += " only"
    return [(fit(word, width, left=True), "title")]


def sentences(flows: Flows, width: int, *, over_s: int = OVER_S) -> list[list[_Piece]]:
    """Sentences of `diagnosis.explain`, in lines of `width`."""
    return [
        [(f" {line}", "")]
        for sentence in explain(flows, units=units.in_use(), over_s=over_s)
        for line in _in_lines(sentence, width - 2)
    ]


@lru_cache(16)
def _in_lines(sentence: str, width: int) -> list[str]:
    return textwrap.wrap(plain(sentence), width)


def lines(known: list[Fact], width: int, room: int) -> list[list[_Piece]]:
    """The most important facts that fit, in their own order.

    Pieces that don't fit into a fact's line get lines of their own, once every fact has one.
    """
    made = [
        (fact.rank + _LATER * line, fact.label if line == 0 else "", text)
        for fact in known
        for line, text in enumerate(_wrapped(fact.pieces, width - _LABELS - 1))
    ]
    ranks = sorted(rank for rank, _, _ in made)[: max(room, 0)]
    return [
        [(f" {label}".ljust(_LABELS), "label"), (text, "")]
        for rank, label, text in made
        if ranks and rank <= ranks[-1]
    ][: max(room, 0)]


def _wrapped(pieces: Sequence[str], width: int) -> list[str]:
    """Join pieces, in as few lines as possible."""
    lines: list[str] = []
    for piece in pieces:
        joined = f"{lines[-1]} · {piece}" if lines else piece
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(fit(piece, width, left=True).rstrip())
    return lines
