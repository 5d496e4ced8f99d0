"""Logs of deduplication of the engine, made true after a process was killed.

MergeTree writes a block's token to its log before the part with the block has its name
(src/Storages/MergeTree/MergeTreeSink.cpp): killed in between, it would take the same block for
stored for ever. A token whose part is not there is taken out of the log before the engine starts.
A line is an operation (1: added, 2: dropped), a part and a token, with tabs between.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_LOGS = "store/*/*/deduplication_logs/deduplication_log_*.txt"
_PART = re.compile(r"(?P<partition>[^_]+)_(?P<first>\d+)_(?P<last>\d+)_\d+(?:_\d+)?")
_ADDED = "1"


class _Part(NamedTuple):
    """Part of a table: its partition, and the blocks that it holds."""

    partition: str
    first: int
    last: int

    def holds(self, other: _Part) -> bool:
        return (
            self.partition == other.partition
            and self.first <= other.first
            and other.last <= self.last
        )


def repair(data: Path) -> int:
    """Take out tokens whose parts are not there, of all tables of an engine that does not run.

    Gives their number.

    Raises:
        OSError: a log can't be read or replaced.

    """
    return sum(_repair_log(log) for log in data.glob(_LOGS))


def _repair_log(log: Path) -> int:
    there = list(_parts(entry.name for entry in log.parent.parent.iterdir()))
    lines = log.read_text().splitlines(keepends=True)
    true = [line for line in lines if _is_true(line, there)]
    if len(true) < len(lines):
        new = log.with_suffix(".new")
        new.write_text("".join(true))
        os.replace(new, log)
    return len(lines) - len(true)


def _is_true(line: str, there: list[_Part]) -> bool:
    operation, _, rest = line.partition("\t")
    named = list(_parts([rest.partition("\t")[0]]))
    if operation != _ADDED or not named:
        return True  # not of this form: it is the engine's to judge
    return any(part.holds(named[0]) for part in there)


def _parts(names: Iterable[str]) -> Iterable[_Part]:
    for name in names:
        if found := _PART.fullmatch(name):
            yield _Part(found["partition"], int(found["first"]), int(found["last"]))
