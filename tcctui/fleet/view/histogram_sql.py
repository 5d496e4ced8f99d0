"""Quantiles of merged histograms in SQL; see `tables.buckets`."""

from __future__ import annotations

from tcctui.fleet.tables.buckets import GAMMA, MIDDLE


def quantile(histogram: str, share: float) -> str:
    """Expression for the smallest value with at least this share at or below it.

    It is within `buckets.ACCURACY`; NULL of an empty histogram. `histogram` is an expression: a map
    with its buckets in order, as sumMap gives it.
    """
    counts = f"mapValues({histogram})"
    # As in flows.groups.quantiles: 0.95 · 20 must not become the 20th by the last bit of a float.
    rank = f"greatest(ceil(round({share} * arraySum({counts}), 6)), 1)"
    place = f"arrayFirstIndex(sum -> sum >= {rank}, arrayCumSum({counts}))"
    bucket = f"mapKeys({histogram})[{place}]"
    value = f"{MIDDLE!r} * pow({GAMMA!r}, {bucket})"
    return f"if(arraySum({counts}) > 0, {value}, NULL)"
