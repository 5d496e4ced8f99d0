"""Batches that wait for the engine: in a directory, so that they outlive the agent.

A batch is written under another name first, and removed once the engine has it: after the end of
the agent at any moment, kill -9 included, each is there as a whole or not at all. (After the end of
the machine's power the newest ones may be missing.) Where there is more than there is room for, the
oldest go, unless the engine may have them, and are counted in a file beside them. Where the
directory can't be written, batches stay in memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import new_file, refusal
from tcctui.fleet.agent.batch import Batch, lost_with, unpacked
from tcctui.fleet.agent.dropped import NAME, Dropped

_NAME = re.compile(r"[0-9]{16}\.batch")

NAMES = f"{_NAME.pattern}|{re.escape(NAME)}"
"""Pattern of the names of all files: those of batches, and the counts of what was dropped."""

MOST_BYTES = 64 << 20
"""Bytes of batches that wait, by default."""

IN_MEMORY = 8 << 20
"""Bytes of batches that wait in memory at most."""


class _Waiting(NamedTuple):
    """A batch that waits: its size, and itself where it is in memory, else in a file."""

    nbytes: int
    packed: bytes | None = None


class Spool:
    """Batches in the order of their numbers; threads may share it.

    Raises:
        TcctuiError: the directory can't be read.

    """

    def __init__(self, directory: Path, most_bytes: int = MOST_BYTES) -> None:
        self._directory = directory
        self._most = most_bytes
        self._there = threading.Condition()
        self._troubles: list[str] = []
        self._writable = True
        self._awake = False
        self._nbytes = 0
        self._waiting: dict[int, _Waiting] = {}
        self._lost: dict[int, Counter[str]] = {}  # with a batch of which the engine has a part
        self._out: set[int] = set()  # batches that the engine may have
        found = self._found()
        self._dropped = Dropped(directory)
        for number in found:
            with contextlib.suppress(OSError):
                self._add(number, _Waiting(disk().lstat(self._path(number)).st_size))
        self._next = 1
        self._settle()
        self._out.update(sorted(self._waiting)[:1])  # another agent may have sent its oldest one

    @property
    def nbytes(self) -> int:
        """Bytes that wait."""
        return self._nbytes

    def put(self, batch: Batch) -> None:
        """Keep a batch until `done`; the oldest ones make room for it."""
        packed = batch.packed()
        with self._there:
            number = self._next
            self._make_room(len(packed), self._most, self._waiting)
            waiting = _Waiting(len(packed))
            if not self._written(number, packed):
                in_memory = [at for at, one in self._waiting.items() if one.packed is not None]
                self._make_room(len(packed), min(self._most, IN_MEMORY), in_memory)
                waiting = _Waiting(len(packed), packed)
            self._next += 1
            if self._dropped.rows:
                self._dropped.told(batch.told)
                self._dropped.write(self._next)
            self._add(
                number, waiting
            )  # and not before: it would be sent, and its counts told twice
            self._there.notify_all()

    def oldest(self, after: int = 0) -> tuple[int, Batch] | None:
        """Give the oldest batch behind a number, and its own number; None without one."""
        with self._there:
            for number in sorted(number for number in self._waiting if number > after):
                batch = self._read(number)
                if batch is not None:
                    self._out.add(number)
                    return number, batch
                self._lose([number], self._lost_with(number))
        return None

    def wait(self, seconds: float) -> None:
        """Wait while there is no batch, up to so many seconds; no longer after `wake`."""
        with self._there:
            self._there.wait_for(lambda: self._waiting or self._awake, seconds)

    def wake(self) -> None:
        """End all waiting, for ever."""
        with self._there:
            self._awake = True
            self._there.notify_all()

    def done(self, number: int) -> None:
        """Forget a batch: the engine has it, or will not take it."""
        with self._there:
            self._remove(number)

    def dropped(self) -> Counter[str]:
        """Rows by table that were given up and that no batch has told yet."""
        with self._there:
            return Counter(self._dropped.rows)

    def refused(self, number: int, rows: Counter[str]) -> None:
        """Keep a batch of which the engine has all but these rows."""
        with self._there:
            self._out.discard(number)
            if number in self._waiting:
                self._lost[number] = rows

    def give_up(self, number: int) -> None:
        """Forget a batch, and count the rows that are lost with it."""
        with self._there:
            if number in self._waiting:
                self._lose([number], self._lost_with(number))

    def troubles(self) -> list[str]:
        """New errors since the last call, a sentence each."""
        with self._there:
            troubles, self._troubles = self._troubles, []
            return troubles

    def _found(self) -> list[int]:
        try:
            disk().makedirs(self._directory)
            names = disk().names(self._directory)
        except OSError as error:
            raise TcctuiError(
                f"{self._directory} can't be used: {error.strerror}.",
                "Name another directory with --spool.",
            ) from error
        for name in names:
            if name.endswith(".part"):  # an agent's that ended while it wrote
                with contextlib.suppress(OSError):
                    disk().unlink(self._directory / name)
        return sorted(int(name[:16]) for name in names if _NAME.fullmatch(name))

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:016}.batch"

    def _add(self, number: int, waiting: _Waiting) -> None:
        self._waiting[number] = waiting
        self._nbytes += waiting.nbytes

    def _written(self, number: int, packed: bytes) -> bool:
        """Write a file; False where that is not possible, which is said once."""
        path = self._path(number)
        try:
            with new_file(path, force=True) as file:
                file.write(packed)
        except (OSError, TcctuiError) as error:
            if self._writable:
                self._writable = False
                why = error if isinstance(error, TcctuiError) else refusal(path, error)
                self._troubles.append(f"{why.reason} Batches wait in memory.")
            return False
        if not self._writable:
            self._writable = True
            self._troubles.append(f"{self._directory} can be written again.")
        return True

    def _make_room(self, nbytes: int, most: int, numbers: Iterable[int]) -> None:
        """Give up the oldest of these until so many bytes fit, but none that the engine may have.

        It would be counted as dropped beside its rows.
        """
        inside = sorted(numbers)
        held = sum(self._waiting[number].nbytes for number in inside)
        going = []
        for number in inside:
            if number in self._out:
                continue
            if held + nbytes <= most:
                break
            held -= self._waiting[number].nbytes
            going.append(number)
        if going:
            self._lose(going, sum(map(self._lost_with, going), Counter()))

    def _read(self, number: int) -> Batch | None:
        packed = self._bytes(number)
        return None if packed is None else unpacked(packed)

    def _bytes(self, number: int) -> bytes | None:
        waiting = self._waiting[number]
        if waiting.packed is not None:
            return waiting.packed
        try:
            descriptor = disk().open(self._path(number), os.O_RDONLY)
            with os.fdopen(descriptor, "rb") as file:
                return file.read()
        except OSError as error:
            self._troubles.append(
                f"{self._path(number)} can't be read: {error.strerror}. Its rows are lost."
            )
            return None

    def _lost_with(self, number: int) -> Counter[str]:
        rows = self._lost.get(number)
        return lost_with(self._bytes(number) or b"") if rows is None else rows

    def _lose(self, numbers: Sequence[int], rows: Counter[str]) -> None:
        """Count rows, and remove the batches they were in."""
        self._dropped.rows += rows
        self._dropped.write(self._next, numbers)
        for number in numbers:
            self._remove(number)

    def _settle(self) -> None:
        """End what another process left half done: batches that go, and counts that were told."""
        dropped = self._dropped
        self._next = max(
            1, dropped.following, *(number + 1 for number in (*self._waiting, *dropped.leaving))
        )
        for number in dropped.leaving:
            self._remove(number)
        if dropped.following in self._waiting:
            newest = self._read(dropped.following)
            dropped.told({} if newest is None else newest.told)
        dropped.write(self._next)

    def _remove(self, number: int) -> None:
        self._out.discard(number)
        self._lost.pop(number, None)
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        self._nbytes -= waiting.nbytes
        if waiting.packed is None:
            with contextlib.suppress(OSError):
                disk().unlink(self._path(number))
