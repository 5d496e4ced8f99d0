"""What bash, zsh and fish complete, asked of the shells themselves."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.export.command import TABLES


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each shell's file, as `make install` makes them, and a `tcctui` to run."""
    folder = tmp_path_factory.mktemp("shells")
    register = Path(sys.executable).with_name("register-python-argcomplete")
    for shell in ("bash", "zsh", "fish"):
        made = subprocess.run(
            [sys.executable, str(register), "--shell", shell, "tcctui"],
            capture_output=True,
            check=True,
            timeout=60,
        )
        (folder / shell).write_bytes(made.stdout)
    program = folder / "tcctui"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tcctui "$@"\n')
    program.chmod(0o755)
    return folder


def run(place: Path, *command: str) -> list[str]:
    """Lines that a shell prints."""
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "HOME": str(place)},
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split("\n")


def in_bash(place: Path, line: str) -> list[str]:
    """What bash completes at the end of a line."""
    words = line.split(" ")
    quoted = " ".join(map(shlex.quote, words))
    script = (
        f". ./bash; COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}; COMP_TYPE=9;"
        f" COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1};"
        " _python_argcomplete tcctui; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    return [one.strip() for one in run(place, "bash", "--norc", "-c", script) if one.strip()]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("tcctui tr", ["trace"]),
        ("tcctui trace --for", ["--format"]),
        ("tcctui help col", ["columns"]),
        ("tcctui trace --format j", ["json", "jsonl"]),
        ("tcctui export demo x.csv --table ", sorted(TABLES)),
    ],
)
def test_bash(place: Path, line: str, found: list[str]) -> None:
    """Bash completes commands, options and their values."""
    assert sorted(in_bash(place, line)) == found


TYPED = [
    ("por", ["port:"]),
    ("'por", ["port:"]),
    ("'port:443 and srt", ["port:443 and srtt>"]),
    ('"port:443 and srt', ["port:443 and srtt>"]),
    ("'state:clos", ["state:close-wait", "state:closed", "state:closing"]),
    ("not\\ srt", ["not\\ srtt\\>"]),
]


@pytest.mark.parametrize(
    ("command", "typed", "found"),
    [
        *(("tcctui --filter", *typed) for typed in TYPED),
        *(
            (command, *TYPED[2])
            for command in ("tcctui -f", "tcctui record -f", "tcctui trace --until")
        ),
    ],
)
def test_queries_are_completed(place: Path, command: str, typed: str, found: list[str]) -> None:
    """Wherever a query is typed, with quotes or without, it goes on, and no quote is lost."""
    assert sorted(in_bash(place, f"{command} {typed}")) == found


def test_other_shells_and_files(place: Path) -> None:
    """Fish completes commands, and zsh takes the file for what completes `tcctui`.

    Where a recording is wanted, files that are none are left out.
    """
    (place / "day.arrows").touch()
    (place / "day.txt").touch()
    assert in_bash(place, "tcctui replay da") == ["day.arrows"]
    found = run(place, "fish", "--no-config", "-c", "source ./fish; complete -C 'tcctui tr'")
    assert "trace" in [line.split("\t")[0] for line in found]
    (place / "_tcctui").write_bytes((place / "zsh").read_bytes())
    script = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; print ${_comps[tcctui]}"
    assert run(place, "zsh", "-f", "-c", script)[0] == "_tcctui"
