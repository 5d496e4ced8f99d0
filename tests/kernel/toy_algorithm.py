"""A congestion control algorithm of the tests' own, as a BPF program (struct_ops).

It is registered by bpf(2) alone, without libbpf or a compiler: its three functions are a few
instructions, and its types (BTF) those of its state. It counts in its state what it is called for.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tcctui.sources.kernel import bpf_syscall
from tcctui.sources.kernel.type_information import Kind, TypeInformation, of_this_kernel
from tests.unit.kernel_types import Type, type_information

MAP_CREATE, MAP_UPDATE, MAP_DELETE, PROG_LOAD, BTF_LOAD = 0, 2, 3, 5, 18  # enum bpf_cmd
STRUCT_OPS_MAP, STRUCT_OPS = 26, 27  # enum bpf_map_type, enum bpf_prog_type
VALUE = "bpf_struct_ops_tcp_congestion_ops"

SEED = 0x1234
"""What its member `seed` always is."""

INT, SHORT, CHAR, STATE, COPY = 1, 2, 3, 4, 5
"""Types of its BTF."""


def types(struct_name: str) -> bytes:
    """Types of the program: of its state, and a copy of one of the kernel's, as others have."""
    return type_information(
        [
            Type(Kind.INT, "unsigned int", 4, more=[32]),
            Type(Kind.INT, "short", 2, more=[1 << 24 | 16]),
            Type(Kind.INT, "unsigned char", 1, more=[8]),
            Type(
                Kind.STRUCT,
                struct_name,
                16,
                [
                    *[("calls", INT, 0), ("acked", INT, 32), ("seed", SHORT, 64)],
                    *[("below", SHORT, 80), ("low", CHAR, 96), ("high", CHAR, 99)],
                ],
                fields=[0, 0, 0, 0, 3, 5],
            ),
            Type(Kind.STRUCT, "minmax_sample", 8, [("t", INT, 0), ("v", INT, 32)]),
        ]
    )


@contextmanager
def toy_algorithm(name: str, struct_name: str) -> Iterator[None]:
    """Register it while the context lasts."""
    kernel = of_this_kernel()
    assert kernel is not None
    files = []
    try:
        private = _byte(kernel, "inet_connection_sock", "icsk_ca_priv")
        btf = _load_types(types(struct_name))
        files.append(btf)
        functions = {
            "ssthresh": _RETURN_TWO,
            "undo_cwnd": _RETURN_TWO,
            "cong_avoid": _counting(private),
        }
        programs = {member: _load(kernel, member, code) for member, code in functions.items()}
        files += programs.values()
        value_type = kernel.find(Kind.STRUCT, VALUE)
        assert value_type is not None
        size = kernel.size(value_type)
        map_fd = _bpf(
            MAP_CREATE,
            struct.pack(
                "=IIIIIII16sIIIII",
                *(STRUCT_OPS_MAP, 4, size, 1, 0, 0, 0, name.encode()[:15], 0, btf, 0, 0),
                value_type,
            ),
        )
        files.append(map_fd)
        value = bytearray(size)
        for member, program in programs.items():
            struct.pack_into("=Q", value, _byte(kernel, VALUE, f"data.{member}"), program)
        at = _byte(kernel, VALUE, "data.name")
        value[at : at + len(name)] = name.encode()
        key = ctypes.c_uint32(0)
        held = ctypes.create_string_buffer(bytes(value), size)
        places = ctypes.addressof(key), ctypes.addressof(held)
        _bpf(MAP_UPDATE, struct.pack("=iIQQQ", map_fd, 0, *places, 0))
        try:
            yield
        finally:
            with suppress(OSError):
                _bpf(MAP_DELETE, struct.pack("=iIQQQ", map_fd, 0, places[0], 0, 0))
    finally:
        for file in files:
            os.close(file)


def _byte(kernel: TypeInformation, struct_name: str, path: str) -> int:
    member = kernel.member(struct_name, path)
    assert member is not None, path
    return member.byte


def _instruction(code: int, registers: int = 0, offset: int = 0, number: int = 0) -> bytes:
    return struct.pack("=BBhi", code, registers, offset, number)


_EXIT = _instruction(0x95)
_RETURN_TWO = _instruction(0xB7, 0, 0, 2) + _EXIT  # r0 = 2


def _counting(private: int) -> bytes:
    """cong_avoid(sk, ack, acked): counts calls and segments, and leaves a mark."""
    return b"".join(
        [
            _instruction(0x79, 0x12, 16),  # r2 = acked (ctx is r1)
            _instruction(0x79, 0x11, 0),  # r1 = sk
            _instruction(0x61, 0x13, private),  # r3 = calls
            _instruction(0x07, 0x03, 0, 1),  # r3 += 1
            _instruction(0x63, 0x31, private),  # calls = r3
            _instruction(0x61, 0x13, private + 4),  # r3 = acked so far
            _instruction(0x0F, 0x23),  # r3 += r2
            _instruction(0x63, 0x31, private + 4),
            _instruction(0xB7, 0x03, 0, SEED),
            _instruction(0x6B, 0x31, private + 8),
            _instruction(0xB7, 0x03, 0, -2),
            _instruction(0x6B, 0x31, private + 10),
            _instruction(0xB7, 0x03, 0, 5 | 9 << 3),
            _instruction(0x73, 0x31, private + 12),
            _EXIT,
        ]
    )


def _load_types(data: bytes) -> int:
    held = ctypes.create_string_buffer(data, len(data))
    return _bpf(BTF_LOAD, struct.pack("=QQIIII", ctypes.addressof(held), 0, len(data), 0, 0, 0))


def _load(kernel: TypeInformation, member: str, code: bytes) -> int:
    number = kernel.find(Kind.STRUCT, "tcp_congestion_ops")
    assert number is not None
    names = [one.name for one in kernel.members(number)]
    held = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 16)
    at = ctypes.addressof(held), ctypes.addressof(licence)
    attributes = struct.pack(
        "=IIQQIIQII16sIIIIQIIQIII",
        *(STRUCT_OPS, len(code) // 8, *at, 1, len(log), ctypes.addressof(log), 0, 0),
        member.encode(),
        *(0, names.index(member), 0, 0, 0, 0, 0, 0, 0, number, 0),
    )
    try:
        return _bpf(PROG_LOAD, attributes)
    except OSError as error:
        raise AssertionError(log.value.decode(errors="replace")) from error


def _bpf(command: int, attributes: bytes) -> int:
    return bpf_syscall._bpf(command, attributes, "the toy algorithm")
