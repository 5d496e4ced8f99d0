"""What the benches write down of what they find."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.report import Section, Target

ORDER = ["first", "second", "third"]


def _section(title: str) -> Section:
    return Section(title, ("ratio", "what"), [("1×", "this"), ("2×", "that")])


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file of results, on a machine that needs no bpftrace to be described."""
    monkeypatch.setattr(report, "machine", lambda: "a machine\n")
    monkeypatch.setattr(report, "commit", lambda: "commit 0123456")
    return tmp_path / "RESULTS.md"


def _titles(results: Path) -> list[str]:
    lines = results.read_text().splitlines()
    return [line[3:].partition(" (")[0] for line in lines if line.startswith("## ")]


def test_target_says_by_how_much_it_is_missed() -> None:
    """A target that is not reached says how far off it is, whichever way it counts."""
    assert str(Target("p50", 20, 10, " ms")) == "p50: 20 ms, at most 10 ms: **missed by 100%**"
    assert (
        str(Target("left", 0.8, 1.0, at_least=True)) == "left: 0.8, at least 1: **missed by 20%**"
    )
    assert str(Target("frames", 2, 0)) == "frames: 2, at most 0: **missed**"
    assert str(Target("p50", 10, 10, " ms")) == "p50: 10 ms, at most 10 ms: met"


def test_one_bench_leaves_the_others_results(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running one bench anew replaces its section in place, and keeps the others'.

    Each table goes on saying of which commit it is; two machines' never stand in one file.
    """
    report.write({"third": _section("C"), "first": _section("A")}, ORDER, results)
    report.write({"second": _section("B")}, ORDER, results)
    assert _titles(results) == ["A", "B", "C"]
    before = results.read_text()
    for name, title in zip(ORDER, "ABC", strict=True):
        report.write({name: _section(title)}, ORDER, results)
        assert results.read_text() == before, "what is there already changes nothing"
    monkeypatch.setattr(report, "commit", lambda: "commit 7654321 with changes")
    report.write({"first": _section("A again")}, ORDER, results)
    assert _titles(results) == ["A again", "B", "C"]
    titles = [line for line in results.read_text().splitlines() if line.startswith("## ")]
    assert "commit 7654321 with changes, " in titles[0]
    assert "commit 0123456, " in titles[1]
    monkeypatch.setattr(report, "machine", lambda: "another machine\n")
    report.write({"second": _section("B")}, ORDER, results)
    assert _titles(results) == ["B"]


def test_the_commit_is_this_checkouts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is measured is told by its commit, and whether it has changed; without git, that."""
    results = tmp_path / "here" / "RESULTS.md"
    results.parent.mkdir()
    monkeypatch.setattr(report, "RESULTS", results)
    assert report.commit() == "an unknown commit"

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout

    (tmp_path / "tcctui").mkdir()
    (tmp_path / "tcctui" / "code").write_text("1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    head = git("rev-parse", "--short=7", "HEAD").strip()
    results.write_text("changes with each bench")
    assert report.commit() == f"commit {head}"
    (tmp_path / "tcctui" / "code").write_text("2")
    assert report.commit() == f"commit {head} with changes"


def test_names_stand_left_and_numbers_right() -> None:
    """A table is one that a person can read as it is."""
    text = str(Section("T", ("ratio", "what"), [("1×", "this"), ("10×", "the other")]))
    assert "| ratio | what      |" in text
    assert "|    1× | this      |" in text
    assert "| ----: | --------- |" in text
