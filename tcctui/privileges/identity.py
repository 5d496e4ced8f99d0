"""The calling user, and the change to that user's rights, for ever."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcctui.errors import TcctuiError
from tcctui.privileges import capabilities
from tcctui.privileges.capabilities import Capability

if TYPE_CHECKING:
    import pwd

OF_CALLERS = ("SUDO_", "PKEXEC_", "DOAS_")
"""Beginnings of the names of variables that tell who called."""

_LAST_ID, _DIGITS = 2**32 - 2, 10
_NOBODY = 65534  # by the kernel's default for ids that it can't represent (kernel/sys.c)

_SET_DUMPABLE, _SET_KEEPCAPS, _SET_NO_NEW_PRIVS = 4, 8, 38  # include/uapi/linux/prctl.h
_BOUNDING_DROP, _LAST = 24, 63


class User(NamedTuple):
    """A user: ids, all groups, name, home directory and shell."""

    uid: int
    gid: int
    groups: list[int]
    name: str
    home: Path
    shell: str = "/bin/sh"


def caller(environment: Mapping[str, str] | None = None) -> User | None:
    """Identify the user who called sudo, pkexec or doas; None without these or for root.

    One whom this machine does not know has the group that SUDO_GID names, and no home.
    `environment` is this process's own by default.

    Raises:
        TcctuiError: it is no number or name of a user.

    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    environment = os.environ if environment is None else environment
    import pwd  # noqa: PLC0415 - there is none on Windows

    for variable in ("SUDO_UID", "PKEXEC_UID"):
        user = environment.get(variable, "")
        if user.isdecimal() and user.isascii() and user.strip("0"):
            if not _is_id(user):
                raise TcctuiError(
                    f"{variable} is {user[:20]}, which is no user.", f"Unset {variable}."
                )
            try:
                return _known(pwd.getpwuid(int(user)))
            except KeyError:
                group = environment.get("SUDO_GID", "")
                gid = int(group) if _is_id(group) else int(user)
                return User(int(user), gid, [gid], user, Path("/"))
    name = environment.get("DOAS_USER", "")
    if name in {"", "root"}:
        return None
    try:
        return _known(pwd.getpwnam(name))
    except KeyError:
        raise TcctuiError(
            f"DOAS_USER is {name[:20]!r}, which is no user.", "Unset DOAS_USER."
        ) from None


def _known(entry: pwd.struct_passwd) -> User:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    home, shell = Path(entry.pw_dir), entry.pw_shell or "/bin/sh"
    return User(entry.pw_uid, entry.pw_gid, groups, entry.pw_name, home, shell)


def _is_id(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= _DIGITS and int(text) <= _LAST_ID


def nobody() -> User:
    """Identify the user who owns nothing."""
    return User(_NOBODY, _NOBODY, [], "nobody", Path("/"))


def can_change() -> bool:
    """Check that this process may become another user; in some containers there is no other one.

    Raises:
        OSError: the kernel does not say.

    """
    if os.geteuid() != 0 or not capabilities.has(Capability.SETUID, Capability.SETGID):
        return False
    whole = f"0 0 {2**32 - 1}"
    maps = (Path(f"/proc/self/{name}").read_text().split() for name in ("uid_map", "gid_map"))
    return all(" ".join(ids) == whole for ids in maps)


def become(
    user: User | None, wanted: Iterable[Capability] = (), *, inherited: bool = False
) -> None:
    """Give up this process's rights for those of a user, and all capabilities but those `wanted`.

    Nothing that this process starts gets more again (no_new_privs), and nobody without more rights
    may look into it (ptrace(2)). With None it stays the same user. To be called before there are
    threads: the kernel keeps capabilities for each. If `inherited`, programs that it starts have
    the wanted ones, too.

    Raises:
        OSError: the kernel refuses, as where a container has no such user.

    """
    wanted = frozenset(wanted)
    for number in range(_LAST + 1):
        if number not in wanted:  # programs that it starts as root have no more, either
            _prctl(_BOUNDING_DROP, number, must=False)
    if user is not None and os.geteuid() == 0:
        _prctl(_SET_KEEPCAPS, 1)
        change_user(user)
    capabilities.keep(wanted, inherited=inherited)
    _prctl(_SET_KEEPCAPS, 0)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_DUMPABLE, 0)


def change_user(user: User) -> None:
    """Become a user, with all groups, for ever.

    Raises:
        OSError: the kernel refuses.

    """
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def take_home(user: User) -> None:
    """Have settings and saved files be that user's from now on."""
    for name in [name for name in os.environ if name.startswith((*OF_CALLERS, "XDG_"))]:
        del os.environ[name]
    os.environ.update(HOME=str(user.home), USER=user.name, LOGNAME=user.name)
    os.environ.pop("MAIL", None)


def _prctl(option: int, value: int, *, must: bool = True) -> None:
    import ctypes  # noqa: PLC0415 - only where there are rights to give up

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(one) for one in (value, 0, 0, 0))) != 0 and must:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
