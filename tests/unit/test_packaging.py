"""What pip and pipx get: the wheel, and the sdist that others build it from."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[2]
BPF = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "bpf").rglob("*.[ch]")}


def build_wheel(source: Path, folder: Path) -> ZipFile:
    """Build the wheel as pip does, with the hatchling at hand instead of a downloaded one."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("tcctui-*.whl")
    return ZipFile(wheel)


def dist_info(wheel: ZipFile, name: str) -> str:
    """Read one file of the wheel's .dist-info."""
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Give the wheel of this checkout."""
    return build_wheel(CHECKOUT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    """Give the wheel's metadata."""
    return Parser().parsestr(dist_info(wheel, "METADATA"))


def test_wheel_carries_the_bpf_program(wheel: ZipFile) -> None:
    """A wheel has tcc.c and every stand-in header, so an isolated environment can compile it."""
    assert "bpf/tcc.c" in BPF
    assert len(BPF) > 5
    assert {f"tcctui/{path}" for path in BPF} <= set(wheel.namelist())


def test_wheel_carries_the_package_and_nothing_else(wheel: ZipFile) -> None:
    """A wheel has all files of the package and puts nothing beside it in site-packages."""
    files = wheel.namelist()
    package = (path for path in (CHECKOUT / "tcctui").rglob("*") if path.is_file())
    expected = {str(path.relative_to(CHECKOUT)) for path in package if path.suffix != ".pyc"}
    assert expected <= set(files)
    assert all(re.match(r"tcctui/|tcctui-[^/]+\.dist-info/", path) for path in files)


def test_wheel_does_not_ask_for_bcc(metadata: Message) -> None:
    """No dependency, not even of an extra, is PyPI's unrelated `bcc`."""
    requirements = metadata.get_all("Requires-Dist", [])
    names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}
    assert {"numpy", "plotext", "textual"} <= names
    assert not {name for name in names if "bcc" in name}


def test_wheel_has_the_command(wheel: ZipFile) -> None:
    """Installing the wheel makes the command `tcctui`, which is the CLI's main."""
    entry_points = ConfigParser()
    entry_points.read_string(dist_info(wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {"tcctui": "tcctui.cli:main"}


def test_wheel_names_the_pythons_it_runs_on(metadata: Message) -> None:
    """Python 3.10, the oldest that ruff and mypy check for, is the oldest that pip accepts."""
    assert metadata["Requires-Python"] == ">=3.10"


def test_sdist_builds_the_same_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """A wheel made from the sdist has the files of one made from the checkout, bpf among them."""
    hatchling = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run(
        [*hatchling, "--directory", str(tmp_path)], cwd=CHECKOUT, check=True, capture_output=True
    )
    (sdist,) = tmp_path.glob("tcctui-*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("/LICENSE") for name in archive.getnames())
    assert set(build_wheel(sdist, tmp_path).namelist()) == set(wheel.namelist())
