"""Socket in another network namespace: opened beside the screen, one at a time, and closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tcctui.sources import route_socket
from tcctui.sources.route_socket import RouteSocket

PATIENCE = 60


class Namespaces:
    """Stands in for the process that enters them: busy until `ready`, one of them closed to us."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.opened: list[tuple[int, socket.socket]] = []
        self.refused = 0
        self.asked = threading.Semaphore(0)

    def open_route(self, netns: int) -> socket.socket:
        assert self.ready.wait(PATIENCE)
        try:
            if netns == self.refused:
                raise PermissionError(1, "Operation not permitted")
            self.opened.append((netns, socket.socket()))
            return self.opened[-1][1]
        finally:
            self.asked.release()

    def answered(self) -> None:
        """Wait for one answer, and for the thread that takes it."""
        assert self.asked.acquire(timeout=PATIENCE)
        for thread in threading.enumerate():
            if thread.name == "route":
                thread.join(PATIENCE)

    @property
    def left(self) -> list[int]:
        """Namespaces whose sockets are open."""
        return [netns for netns, made in self.opened if made.fileno() >= 0]


@pytest.fixture
def there() -> Iterator[Namespaces]:
    """Make namespaces, and close what a failed test leaves."""
    made = Namespaces()
    yield made
    made.ready.set()
    for _, one in made.opened:
        one.close()


def test_nobody_waits_for_it(there: Namespaces) -> None:
    """It is None until it is open, then always the same."""
    link = RouteSocket(there.open_route)
    assert link.of(7) is None
    assert link.of(7) is None
    there.ready.set()
    there.answered()
    assert link.of(7) is link.of(7) is there.opened[0][1]
    assert there.left == [7]


def test_one_at_a_time(there: Namespaces) -> None:
    """That of another namespace takes its place; one that comes late is closed at once."""
    link = RouteSocket(there.open_route)
    link.of(7)
    link.of(8)
    there.ready.set()
    there.answered()
    there.answered()
    assert link.of(8) is not None
    assert there.left == [8]
    assert link.of(0) is None, "of a connection whose namespace is not known"
    assert there.left == []
    link.of(7)
    there.answered()
    assert there.left == [7]
    link.close()
    link.close()
    assert there.left == []


def test_a_closed_door_is_not_knocked_at_each_time(
    there: Namespaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace that may not be entered, or is gone, is tried again some seconds later."""
    there.ready.set()
    there.refused = 7
    link = RouteSocket(there.open_route)
    link.of(7)
    there.answered()
    assert link.of(7) is link.of(7) is None
    assert not there.asked.acquire(blocking=False)
    monkeypatch.setattr(route_socket, "_AGAIN", 0.0)
    link.close()
    link.of(7)
    there.answered()
    there.refused = 0
    link.of(7)
    there.answered()
    assert link.of(7) is not None
