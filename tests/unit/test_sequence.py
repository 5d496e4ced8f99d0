"""The time–sequence diagram: what each ACK tells, and when; and its file for xplot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tcctui.arrays import Records
from tcctui.errors import UsageError
from tcctui.export.command import export
from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.timeline import Origin, Span
from tcctui.sequence import xplot
from tcctui.sequence.diagram import Diagram, diagram
from tcctui.sequence.flow_reader import FlowReader
from tcctui.wire.events import DROPPED, RECOVERY, CaState, EventKind, Events
from tcctui.wire.inside import ACK, ACK_KIND, NO_INSIDES, Insides
from tcctui.wire.records import joined
from tcctui.wire.retransmits import Cause
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import MS, NOTHING, SECOND, probes
from tests.unit.recordings import chunk, written

BEGIN = 100 * SECOND
FIRST = (1 << 32) - 2000  # it wraps around amid the diagram


class Tape:
    """A timeline of records, in chunks of a second."""

    def __init__(
        self,
        events: Events = NOTHING,
        acks: Records | None = None,
        sockets: Records = NO_INSIDES.sockets,
    ) -> None:
        self._events, self._sockets = events, sockets
        self._acks = np.empty(0, ACK) if acks is None else acks
        self.origin = Origin("host")
        self.span = Span(BEGIN, BEGIN + 10 * SECOND)
        self.read = 0

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Give the chunks of a time."""
        for begin in range(self.span.first_ns, self.span.last_ns, SECOND):
            end = begin + SECOND
            if end > after_ns and begin <= until_ns:
                self.read += 1
                parts = [
                    by_flow(part[(part["ts_ns"] > begin) & (part["ts_ns"] <= end)])
                    for part in (self._events, self._acks, self._sockets)
                ]
                insides = Insides(parts[2], NO_INSIDES.algorithms, parts[1])
                yield Chunk(begin, end, parts[0], NO_SAMPLES, insides=insides)


def acks(at_ms: npt.ArrayLike, **fields: npt.ArrayLike) -> Records:
    """Make records of ACKs; sequence numbers are less `FIRST`."""
    made = np.zeros(np.size(at_ms), ACK)
    made["ts_ns"], made["sock_cookie"], made["kind"] = BEGIN + np.asarray(at_ms) * MS, 1, ACK_KIND
    for name, values in fields.items():
        made[name] = sequence(values) if name in {"snd_una", "snd_nxt", "sacks"} else values
    return made


def sequence(numbers: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Sequence numbers of bytes from the begin."""
    return ((np.asarray(numbers, "i8") + FIRST) & 0xFFFFFFFF).astype("u4")


def retransmit(at_ms: int, low: int, high: int, una: int, *, known: bool = True) -> Events:
    """Make a fast retransmission."""
    made = probes(BEGIN + at_ms * MS, 0, snd_una=sequence(una))
    made["kind"] = EventKind.RETRANSMIT
    at = made.view(RECOVERY)
    at["known"], at["ca_state"] = known, CaState.RECOVERY
    at["seq"], at["end_seq"] = sequence(low), sequence(high)
    return made


def drawn(
    events: Events = NOTHING,
    told: Records | None = None,
    sockets: Records = NO_INSIDES.sockets,
) -> Diagram:
    """Work out a diagram."""
    made = diagram(FlowReader(Tape(events, told, sockets), 1).read(0, BEGIN + 10 * SECOND))
    assert made is not None
    return made


def ms(moments: Iterable[int]) -> list[float]:
    """Milliseconds since the begin."""
    return [(moment - BEGIN) / MS for moment in moments]


def test_an_ack_takes_effect_at_its_own_moment() -> None:
    """A record has the values from before its ACK: those of the next one hold since then."""
    told = acks([100, 130, 160], snd_una=[0, 1000, 3000], snd_nxt=[3000, 4000, 5000], snd_wnd=9000)
    made = drawn(told=told)
    assert made.begin == FIRST
    assert ms(made.acknowledged.when_ns) == [100, 100, 130]
    assert made.acknowledged.values.tolist() == [0, 1000, 3000]
    assert made.sent.values.tolist() == [3000, 4000, 5000]
    assert made.window.values.tolist() == [9000, 10_000, 12_000]
    assert made.has_sacks


def test_events_for_several_acks_are_as_of_their_last() -> None:
    """What lies between two coalesced events is not known: values hold from the second one on."""
    events = probes(
        BEGIN + np.array([100, 200]) * MS,
        snd_una=sequence([0, 5000]),
        snd_nxt=sequence(9000),
        acks=[5, 9],
        srtt=20_000,
    )
    made = drawn(events)
    assert ms(made.acknowledged.when_ns) == [100, 200]
    assert not made.has_sacks
    assert made.srtt.values.tolist() == [20_000, 20_000]
    assert not len(made.rtt.when_ns)


@pytest.mark.parametrize(
    ("cookie", "sacked_out", "known"), [(1, [0, 0], True), (1, [0, 2], False), (2, [0, 0], False)]
)
def test_where_nothing_was_sacked_nothing_is_missing(
    cookie: int, sacked_out: list[int], known: bool
) -> None:
    """`record --inside` keeps SACKs alone of ACKs that came while something was SACKed."""
    sockets = np.zeros(2, NO_INSIDES.sockets.dtype)
    sockets["ts_ns"], sockets["sock_cookie"] = BEGIN + np.array([100, 200]) * MS, cookie
    sockets["sacked_out"] = sacked_out
    events = probes(BEGIN + np.array([100, 200]) * MS, snd_una=sequence([0, 5000]))
    assert drawn(events, sockets=sockets).has_sacks == known


def test_an_ack_that_was_told_twice_is_one() -> None:
    """Of an ACK's event and its own record there is one, with the event's srtt."""
    told = acks([100, 130], snd_una=[0, 1000], snd_nxt=3000, rtt_us=[0, 7000])
    events = probes(
        BEGIN + np.array([100, 130]) * MS,
        snd_una=sequence([0, 1000]),
        srtt=[5000, 6000],
        acks=[1, 2],
    )
    made = drawn(events, told)
    assert len(made.acknowledged.when_ns) == 2
    assert made.srtt.values.tolist() == [5000, 6000]
    assert made.rtt.values[1] == 7000


def test_after_a_pause_data_was_sent_one_rtt_before_its_ack() -> None:
    """No ACK let it out: the one that acknowledges all of it came a round trip later."""
    told = acks(
        [100, 2000, 2100],
        snd_una=[0, 1000, 2000],
        snd_nxt=[1000, 2000, 2000],
        rtt_us=[0, 20_000, 30_000],
    )
    assert ms(drawn(told=told).sent.when_ns) == [100, 1970, 2000]


def test_ranges_of_sack_are_drawn_once() -> None:
    """Each at the ACK that told it first; while nothing is SACKed, what is left of one is not."""
    empty = [-FIRST] * 2
    one, more = [4000, 5000], [4000, 6000]
    told = acks(
        [100, 110, 120, 130, 140],
        snd_una=[1000, 1000, 1000, 1000, 6000],
        snd_nxt=6000,
        sacked_out=[0, 1, 1, 2, 0],
        sacks=[[*empty * 4], [*one, *empty * 3], [*one, *empty * 3], [*more, *empty * 3], more * 4],
    )
    made = drawn(told=told).sacked
    assert ms(made.when_ns) == [100, 120]
    assert [*zip(made.low.tolist(), made.high.tolist(), strict=True)] == [
        (3000, 4000),
        (3000, 5000),
    ]


def test_retransmissions_have_their_ranges_and_causes() -> None:
    """They are found by the connection's ends where they have no cookie; another's are left out.

    Of one whose data the kernel does not tell, as without BTF, it is what ACKs had reached.
    """
    told = acks([100, 200], snd_una=[1000, 4000], snd_nxt=9000)
    one = probes(BEGIN + 50 * MS, snd_una=sequence(1000), acks=0)
    other = retransmit(150, 1000, 2000, 1000)
    other["sport"] += 1
    unknown = retransmit(250, 0, 0, 0, known=False)
    unknown["snd_una"] = 0
    events = joined([one, retransmit(150, 2000, 3000, 1000), unknown, other])
    made = drawn(events, told).retransmitted
    assert made.low.tolist() == [1000, 3000]
    assert made.high.tolist() == [2000, 3000]
    assert made.kinds.tolist() == [Cause.FAST, Cause.UNKNOWN]


def test_drops_have_their_ranges() -> None:
    """A segment that this machine dropped is drawn where its data is."""
    drop = probes(BEGIN + 150 * MS, 0)
    drop["kind"] = EventKind.DROP
    drop.view(DROPPED)["seq"], drop.view(DROPPED)["bytes"] = sequence(3000), 500
    one = probes(BEGIN + 50 * MS, snd_una=sequence(1000))
    made = drawn(joined([one, drop])).dropped
    assert (made.low.tolist(), made.high.tolist()) == ([2000], [2500])


def test_dsacks_are_drawn_where_they_came() -> None:
    """An ACK with which the number of segments that came twice grew has a mark of its own."""
    told = acks([100, 130, 160], snd_una=[0, 1000, 3000], snd_nxt=5000, dsack_dups=[3, 3, 4])
    made = drawn(told=told).duplicated
    assert ms(made.when_ns) == [130]
    assert made.low.tolist() == [3000]


def test_only_what_is_new_is_read() -> None:
    """A reader goes on where the timeline grows, and begins anew for an earlier time."""
    tape = Tape(NOTHING, acks(np.arange(100, 9000, 100), snd_una=0, snd_nxt=0))
    reader = FlowReader(tape, 1)
    first = reader.read(BEGIN + 2 * SECOND, BEGIN + 5 * SECOND)
    before = tape.read
    second = reader.read(BEGIN + 2 * SECOND, BEGIN + 6 * SECOND)
    assert tape.read - before <= 2
    assert len(second.acks) == len(first.acks) + 10
    whole = reader.read(0, BEGIN + 6 * SECOND)
    assert len(whole.acks) == 60
    assert (np.diff(whole.acks["ts_ns"].astype("i8")) > 0).all()


def test_nothing_is_no_diagram() -> None:
    """Without an ACK there is nothing to draw."""
    assert diagram(FlowReader(Tape(), 1).read(0, BEGIN + SECOND)) is None


def test_the_file_for_xplot_has_all_of_it() -> None:
    """Read back: staircases, segments, retransmits with their cause, ranges of SACK."""
    told = acks(
        [100, 130, 160],
        snd_una=[0, 1000, 3000],
        snd_nxt=[3000, 4000, 5000],
        snd_wnd=9000,
        sacked_out=[0, 1, 0],
        sacks=[[-FIRST] * 8, [2000, 3000, *[-FIRST] * 6], [-FIRST] * 8],
    )
    one = probes(BEGIN + 50 * MS, snd_una=sequence(0), snd_nxt=sequence(0))
    one = probes(BEGIN + 50 * MS, snd_una=sequence(0), snd_nxt=sequence(0))
    events = joined([one, retransmit(131, 1000, 2000, 1000)])
    lines = [*xplot.lines(drawn(events, told), "a → b", 7 * SECOND)]
    assert lines[:3] == ["timeval unsigned", "title", "a → b"]
    assert lines[-1] == "go"
    found = _segments(lines)
    assert found["red"] == [(107.131, 1000, 2000, "FR")]
    assert found["purple"] == [(107.1, 2000, 3000, "S")]
    assert [(low, high) for _, low, high, _ in found["white"]] == [
        (0, 3000),
        (3000, 4000),
        (4000, 5000),
    ]
    assert {high for _, _, high, _ in found["green"]} == {0, 1000, 3000}
    assert max(high for _, _, high, _ in found["yellow"]) == 12_000


def _segments(lines: list[str]) -> dict[str, list[tuple[float, int, int, str]]]:
    """Vertical and level lines by colour, each with the text that follows it."""
    found: dict[str, list[tuple[float, int, int, str]]] = {}
    colour = ""
    for at, line in enumerate(lines):
        if line in {"red", "white", "green", "yellow", "purple", "orange"}:
            colour = line
        if line.startswith("line "):
            begin, low, _, high = line.split()[1:]
            text = lines[at + 2] if lines[at + 1][1:5] == "text" else ""
            found.setdefault(colour, []).append((float(begin), int(low), int(high), text))
    return found


@pytest.mark.parametrize(("name", "xplot"), [("out.xpl", False), ("out.any", True)])
def test_export_writes_it(tmp_path: Path, name: str, xplot: bool) -> None:
    """By the suffix, or by the option; it is of one flow, and says so."""
    source, out = written(tmp_path / "a.arrows", chunk(1)), tmp_path / name
    with pytest.raises(UsageError, match="of one connection"):
        export(source, out, xplot=xplot, progress=False)
    export(source, out, xplot=xplot, flow="1", progress=False)
    assert out.read_text().endswith("go\n")
