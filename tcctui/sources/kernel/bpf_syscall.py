"""System calls that make BPF maps, load programs and attach them: bpf(2) and perf_event_open(2).

By ctypes, which lets other threads run meanwhile. Structures are `union bpf_attr` of
include/uapi/linux/bpf.h and `struct perf_event_attr` of include/uapi/linux/perf_event.h, as far as
Linux 5.8 has them.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

HASH, ARRAY, PERF_EVENT_ARRAY, ARRAY_OF_MAPS, RINGBUF = 1, 2, 4, 12, 27
"""`enum bpf_map_type`."""

_TRACEPOINT, _RAW_TRACEPOINT, _TRACING = 5, 17, 26  # enum bpf_prog_type
_TRACE_RAW_TP = 23  # enum bpf_attach_type
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _PROG_LOAD, _RAW_TRACEPOINT_OPEN, _MAP_DELETE_BATCH = (
    *(0, 1, 2, 5, 17),
    27,
)  # enum bpf_cmd
_MAP_NEXT, _MAP_OPEN, _INFORMATION, _TYPES_OPEN = 12, 14, 15, 19  # enum bpf_cmd
_NUMBERS = {
    "x86_64": (321, 298),
    "aarch64": (280, 241),
    "loongarch64": (280, 241),
    "riscv64": (280, 241),
    "ppc64le": (361, 319),
    "s390x": (351, 331),
}
_NAME = 15  # characters of a map's or a program's name
_LOG_BYTES = 1 << 24  # of the verifier: older kernels refuse more
_TOLD_BYTES = 1 << 16  # of its log; its end has the reason

# struct perf_event_attr: type, size, config, sample_period, sample_type, read_format
_EVENT, _EVENT_BYTES = "=IIQQQQ", 112
_PERF_TYPE_TRACEPOINT, _PERF_FLAG_FD_CLOEXEC = 2, 8
_IOC_ENABLE, _IOC_SET_BPF = 0x2400, 0x40042408


class RefusedError(OSError):
    """The kernel refuses a map, a program or its attachment; `log` is what its verifier said."""

    log = ""


def create_map(  # noqa: PLR0917 - union bpf_attr has them in this order
    name: str, kind: int, key_size: int, value_size: int, entries: int, flags: int, inner: int = 0
) -> int:
    """Make a map, and give its descriptor; sizes in bytes.

    A map of maps takes maps that are like `inner`, a descriptor.

    Kernels before 5.11 count maps as locked memory: where that limit is in the way, it is raised.

    Raises:
        RefusedError: the kernel makes no such map.

    """
    attributes = struct.pack(
        "=IIIIIII16s", kind, key_size, value_size, entries, flags, inner, 0, _named(name)
    )
    try:
        return _bpf(_MAP_CREATE, attributes, name)
    except RefusedError as error:
        if error.errno != errno.EPERM or not _raise_locked_memory():
            raise
    return _bpf(_MAP_CREATE, attributes, name)


def load_program(name: str, instructions: bytes, arguments: int = 0, *, raw: bool = False) -> int:
    """Load a program of type tracepoint, and give its descriptor.

    With `arguments`, the number of their type among the kernel's, or if it is `raw`, it is one that
    has the tracepoint's own arguments.

    Raises:
        RefusedError: its verifier does not let it in, and `log` says why; or the kernel refuses.

    """
    try:
        return _load_program(name, instructions, arguments, raw, None)
    except RefusedError as error:
        # A log makes the verifier slower: only asked for where there is something to say. Where the
        # first attempt was but interrupted by a signal, this one is not refused.
        log = ctypes.create_string_buffer(_LOG_BYTES)
        try:
            return _load_program(name, instructions, arguments, raw, log)
        except RefusedError:
            error.log = log.value[-_TOLD_BYTES:].decode(errors="replace")
        raise


def _load_program(
    name: str,
    instructions: bytes,
    arguments: int,
    raw: bool,
    log: ctypes.Array[ctypes.c_char] | None,
) -> int:
    kind = _RAW_TRACEPOINT if raw else _TRACING if arguments else _TRACEPOINT
    code = ctypes.create_string_buffer(instructions, len(instructions))
    # bpf_ringbuf_output and its like are for programs under the GPL.
    licence = ctypes.create_string_buffer(b"GPL")
    return _bpf(
        _PROG_LOAD,
        struct.pack(
            "=IIQQIIQII16sIIIIQIIQIII",
            kind,
            len(instructions) // 8,
            ctypes.addressof(code),
            ctypes.addressof(licence),
            0 if log is None else 1,
            0 if log is None else len(log),
            0 if log is None else ctypes.addressof(log),
            0,
            0,
            _named(name),
            0,
            _TRACE_RAW_TP if arguments else 0,
            *(0, 0, 0, 0, 0, 0, 0),  # types of its own
            arguments,
            0,
        ),
        name,
    )


def attach_typed(program: int) -> int:
    """Have the tracepoint that it was loaded for run a program; gives what holds it there.

    Raises:
        RefusedError: the kernel refuses it.

    """
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QI4x", 0, program), "the program")


def attach_raw(program: int, tracepoint: str) -> int:
    """Have a tracepoint run a raw program, by its name alone; gives what holds it there.

    Who has the program's descriptor needs no other right (since Linux 5.19, before that CAP_BPF).

    Raises:
        RefusedError: there is no such tracepoint, or the kernel refuses it.

    """
    name = ctypes.create_string_buffer(tracepoint.encode())
    asked = struct.pack("=QI4x", ctypes.addressof(name), program)
    return _bpf(_RAW_TRACEPOINT_OPEN, asked, tracepoint)


def set_element(map_fd: int, key: int, value: int) -> None:
    """Set an element of a map whose keys and values have four bytes each.

    Raises:
        RefusedError: the kernel refuses it.

    """
    both = (ctypes.c_uint32 * 2)(key, value)
    at = ctypes.addressof(both)
    _bpf(_MAP_UPDATE, struct.pack("=iIQQQ", map_fd, 0, at, at + 4, 0), "an element")


def delete_batch(map_fd: int, keys: int, count: int) -> int:
    """Delete keys of a hash map, which lie at an address; gives how many were deleted.

    It ends at the first missing one; since Linux 5.6.

    Raises:
        RefusedError: the kernel refuses.

    """
    batch = ctypes.create_string_buffer(
        struct.pack("=QQQQIiQQ", 0, 0, keys, 0, count, map_fd, 0, 0), 56
    )
    try:
        _syscall(_MAP_DELETE_BATCH, batch, "keys")
    except RefusedError as error:
        if error.errno != errno.ENOENT:
            raise
    (deleted,) = struct.unpack_from("=I", batch, 32)
    return int(deleted)


class MapInformation(NamedTuple):
    """Part of a `struct bpf_map_info`: `types` identify the BTF that it was made with, 0 if none.

    `vmlinux_type` is the number of the type of its values among the kernel's.
    """

    kind: int
    value_size: int
    vmlinux_type: int
    types: int


_MAP_INFORMATION, _TYPES_INFORMATION = 88, 32  # bytes


def map_identities() -> Iterator[int]:
    """Identities of all maps of this machine.

    Raises:
        RefusedError: this process may not ask.

    """
    identity = 0
    while True:
        asked = ctypes.create_string_buffer(struct.pack("=III", identity, 0, 0), 12)
        try:
            _syscall(_MAP_NEXT, asked, "to tell of maps")
        except RefusedError as error:
            if error.errno != errno.ENOENT:
                raise
            return
        _, identity, _ = struct.unpack("=III", asked.raw)
        yield identity


def open_map(identity: int) -> int:
    """Open a map; gives its descriptor.

    Raises:
        RefusedError: it is gone, or not for this process.

    """
    return _bpf(_MAP_OPEN, struct.pack("=III", identity, 0, 0), "a map")


def map_information(map_fd: int) -> MapInformation:
    """Ask about a map.

    Raises:
        RefusedError: the kernel refuses.

    """
    told = _information(map_fd, ctypes.create_string_buffer(_MAP_INFORMATION))
    kind, _, _, value_size = struct.unpack_from("=IIII", told)
    (vmlinux_type,) = struct.unpack_from("=I", told, 44)
    (types,) = struct.unpack_from("=I", told, 64)
    return MapInformation(kind, value_size, vmlinux_type, types)


def element(map_fd: int, key: int, size: int) -> bytes:
    """Value of so many bytes of a map whose keys have four.

    Raises:
        RefusedError: there is none, or the kernel refuses.

    """
    number = ctypes.c_uint32(key)
    value = ctypes.create_string_buffer(size)
    at = ctypes.addressof(number), ctypes.addressof(value)
    _bpf(_MAP_LOOKUP, struct.pack("=iIQQQ", map_fd, 0, *at, 0), "an element")
    return value.raw


def types_of(identity: int, most: int) -> bytes:
    """Read types (BTF) that were loaded, of `most` bytes at the most.

    Raises:
        RefusedError: they are gone, or not for this process.

    """
    types_fd = _bpf(_TYPES_OPEN, struct.pack("=III", identity, 0, 0), "types")
    try:
        size = 0
        for _ in range(2):  # to know the size, and to have it
            data = ctypes.create_string_buffer(max(size, 1))
            asked = struct.pack("=QI", ctypes.addressof(data), size)
            told = _information(types_fd, ctypes.create_string_buffer(asked, _TYPES_INFORMATION))
            size = min(struct.unpack_from("=I", told, 8)[0], most)
        return data.raw[:size]
    finally:
        os.close(types_fd)


def _information(descriptor: int, into: ctypes.Array[ctypes.c_char]) -> bytes:
    asked = struct.pack("=IIQ", descriptor, len(into), ctypes.addressof(into))
    _bpf(_INFORMATION, asked, "information")
    return into.raw


def may_use_maps() -> bool:
    """Check that the kernel lets this process use maps whose descriptors it has.

    Before Linux 5.19 `kernel.unprivileged_bpf_disabled` took that away, too (__sys_bpf,
    kernel/bpf/syscall.c).
    """
    try:
        _bpf(_MAP_LOOKUP, struct.pack("=iIQQQ", -1, 0, 0, 0, 0), "a lookup")
    except RefusedError as error:
        return error.errno != errno.EPERM
    return True


def open_tracepoint(identity: int) -> int:
    """Open the perf event of a tracepoint, for all processes; gives its descriptor.

    `identity` is the ID in the tracepoint's `format`. The processor makes no difference to a BPF
    program: one on which this process may run is online.

    Raises:
        RefusedError: the kernel refuses it.

    """
    attributes = ctypes.create_string_buffer(
        struct.pack(_EVENT, _PERF_TYPE_TRACEPOINT, _EVENT_BYTES, identity, 1, 0, 0), _EVENT_BYTES
    )
    number = _number(1)
    cpu = min(os.sched_getaffinity(0))
    descriptor = _libc().syscall(number, attributes, -1, cpu, -1, _PERF_FLAG_FD_CLOEXEC)
    return _checked(descriptor, "a tracepoint's perf event")


def attach(event: int, program: int) -> None:
    """Have a tracepoint's perf event run a program.

    Raises:
        RefusedError: the kernel refuses it.

    """
    _checked(_libc().ioctl(event, _IOC_SET_BPF, program), "the program at its tracepoint")
    _checked(_libc().ioctl(event, _IOC_ENABLE, 0), "the tracepoint")


def _bpf(command: int, attributes: bytes, what: str) -> int:
    return _syscall(command, ctypes.create_string_buffer(attributes, len(attributes)), what)


def _syscall(command: int, attributes: ctypes.Array[ctypes.c_char], what: str) -> int:
    number = _number(0)
    return _checked(_libc().syscall(number, command, attributes, len(attributes)), what)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _number(which: int) -> int:
    machine = os.uname().machine
    if machine not in _NUMBERS:
        raise RefusedError(errno.ENOSYS, f"tcctui does not know the system calls of {machine}")
    return _NUMBERS[machine][which]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise RefusedError(number, f"the kernel refuses {what}: {os.strerror(number)}")
    return result


def _named(name: str) -> bytes:
    return name.encode()[:_NAME]


def _raise_locked_memory() -> bool:
    """Raise RLIMIT_MEMLOCK as far as it goes; False if nothing changed."""
    import resource  # noqa: PLC0415 - seldom needed

    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in (resource.RLIM_INFINITY, before[1]):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        except (OSError, ValueError):
            continue
        break
    return resource.getrlimit(resource.RLIMIT_MEMLOCK) != before
