"""Work in the background waits for a key, and for no key too long."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tcctui import right_of_way
from tcctui.flows.store import Store
from tests.unit.events import NOTHING, probes
from tests.unit.samples import samples

FOR_EVER = 3600.0


class Watched(threading.Event):
    """Says when it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait."""
        self.waited_for.set()
        return super().wait(timeout)


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Give the event that is set while all threads may go on, which no time sets."""
    event = Watched()
    event.set()
    monkeypatch.setattr(right_of_way, "_free", event)
    monkeypatch.setattr(right_of_way, "_LONGEST", FOR_EVER)
    monkeypatch.setattr(right_of_way, "_own_turn", 0.0)
    yield event
    event.set()


@pytest.mark.parametrize("what", ["events", "samples"])
def test_intake_waits_until_the_way_is_given_back(free: Watched, what: str) -> None:
    """A thread that takes in a batch waits before it, and has not locked what a frame reads."""
    store = Store()
    right_of_way.take()
    if what == "events":
        intake = threading.Thread(target=store.ingest, args=(probes(1), 2))
    else:
        intake = threading.Thread(target=store.ingest_samples, args=(samples(1), 2))
    intake.start()
    assert free.waited_for.wait(FOR_EVER)
    assert store.totals().flows == 0
    right_of_way.give_back()
    intake.join()
    assert store.totals().flows == 1


def test_who_has_the_way_does_not_wait() -> None:
    """The thread with the way, and any thread while none has it, goes on at once."""
    right_of_way.give_way()
    right_of_way.take()
    Store().ingest(NOTHING, 1)


def test_the_background_has_half_of_the_time(
    monkeypatch: pytest.MonkeyPatch, free: Watched
) -> None:
    """Work that has waited runs for as long before it waits again, whatever is pressed."""
    now = [100.0]
    monkeypatch.setattr("tcctui.right_of_way.time.monotonic", lambda: now[0])

    def wait(timeout: float) -> bool:
        assert timeout == FOR_EVER
        waits.append(now[0])
        now[0] += 0.03
        return False

    waits: list[float] = []
    monkeypatch.setattr(free, "wait", wait)
    right_of_way.take()

    def work() -> None:
        for _ in range(7):
            right_of_way.give_way()
            now[0] += 0.01

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert waits == pytest.approx([100.0, 100.06, 100.12])
