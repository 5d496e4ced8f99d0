"""Features that some kernels lack: each with its name, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tcctui.sources.kernel.tracepoint_formats import lacking
from tcctui.sources.kernel.type_information import Kind, TypeInformation
from tcctui.wire.tracepoints import EventKind


class Kernel(NamedTuple):
    """State of a kernel, with the program loaded.

    `typed` says that tcp_probe's values are read from the socket by the kernel's types (BTF),
    `tested` that members read so were those of TCP_INFO; `queues` that the program for packets that
    leave queues could be loaded and attached.
    """

    typed: bool
    tested: bool
    queues: bool
    types: TypeInformation | None
    formats: Mapping[str, frozenset[str]]

    def has(self, kind: EventKind) -> bool:
        """True if a tracepoint has the fields that are needed of it."""
        return kind not in {row.kind for row in lacking(self.formats)}

    def has_type(self, name: str) -> bool:
        """True if the kernel has a struct of this name."""
        return self.types is not None and self.types.find(Kind.STRUCT, name) is not None


FEATURES: Mapping[str, Callable[[Kernel], bool]] = {
    "sockets at each ACK": lambda kernel: kernel.typed and kernel.tested,
    "algorithm state": lambda kernel: kernel.typed and kernel.tested,
    # Types of modules: kernel/bpf/btf.c, since 5.11; of struct_ops: net/ipv4/bpf_tcp_ca.c.
    "state in modules": lambda kernel: (
        kernel.typed and kernel.tested and kernel.has_type("btf_module")
    ),
    "state in struct_ops": lambda kernel: (
        kernel.typed and kernel.tested and kernel.has_type("bpf_struct_ops_tcp_congestion_ops")
    ),
    "retransmit causes": lambda kernel: kernel.typed and kernel.has(EventKind.RETRANSMIT),
    "undone reductions": lambda kernel: kernel.typed and kernel.has(EventKind.CA_STATE),
    "drop reasons": lambda kernel: kernel.typed and kernel.has(EventKind.DROP),
    "waits in own queues": lambda kernel: kernel.queues,
    "CA state changes": lambda kernel: kernel.has(EventKind.CA_STATE),
}
"""Tests for each feature, by the name that the doctor and the README have for it."""


def described(kernel: Kernel) -> str:
    """Say what a kernel has of `FEATURES`, and what it lacks."""
    there = [name for name, has in FEATURES.items() if has(kernel)]
    missing = [name for name in FEATURES if name not in there]
    parts = [f"has {', '.join(there)}"] if there else []
    parts += [f"lacks {', '.join(missing)}"] if missing else []
    return "; ".join(parts)
