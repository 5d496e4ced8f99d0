"""A smoke test of the fuzzer of files to import: `make fuzz` runs it by the million."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tcctui.importing import packet_headers
from tests.fuzz import imports


def test_some_inputs() -> None:
    """Hundreds of hostile files raise nothing but expected failures, and some are refused."""
    refused = int(imports.run(400, 1, slowest=1e9).split()[-2])
    assert 0 < refused < 400


def test_the_corpus_is_imported(tmp_path: Path) -> None:
    """What is changed is imported as it is."""
    assert all(imports.read(data, tmp_path) for data in imports.corpus())


def test_an_input_is_given_by_its_seed() -> None:
    """What a run fails with can be made again."""
    one, same = (imports.changed(imports.corpus(), Random("1 5")) for _ in range(2))
    assert one == same


def test_a_planted_fault_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of where a header ends, some inputs end in a traceback; one is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packet_headers, "numbers", lambda data, at, size, **_: data[at - 1 << 62])
    with pytest.raises(IndexError):
        imports.run(50, 0, slowest=1e9)
    assert imports.FOUND.exists()
