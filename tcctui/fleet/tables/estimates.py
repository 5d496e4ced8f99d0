"""Estimates of all connections from those that have rows, as SQL over rows with a `weight`.

A sum over all is the sum over the rows of one window of each host, of value times weight (Horvitz
and Thompson, 1952). Its error is that within which the truth is in 95 of 100 cases, where there is
`enough`: of what few connections have, such as retransmits, the ones chosen by chance may have
none, and no error would be right.
"""

from __future__ import annotations

FLOOR = 20
"""Connections below which a group has neither verdict nor comparison."""

QUANTILE = 2.13
"""That of Student's t for 95 % and 15 degrees of freedom: a weight is itself an estimate, from the
16 connections that a host chooses by chance.
"""

LEAST = 5
"""Rows chosen by chance in a sum, below which its error means nothing."""


def total(value: str = "1") -> str:
    """Estimate of the sum of an expression, 1 for the number of connections."""
    return f"sum(weight * ({value}))"


def error(value: str = "1", heaviest: str = "weight") -> str:
    """Half of the width of its interval.

    The largest term stands for what may not have been chosen; `heaviest` is the largest weight in
    the row's host, which counts in sums over hosts of very different weights: a heavy one's row may
    be missing where light ones' are there.
    """
    of_each = f"pow({value}, 2) * weight * (weight - 1)"
    return f"{QUANTILE} * sqrt(sum({of_each}) + max(pow(({value}) * {heaviest}, 2)))"


def shown(count: str, error: str = "0") -> str:
    """Condition for a verdict or a comparison of so many connections, whose `error` is known."""
    return f"({count} >= {FLOOR} AND isNotNull({error}))"


def enough(value: str = "1") -> str:
    """Condition for the error of an estimate to be known."""
    return f"countIf(weight > 1 AND ({value}) != 0) >= {LEAST}"
