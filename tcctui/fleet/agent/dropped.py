"""Rows that were dropped and are told in no batch yet: counted in a file beside the batches.

Each is told once, whatever moment the agent is killed at: the file names the batches that go with
what it counts, and the number of the next one, which tells the counts if it is there.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import new_file

NAME = "dropped.json"


class Dropped:
    """Counts of a directory: `rows` by table.

    `leaving` are numbers of batches whose rows are counted, and whose files may be there yet.
    `following` is the number of the batch behind what is counted: it may tell some of it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._there = False
        self.rows: Counter[str] = Counter()
        self.leaving: Sequence[int] = ()
        self.following = 0
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            self._read()

    def write(self, following: int, leaving: Sequence[int] = ()) -> None:
        """Write the file, or remove it where there is nothing to say.

        Where the disk has no room for it, the counts are those of this process alone.
        """
        with contextlib.suppress(OSError, TcctuiError):
            if self.rows or leaving:
                told = {"rows": dict(self.rows), "following": following, "leaving": [*leaving]}
                with new_file(self._path, force=True) as file:
                    file.write(json.dumps(told).encode())
                self._there = True
            elif self._there:
                disk().unlink(self._path)
                self._there = False

    def told(self, rows: Mapping[str, int]) -> None:
        """Take off what a batch tells."""
        self.rows -= Counter(rows)

    def _read(self) -> None:
        descriptor = disk().open(self._path, 0)
        with open(descriptor, "rb") as file:
            self._there = True
            found = json.loads(file.read())
        self.rows = Counter({str(name): int(count) for name, count in found["rows"].items()})
        self.following = int(found["following"])
        self.leaving = [int(number) for number in found["leaving"]]
