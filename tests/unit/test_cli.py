"""The command line: what is typed gets where it is meant to, mistakes are told in a sentence."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import tcctui.doctor
import tcctui.headless.trace
import tcctui.sources.kernel.bpf_source
import tcctui.sources.kernel.program
from tcctui import __version__
from tcctui.cli import parser
from tcctui.errors import TcctuiError
from tcctui.manual.options import commands, names
from tcctui.query import ALL, Query, QueryError, parse
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.load_options import NO_SLOTS, SLOTS
from tests.unit.command_line import Calls, Main, told
from tests.unit.nobody import without_privileges

# Mistakes in the usage


def test_the_command_itself_ends_with_2() -> None:
    """The process's own exit code is the usage's, and nothing but two lines is on stderr."""
    run = subprocess.run(
        [sys.executable, "-m", "tcctui", "trace", "--count", "few"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    reason, mend = told(run.stderr)
    assert "'few'" in reason
    assert mend == "See: tcctui trace --help"


@pytest.mark.parametrize("command", ["", *(name for name, *_ in commands(parser()))])
def test_help(command: str, main: Main) -> None:
    """Each command explains itself on stdout, names its options, and ends with 0."""
    parsers = {"": parser()} | {name: of for name, _, of in commands(parser())}
    for option in ("-h", "--help"):
        status, out, err = main(*command.split(), option)
        assert (status, err) == (0, "")
        assert out.startswith(f"usage: tcctui {command}".rstrip())
        assert [name for name in names(parsers[command]) if name not in out] == []


# What is typed reaches what it is meant for


WEB = parse("port:80,443") & parse("ip:10.0.0.0/8")
SLOW = WEB & parse("port:443")


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        (["trace"], ALL),
        (["trace", "--port", "80", "-p", "443", "--ip", "10.0.0.0/8"], WEB),
        (["--port", "80,443", "--ip=10.0.0.0/8", "trace"], WEB),
        (["-p80", "-p443", "trace", "-i10.0.0.0/8"], WEB),
        (["-p80", "-i", "10.0.0.0/8", "trace", "-p443"], WEB),
        ([], ALL),
        (["-p", "80,443", "-i", "10.0.0.0/8"], WEB),
        (["-p", "80,443", "-i", "10.0.0.0/8", "-f", "port:443"], SLOW),
        (["-p80", "-f", "port:443", "trace", "-p443", "-i10.0.0.0/8"], SLOW),
        (["-f", "-port:443", "trace"], parse("-port:443")),  # which is no option
        (["--filter=-port:443", "trace"], parse("-port:443")),
        (["-f-port:443", "trace"], parse("-port:443")),
        (["--source", "sock_diag", "--port", "80"], parse("port:80")),
    ],
)
def test_filters_before_and_behind_the_command(
    arguments: Sequence[str], query: Query, main: Main, calls: Calls
) -> None:
    """Ports, addresses and queries are one filter, on either side of the command and on both."""
    assert main(*arguments) == (0, "", "")
    assert calls.source is not None
    assert calls.source.kernel_filter == KernelFilter.of(query)
    assert calls.source.closed


def test_where_a_query_is_wrong(main: Main, calls: Calls) -> None:
    """What is wrong with a query is marked below it, at its place."""
    status, _, err = main("trace", "--filter", "port:443 bogus:3 cc:bbr")
    assert status == 2
    assert err.splitlines()[1:] == ["        port:443 bogus:3 cc:bbr", "                 ^^^^^"]


def test_what_the_kernel_cannot_decide(main: Main, calls: Calls) -> None:
    """The dashboard shows nothing else; and what the kernel decides is not asked again."""
    assert main("-f", "srtt>20ms", "-p", "443")[0] == 0
    assert calls.options["base_query"].text == "(port:443) and (srtt>20ms)"
    for all_of_it in ([], ["-p", "443"], ["-f", "port:443 or not dst:10.0.0.0/8"]):
        assert main(*all_of_it)[0] == 0
        assert calls.options["base_query"] is None
        assert main("trace", *all_of_it)[0] == 0
        assert calls.options["matching"] is None


def test_trace_asks_for_no_more_than_it_needs(main: Main, calls: Calls) -> None:
    """What events tell themselves takes no samples; where samples are needed, bpf alone can't."""
    assert main("trace", "-f", "srtt>20ms cwnd<10")[0] == 0
    chosen = calls.options["matching"].matching
    assert (chosen.store, chosen.wants_samples) == (None, False)
    assert main("trace", "-f", "rate>1M")[0] == 0
    assert calls.options["matching"].matching.store is not None
    status, _, err = main("trace", "-f", "cc:bbr", "--source", "bpf")
    assert status == 2
    assert "samples" in told(err)[0]


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ([], "interval_ms", 25),
        (["--interval", "0"], "interval_ms", 0),
        (["--interval", "20"], "interval_ms", 20),
        (["--interval", "2.5ms"], "interval_ms", 2.5),
        (["--interval", "500us"], "interval_ms", 0.5),
        (["--interval=1s"], "interval_ms", 1000),
        (["trace"], "interval_ms", 0),
        (["trace", "--interval", "50ms"], "interval_ms", 50),
        (["--interval", "50ms", "trace"], "interval_ms", 50),
        ([], "max_cpu", 0.25),
        (["--max-cpu", "50"], "max_cpu", 0.5),
        (["--max-cpu", "2.5%"], "max_cpu", 0.025),
        (["trace"], "max_cpu", None),
        (["--kernel-headers", "/h", "trace"], "kernel_headers", Path("/h")),
        (["trace", "--kernel-headers", "/h"], "kernel_headers", Path("/h")),
    ],
)
def test_options_of_the_source(
    arguments: Sequence[str], name: str, value: object, main: Main, calls: Calls
) -> None:
    """The dashboard coalesces, and grows coarser beyond a share of a core; trace never does.

    A bare interval is in ms. Options are heeded on either side of the command.
    """
    assert main(*arguments)[0] == 0
    assert getattr(calls.source, name) == value


@pytest.mark.parametrize(
    ("arguments", "slots"),
    [
        (["trace"], NO_SLOTS),
        (["trace", "--interval", "0"], NO_SLOTS),
        (["trace", "--interval", "50ms"], SLOTS),
        ([], SLOTS),
        (["--interval", "0"], SLOTS),
    ],
)
def test_slots(arguments: Sequence[str], slots: int, main: Main, calls: Calls) -> None:
    """Where each ACK is reported, 31 MiB of slots are not made; the dashboard may coalesce yet."""
    assert main(*arguments)[0] == 0
    assert calls.slots == slots


def test_options_of_trace(main: Main, calls: Calls) -> None:
    """Duration, count and form arrive as numbers and names; without them there is no end."""
    assert main("trace", "--duration", "2.5", "--count", "10", "--format", "csv")[0] == 0
    given = {"duration": 2.5, "count": 10, "form": "csv", "attach_ms": 1.5, "since_ns": 77}
    given |= {"matching": None, "cached": True}
    assert calls.options == given
    assert main("trace")[0] == 0
    assert calls.options == given | {"duration": None, "count": None, "form": "text"}


@pytest.mark.parametrize(
    ("size", "size_in_bytes"),
    [
        *(("4M", 4 << 20), ("256M", 256 << 20), ("1G", 1 << 30), ("1GiB", 1 << 30)),
        *(("1gb", 1 << 30), ("64 MB", 64 << 20), ("5000k", 5000 << 10), (" 16m ", 16 << 20)),
        *(("8388608", 8 << 20), ("8388608B", 8 << 20), ("", 72 << 20)),
    ],
)
def test_history_memory(size: str, size_in_bytes: int, main: Main, calls: Calls) -> None:
    """A size may be written in all the usual ways; units are powers of 1024.

    Without the option it is what the help says.
    """
    assert main(*(["--history-memory", size] if size else [])) == (0, "", "")
    assert calls.options["history_memory"] == size_in_bytes
    assert "default 72M" in " ".join(main("--help")[1].split())


@pytest.mark.parametrize("size", ["999999999T", "900000G"])
def test_more_memory_than_there_is(size: str, main: Main, calls: Calls) -> None:
    """A size beyond the machine's memory is told in a sentence, not by numpy's traceback."""
    status, _, err = main("--history-memory", size)
    assert status in (1, 2)
    reason, _ = told(err)
    assert size in reason


# Other failures


def test_without_root(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root gets the whole command to type, with the program's path and all arguments."""
    typed = ["trace", "--port", "443", "--ip", "10.0.0.0/8", "--format", "csv"]
    monkeypatch.setattr(sys, "argv", ["/home/me/.local/bin/tcctui", *typed])
    with without_privileges():
        status, out, err = main(*typed)
    assert status == 1
    assert out == ""
    assert told(err) == (
        "Reading the kernel's tracepoints needs root.",
        "Run: sudo /home/me/.local/bin/tcctui trace --port 443 --ip 10.0.0.0/8 --format csv",
    )


@pytest.mark.parametrize("arguments", [[], ["--source", "auto"]])
def test_the_dashboard_without_root(
    arguments: Sequence[str], main: Main, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not root gets the dashboard all the same, which is told why tcp_probe is not there.

    With --source sock_diag, no program is loaded. Who asks for bpf, or names the kernel's headers,
    is told what is wrong with it at once.
    """
    calls.failure = TcctuiError("It needs root.", "Run: sudo tcctui")
    assert main(*arguments) == (0, "", "")
    assert (calls.program, calls.choice) == (calls.failure, "auto")
    assert main("--source", "sock_diag")[0] == 0
    assert (calls.program, calls.choice) == (None, "sock_diag")
    for by_name in (["--source", "bpf"], ["--kernel-headers", "/h"]):
        status, _, err = main(*by_name)
        assert status == 1
        assert told(err) == ("It needs root.", "Run: sudo tcctui")


def test_without_a_terminal(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe the dashboard says what runs there instead, before it opens anything."""
    calls = Calls()
    monkeypatch.setattr(tcctui.sources.kernel.bpf_source, "BpfSource", calls.open)
    monkeypatch.setattr(tcctui.sources.kernel.program, "Loading", calls.load)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, _, err = main()
    assert status == 1
    reason, mend = told(err)
    assert "terminal" in reason
    assert "tcctui trace" in mend
    assert calls.source is None


def failing(failure: BaseException) -> Callable[..., None]:
    """Make something that fails when it is called."""

    def fail(*_: object, **__: object) -> None:
        raise failure

    return fail


@pytest.mark.parametrize("verbose", [True, False])
def test_what_the_compiler_said(
    verbose: bool, main: Main, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler's words are printed for those who ask, and the source is closed all the same."""
    failure = TcctuiError("It does not work.", "Mend it.", detail="tcc.c:1: error: what?")
    monkeypatch.setattr(tcctui.headless.trace, "trace", failing(failure))
    status, out, err = main("trace", *(["--verbose"] if verbose else []))
    assert (status, out) == (1, "")
    assert err.splitlines()[:2] == ["tcctui: It does not work.", "        Mend it."]
    assert ("tcc.c:1: error: what?" in err) is verbose
    assert calls.source is not None
    assert calls.source.closed


@pytest.mark.parametrize("status", [0, 1])
def test_doctor(status: int, main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor's finding is the exit code, and its options stand before it or behind it."""
    asked = []

    def examine(kernel_headers: Path | None, *, verbose: bool) -> int:
        asked.append((kernel_headers, verbose))
        return status

    monkeypatch.setattr(tcctui.doctor, "doctor", examine)
    assert main("doctor", "--kernel-headers", "/h", "--verbose")[0] == status
    assert main("--kernel-headers", "/h", "--verbose", "doctor")[0] == status
    assert main("doctor")[0] == status
    assert asked == [(Path("/h"), True), (Path("/h"), True), (None, False)]


def test_what_ends_a_command(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that takes for ever ends it with a sentence.

    Ctrl-C while it starts ends it with the shell's code for that, and without a word.
    """
    failure = QueryError(0, 1, "this pattern takes too long")
    monkeypatch.setattr(tcctui.doctor, "doctor", failing(failure))
    assert main("doctor") == (2, "", "tcctui: this pattern takes too long.\n")
    monkeypatch.setattr(tcctui.sources.kernel.bpf_source, "BpfSource", failing(KeyboardInterrupt()))
    assert main("trace") == (130, "", "")
    assert main("--version") == (0, f"tcctui {__version__}\n", "")
