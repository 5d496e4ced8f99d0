"""Congestion control algorithms that are BPF programs (struct_ops), and their own types.

The kernel tells of them to those with CAP_SYS_ADMIN alone: it is asked where the program is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from tcctui.sources.kernel import bpf_syscall, private_layouts, registered_algorithms, tick
from tcctui.sources.kernel.bpf_syscall import RefusedError
from tcctui.sources.kernel.type_information import Kind, TypeInformation, of_this_kernel
from tcctui.wire.private_layout import PrivateLayout

_STRUCT_OPS = 26  # enum bpf_map_type
_VALUE = "bpf_struct_ops_tcp_congestion_ops"
_MOST_BYTES = 1 << 24  # BTF_MAX_SIZE, include/uapi/linux/btf.h, and more
_NAME_BYTES = 16  # TCP_CA_NAME_MAX


def layouts() -> dict[str, PrivateLayout]:
    """Layouts of those that are registered, by name; none without the right to ask.

    Nothing is read unless an algorithm is there that is not of the kernel's own.
    """
    wanted = set(registered_algorithms.unknown(registered_algorithms.registered()))
    kernel = of_this_kernel() if wanted else None
    if kernel is None:
        return {}
    found: dict[str, PrivateLayout] = {}
    hz = tick.per_second()
    with suppress(RefusedError):
        for name, data in _programs(kernel):
            with suppress(ValueError, IndexError):
                layout = private_layouts.of_program(TypeInformation(data), name, kernel, hz)
                if name in wanted and layout is not None:
                    found[name] = layout
    return found


def _programs(kernel: TypeInformation) -> Iterator[tuple[str, bytes]]:
    """Name and types of each map that registers an algorithm."""
    value = kernel.find(Kind.STRUCT, _VALUE)
    at = kernel.member(_VALUE, "data.name")
    if value is None or at is None:
        return
    for identity in bpf_syscall.map_identities():
        with suppress(RefusedError):  # it may be gone meanwhile
            file = bpf_syscall.open_map(identity)
            try:
                told = bpf_syscall.map_information(file)
                if (told.kind, told.vmlinux_type) == (_STRUCT_OPS, value) and told.types:
                    content = bpf_syscall.element(file, 0, told.value_size)
                    name = content[at.byte : at.byte + _NAME_BYTES].split(b"\0")[0]
                    yield (
                        name.decode(errors="replace"),
                        bpf_syscall.types_of(told.types, _MOST_BYTES),
                    )
            finally:
                os.close(file)
