"""What = and ! make of a search."""

from __future__ import annotations

import pytest

from tcctui.ui.search.add_condition import added


@pytest.mark.parametrize(
    ("search", "condition", "exclude", "wanted"),
    [
        ("", "cc:bbr", False, "cc:bbr"),
        ("", "cc:bbr", True, "-cc:bbr"),
        ("srtt>50ms", "cc:bbr", False, "srtt>50ms cc:bbr"),
        ("srtt > 50ms and cwnd>3", "cc:bbr", True, "srtt > 50ms and cwnd>3 -cc:bbr"),
        ("cc:bbr", "cc:bbr", False, "cc:bbr"),
        ("srtt>5ms -cc:bbr", "cc:bbr", True, "srtt>5ms -cc:bbr"),
        ("srtt>5ms !cc:bbr", "cc:bbr", True, "srtt>5ms !cc:bbr"),
        ("not cc:bbr", "cc:bbr", True, "not cc:bbr"),
        ("-cc:bbr port:443", "cc:bbr", False, "port:443 cc:bbr"),
        ("not cc:bbr and port:443", "cc:bbr", False, "port:443 cc:bbr"),
        ("port:443 and !cc:bbr and cwnd>3", "cc:bbr", False, "port:443 and cwnd>3 cc:bbr"),
        ("cc:bbr port:443", "cc:bbr", True, "port:443 -cc:bbr"),
        ("port:1 or port:2", "cc:bbr", False, "cc:bbr (port:1 or port:2)"),
        ("port:1 or port:2", "cc:bbr", True, "-cc:bbr (port:1 or port:2)"),
        ("port:1 || port:2", "cc:bbr", False, "cc:bbr (port:1 || port:2)"),
        ("-cc:bbr && cwnd>3", "cc:bbr", False, "cwnd>3 cc:bbr"),
        ("srtt > 2 * min_rtt cwnd>3", "cc:bbr", True, "srtt > 2 * min_rtt cwnd>3 -cc:bbr"),
        ("(a or b)", "cc:bbr", False, "(a or b) cc:bbr"),
        ('"a or b"', "cc:bbr", False, '"a or b" cc:bbr'),
        ("", 'proc:"my app"', False, 'proc:"my app"'),
        ('proc:"my app"', 'proc:"my app"', True, '-proc:"my app"'),
        ("port:80", "srtt>=5ms srtt<6ms", False, "port:80 srtt>=5ms srtt<6ms"),
        ("srtt>=5ms", "srtt>=5ms srtt<6ms", False, "srtt>=5ms srtt<6ms"),
        ("a or b", "srtt>=5ms srtt<6ms", False, "srtt>=5ms srtt<6ms (a or b)"),
        ("port:80", "srtt>=5ms srtt<6ms", True, "port:80 -(srtt>=5ms srtt<6ms)"),
        ("", "src:[2001:db8::1]:443", False, "src:[2001:db8::1]:443"),
    ],
)
def test_condition_added(search: str, condition: str, exclude: bool, wanted: str) -> None:
    """A condition comes behind the search once, and its opposite goes."""
    assert added(search, condition, exclude=exclude) == wanted
