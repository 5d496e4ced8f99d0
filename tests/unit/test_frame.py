"""A frame is of one instant, whatever comes meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from tcctui.flows.frame import (
    THIS_HOST,
    Arrangement,
    CloseRequest,
    FlowKey,
    Frame,
    FrameRequest,
    Ordered,
    Past,
    RowsRequest,
    Sparkline,
)
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.rewind.moment import Moment
from tcctui.ui.chart.charts import named
from tcctui.ui.table.sorting import ByKeys, SortKey
from tests.unit.events import NOTHING, SECOND, probes
from tests.unit.restless import Restless
from tests.unit.samples import NO_SAMPLES, gone, samples
from tests.unit.story import BEGIN_NS, Player

COOKIES = np.arange(1, 9, dtype="u8")
BY_CWND = ByKeys((SortKey("cwnd", descending=True),))
LINE = Sparkline("snd_cwnd", "max", 30, 10)
VISIBLE = 4


class Asking:
    """A request for the rows with the greatest windows that match, and the first one closely."""

    def __init__(self, text: str = "") -> None:
        self.order: Keys = np.empty(0, "u8")
        arrangement = Arrangement(parse(text), self._place, BY_CWND)
        self.request = FrameRequest(
            RowsRequest(self._visible, frozenset({"snd_cwnd"}), (LINE,), arrangement),
            {"first": CloseRequest(lambda: self.order[:1], frozenset({"srtt_us"}), self._pasts)},
            frozenset({"snd_cwnd"}),
        )

    def _place(self, ordered: Ordered) -> None:
        self.order = ordered.flows["cookie"][ordered.places]

    def _visible(self) -> Keys:
        return self.order[:VISIBLE]

    def _pasts(self, flows: Flows) -> list[Past]:
        return [Past(cookie, 60, 20) for cookie in flows["cookie"].tolist()]


def restless() -> tuple[Store, Restless]:
    """Make a store that changes between any two reads."""
    store = Store()
    changes = Restless(store, COOKIES, 100 * SECOND)
    changes.change()
    return store, changes


def test_separate_reads_contradict_each_other() -> None:
    """The store of these tests does what it is for: what is read first is over at the next read."""
    store, _ = restless()
    flows = store.flows(["snd_cwnd"])
    order = flows["cookie"][BY_CWND.in_order(flows, np.arange(flows.count))]
    cells = store.some_flows(order, ["snd_cwnd"])["snd_cwnd"].astype("i8")
    assert (np.diff(cells) > 0).any()


def test_all_of_a_frame_is_of_one_instant() -> None:
    """Order, cells, sparklines, histories, totals: each is what the others say, at every turn."""
    store, changes = restless()
    for _ in range(20):
        asking = Asking()
        before = changes.turns
        frame = store.frame(asking.request)
        assert changes.turns == before + 1
        assert frame.rows is not None
        assert frame.every is not None
        cells = frame.rows.cells
        windows = cells["snd_cwnd"]
        assert windows.tolist() == [107, 106, 105, 104]
        assert cells["cookie"].tolist() == asking.order[:VISIBLE].tolist()
        assert frame.rows.sparklines[LINE][:, -1].tolist() == windows.tolist()
        close = frame.close["first"]
        assert close.flows["srtt_us"].tolist() == [107 * 100]
        (past,) = close.pasts.values()
        assert past is not None
        assert past.series["snd_cwnd"].last[-1] == windows[0]
        assert sorted(frame.every["snd_cwnd"].tolist()) == list(range(100, 108))
        assert frame.every["snd_cwnd"][frame.every["cookie"] == cells["cookie"][0]] == windows[0]
        assert frame.totals.events == before * len(COOKIES)
        assert frame.now_ns == cells.now_ns == close.flows.now_ns == frame.every.now_ns


def test_a_filter_matches_what_the_cells_say() -> None:
    """No row is there whose own cell says that it should not be; `found` counts those that are.

    A flow that is kept has a row though it does not match; it is not among those found.
    """
    store, _ = restless()
    for _ in range(20):
        rows = store.frame(Asking("cwnd>=106").request).rows
        assert rows is not None
        assert rows.cells["snd_cwnd"].tolist() == [107, 106]
        assert rows.found == 2
    taken: list[Ordered] = []
    arrangement = Arrangement(parse("cwnd>1000"), taken.append, kept=np.array([3, 99], "u8"))
    request = RowsRequest(lambda: COOKIES[:0], frozenset(), arrangement=arrangement)
    rows = store.frame(FrameRequest(request)).rows
    (ordered,) = taken
    assert ordered.flows["cookie"][ordered.places].tolist() == [3]
    assert rows is not None
    assert rows.found == 0


def test_without_an_arrangement_rows_stay_where_they_are() -> None:
    """A key that only moves the cursor reads the rows in sight, and no other."""
    store, _ = restless()
    request = RowsRequest(lambda: np.array([5, 42, 2], "u8"), frozenset({"snd_cwnd"}), (LINE,))
    frame = store.frame(FrameRequest(request))
    assert frame.rows is not None
    assert frame.rows.cells["cookie"].tolist() == [5, 2]  # 42 is not known
    assert frame.rows.sparklines[LINE].shape == (2, LINE.columns)
    assert frame.rows.found is None


def test_a_flow_has_the_same_key_now_and_in_the_past() -> None:
    """Its cookie, on this host; the caption names a host only where there are several."""
    key = Store().key(7)
    assert key == Moment(Player().log).key(7) == (THIS_HOST, 7)
    assert named(key) == "cookie 7"
    assert named(FlowKey("web-3", 7)) == "cookie 7 on web-3"


def test_a_moment_does_not_change_while_a_frame_is_made_of_it() -> None:
    """Another thread that goes to a later moment waits until the frame is there."""
    player = Player()
    for turn in range(1, 6):
        events = probes(BEGIN_NS + turn * SECOND, COOKIES, snd_cwnd=turn * 10)
        player.batch(events, NO_SAMPLES, BEGIN_NS + turn * SECOND)
    player.tape.flush(BEGIN_NS + 5 * SECOND)
    moment = Moment(player.log)
    moment.go(BEGIN_NS + 2 * SECOND)
    other = threading.Thread(target=moment.go, args=(BEGIN_NS + 4 * SECOND,))
    asking = Asking()

    def first() -> Keys:
        other.start()
        other.join(0.3)
        assert other.is_alive()
        return asking.order[:VISIBLE]

    rows = asking.request.rows
    assert rows is not None
    late = RowsRequest(first, rows.cells, rows.sparklines, rows.arrangement)
    frame = moment.frame(FrameRequest(late, asking.request.close))
    other.join()
    assert frame.rows is not None
    assert frame.rows.cells["snd_cwnd"].tolist() == [20] * VISIBLE
    assert frame.now_ns == frame.close["first"].flows.now_ns == BEGIN_NS + 2 * SECOND
    again = moment.frame(Asking().request)
    assert again.rows is not None
    assert again.rows.cells["snd_cwnd"].tolist() == [40] * VISIBLE


def test_a_frame_holds_until_something_changes_or_the_clock_shows() -> None:
    """Events, samples, rates that fall and the next second end it; a batch of nothing does not.

    Without flows, time alone ends it never.
    """
    store = Store()

    def framed_at(now_ns: int) -> Frame:
        store.ingest(NOTHING, now_ns)
        return store.frame(Asking().request)

    framed_at(100 * SECOND)
    empty = framed_at(101 * SECOND)  # the rate of events is known by now
    store.ingest(NOTHING, 102 * SECOND)
    assert store.unchanged(empty)
    for turn in range(3):
        store.ingest(probes(300 * SECOND + turn, COOKIES[:2], snd_una=turn * 1000), 300 * SECOND)
        assert not store.unchanged(empty)

    moving = framed_at(301 * SECOND)
    store.ingest(NOTHING, moving.until_ns - 1)
    assert store.version != moving.version
    for turn in range(8):
        still = framed_at(303 * SECOND + turn * SECOND // 2)
    assert still.now_ns < still.until_ns <= still.now_ns + SECOND
    store.ingest(NOTHING, still.until_ns - 1)
    assert store.unchanged(still)
    store.ingest(NOTHING, still.until_ns)
    assert not store.unchanged(still)
    assert store.version == still.version
    again = framed_at(still.until_ns)
    store.ingest_samples(samples(again.now_ns, COOKIES[:1]), again.now_ns)
    assert not store.unchanged(again)


def test_a_sample_that_says_the_same_changes_nothing() -> None:
    """Of an idle connection only its clocks go on; another value is a change, and so is an end.

    So is one that says the same as the sample before an event.
    """
    store = Store()
    now_ns = 100 * SECOND

    def sampled(**values: Any) -> Frame:
        nonlocal now_ns
        now_ns += 1000
        store.ingest_samples(samples(now_ns, COOKIES, **values), now_ns)
        return store.frame(Asking().request)

    first = sampled(last_data_recv=5, rtt=100)
    assert sampled(last_data_recv=9, rtt=100).version == first.version
    changed = sampled(rtt=101)
    assert changed.version != first.version
    store.ingest(probes(now_ns + 1, COOKIES[:1], srtt=7), now_ns + 1)
    between = store.frame(Asking().request)
    changed = sampled(rtt=101)
    assert changed.version != between.version
    store.ingest_samples(gone(now_ns + 1, COOKIES[:1]), now_ns + 1)
    assert not store.unchanged(changed)


def test_a_frame_of_a_copy_holds_in_both_until_one_changes() -> None:
    """Versions belong to what is known, not to the object that knows it."""
    store = Store()
    store.ingest(probes(SECOND, COOKIES), SECOND)
    frame = store.frame(Asking().request)
    twin = store.copy()
    assert twin.unchanged(frame)
    twin.ingest(probes(SECOND + 1, COOKIES), SECOND + 1)
    assert store.unchanged(frame)
    store.ingest(probes(SECOND + 1, COOKIES, snd_cwnd=3), SECOND + 1)
    assert twin.version != store.version


def test_a_moment_holds_until_another_one_is_shown() -> None:
    """The past does not age; the same moment of other histories is another version."""
    player = Player()
    for turn in range(1, 6):
        events = probes(BEGIN_NS + turn * SECOND, COOKIES, snd_cwnd=turn * 10)
        player.batch(events, NO_SAMPLES, BEGIN_NS + turn * SECOND)
    player.tape.flush(BEGIN_NS + 5 * SECOND)
    moment = Moment(player.log)
    moment.go(BEGIN_NS + 2 * SECOND)
    before = moment.frame(Asking().request)
    assert moment.unchanged(before)
    moment.look_at(COOKIES[:1], 60)
    assert not moment.unchanged(before)
    prepared = moment.frame(Asking().request)
    assert moment.unchanged(prepared)
    moment.go(BEGIN_NS + 4 * SECOND)
    assert not moment.unchanged(prepared)
