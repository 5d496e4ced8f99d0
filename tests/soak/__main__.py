"""Run the soak: `python -m tests.soak HOURS SEED`."""

import sys
import tempfile
from pathlib import Path

from tests.soak.counts import wrong
from tests.soak.soak import run

hours, seed = float(sys.argv[1]), int(sys.argv[2])
with tempfile.TemporaryDirectory() as directory:
    figures = run(3600 * hours, seed, Path(directory))
print(figures.told())
found = wrong(figures)
print("\n".join(found) or "All counts reconcile.")
raise SystemExit(1 if found else 0)
