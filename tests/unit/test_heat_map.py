"""Heat map of round-trip times: which sample counts where, and where there are too few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tcctui.arrays import Records
from tcctui.flows.groups.heat_map import FLOOR, STAMP_NS, TIME, heat_map
from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.timeline import Origin, Span
from tcctui.rewind.round_trips import round_trips
from tests.unit.events import MS, SECOND, probes
from tests.unit.samples import samples

AT = 1000 * SECOND


def times(seconds_before: npt.ArrayLike, srtt: npt.ArrayLike) -> Records:
    """Make samples so long before `AT`."""
    made = np.zeros(np.broadcast(seconds_before, srtt).size, TIME)
    made["stamp"] = (AT - np.asarray(seconds_before) * SECOND) // STAMP_NS
    made["srtt"] = srtt
    return made


def test_samples_are_counted_by_time_and_srtt() -> None:
    """Each is in the column of its time and the bin of its srtt; others do not count."""
    told = times([59.95, 30.05, 30.05, 0.1, 61, -1, 10], [1000, 1000, 9000, 2000, 5000, 5000, 0])
    made = heat_map(told, AT, 60, 60, 20)
    assert made.samples.sum() == 4
    assert np.flatnonzero(made.samples).tolist() == [0, 29, 59]
    assert made.counts.sum(0).tolist() == made.samples.tolist()
    bins = [made.bin_of(srtt) for srtt in (1000, 9000, 2000)]
    assert made.counts[bins[0], [0, 29]].tolist() == [1, 1]
    assert made.counts[bins[1], 29] == made.counts[bins[2], 59] == 1
    assert made.edges[0] <= 1000
    assert made.edges[-1] > 9000
    assert len(made.counts) <= 20


def test_bins_are_as_wide_as_each_other() -> None:
    """On the logarithmic scale, but for round numbers."""
    made = heat_map(times(1, [50, 500_000]), AT, 60, 60, 20)
    ratios = made.edges[1:] / made.edges[:-1]
    assert ratios.max() / ratios.min() < 1.3


def test_few_samples_have_no_shares() -> None:
    """Below the floor a column's shares are not known, from it on they are parts of 1."""
    told = times([5] * FLOOR + [9] * (FLOOR - 1), 1000)
    shares = heat_map(told, AT, 60, 60, 10).shares()
    assert np.nansum(shares[:, 55]) == 1
    assert np.isnan(shares[:, 51]).all()


def test_nothing_has_no_bin() -> None:
    """Without a sample there is nothing to draw."""
    made = heat_map(times([], []), AT, 60, 60, 10)
    assert made.counts.shape == (0, 60)
    assert made.bin_of(1000) == -1


class Tape:
    """A timeline: flow 1 has ACKs each 10 ms, flow 2 only samples, flow 3 no srtt."""

    def __init__(self) -> None:
        self.origin = Origin("host")
        self.span = Span(AT, AT + 10 * SECOND)
        self.read = 0

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Give the chunks of a time."""
        for begin in range(self.span.first_ns, self.span.last_ns, SECOND):
            if begin + SECOND > after_ns and begin <= until_ns:
                self.read += 1
                when = begin + 5 * MS + np.arange(100) * 10 * MS
                events = probes(np.tile(when, 2), np.repeat([1, 3], 100), srtt=0)
                events["srtt"][:100] = 1000 + np.arange(100)
                looks = samples([begin + 7 * MS] * 2, [1, 2], rtt=30_000)
                yield Chunk(begin, begin + SECOND, by_flow(events), by_flow(looks))


def test_each_connection_counts_once_in_a_tenth_of_a_second() -> None:
    """The last of its ACKs; a sample only where there was no ACK."""
    found = round_trips(Tape()).read(AT, AT + SECOND - 1)
    assert (found["cookie"] == 1).sum() == 10
    own = np.sort(found["srtt"][found["cookie"] == 1])
    assert own.tolist() == [1009 + 10 * number for number in range(10)]
    assert found["srtt"][found["cookie"] == 2].tolist() == [30_000]
    assert not (found["cookie"] == 3).any()


def test_only_new_times_are_read() -> None:
    """It goes on where it was; of an earlier time, it begins anew."""
    tape = Tape()
    reader = round_trips(tape)
    reader.read(AT, AT + 5 * SECOND)
    before = tape.read
    found = reader.read(AT + SECOND, AT + 6 * SECOND)
    assert tape.read - before <= 2
    assert (found["cookie"] == 1).sum() == len(np.unique(found["stamp"][found["cookie"] == 1]))
    reader.read(AT + 9 * SECOND, AT + 10 * SECOND)
    found = reader.read(AT, AT + 10 * SECOND)
    assert found["stamp"].min() == AT // STAMP_NS
