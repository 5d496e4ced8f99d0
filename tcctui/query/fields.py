"""The fields that a query can name, by all of their names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.query.definitions import NAMED, Definition
from tcctui.query.numbers import OF_FLOWS, OF_SAMPLES
from tcctui.query.terms import Field

DEFINITIONS: tuple[Definition, ...] = (*NAMED, *OF_FLOWS, *OF_SAMPLES)
"""Every field once, the usual ones first."""

FIELDS: Mapping[str, Field] = MappingProxyType(
    {name: one.field for one in DEFINITIONS for name in (one.name, *one.synonyms)}
)
"""What may stand before `:` or a comparison."""
