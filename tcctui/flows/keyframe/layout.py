"""Layouts of records in a keyframe, by the names of their fields, and how one becomes another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tcctui.arrays import U8, Array, Records

_FIELD = re.compile(r"(\w{1,64}) (\d{0,3})([<>|][biufSV]\d{1,5}) (\d{1,5})", re.ASCII)

_WIDEST = 1 << 16  # bytes of a record; files may say anything

_MOST = 1 << 12  # fields


def written(layout: np.dtype[np.void]) -> tuple[int, str]:
    """Write a layout as its records' bytes and its fields: `name type offset`, each with a `;`.

    A field with several numbers has how many in front of its type.
    """
    fields = []
    for name, (kind, offset, *_) in _fields(layout).items():
        base, shape = kind.subdtype or (kind, ())
        assert len(shape) <= 1
        fields.append(f"{name} {''.join(map(str, shape))}{base.str} {offset}")
    return layout.itemsize, ";".join(fields)


def read(size: object, text: object) -> np.dtype[np.void]:
    """Read a layout that `written` wrote.

    Raises:
        ValueError: it is none.

    """
    if not isinstance(size, int) or not isinstance(text, str) or not 0 < size <= _WIDEST:
        raise ValueError("a layout is absurd")
    fields = [_FIELD.fullmatch(field) for field in text.split(";")]
    if len(fields) > _MOST or not all(fields):
        raise ValueError("a layout is absurd")
    names, counts, kinds, offsets = zip(*(field.groups() for field in fields if field), strict=True)
    forms = [
        np.dtype((kind, (int(count),)) if count else kind)
        for count, kind in zip(counts, kinds, strict=True)
    ]
    places = [int(offset) for offset in offsets]
    if any(form.itemsize + place > size for form, place in zip(forms, places, strict=True)):
        raise ValueError("a layout's fields are beyond its records")
    return np.dtype({"names": names, "formats": forms, "offsets": places, "itemsize": size})


def converted(values: Array, layout: np.dtype[np.void], unknown: Records) -> Array:
    """Lay records of another layout out as `unknown`'s: an array of one record for each.

    `unknown` is one record that knows nothing: fields that `layout` does not have are as its.
    Fields that only `layout` has are dropped.

    Raises:
        ValueError: the values are not of this layout, or a field became another kind of value.

    """
    given = np.ascontiguousarray(values).view(layout)
    made = np.zeros(given.shape, unknown.dtype)  # a copy would have anything between the fields
    made[...] = unknown
    own = _fields(unknown.dtype)
    for name, (form, *_) in _fields(layout).items():
        if name not in own:
            continue
        if form.base.kind == own[name][0].base.kind == "V":
            length = min(form.itemsize, own[name][0].itemsize)
            _bytes_of(made, name)[..., :length] = _bytes_of(given, name)[..., :length]
        elif form.shape == own[name][0].shape and np.can_cast(form.base, own[name][0].base):
            made[name] = given[name]
        else:
            raise ValueError(f"{name} was of another kind")
    return made


def _fields(layout: np.dtype[np.void]) -> Mapping[str, tuple[Any, ...]]:
    assert layout.fields is not None
    return layout.fields


def _bytes_of(records: Records, name: str) -> U8:
    """View one field of records as bytes."""
    form, offset, *_ = _fields(records.dtype)[name]
    size = records.dtype.itemsize
    data = records.view("u1").reshape(*records.shape, size)
    return data[..., offset : offset + form.itemsize]
