"""The command line in a test: run in this process, with stand-ins for what it calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tcctui.errors import TcctuiError
from tcctui.sources.kernel.kernel_filter import KernelFilter

Main = Callable[..., tuple[int, str, str]]


class Opened:
    """What stands in for the BPF source: it remembers what it was opened with."""

    attach_ms = 1.5
    cached = True
    attached_ns = 77

    def __init__(self, kernel_filter: KernelFilter, kernel_headers: Path | None) -> None:
        self.kernel_filter = kernel_filter
        self.kernel_headers = kernel_headers
        self.interval_ms: float | None = None
        self.max_cpu: float | None = None
        self.closed = False

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Calls:
    """What the command called, with what."""

    def __init__(self) -> None:
        self.source: Opened | None = None
        self.options: dict[str, Any] = {}
        self.program: Any = None
        self.choice = ""
        self.slots = 0
        self.failure: TcctuiError | None = None
        self.played: Any = None
        self.during: Callable[[Any], object] = lambda source: None
        """What happens while the dashboard runs."""

    def require(self) -> None:
        """Stand in for the check of privileges."""
        if self.failure is not None:
            raise self.failure

    def load(
        self, *, kernel_headers: Path | None = None, ring_bytes: int = 0, slots: int = 0
    ) -> Path | None:
        """Stand in for Loading."""
        self.slots = slots
        self.require()
        return kernel_headers

    def open_live(
        self, kernel_filter: KernelFilter, program: Any, *, choice: str, **options: Any
    ) -> Opened:
        """Stand in for open_live."""
        assert options.pop("around") is None, "a test gives up no rights"
        options.pop("pace", None)
        self.program, self.choice = program() if callable(program) else program, choice
        return self.open(kernel_filter, loading=self.program, **options)

    def open(
        self,
        kernel_filter: KernelFilter,
        *,
        loading: Path | None,
        interval_ms: float,
        max_cpu: float | None = None,
    ) -> Opened:
        """Stand in for BpfSource."""
        self.source = Opened(kernel_filter, loading)
        self.source.interval_ms, self.source.max_cpu = interval_ms, max_cpu
        return self.source

    def trace(self, source: Opened, **options: Any) -> None:
        """Stand in for tcctui.headless.trace.trace."""
        assert source is self.source
        assert not source.closed
        self.options = options

    def dashboard(self, open_source: Callable[[], Any], history_memory: int, **options: Any) -> int:
        """Stand in for tcctui.ui.app.app.run."""
        source = open_source()
        self.options = {"history_memory": history_memory, **options}
        self.during(source)
        source.close()
        return 0

    def play(self, timeline: Any, **options: Any) -> int:
        """Stand in for tcctui.ui.app.app.play."""
        assert not timeline.closed
        self.played, self.options = timeline, options
        return 0


def told(err: str) -> tuple[str, str]:
    """Take an error apart: what is wrong, and what mends it; one line each.

    What is wrong with a query is shown in it: behind what was typed there is a line of marks.
    """
    reason, *mend = err.splitlines()
    assert reason.startswith("tcctui: ")
    assert len(mend) <= 1 or (len(mend) == 2 and set(mend[1]) == {" ", "^"})
    assert "Traceback" not in err
    return reason.removeprefix("tcctui: "), "".join(mend).strip()
