"""The user who called sudo, as the environment and the machine know that one."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.privileges import identity, landlock
from tcctui.privileges.identity import User, caller

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@root
def test_the_caller_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """SUDO_UID names the user, with all groups and the home; without it there is none."""
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_UID", str(nobody.pw_uid))
    groups = os.getgrouplist("nobody", nobody.pw_gid)
    home, shell = Path(nobody.pw_dir), nobody.pw_shell
    assert caller() == User(nobody.pw_uid, nobody.pw_gid, groups, "nobody", home, shell)
    for none in ("", "0", "x", "-1", "²", "1 "):
        monkeypatch.setenv("SUDO_UID", none)
        assert caller() is None


@root
@pytest.mark.parametrize("told", [("PKEXEC_UID", "65534"), ("DOAS_USER", "nobody")])
def test_callers_of_other_programs(told: tuple[str, str]) -> None:
    """Who calls pkexec or doas is asked for as under sudo; a name that is no user's is refused."""
    user = caller(dict([told]))
    assert user is not None
    assert user.uid == pwd.getpwnam("nobody").pw_uid
    assert caller({"PKEXEC_UID": "0", "DOAS_USER": "root"}) is None
    with pytest.raises(TcctuiError, match="DOAS_USER is 'no-such-user', which is no user"):
        caller({"DOAS_USER": "no-such-user"})


@root
def test_a_caller_whom_the_machine_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody from a directory that does not answer has an id and the group that sudo named."""
    monkeypatch.setenv("SUDO_UID", "4123456789")
    for group, gid in (("4123", 4123), ("x", 4123456789), ("9" * 30, 4123456789)):
        monkeypatch.setenv("SUDO_GID", group)
        assert caller() == User(4123456789, gid, [gid], "4123456789", Path("/"))


@root
@pytest.mark.parametrize("user", ["4294967295", "99999999999999", "4" * 5000])
def test_what_is_no_user(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """A number that no user can have is refused: nothing is done as root instead."""
    monkeypatch.setenv("SUDO_UID", user)
    with pytest.raises(TcctuiError, match="is no user"):
        caller()


def test_settings_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What root's environment says of homes and directories is no more."""
    gone = ("SUDO_UID", "PKEXEC_UID", "DOAS_USER", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "MAIL")
    for name in (*gone, "HOME", "USER", "LOGNAME", "TERM"):
        monkeypatch.setenv(name, "root's")
    identity.take_home(User(7, 7, [7], "seven", Path("/home/seven")))
    assert not {*gone} & os.environ.keys()
    assert (os.environ["HOME"], os.environ["USER"]) == ("/home/seven", "seven")
    assert os.environ["TERM"] == "root's"


_RESTRICTED = """
import sys
from pathlib import Path
from tcctui.privileges import identity, landlock
there = Path(sys.argv[1])
identity.become(None)
assert landlock.restrict(read=[there / "read", *map(Path, sys.path[1:])], write=[there / "write"])
def tried(call):
    try:
        call()
    except PermissionError:
        return "refused"
    return "done"
for name in ("read", "write", "other"):
    file = there / name / "file"
    print(name, *(tried(call) for call in (file.read_text, lambda: file.write_text("new"))),
          tried(lambda: (there / name / "new").touch()), tried(file.unlink))
"""


def test_files_that_are_out_of_reach(tmp_path: Path) -> None:
    """Landlock leaves what is to be read for reading alone, and of all else nothing."""
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    for name in ("read", "write", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", _RESTRICTED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "read done refused refused refused",
        "write done done done done",
        "other refused refused refused refused",
    ]
