"""The table of fields: whole, in the project's words, and the only place that a value needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.fields.every_field import BY_NAME, BY_RECORDED, USUAL, every
from tcctui.fields.field import UNUSUAL, Field, Where
from tests.unit.test_package import loaded

ADDED = """
import tcctui.fields.loss as loss
from tcctui.fields.field import Column, Unit, tcp_info

loss.LOSS += (
    tcp_info(
        *("received_ce", "u4@248", Unit.COUNT, "segments received with CE", Column("RCV_CE")),
        query="ce_in received_ce",
    ),
)
"""
"""What the file would have more, if the kernel's newest member of tcp_info were added to it."""


def test_one_more_field_is_everywhere(tmp_path: Path) -> None:
    """A value that one field describes is sampled, shown, asked for, recorded and explained."""
    code = (
        f"{ADDED}\nfrom pathlib import Path\nfrom tests.unit.one_more_field import check\n"
        f"check(Path({str(tmp_path)!r}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_fields_cost_nothing() -> None:
    """The table knows nothing else of tcctui, and is there without numpy."""
    modules = loaded("import tcctui.fields.every_field")
    ours = {name for name in modules if name.startswith("tcctui")}
    assert all(name.startswith("tcctui.fields") for name in ours - {"tcctui"})
    assert not {"numpy", "textual", "rich", "pyarrow"} & modules


def test_names_are_of_one_field() -> None:
    """No two fields share a name, in flows, records, the query language, or the table."""
    fields = every()
    assert len(BY_NAME) == len(BY_RECORDED) == len(fields)
    names = [name for field in fields for name in field.names]
    keys = [field.key for field in fields if field.column]
    assert len(names) == len(set(names))
    assert len(keys) == len(set(keys))
    ranked = {field.key for field in every() if field.column and field.column.rank < UNUSUAL}
    assert ranked == {*USUAL}, "a column is usual where it has a rank, and nowhere else"


_OTHER_WORDS = re.compile(
    r"\b(other end|sent again|the least|taken for|looks?|told|tells?|nobody|somebody|whoever)\b"
)


@pytest.mark.parametrize("field", every(), ids=lambda field: field.name)
def test_a_field_is_described(field: Field) -> None:
    """Its meaning is a phrase in the field's own words, and its source is named.

    Every value by itself has a type of ClickHouse; what is made of several others has none.
    """
    assert field.source
    assert not field.meaning.endswith(".")
    assert not re.match("(?i)(what|whether|which|how|where|whose)\\b", field.meaning)
    assert not _OTHER_WORDS.search(field.meaning)
    kind = r"(U?Int(8|16|32|64)|Float64|Bool|IPv6|Array\(Float64\)|LowCardinality\(String\))"
    assert bool(re.fullmatch(kind, field.clickhouse)) == (field.where is not Where.PARTS)
