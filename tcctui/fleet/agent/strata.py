"""Choice of some connections of many: the worst and busiest for certain, others by chance.

A number over all connections is the sum over the chosen ones, each times its weight: what is chosen
for certain has weight 1, and what is chosen by chance the reciprocal of its probability (Horvitz
and Thompson, 1952). The two strata share no connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, Floats, Indexes, Mask
from tcctui.flows.index import Keys

HOUR_S = 3600
"""Seconds for which the same connections are chosen: each has a course over time."""


class Chosen(NamedTuple):
    """Places of the chosen among all, and their weights."""

    places: I64
    weights: Floats


def extremes(measures: Sequence[Floats], most: int) -> I64:
    """Places of the largest of each measure in turn, `most` of them; NaN, 0 and less are left out.

    The first of each measure come before the second of any.
    """
    ranked = [_ranked(measure, most) for measure in measures]
    found: dict[int, None] = {}
    for rank in range(most):
        for places in ranked:
            if rank < len(places) and len(found) < most:
                found.setdefault(places[rank])
    return np.array([*found], "i8")


def _ranked(measure: Floats, most: int) -> list[int]:
    places = np.flatnonzero(measure > 0)
    if len(places) > most:
        places = places[np.argpartition(-measure[places], most - 1)[:most]]
    ordered: list[int] = places[np.argsort(-measure[places], kind="stable")].tolist()
    return ordered


def salt(boot_id: str, time_s: int) -> int:
    """Salt of an hour of a host: others have other ones, so that their choices are independent."""
    text = f"{boot_id}/{time_s // HOUR_S}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def fractions(cookies: Keys, salt: int) -> Floats:
    """Evenly distributed number above 0 and below 1 of each connection: its hash with the salt.

    The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    """
    mixed = cookies ^ np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(12)) + 0.5) / 2.0**52


def lowest(fractions: Floats, most: int) -> Chosen:
    """Choose those with the `most` lowest fractions: all of few, with weight 1.

    Of more, each is chosen with the probability that its fraction is below the lowest one that is
    not chosen (bottom-k sampling: Cohen and Kaplan, PODC 2007).
    """
    if len(fractions) <= most:
        return Chosen(np.arange(len(fractions)), np.ones(len(fractions)))
    threshold = np.partition(fractions, most)[most]
    places: Indexes = np.flatnonzero(fractions < threshold)
    return Chosen(places, np.full(len(places), 1 / threshold))


def chosen(cookies: Keys, measures: Sequence[Floats], counts: Mask, rows: int, salt: int) -> Chosen:
    """Choose `rows` of the connections that count: three quarters by `measures`, else by chance.

    What the measures leave, chance gets.
    """
    certain = extremes([np.where(counts, one, 0) for one in measures], rows - rows // 4)
    others = counts.copy()
    others[certain] = False
    places = np.flatnonzero(others)
    by_chance = lowest(fractions(cookies[places], salt), rows - len(certain))
    return Chosen(
        np.concatenate([certain, places[by_chance.places]]),
        np.concatenate([np.ones(len(certain)), by_chance.weights]),
    )
