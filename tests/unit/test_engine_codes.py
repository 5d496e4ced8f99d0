"""Table of the engine's errors."""

from __future__ import annotations

from pathlib import Path

from tcctui.fleet.collector.engine_error import EngineError
from tcctui.fleet.engine_codes import EITHER, PASSING, REFUSED
from tests.unit.fleet_engine import Engine


def test_names_are_the_engines_own(tmp_path: Path) -> None:
    """Each code that is listed has the name that the engine gives it; none is in two kinds."""
    kinds = (set(PASSING), set(EITHER), set(REFUSED))
    assert len(set.union(*kinds)) == sum(map(len, kinds))
    told = {code: text.partition(": ")[0] for code, text in (*PASSING.items(), *EITHER.items())}
    codes = ", ".join(map(str, sorted(set.union(*kinds))))
    engine = Engine(tmp_path)
    found = engine.query(
        f"SELECT arrayJoin([{codes}]) AS code, errorCodeToName(toUInt32(code)) AS name", {}, 60
    )
    engine.close()
    named = dict(zip(found["code"].to_pylist(), map(str, found["name"].to_pylist()), strict=True))
    assert all(named.values())
    assert {code: named[code] for code in told} == told
    assert all(EngineError(code, "").name == name for code, name in told.items())
