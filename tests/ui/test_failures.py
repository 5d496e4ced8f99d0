"""What goes wrong is said once, on a screen that still works; and no text is a command."""

from __future__ import annotations

import pytest

from tcctui.errors import TcctuiError
from tests.ui.conftest import HOST_NAME
from tests.ui.fake_source import FakeSource, server
from tests.ui.screen import Clock, dashboard, lines, notices, screen

ESCAPES = "\x1b[31m\x1b]0;title\x07\x9b2J\r\b"
"""What a terminal would take for colours, a title, and erasing."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TcctuiError("The ring is gone.", "Start again."), "The ring is gone. Start again."),
        (KeyError("snd_cwnd"), "KeyError: 'snd_cwnd'"),
        (RuntimeError("[bold]odd[/bold] [x"), "RuntimeError: [bold]odd[/bold] [x"),
    ],
)
async def test_a_source_that_fails_is_told_once(clock: Clock, error: Exception, told: str) -> None:
    """Expected or not, a failure is one banner with its reason; what is known can still be seen."""
    async with dashboard(server(), clock) as desk:
        desk.source.fail(error)
        await desk.noticed("No more events", told)
        assert len(notices(desk)) == 1
        assert "✕ stopped" in desk.status
        assert "live" not in desk.status

        await desk.press("down")
        assert desk.selected == 2
        await desk.search("port:22")
        await desk.until(lambda: desk.order == [4])
        await desk.press("escape", "w", "p")
        await desk.until(lambda: "last 10 s" in desk.caption)
        assert len(notices(desk)) == 1
        await desk.press("q")
        await desk.until(lambda: desk.pilot.app.return_code == 0)


async def test_a_source_that_fails_at_once_is_told_too(clock: Clock) -> None:
    """A failure in the very first read, before the screen is there, is not lost."""
    source = FakeSource()
    source.fail(TcctuiError("Nothing to read."))
    async with dashboard(source, clock) as desk:
        await desk.noticed("Nothing to read.")
        await desk.until(lambda: "✕ stopped" in desk.status)


async def test_a_host_name_and_a_filter_are_shown_as_they_are(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markup in a host name or a kernel filter is text like any other."""
    monkeypatch.setattr(HOST_NAME, lambda: "[red]web[/red]")
    source = server()
    source.kernel_filter = "port [bold]443"
    async with dashboard(source, clock) as desk:
        assert "[red]web[/red]" in desk.status
        assert "kernel: port [bold]443" in desk.status


async def test_markup_in_the_search_box_is_text(clock: Clock) -> None:
    """Brackets in the box, in the reason for a mistake and in the underlined place stay visible."""
    async with dashboard(server(), clock) as desk:
        await desk.search("[red]x[/red]")
        assert lines(desk.box)[0].strip() == "[red]x[/red]"
        await desk.search("port:[bold]1")
        await desk.until(lambda: "[bold]1" in "".join(lines(desk.screen.query_one("#mistake"))))
        assert lines(desk.box)[0].strip() == "port:[bold]1"


async def test_control_characters_of_the_host_never_reach_the_terminal(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escape sequences in the host name, the filter or the source's name are made harmless."""
    monkeypatch.setattr(HOST_NAME, lambda: f"web{ESCAPES}3")
    source = server()
    source.kernel_filter = f"port{ESCAPES}443"
    source.description = f"tcp{ESCAPES}probe"
    async with dashboard(source, clock) as desk:
        assert all(line.isprintable() for line in screen(desk.pilot))
        assert "● live" in desk.status


async def test_control_characters_in_an_empty_table_never_reach_the_terminal(clock: Clock) -> None:
    """The reason for an empty table, which names the filter, is made harmless too."""
    source = server()
    source.flows.clear()
    source.kernel_filter = f"port{ESCAPES}443"
    async with dashboard(source, clock) as desk:
        await desk.search("nowhere")
        await desk.looked()
        assert all(line.isprintable() for line in screen(desk.pilot))


@pytest.mark.parametrize("typed", [f"x{ESCAPES}", f"port:{ESCAPES}", f'"{ESCAPES}'])
async def test_control_characters_that_are_pasted_never_reach_the_terminal(
    clock: Clock, typed: str
) -> None:
    """Escape sequences pasted into the search box are not sent on, from the box or the reason."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash")
        await desk.paste(typed)
        assert desk.box.value
        assert all(line.isprintable() for line in screen(desk.pilot))


async def test_control_characters_in_a_failure_never_reach_the_terminal(clock: Clock) -> None:
    """Nor do those in the reason why a source failed."""
    async with dashboard(server(), clock) as desk:
        desk.source.fail(TcctuiError(f"Gone: {ESCAPES}."))
        await desk.noticed("Gone")
        assert all(line.isprintable() for line in screen(desk.pilot))
