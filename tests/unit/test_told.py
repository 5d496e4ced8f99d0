"""Values as they are told: in the words and units of a search."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcctui.query import quantities
from tcctui.query.quantities import Quantity
from tcctui.query.value_text import said

_QUANTITIES = [one for one in vars(quantities).values() if isinstance(one, Quantity)]


@given(st.sampled_from(_QUANTITIES), st.integers(0, 2**62))
@example(quantities.AGE, 1)
def test_what_is_written_is_read_again(quantity: Quantity, value: int) -> None:
    """A search takes each value as it is told, to four digits."""
    assert float(quantity.read(quantity.write(value))) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("srtt_us", 58149, "srtt 58.15ms"),
        ("rate", 290206.46, "rate 2.322Mbit/s"),
        ("in_flight", 62000, "inflight 60.55KiB"),
        ("ssthresh", 2147483647, "ssthresh inf"),
        ("retrans_percent", 1.25, "retrans_pct 1.25%"),
        ("cc", "bbr", "cc bbr"),
        ("limit", "rwnd", "limit rwnd"),
        ("srtt_us", None, "srtt unknown"),
    ],
)
def test_the_unit_is_told(column: str, value: float | str | None, text: str) -> None:
    """Nobody has to know the unit in which a value is kept."""
    assert said(column, value) == text
