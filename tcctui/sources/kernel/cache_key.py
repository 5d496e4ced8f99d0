"""Everything that the compiled BPF program depends on: where any of it differs, it is another one.

In full and not as a hash: it is small, and a difference can be named.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from glob import glob
from pathlib import Path

from tcctui.sources.kernel.type_information import VMLINUX

VERSION = "3"
"""Version of `Compiled` and of how it is loaded."""

NOTES = Path("/sys/kernel/notes")
"""ELF notes of the running kernel; the build id in them stands for its types (BTF), too."""

TYPES = VMLINUX
"""The running kernel's types: where they can't be read, a program without them is compiled."""

_LIBRARIES = ("/usr/lib/*", "/usr/lib", "/usr/lib64", "/usr/local/lib*", "/usr/local/lib*/*")


def cache_key(
    *, directory: Path, flags: Iterable[str], formats: Mapping[str, str], bcc: Path | None
) -> dict[str, str]:
    """Parts of the key, by name.

    `directory` has tcc.c and the headers that it is compiled against, `formats` are the texts of
    the tracepoints' `format`, `bcc` is its Python package: without it, whichever bcc has compiled
    the program will do.
    """
    system = os.uname()
    key = {
        "version": VERSION,
        "kernel": f"{system.release} {system.version} {system.machine} {_notes()}",
        "format": "".join(formats.values()),
        "source": "".join(path.read_text() for path in sorted(directory.rglob("*.[ch]"))),
        "flags": " ".join(flags),
        "types": str(os.access(TYPES, os.R_OK)),
    }
    if bcc is not None:
        key["bcc"] = _bcc(bcc)
    return key


def _notes() -> str:
    try:
        return NOTES.read_bytes().hex()
    except OSError:
        return ""  # a kernel without CONFIG_SYSFS or notes: its version has the time it was built


def _bcc(package: Path) -> str:
    """Describe bcc's files without loading them: path, size and time of each."""
    found = [str(package / "version.py"), str(package / "__init__.py")]
    for directory in _LIBRARIES:
        found += sorted(glob(f"{directory}/libbcc.so.0"))
    states = ((path, os.stat(path)) for path in found if os.path.exists(path))
    return " ".join(f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states)
