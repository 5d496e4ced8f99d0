"""Batches that are inserted together: each once, and each with an answer of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tcctui.fleet.collector.engine_error import NOT_ENOUGH_SPACE, EngineError
from tcctui.fleet.collector.gathering import Gathering
from tcctui.fleet.collector.journal import Journal, Segment
from tcctui.fleet.engine_codes import TRIES


class Engine:
    """Stands in for the engine: it stores segments by their names, and may be made to fail."""

    def __init__(self) -> None:
        self.stored: dict[str, list[bytes]] = {}
        self.tried: list[str] = []
        self.fails = 0
        """Code of the error of each insert that has stored a part, or all; 0 for none."""
        self.heavy = 0
        """Code of the error of those that have the batch `heavy`, and store nothing."""

    def insert_segment(self, segment: Segment) -> None:
        """Store a segment, unless it is there, or one of its batches is wrong."""
        self.tried.append(segment.name)
        files = sorted(segment.directory.glob("*.arrows"))
        batches = [file.read_bytes() for file in files]
        assert len(batches) == len(segment.tokens)
        if b"wrong" in batches:
            raise EngineError(117, "Incorrect data")
        if self.heavy and b"heavy" in batches:
            raise EngineError(self.heavy, "It fails")
        self.stored.setdefault(segment.name, batches)
        if self.fails:
            raise EngineError(self.fails, "It fails, but a part of it is stored")

    @property
    def batches(self) -> list[bytes]:
        """All batches that are stored."""
        return sorted(batch for stored in self.stored.values() for batch in stored)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Give a new journal."""
    return Journal(tmp_path / "journal")


def gathering(engine: Engine, journal: Journal) -> Gathering:
    """Make what gathers."""
    return Gathering(engine, journal, asyncio.Semaphore(1), pace_s=0.0)


def insert(gathered: Gathering, data: bytes, token: str = "") -> asyncio.Task[None]:
    """Send a batch, as a request of its own."""
    return asyncio.create_task(gathered.insert("t", "", token, memoryview(data)))


async def test_many_are_inserted_together(journal: Journal) -> None:
    """Those that come while others are inserted are one segment; nothing of them is left."""
    engine = Engine()
    gathered = gathering(engine, journal)
    await asyncio.gather(*(insert(gathered, bytes([number])) for number in range(50)))
    assert engine.batches == [bytes([number]) for number in range(50)]
    assert len(engine.tried) <= 2
    assert journal.left() == []


async def test_one_wrong_batch_harms_no_other(journal: Journal) -> None:
    """The wrong one has the error, the others among which it came are stored once."""
    engine = Engine()
    gathered = gathering(engine, journal)
    answers = await asyncio.gather(
        *(insert(gathered, data, data.decode()) for data in (b"a", b"wrong", b"b")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [type(None), EngineError, type(None)]
    assert engine.batches == [b"a", b"b"]
    assert journal.left() == []


async def test_a_token_is_stored_once(journal: Journal) -> None:
    """A batch whose token is stored, or is being stored, is answered and not stored again."""
    engine = Engine()
    gathered = gathering(engine, journal)
    await asyncio.gather(*(insert(gathered, b"a", "one") for _ in range(3)))
    await insert(gathered, b"a", "one")
    await gathered.insert("other", "", "one", memoryview(b"b"))
    assert engine.batches == [b"a", b"b"]


@pytest.mark.parametrize("code", [NOT_ENOUGH_SPACE, 159, 202, 241, 252, 319, 999, 1001, 9999])
async def test_what_failed_is_the_same_segment_again(journal: Journal, code: int) -> None:
    """After an error amid an INSERT the same segment comes first: a part of it may be stored."""
    engine = Engine()
    gathered = gathering(engine, journal)
    engine.fails = code
    with pytest.raises(EngineError):
        await insert(gathered, b"a", "one")
    assert [segment.tokens for segment in journal.left()] == [["one"]]
    with pytest.raises(EngineError):
        await insert(gathered, b"b", "two")
    engine.fails = 0
    await insert(gathered, b"b", "two")
    await insert(gathered, b"a", "one")
    assert len(set(engine.tried)) == 2
    assert engine.batches == [b"a", b"b"]


async def test_one_batch_that_needs_too_much_holds_up_no_other(journal: Journal) -> None:
    """Memory may be short for a while or for one batch: after some tries it is taken apart."""
    engine = Engine()
    engine.heavy = 241
    gathered = gathering(engine, journal)
    others = {b"a", b"b"}
    for _ in range(TRIES + 1):
        answers = await asyncio.gather(
            *(insert(gathered, data, data.decode()) for data in (b"a", b"heavy", b"b")),
            return_exceptions=True,
        )
    assert [type(answer) for answer in answers] == [type(None), EngineError, type(None)]
    assert {*engine.batches} == others
    assert len(engine.batches) == 2
    engine.heavy = 0
    await insert(gathered, b"heavy", "heavy")
    assert engine.batches == [b"a", b"b", b"heavy"]
    assert journal.left() == []


async def test_segments_that_were_left_come_first(tmp_path: Path) -> None:
    """What a process before this one could not insert is inserted without anybody's asking."""
    before = Journal(tmp_path / "journal")
    for number in (1, 2):
        before.write("t", "", [(f"old {number}", memoryview(f"{number}".encode()))])
    journal = Journal(tmp_path / "journal")
    engine = Engine()
    gathered = Gathering(engine, journal, asyncio.Semaphore(1), left=journal.left(), pace_s=0.0)
    gathered.resume()
    await insert(gathered, b"3", "new")
    assert [*engine.stored.values()] == [[b"1"], [b"2"], [b"3"]]
    await insert(gathered, b"1", "old 1")
    assert len(engine.tried) == 3
    assert journal.left() == []


async def test_the_same_batches_have_the_same_token(journal: Journal) -> None:
    """A segment's token is that of its batches': sent again by another journal it is the same."""
    batches = [("one", memoryview(b"a")), ("two", memoryview(b"b"))]
    first = journal.write("t", "", batches)
    journal.drop(first)
    assert journal.write("t", "", batches).name == first.name
    assert journal.write("other", "", batches).name != first.name
    without = [("", memoryview(b"a"))]
    assert journal.write("t", "", without).name != journal.write("t", "", without).name


async def test_a_full_disk_is_an_answer(journal: Journal, tmp_path: Path) -> None:
    """Where the journal can't be written, nothing is inserted, and the sender is told."""
    engine = Engine()
    (tmp_path / "journal" / "tokens").unlink()
    (tmp_path / "journal").rmdir()
    with pytest.raises(EngineError) as refused:
        await insert(gathering(engine, journal), b"a")
    assert refused.value.code == NOT_ENOUGH_SPACE
    assert engine.tried == []


def test_a_journal_outlives_its_process(tmp_path: Path) -> None:
    """Whole segments are left for the next process, others are not; tokens are known."""
    journal = Journal(tmp_path / "journal")
    stored = journal.write("t", "", [("one", memoryview(b"a")), ("", memoryview(b"b"))])
    journal.stored(stored)
    left = journal.write("t", "`a`, b", [("two", memoryview(b"c"))])
    unfinished = journal.write("t", "", [("three", memoryview(b"d"))])
    unfinished.directory.rename(f"{unfinished.directory}.unfinished")
    for number, head in enumerate(("", "[", '["t"]')):
        broken = journal.write("t", "", [(f"broken {number}", memoryview(b"e"))])
        (broken.directory / "head.json").write_text(head)
    with (tmp_path / "journal" / "tokens").open("ab") as file:
        file.write(b"cut")
    again = Journal(tmp_path / "journal")
    assert again.left() == [left]
    assert {path.name for path in (tmp_path / "journal").iterdir()} == {left.name, "tokens"}
    assert again.knows("t", "one")
    assert not again.knows("t", "")
    assert not again.knows("t", "two")
    assert not again.knows("other", "one")


def test_old_tokens_are_forgotten(tmp_path: Path) -> None:
    """The newest are remembered, in memory as in the file."""
    journal = Journal(tmp_path / "journal", remembered=3)
    for number in range(8):
        journal.stored(journal.write("t", "", [(f"{number}", memoryview(b""))]))
    assert len((tmp_path / "journal" / "tokens").read_bytes()) <= 8 * 2 * 3
    again = Journal(tmp_path / "journal", remembered=3)
    assert [number for number in range(8) if again.knows("t", f"{number}")] == [5, 6, 7]
