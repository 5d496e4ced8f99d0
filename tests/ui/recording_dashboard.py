"""The dashboard on connections that go on for ever, recorded.

A file gets a byte for each chunk, and a star when all sockets are sampled for the last time. With
`endless` those samples never come.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from tcctui.recording.chunks import Chunk
from tcctui.ui.app.app import run
from tests.ui.fake_source import FakeSource, server


def go_on(source: FakeSource) -> None:
    """Have a second pass whenever the one before has been read."""
    while True:
        source.run(1)
        while not source.taken_in:
            time.sleep(0.001)


def main() -> int:
    """Run the dashboard, and give its exit status."""
    source = FakeSource(server().flows.values())
    source.sample(1)  # before anything else
    source.endless = "endless" in sys.argv
    threading.Thread(target=go_on, args=(source,), daemon=True).start()
    with Path(sys.argv[1]).open("ab", buffering=0) as kept:

        def keep(_: Chunk) -> None:
            kept.write(b"*" if source.all_asked else b".")

        return run(lambda: source, 1 << 20, keep=lambda _: keep)


if __name__ == "__main__":
    sys.exit(main())
