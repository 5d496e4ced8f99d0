"""Clocks of two machines, aligned by what the kernel said of one connection between them."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from tcctui.arrays import Records
from tcctui.both_ends.curves import curves
from tcctui.both_ends.one_end import Ends
from tcctui.both_ends.pair import Search
from tcctui.flows.history.curve import Window
from tcctui.recording.chunks import NO_EVENTS
from tcctui.recording.file import Recording
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES
from tests.kernel import limited
from tests.kernel.command import TCCTUI, Command
from tests.kernel.traffic import PORT, cookie
from tests.unit.exchange import Machine

pytestmark = pytest.mark.kernel

OFFSET, DRIFT = 1_234_567_891_011, 50e-6


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Machine]:
    """Record a transfer over 20 ms to a small SO_RCVBUF; each end is then a machine's own.

    The receiver's clock is made another one: the kernel's programs know but the machine's.
    """
    path = tmp_path_factory.mktemp("both") / "it.arrows"
    with (
        limited.small_receive_buffer() as client,
        Command(TCCTUI, "record", "--port", str(PORT), "--duration", "4", str(path)) as command,
    ):
        own = cookie(client)
        assert command.wait() == 0, command.stderr
    with closing(Recording(path)) as recording:
        chunks = list(recording.chunks(0, 1 << 62))
        origin = recording.origin
    events = joined([NO_EVENTS, *(chunk.events for chunk in chunks)])
    samples = joined([NO_SAMPLES, *(chunk.samples for chunk in chunks)])
    mine = pick(samples, samples["sock_cookie"] == own)[0]
    ends = Ends(
        *(tuple(int(half) for half in mine[name]) for name in ("saddr", "daddr")),  # type: ignore[arg-type]
        *(int(mine[name]) for name in ("sport", "dport")),
    )
    theirs = pick(samples, ends.turned.of(samples))["sock_cookie"][0]

    def of(records: Records, whose: Ends) -> Records:
        return pick(records, whose.of(records))

    def late(records: Records) -> Records:
        when = records["ts_ns"].astype("f8") * DRIFT
        records["ts_ns"] += (OFFSET + when).astype("u8")
        return records

    return (
        Machine(origin, own, ends, of(events, ends), of(samples, ends)),
        Machine(
            *(origin, int(theirs), ends.turned),
            *(late(of(part, ends.turned)) for part in (events, samples)),
        ),
    )


def test_the_true_offset_is_found(machines: tuple[Machine, Machine]) -> None:
    """It is within the interval, which is about as wide as the path's 20 ms and a sample's time."""
    sender, receiver = machines
    both = Search(sender.ends, sender.cookie, sender, [receiver]).found()
    assert both is not None
    assert both.sender_is_here
    first, last = both.here.span
    for moment in np.linspace(first, last, 20).astype("i8").tolist():
        offset = both.offset(moment)
        assert offset is not None
        assert offset.low_ns <= OFFSET + DRIFT * moment <= offset.high_ns
        assert offset.margin_ns < 60e6


def test_both_ends_show_the_small_receive_buffer(machines: tuple[Machine, Machine]) -> None:
    """The receiver's rcvbuf and window, and the sender's cwnd, which is not what limits."""
    sender, receiver = machines
    both = Search(receiver.ends, receiver.cookie, receiver, [sender]).found()
    assert both is not None
    assert not both.sender_is_here
    drawn = curves(both)
    begin, until = both.here.span
    whole = Window(until, (until - begin) / 1e9 - 0.5, 3)  # but for its first packets
    window = np.nanmax(drawn.receiver["rcv_wnd"].over(whole).high)
    flight = np.nanmax(drawn.sender["in_flight"].over(whole).high)
    rcvbuf = np.nanmax(drawn.receiver["rcvbuf"].over(whole).last)
    assert rcvbuf == 65_536, "twice what was asked for"
    assert window < 65_536
    assert 0.5 * window < flight <= window
    sent, got = (
        np.nansum(of.over(whole).last) for of in (drawn.sender["sent"], drawn.receiver["received"])
    )
    assert sent == pytest.approx(got, rel=0.1)
