"""Search box: text becomes a filter; a mistake is underlined and explained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from tcctui.config.searches import Searches
from tcctui.errors import TcctuiError
from tcctui.query import Query, QueryError, parse
from tcctui.ui.actions import key
from tcctui.ui.notices import Notice, tell
from tcctui.ui.search.active_query import Holding, may_grow
from tcctui.ui.search.mistake import Underline, pointed
from tcctui.ui.style.legible import plain
from tcctui.ui.view import CurrentView

if TYPE_CHECKING:
    from tcctui.ui.search.present_values import Live, Present
    from tcctui.ui.search.suggestions import Suggestions


class Box(Input):
    """Box that keeps printable characters only, also of pasted text."""

    virtual_size = reactive(Size(0, 0))  # without a layout: a box is no larger for a longer text

    class AtEnd(Message):
        """The cursor was moved right at the end of the text."""

    def validate_value(self, value: str) -> str:
        """Replace each unprintable character by one printable."""
        return plain(value)

    def action_cursor_right(self, select: bool = False) -> None:
        """Move right, or report the end."""
        if self.cursor_position == len(self.value) and not select:
            self.post_message(self.AtEnd())
        super().action_cursor_right(select)


class SearchHistory:
    """Remembers searches; a failure to save them is shown once, on the widget's app."""

    def __init__(self, widget: Widget, listed: Searches) -> None:
        self._widget = widget
        self.listed = listed
        self._told = False

    def remember(self, text: str) -> None:
        """Append a search, and save the history in a thread."""
        if self.listed.remember(text):
            self._widget.run_worker(self._keep, thread=True, exit_on_error=False)

    def _keep(self) -> None:
        try:
            self.listed.keep()
        except TcctuiError as error:
            if not self._told:
                self._told = True
                notice = Notice("Searches are not remembered", str(error), "warning")
                self._widget.app.call_from_thread(tell, self._widget, notice)


NOTHING_YET = "No flow matches that yet: the rows are still those of before; Enter shows none"
"""Remark on a search that is still being typed."""

_NEWER = "Choose among the suggestions, or go on to a newer search"

PATIENCE = 0.5
"""Seconds after which an ambiguous last word is searched for."""


class SearchBar(Vertical):
    """Box for typing a filter. While it has a mistake, the last valid filter stays in force.

    So it does for a moment while the last word may still grow: on the way to `port:443` the rows
    with `port` in their text, or with port 4, are not wanted.
    """

    BLANK = True  # all of it is covered
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "Clear", tooltip="Close the suggestions, or clear the search"),
        key("tab", "complete", "complete", "Take the highlighted suggestion, or list suggestions"),
        key("down", "newer", "search-newer", _NEWER),
        key("up", "older", "search-older", "Go back to an older search"),
        key("ctrl+s", "screen.save_filter", "save-filter", "Save the search under a name"),
    ]

    @dataclass
    class Changed(Message):
        """A valid filter was typed."""

        query: Query

    class Left(Message):
        """The user is done typing."""

    def __init__(self, view: CurrentView, searches: Searches | None = None) -> None:
        """`view` has the values to suggest, `searches` the history."""
        super().__init__(id="search")
        self._view = view
        self._searches = SearchHistory(self, searches or Searches())
        self._underline = Underline()
        self._holding = Holding(
            lambda query: self.post_message(self.Changed(query)),
            partial(self.call_later, self._failed),  # not during an evaluation
            partial(self.call_later, self._found),
        )
        self._patience: Timer | None = None
        self._before = ""
        self._taken: str | None = None
        self._offered_at = ""

    @cached_property
    def suggestions(self) -> Suggestions:
        """The list below the box, mounted when that gets the focus: a start is cheaper."""
        from tcctui.ui.search.suggestions import Suggestions  # noqa: PLC0415

        return Suggestions()

    @cached_property
    def _present(self) -> Present:
        from tcctui.ui.search.present_values import Present  # noqa: PLC0415

        return Present(self._view)

    def compose(self) -> ComposeResult:
        """Compose the box, and the line for the reason."""
        yield Box(
            placeholder="Search: /  then words, port:443, ip:10.0.0.0/8, srtt>50ms, -state:estab",
            highlighter=self._underline,
            compact=True,
            select_on_focus=False,
        )
        yield Static(id="mistake", markup=False)

    def on_mount(self) -> None:
        """Hide the line for the reason."""
        self._explain(None)
        self.watch(self.box, "selection", self._moved, init=False)
        self.watch(self.box, "has_focus", self._focused, init=False)

    @property
    def text(self) -> str:
        """Text in the box."""
        return self.box.value

    @property
    def box(self) -> Input:
        """The input widget."""
        return self.query_one(Input)

    @property
    def good(self) -> str:
        """The search in force."""
        return self._holding.good.text

    # From text to a filter

    def on_input_changed(self, event: Input.Changed) -> None:
        """Parse the text; pasted text is applied at once."""
        event.stop()
        pressed = event.value != self._before and abs(len(event.value) - len(self._before)) <= 1
        taken = event.value == self._taken  # a key before may only now be heard of
        typed = taken or (pressed and self.box.has_focus)
        self._before = event.value
        if taken:
            self._taken = None
        self._read(event.value, patient=typed)
        if typed:
            self._searches.listed.leave()
            self._offer()
        else:
            self.suggestions.close()

    def _read(self, text: str, *, patient: bool) -> None:
        self._holding.want(None)
        if self._patience is not None:
            self._patience.stop()
        try:
            query = parse(text)
        except QueryError as mistake:
            self._explain(mistake)
            return
        self._explain(None)
        self._holding.want(query)
        if patient and may_grow(text):
            self._patience = self.set_timer(PATIENCE, self._holding.try_out)
        else:
            self._holding.apply()

    def _failed(self, query: Query, mistake: QueryError) -> None:
        """Return to the previous filter, and show why."""
        if self._holding.go_back(query) and self.text == query.text:
            self._explain(mistake)

    def _found(self, query: Query, there: bool) -> None:
        """Apply the typed search now that it finds something, or show that it does not."""
        if not self._holding.is_awaited(query):
            return
        if there:
            self._explain(None)
            self._holding.apply()
        else:
            self._say(NOTHING_YET)

    def _explain(self, mistake: QueryError | None) -> None:
        self._underline.mistake = mistake
        text = ""
        if mistake is not None:
            at = mistake.start - int(self.box.scroll_offset.x)
            text = pointed(mistake, at, self.size.width - 2)
        self._say(text)
        self.box.refresh()

    def _say(self, text: str) -> None:
        line = self.query_one("#mistake", Static)
        line.display = bool(text)
        line.update(text, layout=False)  # it is one line, and has a place of its own

    def put(self, text: str) -> None:
        """Replace the search in the box, at once."""
        self._before = text
        self.box.value = text
        self.box.cursor_position = len(text)

    def add(self, condition: str, exclude: bool) -> None:
        """Add a condition to the search, or its negation (`exclude`); applied at once."""
        self._holding.apply()
        from tcctui.ui.search.add_condition import added  # noqa: PLC0415

        self.search(added(self.good, condition, exclude=exclude))

    def search(self, text: str) -> None:
        """Replace the search, and remember it."""
        self.put(text)
        self._searches.remember(self.text)

    # Suggestions

    def _offer(self, asked: bool = False) -> None:
        """List completions at the cursor; unless `asked` for, only of a word already begun."""
        box, text = self.box, self.text
        from tcctui.query.completion import complete  # noqa: PLC0415
        from tcctui.ui.search.suggestions import useful  # noqa: PLC0415

        found = useful(complete(text, box.cursor_position, self._live), text, asked=asked)
        if found is None:
            self.suggestions.close()
            return
        self._offered_at = text
        column = cell_len(text[: found.start]) - int(box.scroll_offset.x)
        self.suggestions.open(found, max(0, column))

    @property
    def _live(self) -> Live:
        if self._present.due:
            self.run_worker(self._present.count, thread=True, group="present", exit_on_error=False)
        return self._present.values

    def _moved(self) -> None:
        if self.text == self._offered_at:  # nothing was typed: the cursor has moved
            self.suggestions.close()

    def _focused(self, focused: bool) -> None:
        if focused:
            if not self.suggestions.is_attached:
                self.mount(self.suggestions)
            # Counting and imports for a search are done before the first letter, not after it.
            self.run_worker(partial(parse, "."), thread=True, exit_on_error=False)
            _ = self._live
        else:
            self.suggestions.close()
            self._explain(self._underline.mistake)
            self._holding.apply()

    def _take(self, place: int | None = None) -> bool:
        taken = self.suggestions.taken(self.text, place)
        if taken is None:
            return False
        self._taken = taken[0]
        self.box.value, self.box.cursor_position = taken
        return True

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(event.option_index)

    @on(Box.AtEnd)
    def _end(self) -> None:
        self._take()

    # Keys

    def action_complete(self) -> None:
        """Take the highlighted suggestion, or list suggestions."""
        if not self._take():
            self._offer(asked=True)

    def action_newer(self) -> None:
        """Move down in the suggestions, or to the next search in the history."""
        if self.suggestions.move(1):
            return
        newer = self._searches.listed.newer()
        if newer is not None:
            self.put(newer)
        else:
            self._offer(asked=True)

    def action_older(self) -> None:
        """Move up in the suggestions, or to the previous search."""
        if self.suggestions.move(-1):
            return
        older = self._searches.listed.older(self.text)
        if older is not None:
            self.put(older)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return to the table; with a chosen suggestion, take that first."""
        event.stop()
        if self.suggestions.choosing and self._take():
            return
        self.suggestions.close()
        self._explain(self._underline.mistake)
        self._holding.apply()
        if self._underline.mistake is None:
            self._searches.remember(self.text)
        self.post_message(self.Left())

    def action_escape(self) -> None:
        """Close the suggestions; without any, clear the box."""
        if not self.suggestions.close():
            self.action_clear()

    def action_clear(self) -> None:
        """Clear the box, and return to the table."""
        self.box.value = ""
        self.post_message(self.Left())
