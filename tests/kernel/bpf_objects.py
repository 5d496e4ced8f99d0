"""BPF programs and maps: which a process holds, and which the kernel has."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.kernel.network import run


@dataclass(frozen=True)
class Objects:
    """Ids of programs and maps; the kernel gives an id again only after very many others."""

    programs: frozenset[int]
    maps: frozenset[int]

    def __and__(self, other: Objects) -> Objects:
        return Objects(self.programs & other.programs, self.maps & other.maps)

    def __bool__(self) -> bool:
        return bool(self.programs or self.maps)


def held_by(pid: int) -> Objects:
    """Find what a process has open."""
    infos = []
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            infos.append(path.read_text())
        except FileNotFoundError:  # closed meanwhile
            continue
    text = "\n".join(infos)
    return Objects(
        *(
            frozenset(
                int(number) for number in re.findall(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
            )
            for name in ("prog_id", "map_id")
        )
    )


def existing() -> Objects:
    """List what the kernel has, whoever holds it, as bpftool says."""
    return Objects(
        *(
            frozenset(int(one["id"]) for one in json.loads(run("bpftool", "--json", kind, "list")))
            for kind in ("prog", "map")
        )
    )


def misses(programs: frozenset[int]) -> int:
    """Count how often the kernel did not run programs, since another one was at work on the CPU."""
    listed = json.loads(run("bpftool", "--json", "prog", "list"))
    return sum(one.get("recursion_misses", 0) for one in listed if one["id"] in programs)
