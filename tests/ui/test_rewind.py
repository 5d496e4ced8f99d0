"""Going back in time while events are still taken in."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.events import Key

from tcctui.errors import TcctuiError
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tcctui.source import Source
from tcctui.ui.app import app as application
from tcctui.ui.app import reading
from tcctui.ui.app.reading import Reading
from tests.ui.fake_source import START_NS, Flow, server
from tests.ui.sampled import sampled_server
from tests.ui.screen import (
    FOR_EVER,
    WALL_OFFSET_NS,
    Clock,
    Desk,
    chart,
    dashboard,
    lines,
    notices,
    screen,
    undated,
)


def seen(desk: Desk) -> list[str]:
    """The text of all that shows a moment."""
    parts = ("#table", "#caption", "#cwnd-chart", "#srtt-chart", "#details")
    return undated([line for part in parts for line in lines(desk.screen.query_one(part))])


@pytest.mark.parametrize("source", [server, sampled_server])
async def test_steps_go_to_what_was_shown_then(clock: Clock, source: type) -> None:
    """All that was on the live screen at a moment is there when one goes back to it later."""
    async with dashboard(source(), clock) as desk:
        await desk.run(1)
        await desk.press("down")
        clock.now += 4
        await desk.looked()
        then = seen(desk)
        for flow in desk.source.flows.values():
            flow.cwnd, flow.ssthresh, flow.srtt_us = (500, 900), 321, 77_000
        desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)
        await desk.run(12)
        assert 13 in desk.order
        await desk.travel("left")
        assert " · −1 s" in desk.status
        assert 13 in desk.order
        await desk.travel("left", "shift+left")
        assert " · −12 s" in desk.status
        assert 13 not in desk.order
        assert seen(desk) == then
        await desk.travel("right")
        assert " · −11 s" in desk.status
        assert seen(desk) != then
        await desk.travel("end")
        assert "● live" in desk.status
        assert 13 in desk.order


async def test_the_status_line_says_where_one_is(clock: Clock) -> None:
    """How far back, how far that goes, and the time of day then; all of it moves on meanwhile."""
    async with dashboard(server(), clock, (160, 40)) as desk:
        assert "● live" in desk.status
        await desk.travel("space", "shift+left", "left", "left")
        assert "❚❚ 14:30:17.9 UTC · −12 s of 30 s" in desk.status
        await desk.run(100)
        assert "❚❚ 14:30:17.9 UTC · −1 min 52 s of 2 min 10 s" in desk.status
        await desk.travel("home")
        assert "❚❚ 14:29:59.9 UTC · −2 min 10 s of 2 min 10 s" in desk.status
        assert desk.order == []
        await desk.travel("space")
        assert "● live" in desk.status
        assert "14:" not in desk.status


async def test_the_clock_is_read_anew_after_a_sleep(clock: Clock) -> None:
    """Labels follow the time of day that is now; of moments before, they keep what was right then.

    Its axis and the timeline say the zone, as the status line does.
    """
    slept = [0]

    def clocks(source: Source) -> tuple[int, int]:
        return source.now_ns(), source.now_ns() + WALL_OFFSET_NS + slept[0]

    async with dashboard(server(), clock, (160, 40), clocks=clocks) as desk:
        await desk.travel("space")
        assert "❚❚ 14:30:29.9 UTC · −0 s" in desk.status
        assert "14:30:29 UTC" in "".join(lines(desk.screen.query_one("#cwnd-chart")))
        await desk.travel("space")
        slept[0] = 3600 * 10**9
        await desk.looked()
        await desk.run(20)
        await desk.travel("space")
        assert "❚❚ 15:30:49.9 UTC · −0 s" in desk.status
        assert "15:30:49 UTC" in "".join(lines(desk.screen.query_one("#cwnd-chart")))
        await desk.travel("left")
        assert "❚❚ 15:30:48.9 UTC · −1 s" in desk.status
        await desk.travel(*["shift+left"] * 2)
        assert "❚❚ 14:30:28.9 UTC · −21 s" in desk.status
        await desk.travel("comma")
        assert desk.caption.startswith("14:30:28.9 UTC · ")


async def test_home_and_end_are_the_tables_where_it_is_live(clock: Clock) -> None:
    """Home and End select flows while live; at a moment they go through time, and g selects."""
    async with dashboard(server(), clock) as desk:
        await desk.press("end")
        assert desk.selected == desk.order[-1]
        await desk.press("home")
        assert desk.selected == desk.order[0]
        await desk.travel("p")
        await desk.travel("pagedown")
        assert desk.selected == desk.order[-1]
        await desk.travel("end")
        assert "● live" in desk.status
        assert desk.selected == desk.order[-1]


class Held:
    """Moments that are not worked out while `stop` is in force; if `late`, not given out."""

    def __init__(self) -> None:
        self.went: list[int] = []
        self.late = False
        self._go_on = threading.Event()
        self._go_on.set()
        self._go = Moment.go

    def go(self, moment: Moment, at_ns: int) -> None:
        """Work a moment out, in place of `Moment.go`, when that may go on."""
        self.went.append(at_ns)
        assert self.late or self._go_on.wait(FOR_EVER)
        self._go(moment, at_ns)
        assert self._go_on.wait(FOR_EVER)

    @contextmanager
    def stop(self) -> Iterator[None]:
        """Let no moment be ready until the end of this."""
        self._go_on.clear()
        try:
            yield
        finally:
            self._go_on.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """What a test holds moments up with."""
    held = Held()

    def go(moment: Moment, at_ns: int) -> None:
        held.go(moment, at_ns)

    monkeypatch.setattr(Moment, "go", go)
    return held


async def test_many_steps_at_once_end_where_they_should(clock: Clock, held: Held) -> None:
    """Of thirty keys while one moment is worked out, only the last one's is worked out then."""
    source = server()
    source.run(30)
    async with dashboard(source, clock) as desk:
        await desk.travel("space")
        await desk.travel("right")
        now_ns = held.went[-1]
        held.went.clear()
        with held.stop():
            for _ in range(30):
                desk.pilot.app.post_message(Key("left", None))
            await desk.idle()
        await desk.arrived()
        assert " · −30 s of 1 min 00 s" in desk.status
        assert held.went == [now_ns - 10**9, now_ns - 30 * 10**9]


async def test_keys_do_not_wait_for_a_moment(clock: Clock, held: Held) -> None:
    """While a moment is being worked out the screen stands still, and the cursor still moves."""
    async with dashboard(server(), clock) as desk:
        before = lines(desk.table)
        with held.stop():
            await desk.press("p")
            desk.source.run(5)
            await desk.until(lambda: desk.source.taken_in)
            await desk.idle()
            assert lines(desk.table) == before
            await desk.press("down")
            assert desk.selected == 2
            await desk.press("left", "left")
            assert " · −7 s" in desk.status
        await desk.arrived()
        assert " · −7 s" in desk.status
        assert desk.charted == 2


async def test_resuming_while_a_moment_is_on_its_way(clock: Clock, held: Held) -> None:
    """What arrives after one has gone back to the present is not shown any more."""
    async with dashboard(server(), clock) as desk:
        with held.stop():
            await desk.press("p", "shift+left", "p")
            assert "● live" in desk.status
        for flow in desk.source.flows.values():
            flow.ssthresh = 321
        await desk.run(2)
        await desk.arrived()
        assert desk.column("ssthresh")[0] == "321"
        await desk.travel("p")
        assert desk.column("ssthresh")[0] == "321"


async def test_a_past_that_can_not_be_read_is_a_banner(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the timeline fails the reason is told, and what is live goes on."""

    def gone(*args: object) -> None:
        raise TcctuiError("The file has vanished.")

    async with dashboard(server(), clock) as desk:
        monkeypatch.setattr(Moment, "go", gone)
        await desk.press("p")
        await desk.noticed("The file has vanished.")
        assert "● live" in desk.status
        await desk.run(2)
        assert len(notices(desk)) == 1


async def test_a_moment_that_memory_has_no_room_for(clock: Clock) -> None:
    """When the log has dropped the moment, the oldest one is shown, and that is said once."""
    async with dashboard(server(), clock, log_memory=30_000) as desk:
        await desk.travel("p")
        for _ in range(3):
            await desk.run(20)
            await desk.until(lambda: any(notices(desk)))
            await desk.arrived()
        (notice,) = notices(desk)
        assert "That moment is forgotten" in notice
        assert " · −" in desk.status
        assert desk.order


async def test_search_and_sort_work_at_a_moment(clock: Clock) -> None:
    """A search and an order are those of the values then."""
    async with dashboard(server(), clock) as desk:
        desk.source.flows[2].ssthresh = 7777
        await desk.run(20)
        await desk.search("ssthresh=7777")
        await desk.until(lambda: desk.order == [2])
        await desk.press("enter")
        await desk.travel("p", "shift+left", "shift+left", "left")
        assert desk.order == []
        await desk.travel("right", "right", "right")
        assert desk.order == [2]
        await desk.travel("escape", "r")
        falling = desk.order
        await desk.travel("r")
        assert desk.order == falling[::-1] or set(desk.order) == set(falling)


async def test_what_is_watched_goes_on_being_watched(clock: Clock) -> None:
    """The source samples and focuses on what is on the screen, whatever moment that shows."""
    async with dashboard(server(), clock) as desk:
        await desk.travel("p", "left")
        await desk.press("down")
        await desk.until(lambda: desk.source.focused == (2,))
        await desk.until(lambda: desk.source.watched[:1] == (2,))


async def test_zoom(clock: Clock) -> None:
    """+ shows less time, - more, up to the whole life, never less; w goes on through its three."""
    async with dashboard(server(), clock) as desk:
        for key, window in (
            *(("plus", "last 10 s"), ("plus", "last 5 s")),
            *(("plus", "last 5 s"), ("minus", "last 10 s")),
            *(("minus", "whole life"), ("minus", "whole life"), ("plus", "last 10 s")),
            *(("w", "whole life"), ("w", "last 60 s"), ("minus", "last 60 s")),
        ):
            await desk.see(key)
            assert window in desk.caption
        await desk.run(400)
        await desk.travel("p", "minus")
        assert "last 5 min" in desk.caption
        assert any("-5 m" in line for line in chart(desk, "cwnd"))


async def test_the_footer_says_what_keys_do_now(clock: Clock) -> None:
    """Paused, the line of keys is that of going through time; both fit into 80 columns."""
    async with dashboard(server(), clock, (80, 24), save=lambda chunks, origin: Path()) as desk:
        await desk.until(lambda: "Pause" in screen(desk.pilot)[-1])
        assert "Quit" in screen(desk.pilot)[-1]
        await desk.travel("p")
        await desk.until(lambda: "Live" in screen(desk.pilot)[-1])
        for key in ("←→ 1 s", "⇧ 10 s", "+- Zoom", "S Save", "Home Oldest", "Quit"):
            assert key in screen(desk.pilot)[-1]
        await desk.travel("p")
        await desk.until(lambda: "Pause" in screen(desk.pilot)[-1])


async def test_s_saves_all_that_is_remembered(clock: Clock, tmp_path: Path) -> None:
    """Shift+s hands all chunks until now to what saves them, and says where they are."""
    saved: list[tuple[list[Chunk], Origin]] = []

    def save(chunks: Iterable[Chunk], origin: Origin) -> Path:
        saved.append((list(chunks), origin))
        (tmp_path / "past.arrow").write_bytes(bytes(2048))
        return tmp_path / "past.arrow"

    async with dashboard(server(), clock, save=save) as desk:
        await desk.press("S")
        await desk.noticed("Saved")
        joined = "".join(notices(desk)).replace("▌", "").replace(" ", "")
        assert f"{tmp_path}/past.arrow·2.05kB" in joined
        assert "Saving…" in joined
        ((chunks, origin),) = saved
        assert origin.host == "web-3"
        assert (chunks[0].begin_ns, chunks[-1].end_ns) == (START_NS, START_NS + 30 * 10**9)
        assert sum(len(chunk.events) for chunk in chunks) == desk.store.totals().events


async def test_s_saves_what_the_search_shows(clock: Clock, tmp_path: Path) -> None:
    """With a search, nothing of another connection is in the recording, and the notice says so."""
    saved: list[Chunk] = []

    def save(chunks: Iterable[Chunk], origin: Origin) -> Path:
        saved.extend(chunks)
        (tmp_path / "past.arrow").write_bytes(b"")
        return tmp_path / "past.arrow"

    async with dashboard(server(), clock, save=save) as desk:
        await desk.travel("p", "left")
        await desk.press("slash", *"port:22", "enter")
        await desk.looked()
        shown = set(desk.order)
        assert 0 < len(shown) < 12
        await desk.press("S")
        await desk.noticed("Saved")
        joined = "".join(notices(desk)).replace("▌", "").replace(" ", "")
        assert f"Of{len(shown)}of12connections:thosethatthesearchshows." in joined
        written = len(saved)
        await desk.press("slash", *" port:1", "enter")
        await desk.looked()
        await desk.press("S")
        await desk.noticed("Nothing was saved")
        assert len(saved) == written
    events = np.concatenate([chunk.events for chunk in saved])
    samples = np.concatenate([chunk.samples for chunk in saved])
    assert set(events["sock_cookie"].tolist()) == shown
    assert set(samples["sock_cookie"].tolist()) <= shown
    for chunk in saved:
        if chunk.keyframe:
            keyframe = Keyframe.from_bytes(chunk.keyframe)
            assert set(keyframe.arrays["columns.cookie"].tolist()) <= shown


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TcctuiError("There is no pyarrow.", "Install it."), "There is no pyarrow. Install it."),
        (OSError(28, "No space left on device", "/tmp/x"), "/tmp/x: No space left on device."),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
async def test_s_says_why_nothing_was_saved(clock: Clock, error: Exception, told: str) -> None:
    """Whatever saving fails of, there is one notice with the reason."""

    def save(chunks: Iterable[Chunk], origin: Origin) -> Path:
        raise error

    async with dashboard(server(), clock, save=save) as desk:
        await desk.press("S")
        await desk.noticed("Nothing was saved")
        assert told in notices(desk)[1]


async def test_a_recorder_gets_every_event(clock: Clock) -> None:
    """What is kept from the start is all that came, whatever one looks at meanwhile."""
    kept: list[Chunk] = []
    origins: list[Origin] = []

    def keep(origin: Origin) -> object:
        origins.append(origin)
        return kept.append

    async with dashboard(server(), clock, keep=keep) as desk:
        await desk.travel("p", "shift+left")
        await desk.run(3)
        assert "recording 10 ms" in desk.status, "an event of each connection, and not each ACK"
        app = desk.pilot.app
    app.reading.feed.finish()  # type: ignore[attr-defined]
    assert [origin.host for origin in origins] == ["web-3"]
    assert sum(len(chunk.events) for chunk in kept) == desk.store.totals().events


async def test_a_recorder_that_fails_is_a_banner(clock: Clock) -> None:
    """With a full disk, or without a file from the start, the dashboard goes on; one notice."""

    def full(chunk: Chunk) -> None:
        raise TcctuiError("The disk is full.")

    def refused(origin: Origin) -> None:
        raise TcctuiError("The file is there already.")

    async with dashboard(server(), clock, keep=lambda origin: full) as desk:
        await desk.noticed("The disk is full.")
        assert "not recorded" in desk.status
        assert "recording" not in desk.status
        await desk.run(5)
        assert len(notices(desk)) == 1
        assert "● live" in desk.status
        await desk.travel("p", "left", "left")
        assert " · −2 s" in desk.status
    async with dashboard(server(), clock, keep=refused) as desk:
        await desk.noticed("The file is there already.")
        assert desk.order


async def test_a_recorder_that_waits(clock: Clock) -> None:
    """Where the recording's target takes nothing, the status line says so until it does again."""
    seconds = 0.0

    def keep(_: Chunk) -> float:
        return seconds

    async with dashboard(server(), clock, keep=lambda origin: keep) as desk:
        await desk.run(2)
        assert "recording waits" not in desk.status
        seconds = 3.0
        await desk.run(2)
        assert "recording waits" in desk.status
        assert "● live" in desk.status
        seconds = 0.0
        await desk.run(2)
        assert "recording waits" not in desk.status


async def test_a_pipe_that_is_behind(clock: Clock) -> None:
    """A source that does not keep up has that in the status line, and its own host."""
    source = server()
    source.behind_s = 12.3  # type: ignore[attr-defined]
    source.origin = Origin("far-away", wall_offset_ns=time.time_ns() - START_NS)  # type: ignore[attr-defined]
    async with dashboard(source, clock, live_origin=lambda source: Origin("far-away")) as desk:
        assert "behind 12 s" in desk.status
        assert "far-away" in desk.status
        assert "live" not in desk.status
        source.behind_s = 0.4  # type: ignore[attr-defined]
        await desk.looked()
        assert "behind" not in desk.status
        assert "● live" in desk.status


async def test_a_pipe_of_something_old(clock: Clock) -> None:
    """What was recorded long ago is not called live; at its end there is no delay, but a reason."""
    source = server()
    source.behind_s = 2.0  # type: ignore[attr-defined]
    source.origin = Origin("far-away", wall_offset_ns=WALL_OFFSET_NS)  # type: ignore[attr-defined]
    async with dashboard(source, clock, live_origin=lambda source: source.origin) as desk:
        assert "▶ 14:30:29 UTC" in desk.status
        assert "live" not in desk.status
        assert "behind 2 s" in desk.status
        assert "Pause" in screen(desk.pilot)[-1]
        source.fail(TcctuiError("The recording ended: the other end stopped."))
        await desk.until(lambda: "✕ stopped" in desk.status)
        assert "The recording ended: the other end stopped." in desk.status
        assert "behind" not in desk.status
        assert "▶" not in desk.status
        await desk.until(lambda: "Pause" not in screen(desk.pilot)[-1])
        await desk.travel("space")
        assert " · −0 s" in desk.status


async def test_a_moment_on_its_way_is_told(clock: Clock, held: Held) -> None:
    """Until a moment is there nothing of the screen changes but the status line, which says so."""
    held.late = True
    async with dashboard(server(), clock) as desk:
        await desk.travel("p", "left")
        before = seen(desk)
        with held.stop():
            await desk.press("shift+left")
            assert " · −11 s …" in desk.status
            await desk.framed()
            assert seen(desk) == before
            await desk.press("down")
            assert desk.selected == 2
            assert desk.caption == ""
            assert any("Working it out …" in line for line in chart(desk, "cwnd"))
        await desk.arrived()
        assert " · −11 s of" in desk.status
        assert desk.charted == 2
        assert seen(desk) != before
        assert not any("Working" in line for line in seen(desk))


async def test_live_rates_are_never_negative(clock: Clock) -> None:
    """Whatever has been looked at, events per second are those that come."""
    async with dashboard(server(), clock) as desk:
        await desk.travel("p", "shift+left")
        assert " 240 ev/s" in desk.status
        clock.now += 1
        await desk.travel("p")
        clock.now += 1
        await desk.run(1)
        found = re.search(r"([-\d.]+)k? ev/s", desk.status)
        assert found
        assert 0 <= float(found[1]) < 1000


def test_memory_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the histories take is not there for the log of events."""
    budgets: list[int] = []

    class Noted(RewindLog):
        def __init__(self, budget: int, origin: Origin) -> None:
            budgets.append(budget)
            super().__init__(budget, origin)

    monkeypatch.setattr(reading, "RewindLog", Noted)
    monkeypatch.setattr(
        application.TcctuiApp, "run", lambda self: self.reading.begin_feed(server())
    )
    monkeypatch.setattr(Reading, "_tell", lambda self, *values: None)
    application.run(server, 8 << 20, rewind_memory=24 << 20)
    application.run(server, 8 << 20, rewind_memory=4 << 20)
    assert budgets == [16 << 20, 0]


def test_an_end_that_can_not_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last second does not fit on the disk, whoever ran the screen gets the reason."""

    def full(chunk: Chunk) -> None:
        raise TcctuiError("The disk is full.")

    monkeypatch.setattr(
        application.TcctuiApp, "run", lambda self: self.reading.begin_feed(server())
    )
    monkeypatch.setattr(Reading, "_tell", lambda self, *values: None)
    monkeypatch.setattr(Reading, "_recording_failed", lambda self, reason: None)
    with pytest.raises(TcctuiError, match="The disk is full"):
        application.run(server, 8 << 20, rewind_memory=24 << 20, keep=lambda origin: full)


@pytest.mark.parametrize("mend", ["", "Start both anew."])
def test_how_a_source_ended_is_told_at_the_end(
    mend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the screen has gone, a clean end is a line on standard error, another one a failure."""

    def ended(self: application.TcctuiApp) -> None:
        self.reading.end = TcctuiError("The recording ended.", mend)
        self.exit()

    monkeypatch.setattr(application.TcctuiApp, "run", ended)
    if mend:
        with pytest.raises(TcctuiError, match="The recording ended"):
            application.run(server, 8 << 20)
    else:
        assert application.run(server, 8 << 20) == 0
        assert capsys.readouterr().err == "The recording ended.\n"


@pytest.mark.parametrize("source", [server, sampled_server])
async def test_legend_table_and_details_agree(clock: Clock, source: type) -> None:
    """The legend's present values are those of the table, also when a sample was the last word."""
    made = source()
    made.flows[1].rate = 0
    made.sample(1, snd_cwnd=77, rtt=123_000)
    made.run(0.25)
    async with dashboard(made, clock, (240, 50)) as desk:
        await desk.travel("p")
        cwnd = chart(desk, "cwnd")[0]
        srtt = chart(desk, "srtt")[0]
        assert "cwnd 77 " in cwnd
        assert "123 ms" in srtt
        assert desk.column("cwnd")[0] == "77"
        assert desk.column("srtt")[0] == "123 ms"
        assert not re.search(r"in flight \d\d\.\d", cwnd)
