"""Alerts: once for each flow until it clears; what is written of them, and what is run."""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.alerts import alert as module
from tcctui.alerts.alert import Alert, Alerts, Turns
from tcctui.alerts.background import Troubles
from tcctui.alerts.command import OwnRunner, as_caller, command
from tcctui.alerts.hook import AT_A_TIME, MOST_WAITING, Hook
from tcctui.alerts.log import AlertLog
from tcctui.alerts.payload import json_line, variables
from tcctui.alerts.reporter import Reporter
from tcctui.arrays import Mask
from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import Query, QueryError, parse
from tcctui.query.evaluation import Evaluation
from tests.unit.events import MS, SECOND, probes
from tests.unit.samples import look, samples

NOW = 100 * SECOND
WALL = 1_767_225_600 * SECOND

ALERT = Alert(
    "srtt>80ms", 7, "10.0.0.1:443", "192.0.2.7:50000", WALL, 0, "bbr", "ngi\x1bnx", 42,
    {"srtt_us": 90_000, "rate": None, "limit": "cwnd"},
)  # fmt: skip
CLEARED = Alert("srtt>80ms", 7, "10.0.0.1:443", "192.0.2.7:50000", WALL, WALL + 1500 * MS)


class Known:
    """Flows with nothing but a cookie and a window."""

    def __init__(self, cwnd: dict[int, int]) -> None:
        self.cwnd = cwnd

    def flows(self, names: Iterable[str]) -> Flows:
        return self.some_flows(np.array(sorted(self.cwnd), "u8"), names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        columns = {name: np.zeros(len(cookies), "u4") for name in names}
        columns |= {"cc": np.zeros(len(cookies), "S16"), "comm": np.zeros(len(cookies), "S16")}
        columns["snd_cwnd"] = np.array([self.cwnd[key] for key in cookies.tolist()], "u4")
        return Flows(NOW, {**columns, "cookie": cookies})


@given(st.lists(st.dictionaries(st.integers(1, 5), st.integers(1, 20)), max_size=8))
def test_once_for_each_flow_until_it_clears(looks: list[dict[int, int]]) -> None:
    """An alert is raised where a flow matches that did not, and clears where one does no longer."""
    alerts = Alerts([parse("cwnd>10"), parse("cwnd<5")], calm_ns=0)
    before: set[tuple[str, int]] = set()
    for cwnd in looks:
        turns = alerts.look(Known(cwnd), WALL)
        now = {("cwnd>10", key) for key, value in cwnd.items() if value > 10}
        now |= {("cwnd<5", key) for key, value in cwnd.items() if value < 5}
        raised = [(alert.query, alert.cookie) for alert in turns.raised]
        cleared = [(alert.query, alert.cookie) for alert in turns.cleared]
        assert sorted(raised) == sorted(now - before)
        assert sorted(cleared) == sorted(before - now)
        assert {(alert.query, alert.cookie) for alert in alerts.held} == now
        assert alerts.cookies == {key for _, key in now}
        before = now


def turns_of(alerts: Alerts, cwnd: dict[int, int], seconds: float) -> tuple[int, int]:
    """Look at a time; gives how many were raised, and how many cleared."""
    turns = alerts.look(Known(cwnd), WALL + round(seconds * SECOND))
    return len(turns.raised), len(turns.cleared)


@pytest.mark.parametrize(
    ("then", "seconds", "expected"),
    [
        ({2: 11}, 1, (1, 1)),  # who is gone does not come back
        ({1: 2, 2: 11}, -3, (1, 1)),  # at another moment of a recording
        ({1: 2, 2: 11}, 100, (1, 1)),
        ({1: 2, 2: 11}, 1, (1, 0)),
    ],
)
def test_what_clears_at_once(
    then: dict[int, int], seconds: float, expected: tuple[int, int]
) -> None:
    """The alert of a flow that is gone clears at once, and all do where one jumps."""
    alerts = Alerts([parse("cwnd>10")])
    assert turns_of(alerts, {1: 11, 2: 2}, 0) == (1, 0)
    assert turns_of(alerts, then, seconds) == expected


def test_a_value_that_flutters_is_one_alert() -> None:
    """It clears when it has not held for five seconds, and says that it ended when it did."""
    alerts = Alerts([parse("cwnd>10")])
    assert turns_of(alerts, {1: 11}, 0) == (1, 0)
    for second in range(1, 20):
        assert turns_of(alerts, {1: 9 + second % 2 * 2}, second) == (0, 0)
    assert [turns_of(alerts, {1: 9}, second) for second in range(20, 26)] == [*[(0, 0)] * 5, (0, 1)]
    assert alerts.past[-1].cleared_ns == WALL + 20 * SECOND
    assert turns_of(alerts, {1: 11}, 26) == (1, 0)


@pytest.mark.parametrize("slow_filter", [False, True])
def test_what_takes_too_long_is_given_up(slow_filter: bool) -> None:
    """A pattern that is too slow ends nothing: it is told once, and the other alerts go on."""
    asked = []

    def slow(_: Evaluation) -> Mask:
        asked.append(1)
        raise QueryError(0, 1, "this pattern takes too long")

    bad, good = Query("~x", parse("~x").fields, slow), parse("cwnd>10")
    alerts = Alerts([good], bad) if slow_filter else Alerts([bad, good])
    for second in range(3):
        assert turns_of(alerts, {1: 11}, second) == (second == 0, 0)
    assert len(asked) == 1
    (told,) = alerts.troubles()
    assert "~x" in told
    assert "too long" in told
    assert alerts.troubles() == []


def test_what_an_alert_says() -> None:
    """It has both ends, whose it is, and the values that were asked for as they were then."""
    store = Store(0)
    store.ingest(probes([NOW], 1, srtt=90_000, snd_cwnd=4), NOW)
    look(store, samples(NOW + MS, 1, cc=b"bbr", comm=b"nginx", pid=42, rtt=90_000, total_retrans=6))
    (alert,) = Alerts([parse("srtt>80ms retrans>5 port:443")]).look(store, WALL).raised
    assert (alert.local, alert.remote) == ("10.0.0.1:443", "192.0.2.7:50000")
    assert (alert.cc, alert.process, alert.pid, alert.cookie) == ("bbr", "nginx", 42, 1)
    assert alert.values == {"srtt_us": 90_000, "total_retrans": 6}
    assert (alert.raised_ns, alert.cleared_ns) == (WALL, 0)


def test_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than can be told at a look, the others are told at the next; none is left out.

    Alerts that have cleared are remembered, the last of them.
    """
    monkeypatch.setattr(module, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(module, "REMEMBERED", 30)
    alerts, known = Alerts([parse("cwnd>1")], calm_ns=0), Known(dict.fromkeys(range(1, 26), 5))
    assert [len(alerts.look(known, WALL).raised) for _ in range(4)] == [10, 10, 5, 0]
    assert len({alert.cookie for alert in alerts.held}) == 25
    for at in range(1, 9):
        alerts.look(Known({} if at % 2 else dict.fromkeys(range(10), 5)), WALL + at)
    assert len(alerts.past) == 30
    assert alerts.past[-1].cleared_ns > WALL


# The file


def lines(path: Path) -> list[dict[str, object]]:
    """Read what was written."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_of_json(tmp_path: Path) -> None:
    """An object for each that is raised and each that clears, behind what was there."""
    path = tmp_path / "alerts.jsonl"
    for _ in range(2):
        log = AlertLog(path, Troubles())
        log.tell(Turns([ALERT], [CLEARED]))
        log.tell(Turns([], []))
        log.close()
    cleared, raised, *again = lines(path)
    assert again == [cleared, raised]
    assert (cleared["event"], cleared["seconds"]) == ("cleared", 1.5)
    assert raised["event"] == "raised"
    assert raised["time"] == "2026-01-01T00:00:00.000000Z"
    assert raised["values"] == {"srtt_us": 90_000, "rate": None, "limit": "cwnd"}
    assert (raised["local"], raised["sock_cookie"]) == ("10.0.0.1:443", 7)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["link", "dangling", "directory", "fifo", "nowhere"])
def test_what_is_no_file(what: str, tmp_path: Path) -> None:
    """Neither a link nor anything else but a file is written to; it is said, and nobody waits."""
    path, other = tmp_path / "it", tmp_path / "other"
    if what == "link":
        other.write_text("")
        path.symlink_to(other)
    elif what == "dangling":
        path.symlink_to(other)
    elif what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path = tmp_path / "no" / "it"
    with pytest.raises(TcctuiError) as raised:
        AlertLog(path, Troubles())
    assert raised.value.mend
    assert what != "dangling" or not other.exists()


def test_a_full_disk_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be written is told once, and what comes later is tried nevertheless."""
    troubles, path, write = Troubles(), tmp_path / "a", os.write
    log = AlertLog(path, troubles)
    full = [True]

    def writes(descriptor: int, data: bytes) -> int:
        if not full[0]:
            return write(descriptor, data)
        if path.stat().st_size:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:10])  # half a line

    monkeypatch.setattr(os, "write", writes)
    log.tell(Turns([ALERT], []))
    log.tell(Turns([ALERT], []))
    assert eventually(lambda: log.idle)
    full[0] = False
    log.tell(Turns([ALERT], []))
    log.close()
    told = troubles.take()
    assert len(told) == 1
    assert "No space left" in told[0]
    half, whole = path.read_text().splitlines()
    assert json.loads(whole)["event"] == "raised"
    assert len(half) == 10


# The command


def eventually(holds: Callable[[], object], seconds: float = 60) -> bool:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def script(path: Path, text: str) -> list[str]:
    """Make a program of lines of Python."""
    path.write_text(f"import os, sys, time\n{text}\n")
    return [sys.executable, str(path)]


def runner(words: list[str]) -> OwnRunner:
    """Run a command as whoever calls sudo."""
    return OwnRunner(words, *as_caller(os.environ))


def test_the_command_knows_the_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs once for each that is raised, with the alert in its environment; not for clears."""
    for name in ("TCCTUI_NO_SKIP", "TCCTUI_CACHE"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "out"
    words = script(
        tmp_path / "h.py",
        f"told = sorted((k, v) for k, v in os.environ.items() if k.startswith('TCCTUI_'))\n"
        f"open({str(out)!r}, 'a').write(repr((sys.argv[1:], dict(told))) + '\\n')\n"
        "print('noise')",
    )
    troubles = Troubles()
    assert command(f"'{words[0]}' 'echo $A | wc'") == [words[0], "echo $A | wc"]
    assert os.path.isabs(command("sh -c x")[0]), "it stays the same wherever one goes"
    runs = Hook(runner([*words, "$HOME; x"]), troubles)
    runs.tell(Turns([ALERT], [CLEARED]))
    runs.close()
    assert eventually(lambda: out.exists() and out.read_text().endswith("\n"))
    (line,) = out.read_text().splitlines()
    arguments, told = eval(line)
    assert arguments == ["$HOME; x"], "no shell"
    assert told == dict(variables(ALERT))
    assert told["TCCTUI_ALERT"] == "srtt>80ms"
    assert (told["TCCTUI_LOCAL"], told["TCCTUI_REMOTE"]) == ("10.0.0.1:443", "192.0.2.7:50000")
    assert (told["TCCTUI_COOKIE"], told["TCCTUI_CC"], told["TCCTUI_PID"]) == ("7", "bbr", "42")
    assert told["TCCTUI_VALUES"] == "srtt 90ms, rate unknown, limit cwnd"
    assert troubles.take() == []


def test_a_few_at_a_time_and_nobody_waits(tmp_path: Path) -> None:
    """So many run beside one another; of those beyond the queue it is said that they are not."""
    there, seen, go = (tmp_path / name for name in ("there", "seen", "go"))
    there.mkdir()
    seen.touch()
    wait = f"while [ ! -e {go} ]; do sleep 0.02; done"
    count = f"touch {there}/$$; ls {there} | wc -l >> {seen}; {wait}; rm {there}/$$"
    troubles = Troubles()
    runs = Hook(runner(["/bin/sh", "-c", count]), troubles)
    runs.tell(Turns([ALERT] * (AT_A_TIME + MOST_WAITING + 50), []))  # none ends before `go`
    assert eventually(lambda: len(seen.read_text().split()) >= AT_A_TIME)
    assert runs.dropped >= 50
    assert any("keep up" in told for told in troubles.take())
    go.touch()
    assert eventually(lambda: runs.idle, 60), "all that waited have run, and are reaped"
    runs.close()
    beside = [int(number) for number in seen.read_text().split()]
    assert max(beside) == AT_A_TIME
    assert len(beside) == AT_A_TIME + MOST_WAITING + 50 - runs.dropped


def test_what_goes_wrong_is_said_once(tmp_path: Path) -> None:
    """A command that is gone, or that fails, is told once each; nothing is raised."""
    troubles = Troubles()
    runs = Hook(runner([str(tmp_path / "gone")]), troubles)
    runs.tell(Turns([ALERT, ALERT], []))
    runs.close()
    (told,) = troubles.take()
    assert "can't be run: No such file" in told
    runs = Hook(runner(script(tmp_path / "h.py", "sys.exit(3)")), troubles)
    runs.tell(Turns([ALERT, ALERT], []))
    assert eventually(lambda: runs.idle)
    runs.close()
    (told,) = troubles.take()
    assert "exit code 3" in told
    reporter = Reporter(
        tmp_path / "log", runner([str(tmp_path / "gone")])
    )  # tells file and command
    reporter.tell(Turns([ALERT], []))
    reporter.close()
    assert lines(tmp_path / "log")[0]["event"] == "raised"
    assert [len(reporter.troubles()) for _ in range(2)] == [1, 0]
    assert json_line(CLEARED).endswith("}\n")


def test_as_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under sudo it is the calling user, with that one's groups and home; else it is who we are."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    user = pwd.getpwnam("nobody")
    assert as_caller({"HOME": "/root"}) == ({}, {"HOME": "/root"})
    for number in ("x", "0"):
        assert as_caller({"SUDO_UID": number, "SUDO_GID": "0"}) == ({}, {})
    called = {"SUDO_UID": str(user.pw_uid), "SUDO_GID": str(user.pw_gid), "HOME": "/root", "A": "b"}
    asked, told = as_caller(called)
    assert (asked["user"], asked["group"]) == (user.pw_uid, user.pw_gid)
    assert set(asked["extra_groups"]) == set(os.getgrouplist("nobody", user.pw_gid))
    assert (told["HOME"], told["USER"], told["A"]) == (user.pw_dir, "nobody", "b")
    monkeypatch.setattr(grp, "getgrall", list)
    unknown = {"SUDO_UID": "54321", "SUDO_GID": "4321"}
    asked, told = as_caller(unknown)
    assert asked == {"user": 54321, "group": 4321, "extra_groups": [4321]}
    assert told["HOME"] == "/"


def test_the_command_runs_as_the_caller(public_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its identities are the caller's: it can't do what only root may."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    user = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_UID", str(user.pw_uid))
    monkeypatch.setenv("SUDO_GID", str(user.pw_gid))
    there = public_path / "there"
    there.mkdir()
    there.chmod(0o777)
    out = there / "out"
    troubles = Troubles()
    said = f"id -u > {out}; id -G >> {out}; echo $HOME >> {out}"
    runs = Hook(runner(["/bin/sh", "-c", said]), troubles)
    runs.tell(Turns([ALERT], []))
    runs.close()
    assert eventually(lambda: out.exists() and len(out.read_text().splitlines()) == 3)
    number, groups, home = out.read_text().splitlines()
    assert int(number) == user.pw_uid
    assert {*map(int, groups.split())} == set(os.getgrouplist("nobody", user.pw_gid))
    assert home == user.pw_dir
    assert out.stat().st_uid == user.pw_uid
    assert troubles.take() == []
