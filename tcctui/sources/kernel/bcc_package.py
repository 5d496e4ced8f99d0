"""The only importer of bcc: the distribution's package, found by path.

It lies in the system's dist-packages, which a virtual environment does not see; PyPI has an
unrelated package of the same name, which must never be used.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Iterable
from glob import glob
from pathlib import Path
from types import ModuleType

from tcctui.errors import TcctuiError

_SYSTEM = (
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python3/dist-packages",
    "/usr/lib/python3.*/site-packages",
    "/usr/lib64/python3.*/site-packages",
    "/usr/local/lib/python3.*/site-packages",
    "/usr/local/lib/python3.*/dist-packages",
)


def candidates() -> list[Path]:
    """Directories that may contain a package `bcc`, the likeliest first."""
    own = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *sys.path]
    system = [path for pattern in _SYSTEM for path in sorted(glob(pattern), reverse=True)]
    return [Path(path) for path in dict.fromkeys([*system, *own]) if path]


def find(directories: Iterable[Path]) -> Path:
    """Find the BPF Compiler Collection's package: the directory `bcc` that binds libbcc.

    Raises:
        TcctuiError: there is none, or only an unrelated package of that name.

    """
    impostor = None
    for directory in directories:
        package = directory / "bcc"
        if (package / "libbcc.py").is_file() and (package / "__init__.py").is_file():
            return package
        if (package / "__init__.py").is_file() or (directory / "bcc.py").is_file():
            impostor = directory
    if impostor:
        raise TcctuiError(
            f"The package bcc in {impostor} is not the BPF Compiler Collection.",
            f"Run: {install_bcc()}  (PyPI's bcc is something else)",
        )
    raise TcctuiError("bcc's Python package is not installed.", f"Run: {install_bcc()}")


def load(package: Path | None = None) -> ModuleType:
    """Import bcc from the given package, or from the distribution's.

    Raises:
        TcctuiError: it is not installed, or can't be loaded.

    """
    package = package or find(candidates())
    loaded = sys.modules.get("bcc")
    if loaded is not None and Path(str(loaded.__file__)).parent == package:
        return loaded
    spec = importlib.util.spec_from_file_location(
        "bcc", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError, AttributeError) as error:
        del sys.modules["bcc"]
        raise TcctuiError(
            f"bcc in {package} can't be loaded: {error}.", f"Run: {install_bcc()}"
        ) from error
    return module


_INSTALL = {
    "debian": "sudo apt install python3-bpfcc",
    "fedora": "sudo dnf install python3-bcc",
    "arch": "sudo pacman -S python-bcc",
    "suse": "sudo zypper install python3-bcc",
}

_FAMILY = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse"}


def install_bcc() -> str:
    """Command that installs bcc's Python package on this machine."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    for name in names:
        family = _FAMILY.get(name, name)
        if family in _INSTALL:
            return _INSTALL[family]
    return "install your distribution's package of bcc for Python 3 (python3-bpfcc or python3-bcc)"
