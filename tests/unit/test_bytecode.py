"""Compiled modules: `make run` and `make install` leave them, so that no start compiles any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

STARTER = f"""#!{sys.executable}
from importlib.machinery import SourceFileLoader
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
    for name in ("pyproject.toml", "tcctui/__init__.py", "tcctui/part.py"):
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


def make_run(checkout: Path, *options: str) -> str:
    """Run `make run` in a checkout and give the output; without sudo, which may ask."""
    run = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={checkout}/complete", "SUDO=", *options],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "SUDO_USER": ""},
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
    """Where root can't compile as the owner, it leaves nothing that the owner can't remove."""
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
    assert "compiles" in make_run(checkout)
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
