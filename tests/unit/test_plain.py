"""What recordings, file names and processes say can't be an order to a terminal."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from tcctui.cli import main
from tcctui.printable import plain, plain_lines
from tcctui.recording.arrow import SCHEMA
from tcctui.recording.file import Recording
from tcctui.recording.timeline import Origin
from tests.unit.recordings import ORIGIN, chunk, written

EVIL = "\x1b]0;x\x07\x1b[31m\u202e\x9b1m,"
END_OF_TIME = 1 << 57
NAME = b"\x1b]0;P\x07=1+1"
HOSTILE = Origin("host" + EVIL, description=EVIL, kernel_filter=EVIL, version=EVIL)


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """Make a recording in which all texts are escapes, as is its name."""
    parts = []
    for number in range(3):
        part = chunk(number)
        samples = part.samples.copy()
        samples["comm"] = NAME
        samples["cc"] = b"=\x1b[31mx\x9b"
        parts.append(replace(part, samples=samples))
    return written(tmp_path / "a\x1b[31m.arrows", *parts, origin=HOSTILE)


def harmless(text: str) -> bool:
    """Say whether a text has nothing but what can be seen, and ends of lines."""
    return all(character.isprintable() or character == "\n" for character in text)


def test_plain() -> None:
    """Each character that is no letter is replaced by one; lines stay lines where they may."""
    assert plain(EVIL + "é") == "�]0;x��[31m��1m,é"
    assert plain("a\nb\tc") == "a�b�c"
    assert plain_lines("a\n\tb\x1b") == "a\n        b�"


@pytest.mark.parametrize("asked", [["--summary"], ["--until", "cc:x srtt>0"]])
def test_what_comes_of_it(evil: Path, asked: list[str]) -> None:
    """A summary, and what was waited for, have names of algorithms, but harmless ones."""
    run = subprocess.run(
        [sys.executable, "-m", "tcctui", "trace", *asked, "--replay", str(evil)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    assert "=�[31mx�" in run.stdout
    assert harmless(run.stdout)
    assert harmless(run.stderr)


def test_errors_and_remarks(evil: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File names in sentences are harmless, and so is what another version says of itself."""
    data = evil.read_bytes()
    evil.write_bytes(data[:-300])
    assert harmless(Recording(evil).remark)
    assert Recording(evil).remark
    main(["export", str(evil), str(tmp_path / "b\x1b[31m.csv")])
    main(["export", str(evil), str(tmp_path / "b\x1b[31m.csv")])
    main(["export", str(tmp_path / "none\x1b[31m"), str(tmp_path / "c.csv")])
    newer = tmp_path / "newer"
    with newer.open("wb") as file:
        facts = {"tcctui_format": "99", "version": EVIL}
        pa.ipc.new_stream(file, SCHEMA.with_metadata(facts)).close()
    main(["export", str(newer), str(tmp_path / "c.csv")])
    told = capsys.readouterr()
    origin = Recording(written(tmp_path / "b", chunk(0), origin=HOSTILE)).origin
    assert harmless(origin.host + origin.description + origin.kernel_filter + origin.version)
    assert Recording(written(tmp_path / "usual", chunk(0))).origin == ORIGIN
    assert "already exists" in told.err
    assert "none�[31m" in told.err
    assert "made by tcctui �]0;x" in told.err
    assert harmless(told.err)


def test_exports(evil: Path, tmp_path: Path) -> None:
    """A chart's text is harmless, and its picture is one that viewers read.

    Tables have the names as they were, in quotation marks where they are no plain text.
    """
    for ending in (".txt", ".svg"):
        out = tmp_path / f"chart{ending}"
        assert main(["export", str(evil), str(out), "--flow", "1"]) == 0
        assert "=1+1" in out.read_text()
        assert harmless(out.read_text())
    ET.parse(tmp_path / "chart.svg")
    out = tmp_path / "a.csv"
    assert main(["export", str(evil), str(out), "--table", "samples"]) == 0
    assert '"\x1b]0;P\x07=1+1"' in out.read_text()
    with out.open(newline="") as file:
        assert {row["comm"] for row in csv.DictReader(file)} == {"\x1b]0;P\x07=1+1"}
    assert set(next(Recording(evil).chunks(-1, END_OF_TIME)).samples["comm"]) == {NAME}
