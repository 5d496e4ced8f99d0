"""File sizes in readable units."""

from __future__ import annotations


def size(nbytes: int) -> str:
    """Format bytes in powers of 1000, as files are measured: 12.3 MB."""
    number = float(nbytes)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.95:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
