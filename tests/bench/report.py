"""Results: tables with the ratio first, what was to be reached, and the file they are kept in."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tcctui.sources.kernel import bcc_package

RESULTS = Path(__file__).with_name("RESULTS.md")

_HEAD = """\
# What tcctui costs, measured

Made by `make bench`. In each table all was measured in one go, one beside the other: machines are
noisy, so the ratios say more than the numbers. All processes that take part have a raised priority
(nice -10). Behind each title stands the commit that was measured, and the day: what is of another
commit than the newest may cost another time today.

"""
_SECTION = re.compile(r"^<!-- (\w+) -->\n(.*?)(?=^<!-- |\Z)", re.MULTILINE | re.DOTALL)
_MEASURED = ("tcctui", "bpf", "tests", "pyproject.toml")
"""What results depend on, of the repository."""


@dataclass(frozen=True)
class Target:
    """Something to reach: `wanted` is the most there may be, or the least if `at_least`."""

    what: str
    reached: float
    wanted: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.reached >= self.wanted if self.at_least else self.reached <= self.wanted

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        if self.met:
            verdict = "met"
        elif self.wanted:
            verdict = f"**missed by {abs(self.reached / self.wanted - 1):.0%}**"
        else:
            verdict = "**missed**"
        values = f"{number(self.reached)}{self.unit}, {bound} {number(self.wanted)}{self.unit}"
        return f"{self.what}: {values}: {verdict}"


@dataclass(frozen=True)
class Section:
    """What one bench found: a table, targets, and remarks that a reader of the table needs."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()
    remarks: Sequence[str] = ()

    def __str__(self) -> str:
        return self.text("")

    def text(self, of: str) -> str:
        """Write it down; `of` says behind the title what it was measured of."""
        parts = [f"## {self.title}{of}", _table(self.columns, self.rows)]
        if self.targets:
            parts.append("\n".join(f"- {target}" for target in self.targets))
        return "\n\n".join([*parts, *self.remarks]) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table that reads well as plain text too; the first column is a ratio."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    # Names stand to the left, numbers to the right.
    left = [all(not cell[:1].isdigit() for cell in column) for column in zip(*rows, strict=True)]
    laid = [
        [
            cell.ljust(width) if name else cell.rjust(width)
            for cell, width, name in zip(line, widths, left, strict=True)
        ]
        for line in lines
    ]
    rule = [
        "-" * width if name else "-" * (width - 1) + ":"
        for width, name in zip(widths, left, strict=True)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [laid[0], rule, *laid[1:]])


def number(value: float) -> str:
    """Write a number with three digits that count, and commas between thousands."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(value: float) -> str:
    """Write how many times as much something is."""
    return f"{number(value)}×"


def machine() -> str:
    """Describe what the benches ran on: the versions that matter, and no names."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    cores = len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE))
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    gigabytes = int(memory[1]) / (1 << 20) if memory else 0
    virtual = ", virtual" if re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE) else ""
    said = subprocess.run(["bpftrace", "--version"], capture_output=True, text=True, check=True)
    versions = [
        f"Linux {re.sub(r'[^0-9.].*', '', platform.release())}",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("numpy", "textual")),
        f"bcc {bcc_package.load().__version__}",
        said.stdout.strip(),
    ]
    hardware = f"{model[1] if model else platform.machine()}, {cores} cores{virtual}"
    return f"{hardware}, {gigabytes:.0f} GB RAM · {' · '.join(versions)}\n"


def commit() -> str:
    """Give the commit of this checkout, and whether what is measured has changed since."""
    # Also where root measures in another one's checkout.
    here = ["git", "-c", "safe.directory=*", "-C", str(RESULTS.parent)]
    try:
        said, changed = (
            subprocess.run([*here, *arguments], capture_output=True, text=True, check=True).stdout
            for arguments in (
                ("rev-parse", "--short=7", "HEAD"),
                ("status", "--porcelain", "--", *(f":/{name}" for name in _MEASURED)),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
    files = [line for line in changed.splitlines() if not line.endswith(RESULTS.name)]
    return f"commit {said.strip()}" + (" with changes" if files else "")


def write(sections: dict[str, Section], order: Sequence[str], path: Path = RESULTS) -> None:
    """Put sections into the file of results, by their benches' names.

    Those of other benches stay as they are, if the file is this machine's; all are in `order`.
    """
    described = machine()
    kept: dict[str, str] = {}
    if path.exists() and (_HEAD + described) in (text := path.read_text()):
        kept = {name: body.strip() for name, body in _SECTION.findall(text)}
    of = f" ({commit()}, {date.today().isoformat()})"
    for name, section in sections.items():
        kept[name] = section.text(of).strip()
    parts = [f"<!-- {name} -->\n{kept[name]}" for name in order if name in kept]
    path.write_text("\n\n".join([_HEAD + described.rstrip(), *parts]) + "\n")
