"""Run one fuzzer: `python -m tests.fuzz terminal 1000000 1`."""

import sys
import time
from importlib import import_module

name, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
begun = time.monotonic()
import_module(f"tests.fuzz.{name}").run(count, seed)
print(f"{name}: {count} inputs from seed {seed}, {time.monotonic() - begun:.0f} s, no error")
