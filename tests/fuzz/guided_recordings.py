"""Hostile recordings that coverage guides: atheris keeps what reaches new code."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tcctui.recording", "tcctui.flows.keyframe"]):
    from tests.fuzz.recordings import (
        CORPUS,
        LARGEST,
        REACHING,
        SLOWEST,
        Mutator,
        corpus,
        give_back,
        read,
    )


GUIDED = Path("fuzz-guided")

_MOST = 4096
"""Mebibytes of the whole process: with atheris it grows by 2 kB an input, and not without."""


def run(count: int, seed: int) -> None:
    """Read so many inputs, and end the process. What reached new code is left in `GUIDED`.

    Half of the changes are libFuzzer's, half are those that know the format.
    """
    mutator = Mutator(corpus())
    give_back()

    def mutate(data: bytes, most: int, chance: int) -> bytes:
        chosen = random.Random(chance)
        if chosen.random() < 0.5:
            changed: bytes = atheris.Mutate(data, most)
            return changed
        return mutator.changed(chosen, data)[:most]

    GUIDED.mkdir(exist_ok=True)
    options = [
        *(f"-runs={count}", f"-seed={seed}", f"-timeout={SLOWEST:.0f}", "-max_len=65536"),
        f"-malloc_limit_mb={LARGEST >> 20}",
        f"-rss_limit_mb={_MOST}",
    ]
    atheris.Setup(
        [sys.argv[0], *options, str(GUIDED), str(CORPUS), str(REACHING)],
        lambda data: read(data, play=False, export=False) and None,
        custom_mutator=mutate,
    )
    atheris.Fuzz()
