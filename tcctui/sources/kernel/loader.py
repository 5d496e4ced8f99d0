"""From the compiled BPF program to the running one: maps, programs, and their tracepoints."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

from tcctui.sources.kernel import bpf_syscall
from tcctui.sources.kernel.bpf_syscall import RefusedError
from tcctui.sources.kernel.compiled import Compiled
from tcctui.sources.kernel.tracepoint_formats import PROBE

_AT_ONCE = 4
"""Programs that are loaded at a time, at most."""


class LoadTimes(NamedTuple):
    """Milliseconds that making the maps, verifying the programs and attaching them took."""

    maps: float
    programs: float
    attaching: float


class Loaded(NamedTuple):
    """Descriptors of what runs; `attached` is what has to be open for it.

    `maps` are by name, `programs` by tracepoint.
    """

    maps: dict[str, int]
    programs: dict[str, int]
    attached: list[int]
    times: LoadTimes
    typed: bool = False
    """True if one of the programs has its tracepoint's own arguments."""

    def close(self) -> None:
        """Detach and unload."""
        # What is closed first is what runs.
        for descriptor in (*self.attached, *self.programs.values(), *self.maps.values()):
            os.close(descriptor)


def load(
    compiled: Compiled,
    *,
    entries: Mapping[str, int],
    identities: Mapping[str, int],
    meanwhile: Callable[[dict[str, int]], None],
) -> Loaded:
    """Make the maps, load the programs, and attach them; tcp_probe comes first.

    Raw ones are loaded, where the kernel lets them in, and not attached.

    `entries` are the numbers of entries of maps that are larger than as compiled (of a ring buffer,
    its bytes), `identities` the numbers of the tracepoints, by name. `meanwhile` is called with the
    maps, in a thread, while the kernel verifies the programs.

    Raises:
        RefusedError: the kernel refuses any of it; nothing is left of the rest.

    """
    typed = any(program.arguments for program in compiled.programs)
    found = Loaded({}, {}, [], LoadTimes(0, 0, 0), typed)
    order = sorted(compiled.programs, key=lambda program: program.tracepoint != PROBE)
    times = [time.monotonic()]
    try:
        for one in compiled.maps:
            wanted = one._replace(entries=entries.get(one.name, one.entries))
            # The maps in the only map of maps are like this one, which is made before it.
            inner = found.maps["events"] if one.kind == bpf_syscall.ARRAY_OF_MAPS else 0
            found.maps[one.name] = bpf_syscall.create_map(*wanted, inner)
        times.append(time.monotonic())
        with ThreadPoolExecutor(_AT_ONCE) as side:
            # The kernel verifies programs side by side, and waits for maps meanwhile.
            asked = side.submit(meanwhile, found.maps)
            loading = [
                side.submit(
                    bpf_syscall.load_program,
                    program.tracepoint.rpartition("/")[2],
                    program.linked(found.maps),
                    program.arguments,
                    raw=program.raw,
                )
                for program in order
            ]
        outcomes = [*zip(order, loading, strict=True)]
        found.programs.update(
            (program.tracepoint, outcome.result())
            for program, outcome in outcomes
            if outcome.exception() is None
        )
        asked.result()
        for program, outcome in outcomes:
            if not program.raw:
                outcome.result()
        times.append(time.monotonic())
        events = []
        for program in order:
            if program.raw:
                continue
            descriptor = found.programs[program.tracepoint]
            if program.arguments:
                found.attached.append(bpf_syscall.attach_typed(descriptor))
                continue
            event = bpf_syscall.open_tracepoint(identities[program.tracepoint])
            found.attached.append(event)
            events.append(event)
            bpf_syscall.attach(event, descriptor)
        with contextlib.suppress(RefusedError):  # tcctui ends more slowly without it
            found.attached.append(_holder(events))
        times.append(time.monotonic())
    except BaseException:
        found.close()
        raise
    taken = [(end - begin) * 1e3 for begin, end in pairwise(times)]
    return found._replace(times=LoadTimes(*taken))


def _holder(events: list[int]) -> int:
    """Map that holds perf events, too; gives its descriptor.

    Closing an event waits for several grace periods of RCU, some 90 ms each: when tcctui ends, for
    most of a second. What a map has held the kernel closes in a thread of its own, some 0.3 s after
    the map (perf_event_fd_array_release, kernel/bpf/arraymap.c; delayed_fput, fs/file_table.c).
    """
    size = 4  # of a key, and of a descriptor
    holder = bpf_syscall.create_map(
        "attached", bpf_syscall.PERF_EVENT_ARRAY, size, size, len(events), 0
    )
    try:
        for number, event in enumerate(events):
            bpf_syscall.set_element(holder, number, event)
    except BaseException:
        os.close(holder)
        raise
    return holder
