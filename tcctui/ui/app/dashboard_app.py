"""The application around the dashboard, live or replayed."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

import textual.constants
import textual.screen
from rich.console import RenderableType
from textual import events
from textual._styles_cache import StylesCache
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter, NoColor
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme

from tcctui import memory
from tcctui.query import Query
from tcctui.terminal_type import Colours
from tcctui.ui.actions import function_key, key, plain_key, worded
from tcctui.ui.app.kept_stylesheet import KeptStylesheet
from tcctui.ui.app.typed_ahead import TypedAhead
from tcctui.ui.dashboard.alarm import Alarms
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.notices import tell
from tcctui.ui.preferences import Preferences, try_to_keep
from tcctui.ui.style import themes, units
from tcctui.ui.view import CurrentView

if TYPE_CHECKING:
    from typing_extensions import Unpack

# What is to be painted soon after another paint waits for up to twice this time: with Textual's
# own, a sixtieth of a second, a letter's rows came 20 ms after the letter itself. A paint comes
# after all messages that wait, so that a burst of keys is painted once, however short this is.
textual.screen.UPDATE_PERIOD = 0.001  # type: ignore[misc] # it is a constant of Textual's

# Textual's own has the cache itself among its keys: the lines of a thousand closed dialogs stayed
# in memory, and in each collection of garbage (textual#6665).
_colours: Any = StylesCache.get_inner_outer
StylesCache.get_inner_outer = classmethod(_colours)  # type: ignore[assignment,method-assign]

_SYSTEMS: Mapping[Colours, str | None] = {
    Colours.NONE: None,
    Colours.FEW: "standard",
    Colours.MANY: "256",
    Colours.ALL: "truecolor",
}
"""Textual's names of numbers of colours."""

_SUSPEND = "Suspend: back to the shell, until fg"
_PALETTE = "All commands: search for one, and run it"

_SETTLED = 3.0
"""Seconds after which all later imports are done."""


class Shown(TypedDict, total=False):
    """Content of the screen, besides its view: see `Dashboard`."""

    preferences: Preferences | None
    base_query: Query | None
    alarms: Alarms | None


class DashboardApp(TypedAhead):
    """Owns the terminal, and shows the dashboard on it until the end."""

    TITLE = "tcctui"
    CSS_PATH = Path(__file__).with_name("tcctui.tcss")  # for apps that are made elsewhere, too
    MEANINGS: ClassVar[Mapping[str, str]] = {}
    """Meanings of actions, by their ids, where they are others than usual; empty for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        key("ctrl+p", "command_palette", "palette", _PALETTE, "Commands", "^p", priority=True),
        key("ctrl+z", "suspend_process", "suspend", _SUSPEND, priority=True),
        key("ctrl+l", "repaint", "repaint", "Paint the whole screen again", priority=True),
    ]

    def __init__(self, view: CurrentView, **shown: Unpack[Shown]) -> None:
        self.preferences = shown.get("preferences") or Preferences()
        settings = self.preferences.settings
        self._sized = False
        self._filters_beside: list[LineFilter] = []
        if settings.ascii:
            from tcctui.ui.app.ascii import AsciiFilter  # noqa: PLC0415 - not for every start

            self._filters_beside.append(AsciiFilter())
        if self.preferences.colours is Colours.NONE:
            self._filters_beside.append(NoColor())
        if "TEXTUAL_COLOR_SYSTEM" not in os.environ:
            textual.constants.COLOR_SYSTEM = _SYSTEMS[self.preferences.colours]  # type: ignore[misc]
        super().__init__()
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())
        self.no_color = self.preferences.colours is Colours.NONE
        units.use(settings.units)
        for theme in themes.OURS:
            self.register_theme(theme)
        self.set_keymap(settings.keys)
        self.dashboard = Dashboard(
            view, self.preferences, shown.get("base_query"), shown.get("alarms")
        )

    async def run_async(self, *, mouse: bool = True, **options: Any) -> None:
        """Run until the user quits; with the mouse unless it is to be the terminal's."""
        await super().run_async(mouse=mouse and self.preferences.settings.mouse, **options)

    def get_driver_class(self) -> type[Driver]:
        """Driver of terminals as Unix has them; Textual's own elsewhere."""
        if sys.platform == "win32" or not hasattr(select, "poll"):
            return super().get_driver_class()
        from tcctui.ui.app.terminal_driver import TerminalDriver  # noqa: PLC0415

        return TerminalDriver

    def get_theme(self, theme_name: str) -> Theme | None:
        """Theme of that name; Textual's have coloured text that can be read."""
        if theme_name in BUILTIN_THEMES:
            return themes.readable(theme_name)
        return super().get_theme(theme_name)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and those for terminals that have only ASCII, or no colours."""
        return [*super().get_line_filters(), *self._filters_beside]

    def get_key_display(self, binding: Binding) -> str:
        """Name of a key as the footer shows it: in ASCII, no arrow looks like the key <.

        A function key is itself, and not the key that it stands beside.
        """
        display = function_key(binding.key) or super().get_key_display(binding)
        return worded(display) if self.preferences.settings.ascii else display

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Commands for the actions of keys on this screen, and for the themes."""
        from tcctui.ui.app import commands  # noqa: PLC0415 - not before it is asked for

        yield from commands.commands(self, screen, self.action_change_theme, self.choose_theme)

    async def on_event(self, event: events.Event) -> None:
        """Take keys of the keypad as any others."""
        plain = plain_key(event) if isinstance(event, events.Key) else event
        if plain is not None:
            await super().on_event(plain)

    def choose_theme(self, name: str | None) -> None:
        """Show a theme, and keep it for the next run."""
        if name is not None:
            self.theme = name
            try_to_keep(self.screen, self.preferences, "The theme is not kept", theme=name)

    def action_command_palette(self) -> None:
        """Show the command palette, or close it."""
        from tcctui.ui.dialogs import Palette  # noqa: PLC0415

        if isinstance(self.screen, Palette):
            self.screen.dismiss()
        else:
            self.push_screen(Palette(id="--command-palette"))

    def action_change_theme(self) -> None:
        """Pick a theme from a list."""
        from tcctui.ui.app import commands  # noqa: PLC0415

        self.push_screen(commands.pick_theme(self), self.choose_theme)

    def action_repaint(self) -> None:
        """Paint everything: something else has written to the terminal."""
        getattr(self._driver, "repaint", self.refresh)()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if renderable is not None and self._batch_count:
            getattr(self._driver, "miss", int)()
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        """Paint everything: a terminal that quickly got its old size again has lost what it showed.

        Textual lays out for the last of several sizes, and where that is the present one it finds
        nothing to paint. The first size comes before anything is painted.
        """
        if self._sized:
            self.call_after_refresh(self.refresh)
        self._sized = True

    def get_default_screen(self) -> Screen[None]:
        """Show the dashboard from the beginning: there is no other screen below it."""
        return self.dashboard

    def on_mount(self) -> None:
        """Choose the theme, and start the work behind the dashboard."""
        chosen = os.environ.get("TEXTUAL_THEME") or self.preferences.settings.theme
        if self.no_color or (self.preferences.colours is Colours.FEW and not chosen):
            self.theme = "ansi-dark"  # of 16 colours; other themes' would be rounded to white
        elif "TEXTUAL_THEME" not in os.environ and chosen:
            self.theme = chosen
        self.dashboard.call_later(self._begin)
        self.set_timer(_SETTLED, memory.settle)

    def _begin(self) -> None:
        if self.preferences.problems:
            from tcctui.ui.app import commands  # noqa: PLC0415

            tell(self.dashboard, commands.problems(self.preferences.problems))
        self.begin()

    def begin(self) -> None:
        """Start to fill the dashboard, now that it can report errors."""

    def panic(self, *renderables: RenderableType) -> None:
        """Exit with a status that says so."""
        self._return_code = 1
        super().panic(*renderables)

    @property
    def status(self) -> int:
        """Exit status, once it has ended: 1 unless it did so in good order."""
        return 1 if self.return_code is None else self.return_code
