"""Numbers with the prefix that leaves the fewest digits."""

from __future__ import annotations

DECIMAL = ("", "k", "M", "G", "T")
BINARY = ("", "Ki", "Mi", "Gi", "Ti")


def scaled(value: float, prefixes: tuple[str, ...], limit: float) -> tuple[float, str]:
    """Divide a number by 1000, or by 1024 for `BINARY`, until it is below `limit`.

    Gives it with its prefix. `limit` is from where its digits would be rounded to the next prefix.
    """
    for prefix in prefixes[:-1]:
        if value < limit:
            return value, prefix
        value /= 1024 if prefixes is BINARY else 1000
    return value, prefixes[-1]
