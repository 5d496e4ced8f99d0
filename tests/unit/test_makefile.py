"""`make run` and `make install`: what they compile, what they import, and whose files root runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest
import tomlkit
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[2]

STARTER = f"""#!{sys.executable}
import sys
from importlib.machinery import SourceFileLoader
sys.path.insert(0, ".")
def compiled(loader, data, path):
    raise SystemExit(f"compiles {{path}}")
SourceFileLoader.source_to_code = compiled
import tcctui.part
print("started", tcctui.part.NUMBER)
"""
"""A command that ends with an error where a module has to be compiled."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a small checkout with this one's Makefile, and a .venv that lacks nothing."""
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.txt", "tcctui/__init__.py", "tcctui/part.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("NUMBER = 1\n")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "tcctui").write_text(STARTER)
    (tmp_path / "complete").write_text("#!/bin/sh\n")  # a system's Python with all of `deps`
    for program in (programs / "python", programs / "tcctui", tmp_path / "complete"):
        program.chmod(0o755)
    (tmp_path / ".venv" / ".run-complete").touch()
    return tmp_path


def make_run(checkout: Path, *options: str, **environment: str) -> str:
    """Run `make run` in a checkout and give the output; without sudo, which may ask."""
    run = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={checkout}/complete", "SUDO=", *options],
        cwd=checkout,
        env={**os.environ, "SUDO_USER": "", "SUDO_UID": "", "SUDO_GID": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def test_a_start_compiles_nothing(checkout: Path) -> None:
    """`make run` compiles before the start, and once only; a changed module again."""
    assert "started 1" in make_run(checkout)
    module = checkout / "tcctui" / "part.py"
    compiled = Path(cache_from_source(str(module)))
    before = compiled.stat()
    assert "started 1" in make_run(checkout)
    assert compiled.stat().st_mtime_ns == before.st_mtime_ns
    module.write_text("NUMBER = 23\n")
    stamp = next((checkout / ".venv").glob(".bytecode-*"))
    os.utime(module, ns=(stamp.stat().st_mtime_ns + 10**9,) * 2)
    assert "started 23" in make_run(checkout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as another than the owner")
def test_root_leaves_no_bytecode_in_a_checkout_of_another(checkout: Path) -> None:
    """Where root may not start it, it leaves nothing that the owner can't remove."""
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
    assert "Root runs nothing of this checkout" in make_run(checkout)
    assert not list(checkout.glob("tcctui/**/*.pyc"))


def test_installed_modules_are_compiled(tmp_path: Path) -> None:
    """Installing a wheel compiles it, whatever the environment says: so does `make install`."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    alone = ["--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *alone, "--wheel-dir", tmp_path, str(CHECKOUT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path / "at", wheel],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    sources = list((tmp_path / "at" / "tcctui").rglob("*.py"))
    assert len(sources) > 100
    assert all(Path(cache_from_source(str(source))).exists() for source in sources)
    assert "--no-compile" not in (CHECKOUT / "Makefile").read_text()


def planted(folder: Path) -> str:
    """Put modules into a folder that leave a file there when they are imported."""
    for name in ("sitecustomize", "usercustomize", "argparse", "numpy", "pip", "ensurepip"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'imported')!r}, 'a')\n")
    return str(folder)


def test_a_start_imports_nothing_from_elsewhere(checkout: Path, tmp_path: Path) -> None:
    """Neither the working directory nor PYTHONPATH has modules for what `make run` starts."""
    (elsewhere := tmp_path / "elsewhere").mkdir()
    planted(checkout)
    assert "started 1" in make_run(checkout, PYTHONPATH=planted(elsewhere))
    assert not (elsewhere / "imported").exists()
    assert not (checkout / "imported").exists()


# Whose files root runs

MODULE = "tcctui/part.py"


def module_for_all(checkout: Path) -> None:
    """Let all write to a module."""
    (checkout / MODULE).chmod(0o646)


def folder_for_all(checkout: Path) -> None:
    """Let all put files into .venv."""
    (checkout / ".venv").chmod(0o757)


def module_for_a_group(checkout: Path) -> None:
    """Let a group that is not the caller's write to a module."""
    os.chown(checkout / MODULE, -1, 65534)
    (checkout / MODULE).chmod(0o664)


def module_of_another(checkout: Path) -> None:
    """Let a module belong to another user."""
    os.chown(checkout / MODULE, 65534, -1)


def above_for_all(checkout: Path) -> None:
    """Let all exchange the checkout."""
    checkout.parent.chmod(0o777)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    "change",
    [module_for_all, folder_for_all, module_for_a_group, module_of_another, above_for_all],
)
def test_root_runs_nothing_that_others_can_change(
    change: Callable[[Path], None], checkout: Path
) -> None:
    """A checkout that a third user can write to is not started, and what it is of it is said."""
    change(checkout)
    try:
        said = make_run(checkout)
    finally:
        checkout.parent.chmod(0o700)
    assert "started" not in said
    assert "Root runs nothing of this checkout, as others than its caller can change: " in said
    assert "chmod -R go-w ." in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_caller_s_own_checkout_is_run(checkout: Path) -> None:
    """Under sudo the checkout may be the calling user's, and writable for that user's own group."""
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
        path.chmod(path.stat().st_mode | 0o020)
    caller = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
    assert "Root runs nothing" not in make_run(checkout, **caller)
    assert "Root runs nothing" in make_run(checkout, SUDO_UID="65533", SUDO_GID="65534")


# The lock and the installed program


def test_the_lock_has_all_that_is_needed() -> None:
    """Each requirement has an exact version that pyproject.toml allows, and hashes."""
    project = tomlkit.parse((CHECKOUT / "pyproject.toml").read_text()).unwrap()
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["record"],
        *project["build-system"]["requires"],
    ]
    text = (CHECKOUT / "requirements.txt").read_text()
    hashed = r"^(\S+)==(\S+)(?: ;.*)? \\\n +--hash=sha256:\w{64}"
    locked = re.findall(hashed, text, re.MULTILINE)
    assert len(locked) == len(re.findall(r"^\w", text, re.MULTILINE))
    for requirement in map(Requirement, wanted):
        versions = [version for name, version in locked if name == requirement.name]
        assert versions
        assert all(version in requirement.specifier for version in versions)


def test_the_installed_program_imports_nothing_from_elsewhere(tmp_path: Path) -> None:
    """What `make install` leaves runs as it is, in any working directory and environment."""
    (elsewhere := tmp_path / "elsewhere").mkdir()
    program = tmp_path / "bin" / "tcctui"
    program.parent.mkdir()
    subprocess.run(
        [
            *("make", "install", "SUDO=", f"PREFIX={tmp_path}/opt", f"COMMAND={program}"),
            f"MANUAL={tmp_path}/tcctui.1",
            f"COMPLETIONS={tmp_path}/bash {tmp_path}/zsh {tmp_path}/fish",
        ],
        cwd=CHECKOUT,
        check=True,
        env={**os.environ, "PYTHONPATH": planted(elsewhere)},
    )
    run = subprocess.run(
        [program, "trace", "--summary", "--replay", "demo"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(elsewhere)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("LOCAL ")
    assert not (elsewhere / "imported").exists()
    assert "sudo tcctui" in (tmp_path / "tcctui.1").read_text()
