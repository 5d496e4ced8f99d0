"""Numbers as a person reads them: right but for rounding, and no wider than their column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcctui.flows.columns import FIELDS
from tcctui.flows.snapshot import Flows
from tcctui.ui.style import units
from tcctui.ui.table.columns import COLUMNS, TableColumn
from tcctui.wire.events import NO_SSTHRESH, TcpState

DAY = 86400

# What each form shows


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7"), (999, "999"), (2304, "2,304"), (1234567, "1,234,567"), (2.4, "2")],
)
def test_count(value: float, text: str) -> None:
    """A plain number has separators for thousands."""
    assert units.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9, "9"),
        (9.994, "9.99"),
        (9.995, "10.0"),
        (99.94, "99.9"),
        (99.95, "100"),
        (999, "999"),
        (999.4, "999"),
        (999.5, "1.00k"),
        (999.95, "1.00k"),
        (1000, "1.00k"),
        (1005, "1.00k"),
        (1250, "1.25k"),
        (9994, "9.99k"),
        (9995, "10.0k"),
        (41_234, "41.2k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (999_950, "1.00M"),
        (12_500_000, "12.5M"),
        (999_500_000, "1.00G"),
        (2**32 - 1, "4.29G"),
        (7.2e12, "7.20T"),
    ],
)
def test_short_count(value: float, text: str) -> None:
    """A number is cut to three digits, and rounding never makes a fourth one."""
    assert units.short_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (84, "84"),
        (65_535, "65535"),
        (NO_SSTHRESH - 1, None),
        (NO_SSTHRESH, "∞"),
        (2**32 - 1, "∞"),
    ],
)
def test_segments(value: int, text: str | None) -> None:
    """A window is whole segments; a threshold that was never set is ∞, and only that is."""
    shown = units.segments(value)
    assert shown != "∞" if text is None else shown == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1000, "1000 B"),
        (1023, "1023 B"),
        (1024, "1.00 Ki"),
        (1536, "1.50 Ki"),
        (10 * 1024 + 512, "10.5 Ki"),
        (64 * 1024, "64.0 Ki"),
        (65_535, "64.0 Ki"),
        (1000 * 1024, "1000 Ki"),
        (1023 * 1024, "1023 Ki"),
        (2**20 - 1, "1.00 Mi"),
        (2**20, "1.00 Mi"),
        (2**32 - 1, "4.00 Gi"),
        (3 * 2**40, "3.00 Ti"),
    ],
)
def test_size(value: int, text: str) -> None:
    """Bytes are in powers of 1024, with the unit."""
    assert units.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-1, "0"),
        (1, "8 b/s"),
        (0.5, "4 b/s"),
        (124.9, "999 b/s"),
        (124.99, "1.00 kb/s"),
        (125, "1.00 kb/s"),
        (11_512_500, "92.1 Mb/s"),
        (124_937_500, "1.00 Gb/s"),
        (12.5e9, "100 Gb/s"),
        (125e9, "1.00 Tb/s"),
    ],
)
def test_rate(value: float, text: str) -> None:
    """Bytes per second are shown as bits per second, in powers of 1000."""
    assert units.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000 ms"),
        (52, "0.052 ms"),
        (999, "0.999 ms"),
        (1000, "1.00 ms"),
        (1250, "1.25 ms"),
        (9994, "9.99 ms"),
        (9995, "10.0 ms"),
        (38_100, "38.1 ms"),
        (99_949, "99.9 ms"),
        (99_950, "100 ms"),
        (999_950, "1000 ms"),
        (9_999_499, "9999 ms"),
        (9_999_500, "10.0 s"),
        (61_250_000, "61.2 s"),
        (2**32 - 1, "4295.0 s"),
    ],
)
def test_milliseconds(value: int, text: str) -> None:
    """A round-trip time has three digits, and seconds where milliseconds would be five."""
    assert units.milliseconds(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (4.2, "4.2s"),
        (9.9, "9.9s"),
        (10, "10s"),
        (59.99, "59s"),
        (60, "1m00s"),
        (185, "3m05s"),
        (3599.9, "59m59s"),
        (3600, "1h00m"),
        (7800, "2h10m"),
        (DAY - 1, "23h59m"),
        (DAY, "1d00h"),
        (5 * DAY + 3 * 3600 + 3599, "5d03h"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    """A stretch of time is shown in its two largest units, none of which is full."""
    assert units.age(seconds * 1e9) == text


# What holds for all numbers

SCALES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
BINARY = {"B": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
AGES = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def read_short(text: str) -> float:
    """Read a number with a prefix."""
    number, prefix = re.fullmatch(r"([\d.]+)([kMGT]?)", text).groups()  # type: ignore[union-attr]
    return float(number) * SCALES[prefix]


def read_size(text: str) -> float:
    """Read a number of bytes."""
    number, unit = text.split()
    return float(number) * BINARY[unit]


def read_rate(text: str) -> float:
    """Read bits per second, as bytes."""
    number, unit = text.split() if text != "0" else ("0", "b/s")
    return float(number) * SCALES[unit.removesuffix("b/s")] / 8


def read_milliseconds(text: str) -> float:
    """Read a time, in microseconds."""
    number, unit = text.split()
    return float(number) * {"ms": 1e3, "s": 1e6}[unit]


def read_age(text: str) -> float:
    """Read an age, in nanoseconds."""
    parts = re.findall(r"([\d.]+)([smhd])", text)
    assert "".join(number + unit for number, unit in parts) == text
    return sum(float(number) * AGES[unit] for number, unit in parts) * 1e9


@settings(max_examples=400)
@given(value=st.integers(0, 10**15 - 1) | st.floats(0, 1e15 - 1e12))
def test_short_counts_are_near(value: float) -> None:
    """Three digits are shown right, and no more than five characters are needed."""
    text = units.short_count(value)
    assert read_short(text) == pytest.approx(value, rel=0.0051, abs=0.0051)
    assert len(text) <= 5


@settings(max_examples=400)
@given(value=st.integers(0, 2**32 - 1))
@example(value=NO_SSTHRESH - 1)
def test_segments_are_near(value: int) -> None:
    """A window that is no infinite threshold is shown right to three digits, a usual one whole."""
    text = units.segments(value)
    if value >= NO_SSTHRESH:
        assert text == "∞"
    elif value < 10**6:
        assert text == str(value)
    else:
        assert read_short(text) == pytest.approx(value, rel=0.0051)


@settings(max_examples=400)
@given(value=st.integers(0, 2**50))
def test_sizes_are_near(value: int) -> None:
    """Bytes are shown right to three digits."""
    assert read_size(units.size(value)) == pytest.approx(value, rel=0.0051)


@settings(max_examples=400)
@given(value=st.floats(0, 1e14))
def test_rates_are_near(value: float) -> None:
    """Rates are shown right to three digits, or to a hundredth of a bit."""
    assert read_rate(units.rate(value)) == pytest.approx(value, rel=0.0051, abs=0.001)


@settings(max_examples=400)
@given(value=st.integers(0, 2**32 - 1))
def test_times_are_near(value: int) -> None:
    """Round-trip times are shown right to three digits."""
    assert read_milliseconds(units.milliseconds(value)) == pytest.approx(value, rel=0.0051, abs=0.5)


@settings(max_examples=400)
@given(value=st.integers(0, 90 * DAY * 10**9))
@example(value=9_960_000_000)
def test_ages_are_never_ahead(value: int) -> None:
    """An age is shown as what is over, to a tenth of a second, or to the smaller of its units."""
    units_below = ((10, 0.1), (3600, 1), (DAY, 60), (math.inf, 3600))
    smaller = next(unit for below, unit in units_below if value < below * 1e9)
    assert value - smaller * 1e9 < read_age(units.age(value)) <= value + 0.05e9


@settings(max_examples=400)
@given(
    form=st.sampled_from(
        [
            (units.short_count, read_short),
            (units.size, read_size),
            (units.rate, read_rate),
            (units.milliseconds, read_milliseconds),
            (units.age, read_age),
        ]
    ),
    value=st.integers(0, 2**32) | st.integers(0, 10**14),
    more=st.integers(0, 10**4) | st.integers(0, 10**9),
)
@example(form=(units.age, read_age), value=9_940_000_000, more=20_000_000)
def test_a_larger_number_never_reads_smaller(
    form: tuple[Callable[[float], str], Callable[[str], float]], value: int, more: int
) -> None:
    """What grows is never shown as shrinking, across all boundaries between units."""
    write, read = form
    assert read(write(value)) <= read(write(value + more))


# What the table has room for


def cell(column: TableColumn, name: str, value: float) -> str:
    """Give the text of a column for one flow with a value."""
    columns = {need: np.zeros(1, FIELDS.get(need, "i8")) for need in (*column.needs, "cookie")}
    columns[name][0] = value
    (text,) = column.cells(Flows(0, columns))
    return text


BY_NAME = {column.name: column for column in COLUMNS}


@pytest.mark.parametrize("name", ["cwnd", "ssthresh", "srtt", "in_flight", "rcv_wnd", "snd_wnd"])
@settings(max_examples=300)
@given(data=st.data())
def test_numbers_fit_their_columns(name: str, data: st.DataObject) -> None:
    """Whatever 32 bits hold has room in its column: a number that is cut is another number."""
    column = BY_NAME[name]
    digits = data.draw(st.integers(0, 10))
    value = data.draw(st.integers(0, min(10**digits, 2**32 - 1)))
    assert len(cell(column, column.needs[0], value)) <= column.width


@settings(max_examples=300)
@given(power=st.floats(-6, 14))
@example(power=-6)
def test_rates_fit_their_column(power: float) -> None:
    """Every rate below a thousand terabits has room in its column."""
    value = min(math.pow(10, power), 1.2e14)
    assert len(cell(BY_NAME["rate"], "rate", value)) <= BY_NAME["rate"].width


@settings(max_examples=300)
@given(seconds=st.floats(0, 20 * 365 * DAY), opened=st.integers(0, 1))
@example(seconds=100 * DAY, opened=0)
@example(seconds=59 * 60 + 59, opened=0)
def test_ages_fit_their_column(seconds: float, opened: int) -> None:
    """Every age up to twenty years has room in its column, with its mark of a lower bound, too."""
    column = BY_NAME["age"]
    columns = {
        "cookie": np.ones(1, "u8"),
        "age_ns": np.array([seconds * 1e9], "i8"),
        "opened_ns": np.array([opened], "i8"),
    }
    (text,) = column.cells(Flows(0, columns))
    assert text.startswith(">") == (not opened)
    assert len(text) <= column.width


@pytest.mark.parametrize("state", [*TcpState, 0, 13, 255])
def test_states_fit_their_column(state: int) -> None:
    """Every state's name has room, one that no kernel has yet, too."""
    assert 0 < len(cell(BY_NAME["state"], "state", state)) <= BY_NAME["state"].width
