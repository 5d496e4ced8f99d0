"""Both ends of a connection: found in recordings, and laid on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tcctui.both_ends.curves import curves
from tcctui.both_ends.one_end import EndsReader
from tcctui.both_ends.pair import Pair, Search
from tcctui.flows.history.curve import Curve, Window
from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Span
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined, pick
from tcctui.wire.tracepoints import MarkKind
from tests.unit.events import MS, SECOND, probes, together
from tests.unit.exchange import (
    BEGIN,
    COOKIES,
    ENDS,
    RECEIVER,
    SENDER,
    Exchange,
    Machine,
    Path,
    exchange,
)

HOUR = 3600 * SECOND


def transfer(offset_ns: int = 5 * HOUR, seed: int = 1) -> Exchange:
    """Send for ten seconds over 20 ms."""
    return exchange(seed, path=Path(), offset_ns=offset_ns, drift=1e-5, segments=2000)


def pair(made: Exchange) -> Pair:
    """Find it from the sender's recording."""
    both = Search(ENDS, COOKIES[0], made.sender, [made.receiver]).found()
    assert both is not None
    return both


def test_the_other_end_is_found_in_another_recording() -> None:
    """By the same addresses and ports turned around; its clock is aligned by the exchange."""
    made = transfer()
    both = pair(made)
    assert (both.here.cookie, both.there.cookie) == COOKIES
    assert both.sender_is_here
    offset = both.offset(BEGIN + 5 * SECOND)
    assert offset is not None
    assert offset.low_ns <= made.offset(np.int64(BEGIN + 5 * SECOND)) <= offset.high_ns
    there = made.receiver.events["ts_ns"].astype("i8")
    here = there - made.offset(there - 5 * HOUR)
    assert abs(both.moments(there) - here).max() <= offset.margin_ns + MS


def test_the_receiver_s_recording_may_be_the_one_shown() -> None:
    """Then the sender is in the other one."""
    made = transfer()
    both = Search(ENDS.turned, COOKIES[1], made.receiver, [made.sender]).found()
    assert both is not None
    assert not both.sender_is_here
    assert both.there.cookie == COOKIES[0]


def test_both_ends_in_one_recording_have_one_clock() -> None:
    """A connection over loopback is two sockets of one recording: nothing is to be aligned."""
    made = transfer(offset_ns=0)
    one = replace(
        made.sender,
        events=together(made.sender.events, made.receiver.events),
        samples=joined([made.sender.samples, made.receiver.samples]),
    )
    both = Search(ENDS, COOKIES[0], one).found()
    assert both is not None
    assert both.one_clock
    assert both.there.cookie == COOKIES[1]
    assert both.offset(BEGIN) == (0.0, 0.0)


def test_without_its_other_end_there_is_no_pair() -> None:
    """Neither in a recording of other connections, nor where the socket itself is not."""
    made = transfer()
    assert Search(ENDS, COOKIES[0], made.sender, [made.sender]).found() is None
    assert Search(ENDS, 99, made.sender, [made.receiver]).found() is None
    assert Search(ENDS, COOKIES[0], made.sender, [made.receiver]).found(lambda: True) is None


def test_of_two_connections_with_the_same_ends_the_fitting_one_is_taken() -> None:
    """Ports are used again: the one whose exchange fits, and of these the one of that time."""
    made, earlier = transfer(seed=1), transfer(seed=2)
    shift = 7 * HOUR
    others = []
    for part in (earlier.receiver.events.copy(), earlier.receiver.samples.copy()):
        part["ts_ns"] -= np.uint64(shift)
        part["sock_cookie"] = 77
        others.append(part)
    both_there = replace(
        made.receiver,
        events=together(others[0], made.receiver.events),
        samples=joined([others[1], made.receiver.samples]),
    )
    both = Search(ENDS, COOKIES[0], made.sender, [both_there]).found()
    assert both is not None
    assert both.there.cookie == COOKIES[1]


def test_without_an_alignment_the_times_of_day_are_taken() -> None:
    """As where one recording has no samples; the pair says that the offset is not known."""
    made = transfer()
    bare = replace(made.receiver, samples=made.receiver.samples[:0])
    both = Search(ENDS, COOKIES[0], made.sender, [bare]).found()
    assert both is not None
    assert both.offset(BEGIN) is None
    assert both.moments(np.array([BEGIN + 5 * HOUR])) == [BEGIN]


def test_an_exchange_that_contradicts_itself_is_not_aligned() -> None:
    """As with a sample that came late: by the time of day it is a pair, at another time none."""
    made = transfer()
    looks = made.receiver.samples.copy()
    looks["bytes_received"][4] += 1_000_000
    late = replace(made.receiver, samples=looks)
    both = Search(ENDS, COOKIES[0], made.sender, [late]).found()
    assert both is not None
    assert both.offset(BEGIN) is None
    origin = replace(late.origin, wall_offset_ns=late.origin.wall_offset_ns + HOUR)
    assert Search(ENDS, COOKIES[0], made.sender, [replace(late, origin=origin)]).found() is None


def test_of_many_events_the_last_in_each_part_of_the_time_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is bounded, and the bytes that arrived are those of all events."""
    made = transfer()
    whole = made.receiver.end
    monkeypatch.setattr("tcctui.both_ends.one_end._MOST", 50)
    (few,) = EndsReader(made.receiver, ENDS.turned).read()
    assert 10 < len(few.acks) <= 100 < len(whole.acks)
    assert few.acks["arrived"][-1] == whole.acks["arrived"][-1]
    assert few.acks["ts_ns"][-1] == whole.acks["ts_ns"][-1]


def test_curves_of_both_ends() -> None:
    """The sender's window and rate, the receiver's queue and reading, on the sender's clock."""
    made = transfer()
    drawn = curves(pair(made))
    window = Window(BEGIN + 9 * SECOND, 8, 8)
    sent = drawn.sender["sent"].over(window).last
    arrived = drawn.receiver["received"].over(window).last
    total = int(made.receiver.samples["bytes_received"][-1])
    assert sent.sum() == pytest.approx(0.8 * total, rel=0.1)
    assert arrived == pytest.approx(sent, rel=0.1)
    assert drawn.sender["cwnd"].over(window).high.max() == 29 * 1448
    assert drawn.receiver["unread"].over(window).last[-1] == 3000
    assert drawn.receiver["rcvbuf"].over(window).last[-1] == 131_072
    assert drawn.receiver["out_of_order"].over(window).last[-1] == pytest.approx(1, rel=0.1)


def test_samples_close_together_make_no_spike() -> None:
    """A rate is that of a quarter of a second or more."""
    made = transfer()
    looks = made.receiver.samples
    again = looks[5:6].copy()
    again["ts_ns"] += MS
    again["bytes_received"] += 600
    close = replace(made.receiver, samples=joined([looks[:6], again, looks[6:]]))
    drawn = curves(pair(replace(made, receiver=close)))
    assert np.nanmax(drawn.receiver["read"].values) < 300_000


def test_retransmits_are_marks_of_the_sender() -> None:
    """They have no cookie: their addresses and ports say whose they are."""
    made = transfer()
    again = probes(BEGIN + SECOND, 0, local=SENDER, remote=RECEIVER)
    again["kind"] = EventKind.RETRANSMIT
    marked = replace(made.sender, events=together(made.sender.events, again))
    drawn = curves(pair(replace(made, sender=marked)))
    assert drawn.marks.kinds.tolist() == [MarkKind.RETRANSMIT]
    assert drawn.marks.when_ns.tolist() == [BEGIN + SECOND]


def test_a_curve_over_columns() -> None:
    """Extremes of each, the value from before in the first, and none where there was none."""
    curve = Curve(np.array([0, 10, 11, 30]) * SECOND, np.array([5.0, 1.0, 3.0, 9.0]))
    drawn = curve.over(Window(20 * SECOND, 12, 6))
    assert drawn.last[0] == 5
    assert (drawn.low[1], drawn.high[1], drawn.last[1]) == (1, 3, 3)
    assert np.isnan(drawn.last[2:]).all()
    total = Curve(np.array([0, 10, 20]) * SECOND, np.array([0.0, 100.0, 100.0]), total=True)
    assert total.over(Window(20 * SECOND, 20, 2)).last.tolist() == [10.0, 0.0]
    ended = curve._replace(over_ns=14 * SECOND).over(Window(20 * SECOND, 20, 4))
    assert np.isfinite(ended.last[:3]).tolist() == [True, False, True]
    assert np.isinf(ended.last[3:]).all()


def test_columns_of_a_window_have_the_moments_that_are_placed_in_them() -> None:
    """Their first and last moment are in them, and the next ones are not."""
    window = Window(7 * SECOND, 0.001, 7)
    for first, last in ((0, 0), (2, 4), (6, 6)):
        begin, end = window.between(first, last)
        at = np.array([begin - 1, begin, end, end + 1])
        assert window.places(at).tolist() == [first - 1, first, last, min(last + 1, 6)]
    assert end == window.until_ns


@dataclass
class Growing:
    """A machine whose recording grows: it has what there is `until_ns`."""

    machine: Machine
    until_ns: int
    asked_ns: list[int] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        """That of the machine."""
        return self.machine.origin

    @property
    def span(self) -> Span:
        """From the machine's first moment on."""
        return Span(self.machine.span.first_ns, self.until_ns)

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks that are whole by now."""
        self.asked_ns.append(after_ns)
        for chunk in self.machine.chunks(after_ns, until_ns, cookies):
            if after_ns < chunk.end_ns <= self.until_ns:
                yield chunk


def test_both_ends_read_on_where_recordings_grow() -> None:
    """As of live hosts: only what is new is read, and all of it is found as if read at once."""
    made = transfer()
    begin = made.sender.span.first_ns
    here, there = (
        Growing(machine, machine.span.first_ns + 4 * SECOND)
        for machine in (made.sender, made.receiver)
    )
    search = Search(ENDS, COOKIES[0], here, [there])
    first = search.found()
    assert first is not None
    assert not search.has_more
    half = len(first.here.acks)
    here.until_ns, there.until_ns = begin + 30 * SECOND, there.until_ns + 2 * SECOND
    assert search.has_more
    grown = search.found()
    assert grown is not None
    whole = pair(made)
    assert half < len(grown.here.acks) == len(whole.here.acks)
    assert (grown.here.acks == whole.here.acks).all()
    assert len(grown.there.acks) < len(whole.there.acks)
    assert here.asked_ns[1] == begin + 4 * SECOND, "what was read is not read again"
    # The receiver is known for a shorter time.
    known = search.until_ns(grown)
    there_ns = there.until_ns - made.offset(np.int64(known))
    assert abs(known - there_ns) < 100 * MS


def test_what_a_growing_recording_forgets_is_forgotten() -> None:
    """Memory has the last minutes alone: so have both ends."""
    made = transfer()
    first, last = made.sender.span
    here = Growing(made.sender, last)
    reader = EndsReader(here, ENDS)
    (whole,) = reader.read()
    here.machine = replace(
        made.sender,
        events=pick(made.sender.events, made.sender.events["ts_ns"] > first + 8 * SECOND),
        samples=pick(made.sender.samples, made.sender.samples["ts_ns"] > first + 8 * SECOND),
    )
    (rest,) = reader.read()
    assert 0 < len(rest.acks) < len(whole.acks) // 2
