"""An ordinary day before: the first windows of the demo become the same hour of yesterday."""

from __future__ import annotations

from tests.fleet_demo.fleet import Fleet

_DAY_S, _WINDOW_S, _AROUND_S = 86_400, 10, 3600


def move(fleet: Fleet, first_s: int, windows: int) -> None:
    """Move windows of groups from `first_s` on a day back, repeated over an hour to both sides.

    What came before and between them goes: today begins now.
    """
    length = windows * _WINDOW_S
    steps = _AROUND_S // length
    names = [name for name, *_ in fleet.ask("DESCRIBE TABLE group_10s")]
    columns = ", ".join(name for name in names if name != "time")
    shift = f"toIntervalSecond(number * {length} - {steps * length + _DAY_S})"
    fleet.ask(
        "CREATE TABLE ordinary ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM group_10s"
        f" WHERE time >= toDateTime({first_s}) AND time < toDateTime({first_s + length})"
    )
    for table in ("group_10s", "group_5m", "flow_10s"):
        fleet.ask(f"TRUNCATE TABLE {table}")
    fleet.ask(
        f"INSERT INTO group_10s (time, {columns}) SELECT time + {shift}, {columns} FROM ordinary"
        f" AS windows CROSS JOIN numbers({2 * steps + 1}) AS steps"
    )
    fleet.ask("DROP TABLE ordinary")
