"""The README's table of what kernels have, and the doctor's line that it is held against."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def readme_table() -> dict[str, dict[str, bool]]:
    """Features of each kernel series: true where it has one."""
    text = README.read_text()
    section = text[text.index("## Kernels\n") :].split("\n## ")[0]
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {
        series: {row[0]: {"yes": True, "–": False}[row[place]] for row in rows}
        for place, series in enumerate(head)
        if series
    }


def told_by_doctor(text: str) -> dict[str, bool]:
    """Features of a kernel, true where it has one, by what `tcctui doctor` printed there.

    Raises:
        AssertionError: it says nothing of features.

    """
    line = re.search(r"^ok +features +(.*?)\r?$", text, re.MULTILINE)
    assert line is not None, text
    found: dict[str, bool] = {}
    for part in line[1].split("; "):
        word, _, names = part.partition(" ")
        found |= dict.fromkeys(names.split(", "), {"has": True, "lacks": False}[word])
    return found
