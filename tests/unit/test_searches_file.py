"""Searches from one run to the next."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tcctui.config import searches
from tcctui.config.location import Caller
from tcctui.config.searches import MOST
from tcctui.errors import TcctuiError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of its own, and nobody who called sudo."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_searches_are_there_in_the_next_run(home: Path) -> None:
    """What is remembered and kept is read again, from a file that is its owner's alone."""
    first = searches.searches()
    for text in ("port:443", "cc:bbr", "port:443"):
        first.remember(text)
        first.keep()
    assert searches.searches().listed == ("cc:bbr", "port:443")
    mode = (home / "tcctui" / "searches").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_that_run_at_once_keep_both_their_searches() -> None:
    """What another tcctui has kept meanwhile stays."""
    one, other = searches.searches(), searches.searches()
    one.remember("a")
    one.keep()
    other.remember("b")
    other.keep()
    assert searches.searches().listed == ("a", "b")


def test_a_file_of_anything_is_read(home: Path) -> None:
    """Bytes that are no text and too many lines do no harm."""
    (home / "tcctui").mkdir()
    lines = b"\n".join(b"%d" % line for line in range(500))
    (home / "tcctui" / "searches").write_bytes(lines + b"\n\xff\x00\n\n")
    listed = searches.searches().listed
    assert len(listed) == MOST
    assert listed[-2] == "499"


@pytest.mark.parametrize("there", ["directory", "pipe"])
def test_what_is_no_file_is_nothing_to_read_and_not_replaced(home: Path, there: str) -> None:
    """A directory or a pipe in its place gives no searches, and a reason when they are kept."""
    (home / "tcctui").mkdir()
    name = home / "tcctui" / "searches"
    if there == "pipe":
        os.mkfifo(name)
    else:
        name.mkdir()
    found = searches.searches()
    assert found.listed == ()
    found.remember("a")
    with pytest.raises(TcctuiError):
        found.keep()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_under_sudo_it_is_the_calling_user_s(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It belongs to that user, and a link there leads no further than it leads that user."""
    user = tmp_path_factory.mktemp("user")
    for part in (user, *user.parents):
        if part.stat().st_uid == 0 and part != Path("/") and part != Path("/tmp"):
            part.chmod(part.stat().st_mode | 0o055)
    os.chown(user, 12345, 12345)
    who = Caller(12345, 12345, user)
    monkeypatch.setenv("SUDO_UID", "12345")
    monkeypatch.setenv("SUDO_GID", "12345")
    monkeypatch.setattr("tcctui.config.location.caller", lambda: who)
    found = searches.searches()
    found.remember("a")
    found.keep()
    kept = user / ".local" / "state" / "tcctui" / "searches"
    assert (kept.stat().st_uid, kept.stat().st_gid) == (12345, 12345)
    assert kept.parent.stat().st_uid == 12345
    secret = home / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    kept.unlink()
    kept.symlink_to(secret)
    assert searches.searches().listed == ()
    found.remember("b")
    with pytest.raises(TcctuiError):
        found.keep()
    assert secret.read_text() == "root's"
