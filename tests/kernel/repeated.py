"""Work that goes on in threads for as long as a test wants it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def repeated(*works: Callable[[], object], cut: tuple[socket.socket, ...] = ()) -> Iterator[None]:
    """Let each work be done over and over in a thread of its own, until the context ends.

    The sockets to `cut` are shut down then, which wakes works that wait for them. Errors of such
    works end them; any other is raised at the end.
    """
    over = threading.Event()

    def go_on(work: Callable[[], object]) -> None:
        with contextlib.suppress(OSError) if cut else contextlib.nullcontext():
            while not over.is_set():
                work()

    with ThreadPoolExecutor(len(works)) as others:
        working = [others.submit(go_on, work) for work in works]
        try:
            yield
        finally:
            over.set()
            for end in cut:
                with contextlib.suppress(OSError):  # the other end has closed it
                    end.shutdown(socket.SHUT_RDWR)
            for one in working:
                one.result()
