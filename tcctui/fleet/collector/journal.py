"""Journal of what is being inserted: it makes each batch be stored once, whatever happens.

Many batches are inserted at once, as a segment: a directory with a file for each, written before,
removed after. What a killed process leaves is inserted again when the next one starts, as the same
segment with the same token: the engine knows if it has it. Tokens of batches that are stored are
remembered, in memory and in a file.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

REMEMBERED = 600_000
"""Batches whose tokens are remembered: an hour of 500 hosts, and 60 MB if there are as many."""

_HEAD, _TOKENS, _UNFINISHED = "head.json", "tokens", ".unfinished"
_TOKEN = 8  # bytes: of 600,000 no two are the same but once in 10^8 times


class Segment(NamedTuple):
    """Batches of one table and the same columns; `directory` has a file of Arrow for each.

    `name` is its token: the same batches again have the same one. `tokens` are those of the
    batches, empty for one without.
    """

    name: str
    directory: Path
    table: str
    columns: str
    tokens: Sequence[str]

    @property
    def files(self) -> str:
        """Pattern of its files' names."""
        return f"{self.directory}/*.arrows"


class Journal:
    """Segments in a directory, and tokens of what is stored; for one thread at a time."""

    def __init__(self, directory: Path, remembered: int = REMEMBERED) -> None:
        self._directory = directory
        self._remembered = remembered
        directory.mkdir(mode=0o700, exist_ok=True)
        for unfinished in directory.glob(f"*{_UNFINISHED}"):
            shutil.rmtree(unfinished)
        self._known = dict.fromkeys(self._read_tokens()[-remembered:])
        self._write_tokens()

    def left(self) -> list[Segment]:
        """Segments that a process before this one left: they are stored or not.

        One that the end of the machine's power left in pieces is removed: nobody was told of it.
        """
        heads = sorted(self._directory.glob(f"*/{_HEAD}"), key=lambda head: head.stat().st_mtime_ns)
        segments = []
        for head in heads:
            try:
                table, columns, tokens = json.loads(head.read_text())
            except (ValueError, TypeError):
                shutil.rmtree(head.parent, ignore_errors=True)
            else:
                segments.append(Segment(head.parent.name, head.parent, table, columns, tokens))
        return segments

    def write(self, table: str, columns: str, batches: Sequence[tuple[str, memoryview]]) -> Segment:
        """Write a segment of batches, each a token and an Arrow stream.

        Raises:
            OSError: there is no room.

        """
        name = _name(table, columns, [token for token, _ in batches])
        unfinished = self._directory / f"{name}{_UNFINISHED}"
        tokens = [token for token, _ in batches]
        try:
            unfinished.mkdir(mode=0o700)
            for number, (_, data) in enumerate(batches):
                (unfinished / f"{number:06}.arrows").write_bytes(data)
            (unfinished / _HEAD).write_text(json.dumps([table, columns, tokens]))
            shutil.rmtree(self._directory / name, ignore_errors=True)  # what was dropped before
            directory = unfinished.rename(self._directory / name)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return Segment(name, directory, table, columns, tokens)

    def stored(self, segment: Segment) -> None:
        """Remember that the batches of a segment are stored, and remove it."""
        marks = [_mark(segment.table, token) for token in segment.tokens if token]
        self._known.update(dict.fromkeys(marks))
        # If there is no room for it, what is in memory is right until this process ends.
        with suppress(OSError), self._tokens.open("ab") as file:
            file.write(b"".join(mark.to_bytes(_TOKEN, "little") for mark in marks))
        self.drop(segment)
        if len(self._known) > 2 * self._remembered:
            self._known = dict.fromkeys([*self._known][-self._remembered :])
            with suppress(OSError):
                self._write_tokens()

    def drop(self, segment: Segment) -> None:
        """Remove a segment that is not to be stored."""
        head = segment.directory / _HEAD
        with suppress(OSError):  # where it stays it comes again, as the same segment
            head.unlink()  # what has none is no segment
        shutil.rmtree(segment.directory, ignore_errors=True)

    def knows(self, table: str, token: str) -> bool:
        """Check for a batch that is stored."""
        return bool(token) and _mark(table, token) in self._known

    @property
    def _tokens(self) -> Path:
        return self._directory / _TOKENS

    def _read_tokens(self) -> list[int]:
        try:
            data = self._tokens.read_bytes()
        except FileNotFoundError:
            return []
        whole = len(data) - len(data) % _TOKEN  # the last one may be cut off
        return [int.from_bytes(data[at : at + _TOKEN], "little") for at in range(0, whole, _TOKEN)]

    def _write_tokens(self) -> None:
        new = self._tokens.with_suffix(_UNFINISHED)
        new.write_bytes(b"".join(mark.to_bytes(_TOKEN, "little") for mark in self._known))
        os.replace(new, self._tokens)


def _name(table: str, columns: str, tokens: Sequence[str]) -> str:
    """Name of a segment, of its batches' tokens; any other where one of them has none."""
    if not all(tokens):
        return uuid.uuid4().hex
    return blake2b(json.dumps([table, columns, *tokens]).encode(), digest_size=16).hexdigest()


def _mark(table: str, token: str) -> int:
    digest = blake2b(f"{table}\0{token}".encode(), digest_size=_TOKEN).digest()
    return int.from_bytes(digest, "little")
