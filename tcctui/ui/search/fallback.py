"""Searches that fall back to the previous one: on failure, or without a match yet."""

from __future__ import annotations

from collections.abc import Callable

from tcctui.arrays import Mask
from tcctui.query import Query, QueryError
from tcctui.query.address_formula import any_of
from tcctui.query.evaluation import Flows


def guarded(query: Query, good: Query, failed: Callable[[QueryError], object]) -> Query:
    """Query that falls back to `good` if `query` fails, and reports it to `failed`."""

    def match(flows: Flows) -> Mask:
        try:
            return query.mask(flows)
        except QueryError as mistake:
            failed(mistake)
            return good.mask(flows)

    return query.answered_by(match, good)


def awaited(query: Query, good: Query, found: Callable[[bool], object]) -> Query:
    """Query that falls back to `good` while no flow matches `query`.

    `found` is called at each evaluation with True if one does.
    """

    def match(flows: Flows) -> Mask:
        mask = query.mask(flows)
        there = bool(mask.any())
        found(there)
        return mask if there else good.mask(flows)

    # The kernel delivers what both need.
    return query.answered_by(match, good, any_of([query.bounds, good.bounds]))
