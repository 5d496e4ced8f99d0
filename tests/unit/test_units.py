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
from tcctui.ui.table.columns import COLUMNS
from tcctui.wire.events import NO_SSTHRESH, TcpState

DAY = 86400
Form = Callable[[float], str]

EXAMPLES = [
    (units.count, "0: 0, 7: 7, 999: 999, 2304: 2,304, 1234567: 1,234,567, 2.4: 2"),
    (units.short_count, "0: 0, 9: 9, 9.994: 9.99, 9.995: 10.0, 99.94: 99.9, 99.95: 100"),
    (units.short_count, "999: 999, 999.4: 999, 999.5: 1.00k, 999.95: 1.00k, 1000: 1.00k"),
    (units.short_count, "1005: 1.00k, 1250: 1.25k, 9994: 9.99k, 9995: 10.0k, 41234: 41.2k"),
    (units.short_count, "99949: 99.9k, 99950: 100k, 999499: 999k, 999500: 1.00M, 999950: 1.00M"),
    (units.short_count, "12500000: 12.5M, 999500000: 1.00G, 4294967295: 4.29G, 7.2e12: 7.20T"),
    (units.segments, "0: 0, 1: 1, 84: 84, 65535: 65535, 2147483647: ∞, 4294967295: ∞"),
    (units.size, "0: 0 B, 1: 1 B, 1000: 1000 B, 1023: 1023 B, 1024: 1.00 Ki, 1536: 1.50 Ki"),
    (units.size, "10752: 10.5 Ki, 65536: 64.0 Ki, 65535: 64.0 Ki, 1024000: 1000 Ki"),
    (units.size, "1047552: 1023 Ki, 1048575: 1.00 Mi, 1048576: 1.00 Mi, 4294967295: 4.00 Gi"),
    (units.size, "3298534883328: 3.00 Ti"),
    (units.rate, "0: 0, -1: 0, 1: 8 b/s, 0.5: 4 b/s, 124.9: 999 b/s, 124.99: 1.00 kb/s"),
    (units.rate, "125: 1.00 kb/s, 11512500: 92.1 Mb/s, 124937500: 1.00 Gb/s, 12.5e9: 100 Gb/s"),
    (units.rate, "125e9: 1.00 Tb/s"),
    (units.milliseconds, "0: 0.000 ms, 52: 0.052 ms, 999: 0.999 ms, 1000: 1.00 ms, 1250: 1.25 ms"),
    (units.milliseconds, "9994: 9.99 ms, 9995: 10.0 ms, 38100: 38.1 ms, 99949: 99.9 ms"),
    (units.milliseconds, "99950: 100 ms, 999950: 1000 ms, 9999499: 9999 ms, 9999500: 10.0 s"),
    (units.milliseconds, "61250000: 61.2 s, 4294967295: 4295.0 s"),
    (units.age, "0: 0.0s, 4.2e9: 4.2s, 9.9e9: 9.9s, 10e9: 10s, 59.99e9: 59s, 60e9: 1m00s"),
    (units.age, "185e9: 3m05s, 3599.9e9: 59m59s, 3600e9: 1h00m, 7800e9: 2h10m, 86399e9: 23h59m"),
    (units.age, "86400e9: 1d00h, 446399e9: 5d03h"),
]
"""Forms, and of each some values with what is shown."""


@pytest.mark.parametrize(("form", "examples"), EXAMPLES)
def test_examples(form: Form, examples: str) -> None:
    """Rounding never makes a digit more; a time is cut to its two largest units, none of them full.

    Sizes are in powers of 1024, rates in bits and powers of 1000; a threshold that was never set
    is ∞.
    """
    for example_ in examples.split(", "):
        value, text = example_.split(": ")
        assert form(int(value) if value.isdigit() else float(value)) == text


# What holds for all numbers

UNITS: dict[Form, dict[str, float]] = {
    units.short_count: {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    units.size: {"B": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40},
    units.rate: {"": 1, "b/s": 1 / 8, "kb/s": 125, "Mb/s": 125e3, "Gb/s": 125e6, "Tb/s": 125e9},
    units.milliseconds: {"ms": 1e3, "s": 1e6},
    units.age: {"s": 1e9, "m": 60e9, "h": 3600e9, "d": DAY * 1e9},
}


def read(form: Form, text: str) -> float:
    """Read what a form wrote."""
    parts = re.findall(r"([\d.]+)( ?)([a-zA-Z/]*)", text)
    assert "".join(number + gap + unit for number, gap, unit in parts) == text
    return sum(float(number) * UNITS[form][unit] for number, _, unit in parts)


@pytest.mark.parametrize(
    ("form", "values", "off"),
    [
        (units.short_count, st.integers(0, 10**15 - 1) | st.floats(0, 1e15 - 1e12), 0.0051),
        (units.size, st.integers(0, 2**50), 0),
        (units.rate, st.floats(0, 1e14), 0.001),
        (units.milliseconds, st.integers(0, 2**32 - 1), 0.5),
    ],
)
@settings(max_examples=300)
@given(data=st.data())
def test_numbers_are_near(
    form: Form, values: st.SearchStrategy[float], off: float, data: st.DataObject
) -> None:
    """Three digits are shown right, whatever the number."""
    value = data.draw(values)
    text = form(value)
    assert read(form, text) == pytest.approx(value, rel=0.0051, abs=off)
    assert form is not units.short_count or len(text) <= 5


@settings(max_examples=300)
@given(value=st.integers(0, 2**32 - 1))
@example(value=NO_SSTHRESH - 1)
@example(value=NO_SSTHRESH)
def test_segments_are_near(value: int) -> None:
    """A window that is no infinite threshold is shown right to three digits, a usual one whole."""
    text = units.segments(value)
    if value >= NO_SSTHRESH:
        assert text == "∞"
    elif value < 10**6:
        assert text == str(value)
    else:
        assert read(units.short_count, text) == pytest.approx(value, rel=0.0051)


@settings(max_examples=300)
@given(value=st.integers(0, 90 * DAY * 10**9))
@example(value=9_960_000_000)
def test_ages_are_never_ahead(value: int) -> None:
    """An age is shown as what is over, to a tenth of a second, or to the smaller of its units."""
    units_below = ((10, 0.1), (3600, 1), (DAY, 60), (math.inf, 3600))
    smaller = next(unit for below, unit in units_below if value < below * 1e9)
    assert value - smaller * 1e9 < read(units.age, units.age(value)) <= value + 0.05e9


@settings(max_examples=300)
@given(
    form=st.sampled_from([*UNITS]),
    value=st.integers(0, 2**32) | st.integers(0, 10**14),
    more=st.integers(0, 10**4) | st.integers(0, 10**9),
)
@example(form=units.age, value=9_940_000_000, more=20_000_000)
def test_a_larger_number_never_reads_smaller(form: Form, value: int, more: int) -> None:
    """What grows is never shown as shrinking, across all boundaries between units."""
    assert read(form, form(value)) <= read(form, form(value + more))


# What the table has room for


BY_NAME = {column.name: column for column in COLUMNS}


WIDE = {
    **dict.fromkeys(
        ("cwnd", "ssthresh", "srtt", "in_flight", "rcv_wnd", "snd_wnd"),
        st.integers(0, 10).flatmap(lambda digits: st.integers(0, min(10**digits, 2**32 - 1))),
    ),
    "rate": st.floats(-6, 14).map(lambda power: min(math.pow(10, power), 1.2e14)),
    "age": (st.sampled_from([100, 3599 / DAY]) | st.floats(0, 7300)).map(lambda d: d * DAY * 1e9),
    "state": st.sampled_from([*TcpState, 0, 13, 255]),
}
"""Columns, and whatever 32 bits hold; rates below a thousand terabits, ages up to twenty years."""


@pytest.mark.parametrize("name", WIDE)
@settings(max_examples=300)
@given(data=st.data(), opened=st.integers(0, 1))
def test_numbers_fit_their_columns(name: str, data: st.DataObject, opened: int) -> None:
    """Each value has room in its column: a number that is cut is another number.

    An age that is a lower bound has its mark, too, and every state its name.
    """
    column = BY_NAME[name]
    needs = {need: np.zeros(1, FIELDS.get(need, "i8")) for need in (*column.needs, "cookie")}
    needs[column.needs[0]] = np.array([data.draw(WIDE[name])], needs[column.needs[0]].dtype)
    if name == "age":
        needs["opened_ns"][0] = opened
    (text,) = column.cells(Flows(0, needs))
    assert 0 < len(text) <= column.width
    assert text.startswith(">") == (name == "age" and not opened)
