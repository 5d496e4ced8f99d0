"""Capabilities of the calling thread: capabilities(7), include/uapi/linux/capability.h."""

from __future__ import annotations

import ctypes
import enum
import os
from collections.abc import Iterable

_CAP_AMBIENT, _AMBIENT_RAISE = 47, 2  # include/uapi/linux/prctl.h
_VERSION_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words of 32 bits each


class Capability(enum.IntEnum):
    """Capabilities that some part of tcctui needs or makes use of, by number."""

    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    SETGID = 6
    SETUID = 7
    NET_ADMIN = 12
    SYS_PTRACE = 19
    SYS_ADMIN = 21
    SYS_RESOURCE = 24
    PERFMON = 38
    BPF = 39


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def permitted() -> int:
    """Permitted capabilities, a bit each.

    Raises:
        OSError: the kernel does not say.

    """
    data = (_Data * 2)()
    _check(_libc().capget(ctypes.byref(_Header(_VERSION_3, 0)), data))
    return int(data[0].permitted) | int(data[1].permitted) << 32


def has(*wanted: Capability) -> bool:
    """Check that all of these are permitted.

    Raises:
        OSError: the kernel does not say.

    """
    mask = _mask(wanted)
    return permitted() & mask == mask


def keep(wanted: Iterable[Capability], *, effective: bool = True, inherited: bool = False) -> None:
    """Give up all capabilities of this thread but those `wanted`, as far as they are permitted.

    With `effective` False they stay permitted, and are not in force; if `inherited`, the programs
    that it starts have them, too.

    Raises:
        OSError: the kernel refuses.

    """
    mask = permitted() & _mask(wanted)
    data = (_Data * 2)()
    for word, part in enumerate((mask & 0xFFFFFFFF, mask >> 32)):
        data[word].permitted = part
        data[word].effective = part if effective else 0
        data[word].inheritable = part if inherited else 0
    libc = _libc()
    _check(libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), data))
    for number in wanted if inherited else ():
        if mask >> number & 1:
            arguments = map(ctypes.c_ulong, (_AMBIENT_RAISE, number, 0, 0))
            _check(libc.prctl(_CAP_AMBIENT, *arguments))


def _mask(wanted: Iterable[Capability]) -> int:
    return sum({1 << number for number in wanted})


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
