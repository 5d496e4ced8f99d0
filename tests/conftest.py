"""What tests need of the machine: where it is missing they skip, and with TCCTUI_NO_SKIP=1 fail."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, compiled_cache

# Under sudo, what tests start would become the caller, who can't reach their files.
os.environ.pop("SUDO_UID", None)

# No test reads or leaves a program in this machine's cache.
os.environ[compiled_cache.VARIABLE] = ""

# A slow or busy machine is no failure: an example may take as long as it needs.
settings.register_profile(
    "tcctui",
    deadline=None,
    # What chance finds is for those who can mend it, not for a run that others wait for.
    derandomize=os.environ.get("TCCTUI_NO_SKIP") == "1",
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tcctui")

# In the background, and under nohup, these are ignored from the start, and commands keep to that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TOOLS = ("bash", "bpftool", "bpftrace", "ip", "iperf3", "nft", "ss", "stty", "tc", "tmux")
"""What the kernel tests call."""


def need(reason: str) -> NoReturn:
    """Give up a test because something is missing; `reason` names it."""
    if os.environ.get("TCCTUI_NO_SKIP") == "1":
        pytest.fail(f"{reason}, and TCCTUI_NO_SKIP=1 wants every test run", pytrace=False)
    pytest.skip(reason)


@functools.cache
def missing_for_kernel_tests() -> str:
    """Name what tests marked `kernel` lack here; empty if nothing."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}: not installed"
    try:
        bcc_package.load()
    except TcctuiError as error:
        return f"needs bcc: {error.reason}"
    # Asked of other programs than ours: a defect of our own must not look like a poor machine.
    for need_of, command in (
        ("BPF", ["bpftool", "map", "list"]),
        ("network namespaces", ["ip", "netns", "add", f"tcc-can-{os.getpid()}"]),
        ("network namespaces", ["ip", "netns", "delete", f"tcc-can-{os.getpid()}"]),
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            return f"needs {need_of}: {' '.join(command)} says {done.stderr.strip()}"
    return ""


@pytest.fixture
def public_path(tmp_path: Path) -> Path:
    """Give a directory of the test's own that every user can enter and read.

    How deep pytest puts it differs: under pytest-xdist there is one more directory above it.
    """
    above = Path(tempfile.gettempdir())
    for directory in (tmp_path, *tmp_path.parents):
        if directory.is_relative_to(above) and directory != above:
            directory.chmod(0o755)
    return tmp_path


@pytest.fixture(scope="session")
def trusted_directories() -> Iterator[Callable[[], Path]]:
    """Make new directories to which nobody else can write, nor to any above them, unlike /tmp."""
    made: list[Path] = []

    def make() -> Path:
        for above in (Path("/run"), Path.home(), Path.cwd()):
            chain = (above, *above.parents)
            if os.access(above, os.W_OK) and not any(one.stat().st_mode & 0o22 for one in chain):
                made.append(Path(tempfile.mkdtemp(prefix="tcctui-test-", dir=above.resolve())))
                return made[-1]
        need("every directory here can be written by others")

    yield make
    for path in made:
        shutil.rmtree(path)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process run all tests of the kernel, where pytest-xdist spreads tests over several.

    They see each other's connections, namespaces and programs.
    """
    for item in items:
        if item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.xdist_group("kernel"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look before a kernel test's fixtures begin to touch the machine."""
    if item.get_closest_marker("kernel"):
        missing = missing_for_kernel_tests()
        if missing:
            need(missing)
