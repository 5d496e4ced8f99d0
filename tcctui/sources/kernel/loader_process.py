"""The BPF program from a process apart, which alone may load it, and ends once it has.

The protocol: it begins on `BEGIN`. Its one answer is JSON: what `Program` is made of, with the open
files of maps, rings, programs and tracepoints; or the reason why there is none. What has been
loaded needs no rights any more.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tcctui.errors import TcctuiError
from tcctui.privileges import apart
from tcctui.privileges.apart import Apart
from tcctui.privileges.capabilities import Capability
from tcctui.privileges.channel import Channel

if TYPE_CHECKING:
    from tcctui.sources.kernel.load_options import LoadOptions
    from tcctui.sources.kernel.loader import Loaded
    from tcctui.sources.kernel.program import Program

_RIGHTS = (
    Capability.SYS_ADMIN,  # mounts tracefs
    Capability.BPF,
    Capability.PERFMON,
    Capability.SYS_RESOURCE,  # locked memory, before Linux 5.11
    Capability.DAC_READ_SEARCH,
)
BEGIN = b"b"
_MOST_BYTES, _MOST_FILES = 1 << 20, 253


class LoadingElsewhere:
    """A program on its way, as `Loading` is one: begun when it is waited for.

    To be made before there are threads.
    """

    def __init__(self, options: LoadOptions) -> None:
        # The compiler, a process that it starts, makes maps, too.
        serve = partial(_serve, options)
        self._process: Apart = apart.start("loader", serve, None, _RIGHTS, inherited=True)

    def wait(self) -> Program:
        """Wait until it is loaded and attached; nothing passes its filter yet.

        Raises:
            TcctuiError: it can't be compiled, or the kernel refuses it.

        """
        from tcctui.sources.kernel.program import Program  # noqa: PLC0415
        from tcctui.sources.kernel.type_facts import TypeFacts  # noqa: PLC0415

        try:
            self._process.channel.send(BEGIN)
            message, files = self._process.channel.receive(_MOST_BYTES, _MOST_FILES)
        except OSError as error:
            self._process.end()
            raise TcctuiError("The process that loads the BPF program broke off.") from error
        self._process.reap()
        answer = json.loads(message)
        if "reason" in answer:
            raise TcctuiError(**answer)
        facts = TypeFacts.from_json(answer.pop("facts"))
        return Program(*_received(answer, files), facts=facts, **answer)

    def abandon(self) -> None:
        """End it; `wait`, in another thread, raises unless the program is there."""
        self._process.end()


def _serve(options: LoadOptions, channel: Channel) -> None:
    from tcctui.sources.kernel.program import Loading  # noqa: PLC0415 - of no use to the other side

    if channel.receive(len(BEGIN))[0] != BEGIN:
        return
    try:
        program = Loading(**options._asdict()).wait()
    except TcctuiError as error:
        refusal = {"reason": error.reason, "mend": error.mend, "detail": error.detail}
        channel.send(json.dumps({**refusal, "status": error.status}).encode()[:_MOST_BYTES])
        return
    except Exception as error:  # a defect: the other process says so
        reason = f"The BPF program can't be loaded: {type(error).__name__}: {error}."
        channel.send(json.dumps({"reason": reason}).encode())
        return
    with contextlib.closing(program):
        loaded = program.loaded
        lists = [
            *([*loaded.maps.values()], program.rings[1:]),
            *([*loaded.programs.values()], loaded.attached),
        ]
        told = {
            "maps": [*loaded.maps],
            "programs": [*loaded.programs],
            "counts": [len(one) for one in lists],
            "times": loaded.times,
            "attach_ms": program.attach_ms,
            "cached": program.cached,
            "ring_bytes": program.ring_bytes,
            "slots": program.slots,
            "insides": program.insides,
            "typed": loaded.typed,
            "cpus": program.cpus,
            "facts": program.facts,
            "layouts": program.layouts,
        }
        channel.send(json.dumps(told).encode(), [file for one in lists for file in one])


def _received(answer: dict[str, Any], files: Sequence[int]) -> tuple[Loaded, list[int]]:
    """Take what was loaded, and its rings, from what was sent."""
    from tcctui.sources.kernel.loader import Loaded, LoadTimes  # noqa: PLC0415

    lists: list[list[int]] = []
    at = 0
    for count in answer.pop("counts"):
        lists.append([*files[at : at + count]])
        at += count
    descriptors, rings, programs, attached = lists
    maps = dict(zip(answer.pop("maps"), descriptors, strict=True))
    by_tracepoint = dict(zip(answer.pop("programs"), programs, strict=True))
    loaded = Loaded(
        maps, by_tracepoint, attached, LoadTimes(*answer.pop("times")), answer.pop("typed")
    )
    return loaded, [maps["events"], *rings]
