"""Former searches: their list, their file, and conditions added to one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tcctui.config import searches as searches_file
from tcctui.config.location import Caller
from tcctui.config.searches import MOST, Searches
from tcctui.errors import TcctuiError
from tcctui.ui.search.add_condition import added


def test_older_and_newer_come_back_to_what_was_typed() -> None:
    """Up goes through searches from the newest on, down comes back to the draft in the end."""
    searches = Searches(["a", "b", "c"])
    assert [searches.older("draft") for _ in range(4)] == ["c", "b", "a", None]
    assert [searches.newer() for _ in range(4)] == ["b", "c", "draft", None]


def test_a_search_that_is_made_again_is_the_newest() -> None:
    """There is no search twice, and blank ones are none."""
    searches = Searches(["a", "b", "c"])
    assert searches.remember(" a ")
    assert not searches.remember("a")
    assert not searches.remember("  ")
    assert searches.listed == ("b", "c", "a")
    assert searches.older("a") == "c"
    searches = Searches(map(str, range(MOST + 50)))
    assert len(searches.listed) == MOST
    searches.remember("x")
    assert (len(searches.listed), searches.listed[-1]) == (MOST, "x"), "the oldest are forgotten"


# The file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of its own, and nobody who called sudo."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_searches_are_there_in_the_next_run(home: Path) -> None:
    """What is remembered and kept is read again, from a file that is its owner's alone."""
    first = searches_file.searches()
    for text in ("port:443", "cc:bbr", "port:443"):
        first.remember(text)
        first.keep()
    assert searches_file.searches().listed == ("cc:bbr", "port:443")
    mode = (home / "tcctui" / "searches").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_that_run_at_once_keep_both_their_searches() -> None:
    """What another tcctui has kept meanwhile stays."""
    one, other = searches_file.searches(), searches_file.searches()
    one.remember("a")
    one.keep()
    other.remember("b")
    other.keep()
    assert searches_file.searches().listed == ("a", "b")


def test_a_file_of_anything_is_read(home: Path) -> None:
    """Bytes that are no text and too many lines do no harm."""
    (home / "tcctui").mkdir()
    lines = b"\n".join(b"%d" % line for line in range(500))
    (home / "tcctui" / "searches").write_bytes(lines + b"\n\xff\x00\n\n")
    listed = searches_file.searches().listed
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
    found = searches_file.searches()
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
    found = searches_file.searches()
    found.remember("a")
    found.keep()
    kept = user / ".local" / "state" / "tcctui" / "searches"
    assert (kept.stat().st_uid, kept.stat().st_gid) == (12345, 12345)
    assert kept.parent.stat().st_uid == 12345
    home.chmod(0o755)
    secret = home / "secret"
    secret.write_text("root's")
    kept.unlink()
    kept.symlink_to(secret)
    groups = os.getgroups()
    os.setgroups([0])  # as root is under sudo
    try:
        for mode in (0o600, 0o640):
            secret.chmod(mode)
            assert searches_file.searches().listed == ()
    finally:
        os.setgroups(groups)
    found.remember("b")
    with pytest.raises(TcctuiError):
        found.keep()
    assert secret.read_text() == "root's"


# What = and ! make of a search


@pytest.mark.parametrize(
    ("search", "condition", "exclude", "wanted"),
    [
        ("", "cc:bbr", False, "cc:bbr"),
        ("", "cc:bbr", True, "-cc:bbr"),
        ("srtt>50ms", "cc:bbr", False, "srtt>50ms cc:bbr"),
        ("srtt > 50ms and cwnd>3", "cc:bbr", True, "srtt > 50ms and cwnd>3 -cc:bbr"),
        ("cc:bbr", "cc:bbr", False, "cc:bbr"),
        ("srtt>5ms -cc:bbr", "cc:bbr", True, "srtt>5ms -cc:bbr"),
        ("srtt>5ms !cc:bbr", "cc:bbr", True, "srtt>5ms !cc:bbr"),
        ("not cc:bbr", "cc:bbr", True, "not cc:bbr"),
        ("-cc:bbr port:443", "cc:bbr", False, "port:443 cc:bbr"),
        ("not cc:bbr and port:443", "cc:bbr", False, "port:443 cc:bbr"),
        ("port:443 and !cc:bbr and cwnd>3", "cc:bbr", False, "port:443 and cwnd>3 cc:bbr"),
        ("cc:bbr port:443", "cc:bbr", True, "port:443 -cc:bbr"),
        ("port:1 or port:2", "cc:bbr", False, "cc:bbr (port:1 or port:2)"),
        ("port:1 or port:2", "cc:bbr", True, "-cc:bbr (port:1 or port:2)"),
        ("port:1 || port:2", "cc:bbr", False, "cc:bbr (port:1 || port:2)"),
        ("-cc:bbr && cwnd>3", "cc:bbr", False, "cwnd>3 cc:bbr"),
        ("srtt > 2 * min_rtt cwnd>3", "cc:bbr", True, "srtt > 2 * min_rtt cwnd>3 -cc:bbr"),
        ("(a or b)", "cc:bbr", False, "(a or b) cc:bbr"),
        ('"a or b"', "cc:bbr", False, '"a or b" cc:bbr'),
        ("", 'proc:"my app"', False, 'proc:"my app"'),
        ('proc:"my app"', 'proc:"my app"', True, '-proc:"my app"'),
        ("port:80", "srtt>=5ms srtt<6ms", False, "port:80 srtt>=5ms srtt<6ms"),
        ("srtt>=5ms", "srtt>=5ms srtt<6ms", False, "srtt>=5ms srtt<6ms"),
        ("a or b", "srtt>=5ms srtt<6ms", False, "srtt>=5ms srtt<6ms (a or b)"),
        ("port:80", "srtt>=5ms srtt<6ms", True, "port:80 -(srtt>=5ms srtt<6ms)"),
        ("", "src:[2001:db8::1]:443", False, "src:[2001:db8::1]:443"),
    ],
)
def test_condition_added(search: str, condition: str, exclude: bool, wanted: str) -> None:
    """A condition comes behind the search once, and its opposite goes."""
    assert added(search, condition, exclude=exclude) == wanted
