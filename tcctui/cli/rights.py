"""Rights of a command: given up first of all, but for small processes that keep what is needed."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcctui.errors import TcctuiError

if TYPE_CHECKING:
    from tcctui.alerts.command import Runner
    from tcctui.files.file_process import Place
    from tcctui.privileges.apart import Apart
    from tcctui.privileges.identity import User
    from tcctui.sources.kernel.load_options import LoadOptions
    from tcctui.sources.kernel.loader_process import LoadingElsewhere
    from tcctui.sources.sock_diag.surroundings import Surroundings

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/run")
"""Files that programs read: libraries, time zones, terminals, names of users; and the kernel."""

_DEVICES = (os.devnull, "/dev/tty")

_PACKAGE = Path(__file__).resolve().parents[1]


class Told(NamedTuple):
    """Files that a command was told to write, and the program it was told to run.

    `files` are new, `kept` gives those of earlier runs, which may be read and replaced; with
    `saves`, others are made on request. `directories` gives directories and patterns of the names
    of files in them, which may be made, read and removed. `hook` is the command of alerts.
    """

    files: Sequence[Path] = ()
    kept: Callable[[], Iterable[Path]] = tuple
    saves: bool = False
    directories: Callable[[], Iterable[tuple[Path, str]]] = tuple
    hook: list[str] | None = None


def become_caller() -> None:
    """Become the user who called sudo: for commands that read nothing from the kernel.

    Raises:
        TcctuiError: there is no such user, or the kernel refuses.

    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    from tcctui.privileges import identity  # noqa: PLC0415 - only root has rights to give up

    user = identity.caller()
    if user is None:
        return
    try:
        identity.become(user)
    except OSError as error:
        raise _refused(error) from error
    identity.take_home(user)
    _require_readable(user)


def keep_only(directory: Path) -> None:
    """Give up all rights but those to one directory, as its owner: for a process that serves.

    Where root runs it, it becomes the user who called sudo, or else the directory's owner; an empty
    one becomes that user's, or nobody's. It stays who it is where nobody can't read this program.
    To be called before there are threads.

    Raises:
        TcctuiError: the kernel refuses, or the owner can't read this program.

    """
    if sys.platform != "linux":
        return
    from tcctui.privileges import identity  # noqa: PLC0415

    assert len(os.listdir("/proc/self/task")) == 1, "other threads would keep their rights"
    try:
        user = identity.caller()
        if user is None and identity.can_change() and _all_can_read_this():
            user = _owner(directory)
        if user is not None and directory.stat().st_uid == 0 and not any(directory.iterdir()):
            os.chown(directory, user.uid, user.gid)
        identity.become(user)
        if user is not None:
            identity.take_home(user)
            _require_readable(user)
        _restrict([], [directory])
    except OSError as error:
        raise _refused(error) from error


def _owner(directory: Path) -> User:
    """Owner of a directory; nobody where it is root's."""
    from tcctui.privileges import identity  # noqa: PLC0415

    owner = directory.stat()
    if owner.st_uid == 0:
        return identity.nobody()
    return identity.User(owner.st_uid, owner.st_gid, [owner.st_gid], str(owner.st_uid), Path("/"))


class Separated(NamedTuple):
    """Processes apart, which keep the rights that this one has no more."""

    loader: LoadingElsewhere | TcctuiError | None
    owners: Apart
    namespaces: Apart
    runner: Runner | None

    def loading(self) -> LoadingElsewhere:
        """The program on its way.

        Raises:
            TcctuiError: there is no right to load it.

        """
        assert self.loader is not None
        if isinstance(self.loader, TcctuiError):
            raise self.loader
        return self.loader

    def around(self) -> Surroundings:
        """Processes and namespaces, as the processes apart see them."""
        from tcctui.sources.sock_diag import elsewhere, surroundings  # noqa: PLC0415 - numpy

        scans = elsewhere.ScansElsewhere(self.owners.channel)
        reach = elsewhere.NamespacesElsewhere(self.namespaces.channel)
        return surroundings.Surroundings(scans, reach)


def separate(load: LoadOptions | None, told: Told) -> Separated | None:
    """Start the processes apart, and give up all rights of this one; None if it has none.

    It becomes the user who called sudo, or nobody where root itself started it: then another
    process makes the files. It stays who it is where nobody can't read this very program, and where
    it was no root to begin with. To be called before there are threads.

    Raises:
        TcctuiError: SUDO_UID names no user, or the kernel refuses.

    """
    if sys.platform != "linux":
        return None
    from tcctui.privileges import capabilities, identity  # noqa: PLC0415

    if not capabilities.permitted():
        return None
    assert len(os.listdir("/proc/self/task")) == 1, "other threads would keep their rights"
    try:
        by_sudo = identity.caller()
        user = by_sudo
        if user is None and identity.can_change() and _all_can_read_this():
            user = identity.nobody()
        separated = _start(load, told, user, by_sudo)
        if user is not None and by_sudo is None:
            _make_files_elsewhere(_places(told))
        _give_up(user, maps=load is not None)
        if by_sudo is not None:
            identity.take_home(by_sudo)
            _require_readable(by_sudo)
        _restrict([] if user is not None and by_sudo is None else _places(told))
    except OSError as error:
        raise _refused(error) from error
    return separated


def _start(
    load: LoadOptions | None, told: Told, user: User | None, by_sudo: User | None
) -> Separated:
    from tcctui.privileges import apart, capabilities  # noqa: PLC0415
    from tcctui.sources.kernel import privileges  # noqa: PLC0415
    from tcctui.sources.sock_diag import namespace_process, owner_process  # noqa: PLC0415

    loader: LoadingElsewhere | TcctuiError | None = None
    if load is not None:
        from tcctui.sources.kernel.loader_process import LoadingElsewhere  # noqa: PLC0415

        try:
            privileges.require()
            loader = LoadingElsewhere(load)
            _read_format()
        except TcctuiError as error:
            loader = error
    if capabilities.has(*owner_process.RIGHTS):
        owners = apart.start("owners", owner_process.serve, user, owner_process.RIGHTS)
    else:  # root of a container sees what is there with all that it has, or nothing
        owners = apart.start("owners", owner_process.serve, by_sudo, sealed=False)
    namespaces = apart.start("netns", namespace_process.serve, user, namespace_process.RIGHTS)
    return Separated(loader, owners, namespaces, _runner(told, by_sudo))


def _read_format() -> None:
    """Read tcp_probe's format, and mount tracefs first where nobody has."""
    from tcctui.sources.kernel.probe_format import probe_format  # noqa: PLC0415

    try:
        probe_format()
    except OSError:
        from tcctui.sources.kernel import tracepoint_formats  # noqa: PLC0415 - 2 ms, and seldom

        tracepoint_formats.mount_tracefs()
        with suppress(OSError):
            probe_format()


def _runner(told: Told, by_sudo: User | None) -> Runner | None:
    if told.hook is None:
        return None
    from tcctui.alerts import command, hook_process  # noqa: PLC0415
    from tcctui.privileges import apart  # noqa: PLC0415

    _, environment = command.as_caller(os.environ)
    runner = command.OwnRunner(told.hook, {}, environment)
    process = apart.start("alerts", partial(hook_process.serve, runner), by_sudo, sealed=False)
    return hook_process.RunnerElsewhere(process.channel, runner.name)


def _make_files_elsewhere(places: Sequence[Place]) -> None:
    """Have all files made by another process, as the present user."""
    from tcctui.files import disk, file_process  # noqa: PLC0415
    from tcctui.privileges import apart  # noqa: PLC0415

    serve = partial(file_process.serve, places)
    process = apart.start("files", serve, None, file_process.RIGHTS)
    disk.use(file_process.DiskElsewhere(process.channel, os.geteuid()))


def _places(told: Told) -> list[Place]:
    """Files that may be made; directories of those that are kept are made now."""
    from tcctui.files import save_directory  # noqa: PLC0415
    from tcctui.files.file_process import Place  # noqa: PLC0415

    places = [Place.of(Path(os.path.abspath(file))) for file in told.files]
    for kept in told.kept():
        with suppress(OSError):
            kept.parent.mkdir(0o700, parents=True, exist_ok=True)
        places += [Place.of(Path(path(kept))) for path in (os.path.abspath, os.path.realpath)]
    for directory, names in told.directories():
        with suppress(OSError):
            directory.mkdir(0o700, parents=True, exist_ok=True)
        places.append(Place(Path(os.path.abspath(directory)), names))
    if told.saves:
        directory = save_directory.save_directory()
        save_directory.save_in(directory)
        places.append(Place(directory, save_directory.NAMES))
    return places


def _give_up(user: User | None, *, maps: bool) -> None:
    """Become a user without capabilities; but for maps, where an old kernel wants one for them."""
    from tcctui.privileges import capabilities, identity  # noqa: PLC0415
    from tcctui.privileges.capabilities import Capability  # noqa: PLC0415
    from tcctui.sources.kernel import bpf_syscall  # noqa: PLC0415

    if not maps:
        identity.become(user)
        return
    for_maps = (Capability.BPF,)
    identity.become(user, for_maps)
    capabilities.keep(for_maps, effective=False)
    capabilities.keep(() if bpf_syscall.may_use_maps() else for_maps)


def _restrict(places: Iterable[Place], own: Iterable[Path] = ()) -> None:
    """Leave this process what a program reads, and the places of files that it makes.

    Directories that are its `own` it may change altogether.
    """
    from tcctui.privileges import landlock  # noqa: PLC0415

    program = (sys.prefix, sys.base_prefix, *sys.path, _PACKAGE.parent)
    read = [*_SYSTEM, *(str(path) for path in program if path)]
    write = [path for place in places for path in place.paths()]
    devices = [Path(device) for device in _DEVICES]
    landlock.restrict(read=[Path(path) for path in read], write=[*devices, *write], own=own)


def _imported_later() -> list[Path]:
    """Files of this program and of libraries that it has yet to import."""
    found = [find_spec(library) for library in ("numpy", "textual")]
    origins = [spec.origin for spec in found if spec is not None and spec.origin is not None]
    return [_PACKAGE / "__init__.py", *map(Path, origins)]


def _require_readable(user: User) -> None:
    """Require that this process, which is a user by now, may read this program.

    Raises:
        TcctuiError: it is a part of it that the user can't read.

    """
    for path in _imported_later():
        if not os.access(path, os.R_OK):
            raise TcctuiError(
                f"{user.name} can't read {path}, and tcctui runs as the user who called sudo.",
                "Install it for all users: make install",
            )


def _all_can_read_this() -> bool:
    """Check that everybody may read this program, nobody included."""
    try:
        return all(map(_all_can_read, _imported_later()))
    except OSError:
        return False


def _all_can_read(path: Path) -> bool:
    real = path.resolve()
    above = all(directory.stat().st_mode & stat.S_IXOTH for directory in real.parents)
    return above and bool(real.stat().st_mode & stat.S_IROTH)


def _refused(error: OSError) -> TcctuiError:
    return TcctuiError(
        f"The rights of root can't be given up: {error.strerror}.",
        "Run it as a user without them: it shows what that user may see.",
    )
