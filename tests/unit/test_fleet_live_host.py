"""The command for a host's live events, and what is told where it fails."""

from __future__ import annotations

import shlex
import socket
import sys
from collections import Counter

import pytest

from tcctui.cli import agent, main, parser
from tcctui.errors import TcctuiError, UsageError
from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.live_host import LiveHost
from tcctui.fleet.ssh import command, words
from tcctui.fleet.tables.every_table import HOST


def test_the_command() -> None:
    """Arguments for ssh; the host's shell gets a query that it can't take for anything else."""
    query = "comm:'a b' and port:443; $(reboot) `x`"
    made = command(words("ssh -J 'a jump' -o BatchMode=yes"), "db-2.example", query)
    assert made[:-1] == ["ssh", "-J", "a jump", "-o", "BatchMode=yes", "--", "db-2.example"]
    expected = ["sudo", "-n", "tcctui", "record", "--filter", query, "-"]
    assert shlex.split(made[-1]) == expected
    assert shlex.split(command(["ssh"], "a", "")[-1]) == ["sudo", "-n", "tcctui", "record", "-"]
    past = shlex.split(command(["ssh"], "a", "port:443", 600)[-1])
    assert past[3:] == ["record", "--last", "600s", "--filter", "port:443", "-"]


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=x", "", "a b", "a;b", "$(x)", "a\n", "é", "x" * 300]
)
def test_names_that_are_no_host_s(host: str) -> None:
    """They would be options, or commands in ssh's configuration."""
    with pytest.raises(TcctuiError, match="is no name of a host"):
        command(["ssh"], host, "")


@pytest.mark.parametrize("host", ["web-1", "10.0.0.1", "2001:db8::1", "fe80::1%eth0", "a_b.c"])
def test_names_of_hosts(host: str) -> None:
    """Names and addresses of both versions."""
    assert command(["ssh"], host, "")[2] == host


def test_an_agent_takes_names_of_hosts_alone() -> None:
    """A name that the dashboard could not go to is refused where it is given."""
    assert parser().parse_args(["agent", "--host", "db-2"]).host == "db-2"
    assert parser().parse_args(["agent"]).host is None
    with pytest.raises(UsageError, match="'a b' is no name of a host for ssh"):
        parser().parse_args(["agent", "--host", "a b"])


def test_an_agent_that_can_not_send_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the client of ClickHouse is not installed, it ends at once, and says what to do."""
    monkeypatch.setattr(agent, "find_spec", lambda _: None)
    assert main(["agent", "--to", "http://127.0.0.1:1"]) == 1
    said = capsys.readouterr().err
    assert "needs clickhouse-connect" in said
    assert "pip install 'tcctui[fleet]'" in said


def test_an_agents_rows_have_the_name_that_was_given() -> None:
    """In place of the machine's own, which the row of the host has otherwise."""
    told = Telling(0, 0, Counter(), 0, None)
    for name in ("db-2", ""):
        tables = dict(Collecting(Most(), name, lifecycle=True).window(0, 0, (), lambda: told))
        assert tables[HOST]["host"] == [name or socket.gethostname()]


@pytest.mark.parametrize("ssh", ["", "  ", "ssh 'x"])
def test_an_ssh_that_is_no_command(ssh: str) -> None:
    """It is a mistake on the command line."""
    with pytest.raises(UsageError):
        words(ssh)


PYTHON = [sys.executable, "-c"]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import sys; sys.exit('x\\nPermission denied (publickey).\\n')", "Permission denied"),
        ("import sys; sys.exit(3)", "ssh ended with status 3"),
        ("print('hello ' * 50)", "is not a recording"),
    ],
)
def test_what_failed_is_told_in_a_sentence(program: str, told: str) -> None:
    """The last line of ssh's own words, else its status, else that it is no recording."""
    host = LiveHost("db-2", "", [*PYTHON, program])
    with pytest.raises(TcctuiError, match=told) as failure:
        host.open()
    assert "\n" not in str(failure.value)
    host.end()


def test_no_ssh() -> None:
    """The program's name is told."""
    with pytest.raises(TcctuiError, match="no-such-ssh can't be run"):
        LiveHost("db-2", "", ["no-such-ssh"]).open()


def test_a_host_that_is_left_before_it_was_reached() -> None:
    """Nothing is started any more, and what was is ended."""
    host = LiveHost("db-2", "", [*PYTHON, "import time; time.sleep(600)"])
    host.end()
    with pytest.raises(TcctuiError, match="was left"):
        host.open()
