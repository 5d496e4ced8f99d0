"""A virtual machine that runs tcctui from this repository under another kernel."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.kernels.debian_cache import pack, root_archive, run

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]

BOOT_TIMEOUT = 600.0
"""Seconds a guest may run; it takes 20 to 40, and five times that on a busy machine."""

BOOTS = 3
"""How often a kernel is booted that does not get to its first process."""


@dataclass(frozen=True)
class GuestRun:
    """What a guest left behind: a directory of files, and the seconds from start to power-off."""

    results: Path
    seconds: float


def build_initrd(directory: Path) -> Path:
    """Join the cached root with the repository's tcctui and bpf, as they are now."""
    overlay = directory / "overlay"
    source = overlay / "opt" / "tcctui"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("tcctui", "bpf"):
        shutil.copytree(REPOSITORY / part, source / part, ignore=ignored)
    shutil.copytree(HERE / "guest", overlay, ignore=ignored, dirs_exist_ok=True)
    (overlay / "init").chmod(0o755)
    pack(overlay, directory / "overlay.cpio")
    shutil.rmtree(overlay)

    # The kernel unpacks archives that follow each other, and the later one wins.
    initrd = directory / "initrd"
    with initrd.open("wb") as out:
        for archive in (root_archive(), directory / "overlay.cpio"):
            with archive.open("rb") as part_of_it:
                shutil.copyfileobj(part_of_it, out, 1 << 20)
    return initrd


def boot(kernel: Path, initrd: Path, directory: Path) -> GuestRun:
    """Boot a kernel, wait until the guest has powered itself off, and unpack its results.

    A kernel that ends before its first process is one that the emulator broke: it boots anew.

    Raises:
        RuntimeError: the guest didn't come to its end; the message ends with its console's last
            lines.

    """
    for attempt in range(1, BOOTS):
        with contextlib.suppress(_NoFirstProcessError):
            return _boot(kernel, initrd, directory / str(attempt))
    return _boot(kernel, initrd, directory / str(BOOTS))


class _NoFirstProcessError(RuntimeError):
    """The kernel ended before it started /init."""


def _boot(kernel: Path, initrd: Path, directory: Path) -> GuestRun:
    directory.mkdir()
    console, archive = directory / "console.log", directory / "results.tar"
    command = [
        "qemu-system-x86_64",
        # Linux 6.12 uses cmpxchg16b to allocate memory, and qemu 7.2 leaves wrong flags behind it:
        # every other boot crashed. Without cx16 the kernel takes another way.
        # Of two threads, one executed code that the other was just patching: an int3 in the kernel.
        *("-accel", "tcg,thread=single", "-cpu", "max,-cx16", "-smp", "2", "-m", "2048"),
        *("-nodefaults", "-nographic", "-no-reboot"),
        *("-serial", f"file:{console}", "-serial", f"file:{archive}"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        # On a busy host the timer looks dead to 5.10, which panics then, unless it does not check.
        *("-append", "console=ttyS0 rdinit=/init panic=-1 quiet no_timer_check"),
    ]
    started = time.monotonic()
    try:
        # On a timeout, run() kills the process it started and no other.
        qemu = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOOT_TIMEOUT,
            check=False,
        )
        ending = f"qemu ended with {qemu.returncode} {qemu.stderr}"
    except subprocess.TimeoutExpired:
        ending = f"qemu was still running after {BOOT_TIMEOUT:g} s"
    seconds = time.monotonic() - started

    printed = console.read_text(errors="replace") if console.exists() else ""
    results = directory / "results"
    results.mkdir()
    try:
        run(["tar", "--extract", f"--file={archive}", f"--directory={results}"], timeout=60)
        (results / "summary.json").stat()
    except (RuntimeError, FileNotFoundError) as error:
        last = "\n".join(printed.splitlines()[-60:])
        early = ending.startswith("qemu ended") and "init: started" not in printed
        failure = _NoFirstProcessError if early else RuntimeError
        raise failure(f"the guest didn't finish ({ending}); its console:\n{last}") from error
    return GuestRun(results, seconds)
