"""A smoke test of the fuzzer of recordings: `make fuzz` runs it by the million."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tcctui.flows.keyframe import keyframe
from tests.fuzz import recordings
from tests.fuzz.recordings import FOUND, REACHING, HarmError, Mutator, corpus, read, run


def test_some_inputs() -> None:
    """Hundreds of hostile recordings raise nothing but expected failures, and some are refused."""
    assert "300 recordings from seed 1: " in run(300, 1, slowest=1e9)
    assert "300 recordings from seed 1: 0 refused" not in run(300, 1, slowest=1e9)


def test_the_corpus_is_of_recordings() -> None:
    """What is changed is read as it is."""
    assert len(corpus()) > 4
    assert all(map(read, corpus()))
    assert sum(map(len, corpus())) < 300_000


def test_what_coverage_found() -> None:
    """Inputs that reached each part of the reader are read, or refused, and nothing else."""
    inputs = [path.read_bytes() for path in sorted(REACHING.iterdir())]
    assert {read(data) for data in inputs} == {True, False}
    assert sum(map(len, inputs)) < 200_000


def test_an_input_is_given_by_its_seed() -> None:
    """What a run fails with can be made again."""
    inputs = [Mutator(corpus()).input(random.Random("1 5")) for _ in range(2)]
    assert inputs[0] == inputs[1]
    assert inputs[0] not in corpus()


def test_a_planted_fault_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one of the checks of keyframes, some inputs end in a traceback; one is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyframe, "_whole", lambda number, most=0: number)
    with pytest.raises((TypeError, IndexError, OverflowError, ValueError)):
        run(2000, 0, slowest=1e9)
    with pytest.raises((TypeError, IndexError, OverflowError, ValueError)):
        read(FOUND.read_bytes())


def test_harm_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that takes too long, or too much memory, fails the run like a traceback."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarmError):
        run(1, 0, slowest=0)
    monkeypatch.setattr(recordings, "LARGEST", -1)
    with pytest.raises(HarmError):
        run(1, 0, slowest=1e9)
    assert FOUND.exists()
