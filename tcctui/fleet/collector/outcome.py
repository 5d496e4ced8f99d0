"""Results of statements."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """Result of a statement; `format` is empty where it has none."""

    body: bytes
    format: str
    rows: int
    read_bytes: int
    seconds: float
    inserted: bool = False

    def summary(self) -> dict[str, str]:
        """Content of X-ClickHouse-Summary."""
        read, written = (0, self.rows) if self.inserted else (self.rows, 0)
        numbers = {
            "read_rows": read,
            "read_bytes": 0 if self.inserted else self.read_bytes,
            "written_rows": written,
            "written_bytes": self.read_bytes if self.inserted else 0,
            "total_rows_to_read": 0,
            "result_rows": written,
            "result_bytes": len(self.body),
            "elapsed_ns": int(self.seconds * 1e9),
        }
        return {name: str(number) for name, number in numbers.items()}


NOTHING = Outcome(b"", "", 0, 0, 0.0)
"""Result of an INSERT among others."""
