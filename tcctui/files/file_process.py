"""Files by a process apart, which is the user behind this one, and can make but what was told it.

The protocol: a request is JSON, a list of a call of `Disk` and its arguments, an answer one with an
errno or 0 and the result, or a descriptor. Paths are those of directories and names that were told
before: whoever takes over the process that asks reaches no other file of that user.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tcctui.files.disk import OwnDisk
from tcctui.privileges import landlock
from tcctui.privileges.capabilities import Capability
from tcctui.privileges.channel import Channel

RIGHTS = (Capability.DAC_OVERRIDE, Capability.DAC_READ_SEARCH)
"""Root's own over files, of those that were told."""

_MOST_BYTES = 1 << 16
_NAMES = 200
"""Names of files in one answer, of 255 bytes at most."""

_PART = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.part", re.DOTALL)
"""Name of a file that is being written; see `NewFile`."""

_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY


class Place(NamedTuple):
    """Files that can be made: an absolute directory, and a pattern of whole names in it."""

    directory: Path
    names: str

    @classmethod
    def of(cls, path: Path) -> Place:
        """Place of one file."""
        return cls(path.parent, re.escape(path.name))

    def paths(self) -> list[Path]:
        """Directory, or what is there instead of a file: a device or a pipe."""
        alone = self.directory / self.names
        is_device = self.directory == Path("/dev")
        return [alone] if is_device else [self.directory]


def serve(places: Iterable[Place], channel: Channel) -> None:
    """Answer each request until the channel is closed, or what comes is no request.

    Raises:
        OSError: it is closed.

    """
    places = [*places]
    landlock.restrict(read=[Path("/")], write=[path for one in places for path in one.paths()])
    calls = _Calls(places)
    while True:
        message, _ = channel.receive(_MOST_BYTES)
        try:
            name, *arguments = json.loads(message)
            call: Callable[..., Any] = calls.named[name]
            result = call(*arguments)
        except OSError as error:
            channel.send(json.dumps([error.errno or errno.EIO, None]).encode())
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return
        else:
            _answer(channel, result, is_file=name in ("create", "open"))


def _answer(channel: Channel, result: Any, *, is_file: bool) -> None:
    if not is_file:
        channel.send(json.dumps([0, result]).encode())
        return
    with closing(os.fdopen(result, "rb", buffering=0, closefd=True)) as file:
        channel.send(json.dumps([0, None]).encode(), [file.fileno()])


class _Calls:
    """Calls of `Disk`, for files that may be made."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._names: dict[str, list[re.Pattern[str]]] = {}
        for directory, names in places:
            self._names.setdefault(str(directory), []).append(re.compile(names, re.DOTALL))
        self._disk = OwnDisk()
        disk = self._disk
        self.named: dict[str, Callable[..., Any]] = {
            "create": lambda path, mode: disk.create(self._allowed(path), mode & 0o777),
            "open": lambda path, flags: disk.open(self._allowed(path), flags & _FLAGS),
            "lstat": lambda path: [*disk.lstat(self._allowed(path))],
            "is_directory": lambda path: path in self._names and disk.is_directory(Path(path)),
            "names": self._listed,
            "realpath": lambda path: str(disk.realpath(self._allowed(path))),
            "link": lambda path, new: disk.link(self._allowed(path), self._allowed(new)),
            "replace": lambda path, new: disk.replace(self._allowed(path), self._allowed(new)),
            "unlink": lambda path: disk.unlink(self._allowed(path)),
        }

    def _listed(self, directory: object, after: object) -> list[str]:
        """Names behind another one that may be used, the first `_NAMES` of them."""
        if not isinstance(directory, str) or not isinstance(after, str):
            raise TypeError
        patterns = self._names.get(directory)
        if patterns is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), directory)
        names = (name for name in self._disk.names(Path(directory)) if name > after)
        return [*islice((name for name in names if _fits(name, patterns)), _NAMES)]

    def _allowed(self, path: object) -> Path:
        """Check a path.

        Raises:
            PermissionError: it is none of those that were told.

        """
        if not isinstance(path, str) or "\0" in path:
            raise TypeError
        directory, name = os.path.split(path)
        if _fits(name, self._names.get(directory, ())):
            return Path(path)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _fits(name: str, patterns: Iterable[re.Pattern[str]]) -> bool:
    """True for the name of a file that may be made, or of one that is being written."""
    part = _PART.fullmatch(name)
    whole = part["name"] if part else name
    return name not in ("", ".", "..") and any(one.fullmatch(whole) for one in patterns)


class DiskElsewhere:
    """`Disk` of the process apart; `uid` is its user's."""

    def __init__(self, channel: Channel, uid: int) -> None:
        self._channel = channel
        self.uid = uid
        """Id of the user as whom files are made."""
        self._lock = threading.Lock()

    def create(self, path: Path, mode: int) -> int:
        """Make a file of this mode that was not there; gives its descriptor, for writing."""
        return self._opened("create", path, mode)

    def open(self, path: Path, flags: int) -> int:
        """Open a file that is there; gives its descriptor."""
        return self._opened("open", path, flags)

    def lstat(self, path: Path) -> os.stat_result:
        """Status of a file, or of the symbolic link that it is."""
        return os.stat_result(self._ask("lstat", path)[0])

    def is_directory(self, path: Path) -> bool:
        """Check for a directory."""
        return bool(self._ask("is_directory", path)[0])

    def names(self, directory: Path) -> list[str]:
        """Give the names of the files in a directory that may be used, sorted."""
        names: list[str] = []
        while more := self._ask("names", directory, names[-1] if names else "")[0]:
            names += more
        return names

    def realpath(self, path: Path) -> Path:
        """Path without symbolic links."""
        return Path(self._ask("realpath", path)[0])

    def link(self, path: Path, new: Path) -> None:
        """Give a file a second name, which must be free."""
        self._ask("link", path, _absolute(new))

    def replace(self, path: Path, new: Path) -> None:
        """Give a file another name, in place of any other file there."""
        self._ask("replace", path, _absolute(new))

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        self._ask("unlink", path)

    def makedirs(self, path: Path) -> None:
        """Do nothing: directories were made before the other process began."""

    def _opened(self, call: str, path: Path, number: int) -> int:
        _, files = self._ask(call, path, number)
        (descriptor,) = files
        return descriptor

    def _ask(self, call: str, path: Path, *more: int | str) -> tuple[Any, list[int]]:
        with self._lock:
            self._channel.send(json.dumps([call, _absolute(path), *more]).encode())
            answer, files = self._channel.receive(_MOST_BYTES, 1)
        number, result = json.loads(answer)
        if number:
            raise OSError(number, os.strerror(number), str(path))
        return result, files


def _absolute(path: Path) -> str:
    return os.path.abspath(path)
