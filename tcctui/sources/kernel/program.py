"""The BPF program: taken from the cache or compiled, loaded in a thread, waited for, and held."""

from __future__ import annotations

import os
import re
import resource
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import compiled_cache, privileges, ring_maps
from tcctui.sources.kernel.bpf_syscall import RefusedError
from tcctui.sources.kernel.build import Build
from tcctui.sources.kernel.load_options import INSIDES, MAX_FOCUS, SLOTS
from tcctui.sources.kernel.loader import Loaded, load
from tcctui.sources.kernel.registered_algorithms import registered, unknown

if TYPE_CHECKING:
    from tcctui.sources.kernel.compilation import Compilation
    from tcctui.sources.kernel.compiled import Compiled
    from tcctui.sources.kernel.type_facts import TypeFacts

RING_BYTES = 16 << 20
"""Room for 123,000 events, in all ring buffers together."""

_OLDEST = (5, 8)

_FILES, _FILES_OF_RING = 128, 4
"""Open files needed: by the program, the screen and Python, and by each ring buffer."""


class AnyLoading(Protocol):
    """A program on its way, loaded by this process or by another one."""

    def wait(self) -> Program:
        """Wait until it is loaded and attached. Raises TcctuiError."""

    def abandon(self) -> None:
        """End it; `wait`, in another thread, raises unless the program is there."""


class Program:
    """Holds the loaded program, with the descriptors of its maps, by name, and of its programs.

    `rings` are those of the ring buffers, of `ring_bytes` each. `cached` is True if it was not
    compiled for this.
    """

    def __init__(
        self,
        loaded: Loaded,
        rings: list[int],
        *,
        attach_ms: float,
        cached: bool,
        ring_bytes: int,
        slots: int,
        insides: int,
        cpus: int,
        facts: TypeFacts,
        layouts: Sequence[Any] = (),
    ) -> None:
        self.loaded = loaded
        self._open = True
        self.attach_ms = attach_ms
        """Milliseconds that compiling, loading and attaching took."""
        self.times = loaded.times
        self.cached = cached
        self.ring_bytes = ring_bytes
        self.slots = slots
        self.insides = insides
        """Places for what is read of sockets, those of the flows in focus the first."""
        self.cpus = cpus
        self.facts = facts
        self.layouts = layouts
        """Layouts of the state of algorithms that are BPF programs (`PrivateLayout.to_data`)."""
        self.maps = loaded.maps
        self.rings = rings
        self.programs = loaded.programs
        self.typed = loaded.typed
        """True if tcp_probe's program reads sockets by their types, and can read more of them."""

    def close(self) -> None:
        """Detach and unload; may be called twice."""
        if self._open:
            self._open = False
            self.loaded.close()
            for descriptor in self.rings[1:]:  # the first is one of the maps
                os.close(descriptor)


class Loading:
    """A program on its way: a thread loads it, once it is compiled if that is needed.

    `kernel_headers` is a kernel's build directory to compile against, instead of the bundled
    stand-ins; `ring_bytes` is the size of all ring buffers' data, a power of two; `slots` is how
    many flows the kernel can coalesce at a time; `rings` is the number of ring buffers, a power of
    two, by default as many as this machine needs. A compiled program is kept for the next time; a
    `fresh` one is compiled in any case, and so is one against kernel headers, whose changes are not
    noticed. `typed` says that tcp_probe's values may be read from the socket itself, where the
    kernel's types are known.

    Raises:
        TcctuiError: no privilege, too few open files allowed, no tracepoint, no bcc, or no headers.

    """

    def __init__(
        self,
        *,
        kernel_headers: Path | None = None,
        ring_bytes: int = RING_BYTES,
        slots: int = SLOTS,
        rings: int = 0,
        fresh: bool = False,
        typed: bool = True,
    ) -> None:
        self._started = time.monotonic()
        privileges.require()
        self._rings = rings or ring_maps.count(ring_bytes)
        _require_files(_FILES + _FILES_OF_RING * self._rings)
        self._ring_bytes = ring_bytes // self._rings
        self._slots = slots
        self._insides = MAX_FOCUS + min(slots, INSIDES)
        self._cpus = possible_cpus()
        self._kernel_headers = kernel_headers
        self._build = Build(kernel_headers, typed=typed)
        self._cache = None if kernel_headers is not None else compiled_cache.default()
        self._abandoned = False
        self._compilation: Compilation | None = None
        kept = None if fresh or self._cache is None else self._cache.read(self._build.key)
        if kept is None:
            self._compile()
        self._outcome: Program | BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(kept,), daemon=True)
        self._thread.start()

    def wait(self) -> Program:
        """Wait until it is loaded and attached; nothing passes its filter yet.

        Raises:
            TcctuiError: it can't be compiled, or the kernel refuses it.

        """
        try:
            self._thread.join()
        except BaseException:
            self.abandon()
            raise
        assert self._outcome is not None
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def abandon(self) -> None:
        """End the compiler; `wait`, in another thread, raises unless the program is there."""
        self._abandoned = True
        if self._compilation is not None:
            self._compilation.end()

    def _compile(self) -> None:
        self._compilation = self._build.compile()
        if self._abandoned:
            self._compilation.end()

    def _run(self, kept: Compiled | None) -> None:
        try:
            self._outcome = self._loaded(kept)
        except BaseException as error:
            self._outcome = error

    def _loaded(self, kept: Compiled | None) -> Program:
        if kept is not None:
            try:
                return self._load(kept, cached=True)
            except RefusedError:  # by a kernel that differs in what the key does not know
                self._compile()
        assert self._compilation is not None
        key = self._build.key
        try:
            compiled = self._compilation.result()
            try:
                program = self._load(compiled, cached=False)
            except RefusedError:
                if not any(one.arguments for one in compiled.programs):
                    raise
                self._build = Build(self._kernel_headers, typed=False)
                self._compile()
                compiled = self._compilation.result()
                program = self._load(compiled, cached=False)
        except RefusedError as error:
            raise _refused(str(error.strerror), "", error.log) from error
        except TcctuiError as error:
            raise _refused(error.reason, error.mend, error.detail) from error
        if self._cache is not None:
            self._cache.write(key, compiled)
        return program

    def _load(self, compiled: Compiled, *, cached: bool) -> Program:
        rings: list[int] = []

        def fill(maps: dict[str, int]) -> None:
            rings.extend(ring_maps.fill(maps, ring_bytes=self._ring_bytes, rings=self._rings))

        try:
            loaded = load(
                compiled,
                entries={
                    "events": self._ring_bytes,
                    **dict.fromkeys(("flows", "marks", "pending", "slots"), self._slots),
                    "insides": self._insides,
                    **dict.fromkeys(("lost", "free_slots"), self._cpus),
                    "rings": self._rings,
                },
                identities=self._build.identities,
                meanwhile=fill,
            )
        except BaseException:
            for descriptor in rings[1:]:
                os.close(descriptor)
            raise
        return Program(
            loaded,
            rings,
            attach_ms=(time.monotonic() - self._started) * 1e3,
            cached=cached,
            ring_bytes=self._ring_bytes,
            slots=self._slots,
            insides=self._insides,
            cpus=self._cpus,
            facts=compiled.facts,
            layouts=_layouts(),
        )


def _layouts() -> list[Any]:
    """Layouts of algorithms that are BPF programs; the right to ask is given up after this."""
    if not unknown(registered()):
        return []
    from tcctui.sources.kernel import struct_ops  # noqa: PLC0415 - seldom needed

    return [layout.to_data() for layout in struct_ops.layouts().values()]


def _require_files(least: int) -> None:
    """Raise the limit on open files to its maximum.

    Raises:
        TcctuiError: that is less than is needed.

    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if 0 <= most < least:  # -1 is no limit
        raise TcctuiError(
            f"Only {most} files may be open at once, and the BPF program needs {least}.",
            "Raise the limit: ulimit -n 1024",
        )


def _refused(reason: str, mend: str, detail: str) -> TcctuiError:
    if mend:
        return TcctuiError(reason, mend, detail=detail)
    release = os.uname().release
    mend = "With --verbose it prints what the compiler and the kernel said."
    if _kernel_version(release) < _OLDEST:
        mend = "tcctui needs Linux 5.8 or newer: older kernels have no BPF ring buffer."
    return TcctuiError(
        f"The BPF program can't be loaded into kernel {release}: {reason}.", mend, detail=detail
    )


def possible_cpus() -> int:
    """Number of possible processors: the highest possible number, and one."""
    try:
        text = Path("/sys/devices/system/cpu/possible").read_text()
    except OSError:
        return os.cpu_count() or 1
    return int(re.split("[-,]", text.strip())[-1]) + 1


def _kernel_version(release: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else _OLDEST
