"""Layouts of the algorithms whose records come, found when the first one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tcctui.arrays import Records, distinct
from tcctui.sources.kernel import private_layouts
from tcctui.sources.kernel.registered_algorithms import AVAILABLE, registered, unknown
from tcctui.wire import private_layout
from tcctui.wire.private_layout import PrivateLayout


class KeyedLayouts:
    """Layouts by the kernel's keys; `known` are those found before, as plain data.

    `more` gives the same of programs that came later, to those who may ask.
    """

    def __init__(
        self,
        known: Iterable[Any],
        more: Callable[[], Mapping[str, PrivateLayout]] = dict,
        *,
        types: Path = private_layouts.TYPES,
        names: Path = AVAILABLE,
    ) -> None:
        made = map(PrivateLayout.from_data, known)
        self._known = {layout.algorithm: layout for layout in made}
        self._more, self._types, self._names = more, types, names
        self._keys: dict[int, int] = {}

    def put(self, records: Records) -> None:
        """Let the keys of records (of dtype `ALGORITHM`) be those that stand for their layouts."""
        keys = distinct(records["key"]).tolist()
        asked = [key for key in keys if key not in self._keys]
        if asked:
            self._find(asked)
        for key in keys:
            if self._keys[key] != key:
                records["key"][records["key"] == key] = self._keys[key]

    def _find(self, keys: list[int]) -> None:
        by_key = {private_layouts.key(name): name for name in registered(self._names)}
        names = {key: by_key.get(key, "") for key in keys}
        if any(name not in self._known for name in unknown(filter(None, names.values()))):
            self._known |= self._more()
        found = private_layouts.of_algorithms(names.values(), self._known, self._types)
        for key, name in names.items():
            self._keys[key] = private_layout.keep(key, found[name])
