"""What the kernel tests find, and what they leave behind: nothing, not even a mount."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcctui.sources.kernel.compiled_cache import VARIABLE
from tcctui.sources.kernel.tracepoint_formats import TRACEFS
from tests.kernel.network import run


def _mounted() -> bool:
    """Whether tracefs is mounted where tcctui mounts it; looking does not mount it."""
    places = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    return str(TRACEFS[0]) in places


@pytest.fixture(scope="session", autouse=True)
def _signals_end_commands() -> None:
    """Have signals end what the tests start, also where these run behind `nohup` or `&`.

    A command that was started with a signal ignored goes on ignoring it, as tcctui does.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _compile_once(trusted_directories: Callable[[], Path]) -> Iterator[None]:
    """Have a cache that only these tests use: the first to load the program compiles it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(trusted_directories()))
        yield


@pytest.fixture(scope="session", autouse=True)
def _leave_tracefs_as_it_was() -> Iterator[None]:
    """Unmount tracefs if it was not mounted before; tcctui, bpftrace and the tests mount it."""
    before = _mounted()
    yield
    if _mounted() and not before:
        run("umount", str(TRACEFS[0]), check=False)  # fails if somebody else uses it by now
