"""Labels that a user gives to hosts, such as rack, site and version: a table, and a dictionary.

`dictGet('host_labels', 'rack', host)` is a host's rack; empty where it has none. The dictionary's
attributes are the columns of the user's file: `SELECT attribute.names FROM system.dictionaries`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.fleet.schema.ddl import literal, on_cluster, quoted

TABLE, DICTIONARY = "host_label", "host_labels"

USUAL = ("rack", "site", "version")
"""Labels until a user gives others."""

_VIEW = "host_label_columns"
_KEY = "host"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_AT_ONCE = 1000  # rows of a statement
_MOST_ROWS, _MOST_LABELS, _LONGEST = 1_000_000, 64, 1000


def everything(cluster: str = "") -> list[str]:
    """Statements that create table and dictionary; each may be repeated."""
    replicated = "Replicated" if cluster else ""
    return [
        f"CREATE TABLE IF NOT EXISTS {TABLE}{on_cluster(cluster)}\n"
        "(host String, labels Map(String, String), loaded DateTime64(3) DEFAULT now64(3))\n"
        f"ENGINE = {replicated}ReplacingMergeTree(loaded) ORDER BY host",
        *_dictionary("CREATE {} IF NOT EXISTS", USUAL, cluster),
    ]


def replaced(path: Path, cluster: str = "") -> Iterator[str]:
    """Statements that replace all labels by those of a file of CSV.

    Its first line has the names of columns; one of them is `host`. The file is read whole first.

    Raises:
        TcctuiError: it can't be read, or is not of this form.

    """
    names, rows = _read(path)
    yield f"TRUNCATE TABLE {TABLE}{on_cluster(cluster)}"
    for at in range(0, len(rows), _AT_ONCE):
        values = ", ".join(_values(names, row) for row in rows[at : at + _AT_ONCE])
        yield f"INSERT INTO {TABLE} (host, labels) VALUES {values}"
    yield from _dictionary("CREATE OR REPLACE {}", names, cluster)


def _dictionary(create: str, names: Sequence[str], cluster: str) -> Iterator[str]:
    """Statements for the dictionary, and the view it reads: a view knows its database."""
    chosen = ", ".join(f"labels[{literal(name)}] AS {quoted(name)}" for name in names)
    yield (
        f"{create.format('VIEW')} {_VIEW}{on_cluster(cluster)} AS\n"
        f"SELECT host, {chosen} FROM {TABLE} FINAL"
    )
    attributes = ", ".join(f"{quoted(name)} String DEFAULT ''" for name in names)
    yield (
        f"{create.format('DICTIONARY')} {DICTIONARY}{on_cluster(cluster)}"
        f" (host String, {attributes})\n"
        f"PRIMARY KEY host SOURCE(CLICKHOUSE(TABLE {literal(_VIEW)}))\n"
        "LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(MIN 30 MAX 60)"
    )


def _values(names: Sequence[str], row: dict[str, str]) -> str:
    labels = ", ".join(f"{literal(name)}, {literal(row[name])}" for name in names)
    return f"({literal(row[_KEY])}, map({labels}))"


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="", restkey="")
            names = list(reader.fieldnames or ())
            _require_names(path, names)
            rows = [row for row, _ in zip(reader, range(_MOST_ROWS), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no CSV"
        raise TcctuiError(f"The labels in {path} can't be read: {reason}.") from error
    names.remove(_KEY)
    for number, row in enumerate(rows, 2):
        if not row[_KEY] or any(len(text) > _LONGEST for text in map(str, row.values())):
            raise TcctuiError(f"Line {number} of {path} has no host, or a label that is too long.")
    return names, rows


def _require_names(path: Path, names: list[str]) -> None:
    if _KEY not in names or not 1 < len(names) <= _MOST_LABELS or len({*names}) < len(names):
        raise TcctuiError(
            f"The first line of {path} names no columns of labels.", "Such as: host,rack,site"
        )
    for name in names:
        if not _NAME.fullmatch(name):
            raise TcctuiError(f"{path} has a column {name[:40]!r}.", "Use letters, digits and _.")
