"""Batches that wait on disk, and the thread that sends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.files import disk
from tcctui.fleet.agent import batch as batches
from tcctui.fleet.agent.sending import Sending
from tcctui.fleet.agent.spool import IN_MEMORY, Spool
from tcctui.fleet.client import Refused
from tests.unit.engine import Down, Engine, batch


def finish(spool: Spool) -> None:
    """Wait until nothing waits any more."""
    for _ in range(60_000):
        if spool.nbytes == 0:
            return
        threading.Event().wait(0.001)


def test_batches_outlive_the_agent(tmp_path: Path) -> None:
    """What waits is there after a restart, the oldest first, with the same tokens and rows."""
    first = Spool(tmp_path)
    made = [batch(number, host=1, flow_10s=number) for number in range(1, 4)]
    for one in made:
        first.put(one)
    again = Spool(tmp_path)
    assert again.nbytes == sum(len(one.packed()) for one in made)
    found = []
    while oldest := again.oldest():
        found.append(oldest[1])
        again.done(oldest[0])
    assert found == made
    assert [*tmp_path.iterdir()] == []
    again.put(batch(9))
    assert Spool(tmp_path).oldest() is not None


def test_the_oldest_make_room_and_are_counted(tmp_path: Path) -> None:
    """Beyond its size the spool drops the oldest batches, and says how many rows of each table."""
    size = len(batch(1, 10_000).packed())
    spool = Spool(tmp_path, 3 * size + 1000)
    for number in range(1, 6):
        spool.put(batch(number, 10_000))
    assert spool.dropped() == Counter(host=20)
    assert Spool(tmp_path).dropped() == Counter(host=20), "after a kill, too"
    oldest = spool.oldest()
    assert oldest is not None
    assert oldest[1] == batch(3, 10_000)
    spool.refused(3, Counter(host=10))
    assert spool.nbytes <= 3 * size + 1000
    assert len([*tmp_path.glob("*.batch")]) == 3
    spool.put(batch(6, 1, told=spool.dropped()))
    assert spool.dropped() == Counter()
    spool.put(batch(7, 10_000, told={"mark": 9}))
    spool.put(batch(8, 25_000))
    assert spool.dropped() == Counter(host=70, mark=9), "what the dropped ones told, too"


def test_what_is_no_batch_is_left_out(tmp_path: Path) -> None:
    """A file that is cut, or of something else, is passed over; a half-written one is removed."""
    spool = Spool(tmp_path)
    for number in (1, 2):
        spool.put(batch(number))
    first, second = sorted(tmp_path.iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    (tmp_path / ".0000000000000007.batch.0123456789ab.part").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("not ours")
    again = Spool(tmp_path)
    oldest = again.oldest()
    assert oldest is not None
    assert oldest[1] == batch(2)
    assert again.dropped() == Counter(host=10)
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {second.name, "notes.txt", "dropped.json"}


class Full(disk.OwnDisk):
    """A disk without room."""

    full = True

    def create(self, path: Path, mode: int) -> int:
        if self.full:
            raise OSError(28, os.strerror(28), str(path))
        return super().create(path, mode)


@pytest.fixture
def full_disk() -> Iterator[Full]:
    """Use such a disk."""
    made = Full()
    before = disk.disk()
    disk.use(made)
    yield made
    disk.use(before)


def test_a_full_disk_is_said_once_and_batches_go_on_in_memory(
    tmp_path: Path, full_disk: Full
) -> None:
    """Without room on the disk batches wait in memory, up to a limit; what goes is counted."""
    spool = Spool(tmp_path)
    size = IN_MEMORY // 4
    for number in range(1, 7):
        spool.put(batch(number, size))
    (trouble,) = spool.troubles()
    assert "No space left on device. Batches wait in memory." in trouble
    assert spool.dropped() == Counter(host=30), "three of six fit"
    full_disk.full = False
    spool.put(batch(7))
    assert spool.troubles() == [f"{tmp_path} can be written again."]
    found = []
    while oldest := spool.oldest():
        found.append(int(oldest[1].token.rpartition("/")[2]))
        spool.done(oldest[0])
    assert found == [4, 5, 6, 7]


def test_a_directory_that_vanishes_is_said(tmp_path: Path) -> None:
    """Without its directory the spool goes on in memory, and counts what is lost with it."""
    there = tmp_path / "spool"
    spool = Spool(there)
    spool.put(batch(1))
    for path in there.iterdir():
        path.unlink()
    there.rmdir()
    spool.put(batch(2))
    assert any("Batches wait in memory." in trouble for trouble in spool.troubles())
    oldest = spool.oldest()
    assert oldest is not None
    assert oldest[1] == batch(2)
    assert any("Its rows are lost." in trouble for trouble in spool.troubles())


def test_an_unusable_spool_is_one_sentence(tmp_path: Path) -> None:
    """A file in the directory's place ends the agent with a sentence that says what to do."""
    there = tmp_path / "file"
    there.write_text("")
    with pytest.raises(TcctuiError, match="can't be used"):
        Spool(there)


WRITER = """
import sys
from pathlib import Path
from tcctui.fleet.agent.batch import Batch, Part
from tcctui.fleet.agent.spool import Spool
spool = Spool(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    number += 1
    spool.put(Batch(f"t/{number}", 0.0, (Part("host", 1, bytes(20_000)),)))
    print(number, flush=True)
"""


def test_a_kill_leaves_whole_batches(tmp_path: Path) -> None:
    """After kill -9 at any moment all that was put is there as a whole, and the numbers go on."""
    put, number = [], 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(15):
                number = int(writer.stdout.readline())
                put.append(number)
            writer.send_signal(signal.SIGKILL)
            more = [int(line) for line in writer.stdout.read().split()]
        put += more
        number = max([number, *more]) + 1
    spool = Spool(tmp_path)
    found = set()
    while oldest := spool.oldest():
        assert len(oldest[1].parts[0].body) == 20_000
        found.add(int(oldest[1].token.partition("/")[2]))
        spool.done(oldest[0])
    assert found >= set(put)
    assert spool.dropped() == Counter()
    assert [*tmp_path.iterdir()] == []


class Killed(BaseException):
    """End of the process in the middle of its work."""


class Deadly(disk.OwnDisk):
    """A disk amid one of whose calls, which change files, the process is killed."""

    left = 0

    def _call(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def create(self, path: Path, mode: int) -> int:
        """Make a file."""
        self._call()
        return super().create(path, mode)

    def replace(self, path: Path, new: Path) -> None:
        """Name a file."""
        self._call()
        super().replace(path, new)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        self._call()
        super().unlink(path)


WINDOWS = 8
FIT = 2
"""Batches that a spool has room for."""


def live(directory: Path, numbers: Iterator[int], put: list[int]) -> None:
    """Make the windows of these numbers, each with rows of a table of its own; nothing is sent.

    Each tells what was dropped; `put` are those that are over.
    """
    spool = Spool(directory, FIT * 1500)
    for number in numbers:
        made = batch(number, 1, told=spool.dropped(), **{f"t{number}": 1})
        (part,) = made.parts
        room = bytes(1400 - len(made.packed()))
        spool.put(made._replace(parts=(part._replace(body=room),)))
        put.append(number)


def test_what_is_dropped_is_told_once_whenever_the_agent_is_killed(tmp_path: Path) -> None:
    """Each window arrives or is counted as dropped, once: killed at each call, and again later."""
    deadly, before = Deadly(), disk.disk()
    disk.use(deadly)
    kills = at = 0
    killed = True
    try:
        while killed:
            at += 1
            directory, numbers = tmp_path / str(at), iter(range(WINDOWS))
            put: list[int] = []
            killed = False
            for deadly.left in (at, at // 2, 0):
                try:
                    live(directory, numbers, put)
                except Killed:
                    killed = True
                    kills += 1
            assert_told_once(directory, put)
    finally:
        disk.use(before)
    assert kills > 30


def assert_told_once(directory: Path, put: list[int]) -> None:
    """Check that each window is in a batch, or in the counts of one, or in those of the spool."""
    spool = Spool(directory, 1 << 20)
    told = spool.dropped()
    while oldest := spool.oldest():
        told += Counter(oldest[1].rows) + Counter(oldest[1].told)
        spool.done(oldest[0])
    assert {name for name, times in told.items() if times != 1} == set()
    assert {f"t{number}" for number in put} <= set(told)


def test_nothing_is_lost_or_doubled_while_the_engine_is_away(tmp_path: Path) -> None:
    """An outage, then lost answers: each batch is stored once, under the token that it had."""
    engine, spool = Engine(), Spool(tmp_path)
    engine.away = True
    sending = Sending(spool, engine.connect, first_wait_s=0.001)
    sending.start()
    for number in range(1, 31):
        spool.put(batch(number, host=1, flow_10s=2))
    engine.loses_answers = 7
    engine.away = False
    finish(spool)
    sending.close()
    assert engine.tables == Counter(host=30, flow_10s=30)
    assert sending.rows == Counter(host=30, flow_10s=60)
    told = sending.troubles()
    assert told[0].endswith("Batches wait in the spool.")
    assert told[-1] == "The engine takes rows again."
    assert len(told) <= 2 * 8, "each change is said once, not each try"


def test_what_is_refused_alone_is_dropped_and_counted(tmp_path: Path) -> None:
    """A table that refuses rows loses them while others take theirs; nothing else is held up."""
    engine, spool = Engine(), Spool(tmp_path)
    engine.refuses = {"mark"}
    spool.put(batch(1, mark=3, host=1))
    for number in (2, 3):
        spool.put(batch(number, host=1))
    sending = Sending(spool, engine.connect, first_wait_s=0.001)
    sending.start()
    finish(spool)
    sending.close()
    assert engine.tables == Counter(host=3)
    assert spool.dropped() == Counter(mark=3)


def test_what_a_refused_row_told_is_told_again(tmp_path: Path) -> None:
    """Where the row of `host` itself is refused, the drops that it told are not told yet."""
    engine, spool = Engine(), Spool(tmp_path)
    engine.refuses = {"host"}
    spool.put(batch(1, told={"flow_10s": 5}, host=1, mark=1))
    for number in (2, 3):
        spool.put(batch(number, mark=1))
    sending = Sending(spool, engine.connect, first_wait_s=0.001)
    sending.start()
    finish(spool)
    sending.close()
    assert spool.dropped() == Counter(host=1, flow_10s=5)


def test_a_wrong_password_drops_nothing(tmp_path: Path) -> None:
    """As long as the engine refuses everything, everything waits, and is sent when it does not."""
    engine, spool = Engine(), Spool(tmp_path)
    down = Down(Refused("http://engine does not accept the user."))
    refused = Sending(spool, down, first_wait_s=0.001)
    refused.start()
    for number in (1, 2, 3):
        spool.put(batch(number))
    for _ in range(60_000):
        if told := refused.troubles():
            break
        threading.Event().wait(0.001)
    refused.close()
    assert told == ["http://engine does not accept the user. Batches wait in the spool."]
    engine.refuses = {"host"}
    sending = Sending(spool, engine.connect, first_wait_s=0.001)
    sending.start()
    engine.waited_for(9)
    assert spool.dropped() == Counter()
    engine.refuses = set()
    finish(spool)
    sending.close()
    assert engine.tables == Counter(host=3)
    assert spool.dropped() == Counter()


def test_batches_wait_for_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is not sent before its moment; one of another day's clock is sent at once."""
    engine, spool = Engine(), Spool(tmp_path)
    engine.time_s = 0.0
    waits: list[float] = []
    sending = Sending(spool, engine.connect, now=lambda: 100.0)
    spool.put(batch(1)._replace(ready_s=100.002))
    spool.put(batch(2)._replace(ready_s=900_000.0))
    wait = sending._over.wait

    def waiting(timeout: float | None = None) -> bool:
        waits.append(timeout or 0)
        return wait(timeout)

    monkeypatch.setattr(sending._over, "wait", waiting)
    sending.start()
    finish(spool)
    sending.close()
    assert [round(one, 3) for one in waits] == [0.002]
    assert engine.tables == Counter(host=2)
    assert sending.clock_offset_ms == 100_000


@pytest.mark.parametrize(("off_s", "side"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off_by_an_hour_is_said_and_holds_nothing_up(
    tmp_path: Path, off_s: int, side: str
) -> None:
    """Batches are sent at once, the difference is known for the next row of `host`, and said."""
    engine, spool = Engine(), Spool(tmp_path)
    engine.time_s = 1_800_000_000
    now = 1_800_000_000.0 + off_s
    for number in (1, 2):
        spool.put(batch(number)._replace(ready_s=now - 1.0))
    sending = Sending(spool, engine.connect, first_wait_s=0.001, now=lambda: now)
    sending.start()
    finish(spool)
    sending.close()
    assert engine.tables == Counter(host=2)
    assert sending.clock_offset_ms == 1000 * off_s
    (told,) = sending.troubles()
    assert told.startswith(f"This host's clock is 3,600 s {side} the engine's")


class Slow(Engine):
    """An engine that answers after more batches were put than there is room for."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self.spool = spool
        self.put = 0

    def insert(self, table: str, body: bytes, token: str) -> None:
        """Store rows."""
        if token.endswith("/1"):
            for number in range(self.put + 1, self.put + 5):
                self.spool.put(batch(number + 1, 1000, host=1))
            self.put += 4
        super().insert(table, body, token)


@pytest.mark.parametrize("loses_answers", [0, 1])
def test_what_the_engine_may_have_is_not_dropped(tmp_path: Path, loses_answers: int) -> None:
    """A batch that is being sent, or whose answer was lost, makes no room for others."""
    spool = Spool(tmp_path, 3 * 1500)
    engine = Slow(spool)
    engine.loses_answers = loses_answers
    spool.put(batch(1, 1000, host=1))
    sending = Sending(spool, engine.connect, first_wait_s=0.001)
    sending.start()
    finish(spool)
    sending.close()
    assert ("host", "a-host/a-boot/a-run/1") in engine.stored
    assert spool.dropped()["host"] == 1 + engine.put - len(engine.stored) > 0


def test_the_oldest_of_another_agent_is_not_dropped(tmp_path: Path) -> None:
    """The agent that ended may have sent its oldest batch: it waits until the engine has it."""
    Spool(tmp_path).put(batch(1, 1000))
    spool = Spool(tmp_path, 3 * 1500)
    for number in range(2, 6):
        spool.put(batch(number, 1000))
    assert spool.oldest() == (1, batch(1, 1000))


def test_only_what_it_refused_is_lost_with_a_batch(tmp_path: Path) -> None:
    """A batch of which the engine has some tables makes room with the rows of the others alone."""
    engine, spool = Engine(), Spool(tmp_path, 3 * 1500)
    engine.refuses = {"mark"}
    spool.put(batch(1, 500, host=1, mark=1))
    sending = Sending(spool, engine.connect, first_wait_s=60)
    sending.start()
    engine.waited_for(2)
    while spool.dropped() == Counter():
        spool.put(batch(9, 2000, mark=1))
    sending.close()
    assert spool.dropped() == Counter(mark=1)


def test_an_outage_of_an_hour_with_kills_and_lost_answers(tmp_path: Path) -> None:
    """All windows are in the tables, or counted there as dropped, and each once.

    The spool has room for a third of the outage, amid which the agent begins anew.
    """
    engine, told = Engine(), {}
    room = 120 * 2500

    def live(numbers: range, *, loses_answers: int = 0) -> None:
        spool = Spool(tmp_path, room)
        sending = Sending(spool, engine.connect, first_wait_s=0.001)
        if not engine.away:
            engine.loses_answers = loses_answers
            sending.start()
        for number in numbers:
            told[number] = spool.dropped()
            spool.put(batch(number, 1000, told=told[number], **{f"t{number}": 1, "host": 1}))
        if not engine.away:
            finish(spool)
            sending.close()

    live(range(30), loses_answers=7)
    engine.away = True
    live(range(30, 230))
    live(range(230, 390))
    engine.away = False
    live(range(390, 420), loses_answers=5)
    live(range(420, 421))
    arrived = {int(token.rpartition("/")[2]) for table, token in engine.stored if table == "host"}
    counted = sum((told[number] for number in arrived), Counter[str]())
    windows = Counter(f"t{number}" for number in arrived)
    windows += Counter({name: rows for name, rows in counted.items() if name != "host"})
    assert windows == Counter({f"t{number}": 1 for number in range(421)})
    assert counted["host"] == 421 - len(arrived) > 200


def test_a_batch_survives_its_file() -> None:
    """The bytes of a file give the same batch, and other bytes none."""
    made = batch(5, told={"flow_10s": 3}, mark=1, host=2)
    packed = made.packed()
    assert batches.unpacked(packed) == made
    assert batches.lost_with(packed) == {"mark": 1, "host": 2, "flow_10s": 3}
    for wrong in (b"", b"{}\n", packed[:-1], packed + b"x", packed[1:], b"\xff" * 40):
        assert batches.unpacked(wrong) is None
    before = b'{"version": 1, "token": "a", "ready_s": 0, "parts": []}\n'
    assert batches.unpacked(before) == batches.Batch("a", 0, ()), "of an older tcctui"
