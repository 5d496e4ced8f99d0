"""Finding the distribution's bcc, and not what only has its name."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package
from tcctui.sources.kernel.bcc_package import install_bcc


def real(folder: Path, content: str = "__version__ = '0.31.0'\n") -> Path:
    """Put a package like the BPF Compiler Collection's into a folder."""
    package = folder / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(content)
    (package / "libbcc.py").write_text("lib = None\n")
    return folder


def impostor(folder: Path) -> Path:
    """Put a package like PyPI's bcc, about crystal lattices, into a folder."""
    package = folder / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("lattice = 'body-centred cubic'\n")
    return folder


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let a test import what it likes as bcc, and forget it afterwards."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("bcc")}
    for name in before:
        del sys.modules[name]
    yield monkeypatch
    for name in [name for name in sys.modules if name == "bcc" or name.startswith("bcc.")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_the_first_real_package_is_taken(tmp_path: Path) -> None:
    """Of several directories with the real package the first one counts."""
    empty = tmp_path / "empty"
    empty.mkdir()
    first, second = real(tmp_path / "a"), real(tmp_path / "b")
    assert bcc_package.find([tmp_path / "missing", empty, first, second]) == first / "bcc"


def test_an_impostor_in_front_of_the_real_package(tmp_path: Path) -> None:
    """A package of the same name that lies on the way is passed over."""
    wrong, right = impostor(tmp_path / "a"), real(tmp_path / "b")
    assert bcc_package.find([wrong, right]) == right / "bcc"


def test_only_an_impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is only PyPI's bcc, the error says where it is, and how to get the real one."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    wrong = impostor(tmp_path)
    with pytest.raises(TcctuiError) as caught:
        bcc_package.find([wrong])
    assert str(wrong) in caught.value.reason
    assert "not the BPF Compiler Collection" in caught.value.reason
    assert "sudo apt install python3-bpfcc" in caught.value.mend


def test_an_impostor_that_is_a_single_file(tmp_path: Path) -> None:
    """A module bcc.py is not the real package either."""
    (tmp_path / "bcc.py").write_text("")
    with pytest.raises(TcctuiError, match="not the BPF Compiler Collection"):
        bcc_package.find([tmp_path])


def test_no_package_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any bcc the error is one sentence, with the distribution's command."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "fedora"})
    (tmp_path / "bcc").mkdir()  # an empty directory is what an uninstaller leaves
    with pytest.raises(TcctuiError, match="not installed") as caught:
        bcc_package.find([tmp_path])
    assert caught.value.mend == "Run: sudo dnf install python3-bcc"


def test_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's directories come first, then this Python's own and its path, each only once."""
    monkeypatch.syspath_prepend(str(tmp_path))
    found = bcc_package.candidates()
    assert len(found) == len(set(found))
    assert tmp_path in found
    assert Path(sysconfig.get_path("purelib")) in found
    system = Path("/usr/lib/python3/dist-packages")
    if system.is_dir():
        assert found.index(system) < found.index(tmp_path)


def test_loading(tmp_path: Path, imported: pytest.MonkeyPatch) -> None:
    """The package is imported by its path under its name, so that its modules find each other."""
    folder = real(tmp_path, "from bcc import libbcc\nanswer = libbcc.lib\n__version__ = '1'\n")
    imported.setattr(bcc_package, "candidates", lambda: [folder])
    module = bcc_package.load()
    assert module.__version__ == "1"
    assert sys.modules["bcc"] is module
    assert bcc_package.load() is module, "once is enough"


def test_an_impostor_that_is_already_imported(tmp_path: Path, imported: pytest.MonkeyPatch) -> None:
    """Another module of the name that something imported before is not taken for it."""
    wrong = ModuleType("bcc")
    wrong.__file__ = str(impostor(tmp_path / "a") / "bcc" / "__init__.py")
    sys.modules["bcc"] = wrong
    folder = real(tmp_path / "b")
    imported.setattr(bcc_package, "candidates", lambda: [tmp_path / "a", folder])
    assert bcc_package.load().__version__ == "0.31.0"


@pytest.mark.parametrize(
    "content",
    [
        "raise OSError('libbcc.so.0: cannot open shared object file')",
        "import a_module_that_nobody_has",
        "import os\nos.no_such_function",
    ],
)
def test_a_package_that_can_not_be_loaded(
    content: str, tmp_path: Path, imported: pytest.MonkeyPatch
) -> None:
    """A broken installation is told with its reason, and does not stay half imported."""
    folder = real(tmp_path, content)
    imported.setattr(bcc_package, "candidates", lambda: [folder])
    with pytest.raises(TcctuiError, match="can't be loaded") as caught:
        bcc_package.load()
    assert str(folder / "bcc") in caught.value.reason
    assert caught.value.mend
    assert "bcc" not in sys.modules


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "sudo apt install python3-bpfcc"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "sudo apt install python3-bpfcc"),
        ({"ID": "neon", "ID_LIKE": "ubuntu"}, "sudo apt install python3-bpfcc"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "sudo apt install python3-bpfcc"),
        ({"ID": "raspbian", "ID_LIKE": "debian"}, "sudo apt install python3-bpfcc"),
        ({"ID": "fedora"}, "sudo dnf install python3-bcc"),
        ({"ID": "rhel", "ID_LIKE": "fedora"}, "sudo dnf install python3-bcc"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "sudo dnf install python3-bcc"),
        ({"ID": "centos", "ID_LIKE": "rhel fedora"}, "sudo dnf install python3-bcc"),
        ({"ID": "arch"}, "sudo pacman -S python-bcc"),
        ({"ID": "manjaro", "ID_LIKE": "arch"}, "sudo pacman -S python-bcc"),
        (
            {"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"},
            "sudo zypper install python3-bcc",
        ),
        ({"ID": "sles", "ID_LIKE": "suse"}, "sudo zypper install python3-bcc"),
    ],
)
def test_the_command_of_a_distribution(
    release: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each distribution's own package is named, also on those that are like another."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert install_bcc() == command


def test_a_distribution_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the package is named as others call it."""

    def no_file() -> dict[str, str]:
        raise OSError("/etc/os-release is missing")

    for release in (no_file, lambda: {"ID": "gentoo"}):
        monkeypatch.setattr(platform, "freedesktop_os_release", release)
        assert "python3-bpfcc" in install_bcc()
        assert "sudo" not in install_bcc()
