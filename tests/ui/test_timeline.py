"""The timeline of all connections: one sees when something happened, and goes there."""

from __future__ import annotations

import re

from tcctui.ui.time.timeline_strip import LABEL, TimelineStrip
from tests.ui.screen import Clock, Desk, dashboard, lines, recorded, replay
from tests.unit.test_host_seconds import eventful

SIZE = (160, 50)


def strip(desk: Desk) -> list[str]:
    """The lines of the timeline; none while it is hidden."""
    return [line for one in desk.screen.query(TimelineStrip) for line in lines(one)]


async def shown(desk: Desk) -> list[str]:
    """Show the timeline, and wait until all of the past is on it."""
    await desk.press("t")
    await desk.until(lambda: "✕" in strip(desk)[2])
    return strip(desk)


def signs(desk: Desk) -> list[str]:
    """Retransmits and trouble, without their names."""
    return [line[LABEL:].strip() for line in strip(desk)[1:3]]


async def test_it_shows_when_something_happened(clock: Clock) -> None:
    """A burst of retransmits, a timeout, and a reset are in their columns, in their order."""
    async with dashboard(eventful(), clock, SIZE) as desk:
        assert not strip(desk), "hidden unless asked for"
        head, retransmits, trouble, goodput = await shown(desk)
        assert re.search(r"41 s, 1 s a column · most 4 retransmits/s · ◆ 1 RTO · ✕ 1 reset", head)
        burst = retransmits.index("█")
        assert trouble.index("◆") == burst + 3
        assert trouble.index("✕") == burst + 5
        assert len(goodput[LABEL:].split()[0]) > 30
        await desk.press("t")
        assert not strip(desk)


async def test_keys_go_from_incident_to_incident(clock: Clock) -> None:
    """N pauses at the newest one and goes back from there, n forward; beyond the last: a notice."""
    async with dashboard(eventful(), clock, SIZE) as desk:
        await shown(desk)
        await desk.travel("N")
        assert "· −2 s of" in desk.status
        assert "✕ 1 reset" in strip(desk)[0]
        await desk.travel("N")
        assert "◆ 1 RTO" in strip(desk)[0]
        await desk.travel("N")
        assert "4 retransmits/s" in strip(desk)[0]
        assert "worst 203.0.113.0/24, 3/s" in strip(desk)[0]
        await desk.press("N")
        await desk.noticed("No earlier incident")
        await desk.travel("n")
        assert "◆ 1 RTO" in strip(desk)[0]
        await desk.travel("end")
        assert "● live" in desk.status


async def test_a_click_goes_there_and_the_mouse_reads(clock: Clock) -> None:
    """The column below the mouse is read out; a click shows its moment, a live screen pauses."""
    async with dashboard(eventful(), clock, SIZE) as desk:
        _, retransmits, _, _ = await shown(desk)
        at = retransmits.index("█")
        await desk.hover(TimelineStrip, offset=(at, 1))
        assert "4 retransmits/s" in strip(desk)[0]
        assert "● live" in desk.status
        await desk.click(TimelineStrip, offset=(at, 1))
        await desk.arrived()
        assert "· −7 s of" in desk.status
        await desk.click(TimelineStrip, offset=(2, 1))
        assert "· −7 s of" in desk.status, "a label is no moment"


async def test_a_recording_has_all_of_its_own(clock: Clock) -> None:
    """In a replay it spans the whole recording, wherever that is, and keys go through it."""
    source = eventful()
    log = recorded(source)
    async with dashboard(eventful(), clock, SIZE) as desk:
        await shown(desk)
        live = signs(desk)
    async with replay(log, source, clock, SIZE) as desk:
        await desk.press("space")
        await shown(desk)
        await desk.until(lambda: signs(desk) == live)
        await desk.travel("home", "n")
        assert "4 retransmits/s" in strip(desk)[0]
        await desk.travel("n")
        assert "◆ 1 RTO" in strip(desk)[0]


async def test_it_fits_on_the_smallest_screen_with_charts(clock: Clock) -> None:
    """At 80×24 it leaves room for flows; on a narrower one its columns are longer."""
    async with dashboard(eventful(), clock, (80, 24)) as desk:
        await shown(desk)
        assert len(desk.order) >= 3
        await desk.resize(60, 16)
        assert "◆" in strip(desk)[2]
