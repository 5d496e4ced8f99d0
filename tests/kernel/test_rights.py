"""Rights of each process of the installed program, and files that its caller has no right to."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tcctui.cli import rights
from tcctui.sources.kernel.build import bpf_directory
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.processes import children, files, of_threads
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, chatter, connections

pytestmark = pytest.mark.kernel

NOBODY = pwd.getpwnam("nobody")
SUDO = ("env", f"SUDO_UID={NOBODY.pw_uid}", f"SUDO_GID={NOBODY.pw_gid}", "SUDO_USER=nobody")
PLAIN = ("env", "-u", "SUDO_UID", "-u", "SUDO_GID")

DAC_OVERRIDE, DAC_READ_SEARCH, NET_ADMIN, SYS_PTRACE, SYS_ADMIN, BPF = 1, 2, 12, 19, 21, 39

OWNERS = {SYS_PTRACE, DAC_READ_SEARCH}
NAMESPACES = {SYS_ADMIN, SYS_PTRACE, NET_ADMIN}
FILES = {DAC_OVERRIDE, DAC_READ_SEARCH}

TERMINALS = ("/dev/pts", "/dev/tty")

ROOT_ITSELF = 65534 if rights._all_can_read_this() else 0
"""User that draws where root itself started it: nobody, if the program is where nobody can read."""


def status(pid: int) -> dict[str, str]:
    """Read the lines of /proc/PID/status."""
    return parsed(Path(f"/proc/{pid}/status").read_text())


def parsed(text: str) -> dict[str, str]:
    """Split the lines of a status into names and values."""
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def capabilities(pid: int, what: str = "CapEff") -> set[int]:
    """Read a set of capabilities, by number."""
    return numbers(status(pid)[what])


def numbers(mask: str) -> set[int]:
    """Read a mask of capabilities, by number."""
    return {number for number in range(64) if int(mask, 16) >> number & 1}


def users(pid: int) -> set[int]:
    """Read all user ids."""
    return {int(number) for number in status(pid)["Uid"].split()}


def holds_nothing(pid: int, user: int) -> None:
    """Check that all threads of a process are this user's, without any right, for ever."""
    threads = [parsed(text) for text in of_threads(pid, "status")]
    assert threads
    for thread in threads:
        assert {int(number) for number in thread["Uid"].split()} == {user}
        assert thread["NoNewPrivs"] == "1"
        for what in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(thread[what], 16) == 0, what
        assert numbers(thread["CapBnd"]) <= {BPF}  # what it may get is not what it has


def apart(pid: int) -> dict[str, int]:
    """Processes apart of a program, by name."""
    found = {}
    for child in children(pid):
        with suppress(OSError):  # it has ended meanwhile, as the loader does
            name = Path(f"/proc/{child}/comm").read_text().strip()
            found[name.removeprefix("tcctui ")] = child
    return found


@pytest.fixture
def network() -> Iterator[Network]:
    """Make a path between two namespaces."""
    with Network() as made:
        yield made


@pytest.fixture
def terminal(public_path: Path) -> Iterator[Terminal]:
    """Open a terminal in a directory that is nobody's."""
    os.chown(public_path, NOBODY.pw_uid, NOBODY.pw_gid)
    with Terminal(public_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("how", "user", "others"),
    [
        pytest.param(SUDO, NOBODY.pw_uid, {"owners": OWNERS, "netns": NAMESPACES}, id="sudo"),
        pytest.param(
            PLAIN,
            ROOT_ITSELF,
            {"owners": OWNERS, "netns": NAMESPACES, "files": FILES}
            if ROOT_ITSELF
            else {"owners": OWNERS, "netns": NAMESPACES},
            id="root",
        ),
    ],
)
def test_the_dashboard_holds_no_rights(
    network: Network,
    terminal: Terminal,
    how: tuple[str, ...],
    user: int,
    others: dict[str, set[int]],
) -> None:
    """What draws has no right left, and shows events, all owners and all namespaces nevertheless.

    Processes apart have the capabilities that they need alone; the loader has ended.
    """
    with connections(network, "ipv4") as made, chatter(*made, pause=0.05):
        pid = terminal.start(f"{' '.join(how)} {TCCTUI} --port {PORT} --no-config")
        terminal.shows(r"tcp_probe \+ sock_diag")
        terminal.shows(r"2/2 flows")
        terminal.until("owners", lambda screen: len(re.findall("python", screen)) >= 2)
        terminal.shows(r"[1-9]\d* ev/s")
        until("the loader has ended", lambda: apart(pid).keys() == others.keys())
        holds_nothing(pid, user)
        for name, child in apart(pid).items():
            assert capabilities(child) == capabilities(child, "CapPrm") == others[name], name
            assert capabilities(child, "CapBnd") == others[name], name
            assert status(child)["NoNewPrivs"] == "1"
            assert users(child) == ({0} if name == "files" or not user else {user})
            assert not [name for name in files(child) if name.startswith(TERMINALS)]
        left = [*apart(pid).values()]
        terminal.press("q")
        until("all have ended", lambda: not any(map(alive, left)))
        assert terminal.ended() == 0


def alive(pid: int) -> bool:
    """Check for a process that has not ended."""
    try:
        return status(pid)["State"][0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return False


# Files of root's


@pytest.fixture
def roots(public_path: Path) -> Path:
    """Make a directory that is root's alone to write, and a secret in it."""
    directory = public_path / "root"
    directory.mkdir(mode=0o755)
    secret = directory / "secret.csv"
    secret.write_text("root's")
    secret.chmod(0o600)
    return directory


@pytest.fixture
def mine(public_path: Path) -> Path:
    """Make a directory that is the caller's."""
    directory = public_path / "mine"
    directory.mkdir()
    os.chown(directory, NOBODY.pw_uid, NOBODY.pw_gid)
    return directory


def run(*arguments: str | Path) -> tuple[int, str]:
    """Run tcctui as under sudo, to its end; gives exit code and remarks."""
    with Command(*SUDO, TCCTUI, *map(str, arguments)) as command:
        code = command.wait()
        assert "Traceback" not in command.stderr
        return code, command.stderr


def unchanged(roots: Path) -> None:
    """Check that root's directory has the secret alone, as it was."""
    assert [one.name for one in roots.iterdir()] == ["secret.csv"]
    assert (roots / "secret.csv").read_text() == "root's"
    assert (roots / "secret.csv").stat().st_uid == 0


@pytest.mark.parametrize("name", ["preload.csv", "secret.csv"])
def test_no_file_is_made_where_only_root_may(roots: Path, name: str) -> None:
    """Under sudo neither a new file of root's is made nor another one replaced, by any command."""
    place = roots / name
    force = ["--force"] if name == "secret.csv" else []
    always = ["--duration", "0.2"]
    commands: list[list[str | Path]] = [
        ["record", place, *always, *force],
        ["record", place, "--source", "sock_diag", *always, *force],
        ["export", "demo", place, "--table", "flows", *force],
        ["trace", "--alert", "srtt>0", "--alert-log", place, *always],
        ["trace", "--replay", "demo", "--alert", "srtt>0", "--alert-log", place],
    ]
    for arguments in commands:
        code, said = run(*arguments)
        assert code == 1, arguments
        assert "can't be written: Permission denied." in said
    unchanged(roots)


def test_paths_stay_relative(trusted_directories: Callable[[], Path]) -> None:
    """The process that loads the program finds headers where the command was given."""
    above = trusted_directories()
    shutil.copytree(bpf_directory(), above / "headers")
    command = (TCCTUI, "trace", "--kernel-headers", "headers", "--duration", "0.1")
    with Command("env", "-u", "SUDO_UID", "-C", str(above), *command) as run:
        assert run.wait() == 0, run.stderr


def test_no_secret_is_read(roots: Path, mine: Path) -> None:
    """Under sudo a file that is root's to read is not: as a recording, or as settings by a link."""
    secret = roots / "secret.csv"
    assert "Permission denied" in run("export", secret, mine / "a.csv")[1]
    assert "Permission denied" in run("trace", "--replay", secret, "--summary")[1]
    link = mine / "config.toml"
    link.symlink_to(secret)
    _, said = run("config", "--config", link)
    assert "denied" in said
    assert "root's" not in said
    unchanged(roots)


def test_files_are_the_callers(mine: Path) -> None:
    """What is made under sudo belongs to the caller, for nobody else to read."""
    commands: list[list[str | Path]] = [
        ["record", mine / "a.arrows", "--duration", "0.2"],
        ["export", "demo", mine / "a.csv", "--table", "flows"],
        ["trace", "--alert", "srtt>1h", "--alert-log", mine / "log", "--duration", "0.2"],
    ]
    for arguments in commands:
        code, said = run(*arguments)
        assert code == 0, said
    assert {one.name for one in mine.iterdir()} == {"a.arrows", "a.csv", "log"}
    for one in mine.iterdir():
        assert (one.stat().st_uid, one.stat().st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
        assert one.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", [SUDO, PLAIN], ids=["sudo", "root"])
def test_the_dashboard_makes_its_files(how: tuple[str, ...], public_path: Path) -> None:
    """Recording, pictures, what `S` saves, settings and searches are the caller's, or root's own.

    Root's are in a directory that nobody else may enter.
    """
    user = NOBODY.pw_uid if how == SUDO else 0
    home = public_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user, user)
    with Terminal(home) as terminal:
        os.chown(home, user, user)
        # Of the caller's settings nothing is known: HOME is of whoever has this id.
        settings = home / "config.toml"
        settings.write_text("theme = 'nord'\n")
        os.chown(settings, user, user)
        command = f"{TCCTUI} --record a.arrows --config config.toml"
        terminal.start(f"{' '.join(how)} HOME={home} {command}")
        terminal.shows(r"tcp_probe \+ sock_diag")
        terminal.press("s")
        until("the picture is there", lambda: [*home.glob("tcctui-*.svg")])
        terminal.press("S")
        until("the past is saved", lambda: [*home.glob("tcctui-*.arrows")])
        terminal.press("u")
        terminal.press("q")
        assert terminal.ended() == 0
    made = {one.name: one for one in home.iterdir() if one.name.startswith(("a.", "tcctui-"))}
    assert len(made) == 3
    for one in made.values():
        assert (one.stat().st_uid, one.stat().st_mode & 0o777) == (user, 0o600)
        assert one.stat().st_size > 0
    assert not list(home.glob(".*.part"))
