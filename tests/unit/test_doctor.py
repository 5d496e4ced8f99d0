"""The doctor: what is missing is named with what mends it, and the exit code says if it can run."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from tcctui import doctor as module
from tcctui.doctor import Finding, doctor, examine, findings
from tcctui.errors import TcctuiError
from tcctui.sources.kernel import tracepoint_formats
from tests.unit.nobody import without_privileges
from tests.unit.test_tracepoints import tracefs_of

NEEDS, BESIDE = module.NEEDS, module.BESIDE


def fine() -> str:
    """Find nothing wrong."""
    return "as it should be"


def broken() -> str:
    """Find something wrong."""
    raise TcctuiError("It is not there.", "Run: sudo mend it")


class Program:
    """What stands in for the BPF source."""

    attach_ms = 123.4
    opened: list[Path | None]
    closed = 0
    failure: TcctuiError | None = None

    def __init__(self, *, loading: Path | None) -> None:
        self.opened.append(loading)
        if self.failure:
            raise self.failure

    def close(self) -> None:
        """Count."""
        type(self).closed += 1


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> type[Program]:
    """Compile nothing and look at no terminal; remember what would have been compiled."""

    class Own(Program):
        opened: list[Path | None] = []  # noqa: RUF012 - each test has its own class

    monkeypatch.setattr(module, "Loading", lambda *, kernel_headers: kernel_headers)
    monkeypatch.setattr(module, "BpfSource", Own)
    monkeypatch.setattr(module, "BESIDE", {"sock_diag": fine, "terminal": fine})
    return Own


def examined(monkeypatch: pytest.MonkeyPatch, *needs: str) -> dict[str, Finding]:
    """Give the findings of these needs, and of what follows them, by need."""
    monkeypatch.setattr(module, "NEEDS", {need: NEEDS[need] for need in needs})
    return {found.need: found for found in findings()}


def test_all_is_well(
    monkeypatch: pytest.MonkeyPatch, program: type[Program], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where every need is met, the program is tried and let go again, and the exit code is 0."""
    monkeypatch.setattr(module, "NEEDS", {"one": fine, "two": fine})
    assert doctor(Path("/headers")) == 0
    assert program.opened == [Path("/headers")]
    assert program.closed == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "ok       one          as it should be",
        "ok       two          as it should be",
        "ok       program      compiled, loaded and attached in 123 ms",
    ]
    assert all(line.startswith("ok ") for line in lines)


def test_a_need_that_is_not_met(
    monkeypatch: pytest.MonkeyPatch, program: type[Program], capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem is told with its mend, the other needs are looked at, the program is not tried."""
    monkeypatch.setattr(module, "NEEDS", {"one": broken, "two": fine})
    assert doctor() == 1
    assert program.opened == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "problem  one          It is not there.",
        "                      Run: sudo mend it",
        "ok       two          as it should be",
    ]
    assert lines[3].startswith("problem  program      Not tried")


def test_a_program_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, program: type[Program], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where all needs seem met and the kernel refuses the program, that is the finding."""
    program.failure = TcctuiError("The kernel refuses it.", "Ask why.")
    monkeypatch.setattr(module, "NEEDS", {"one": fine})
    assert doctor() == 1
    assert "problem  program      The kernel refuses it.\n" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [True, False])
def test_what_the_compiler_said(
    verbose: bool,
    monkeypatch: pytest.MonkeyPatch,
    program: type[Program],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The compiler's words follow the finding, for those who ask."""
    program.failure = TcctuiError("It does not work.", "Mend it.", detail="tcc.c:1: error: what?")
    monkeypatch.setattr(module, "NEEDS", {})
    assert doctor(verbose=verbose) == 1
    assert ("Mend it.\ntcc.c:1: error: what?\n" in capsys.readouterr().out) is verbose


def test_a_terminal_that_is_too_small(
    monkeypatch: pytest.MonkeyPatch, program: type[Program]
) -> None:
    """The dashboard needs a terminal: without one it can't run, and the exit code says so."""
    monkeypatch.setattr(module, "NEEDS", {})
    monkeypatch.setattr(module, "BESIDE", {"terminal": broken})
    assert doctor() == 1


def test_the_needs_are_in_the_order_of_their_mending() -> None:
    """What others need comes before them."""
    needs = list(NEEDS)
    assert needs.index("privilege") < needs.index("tracefs") < needs.index("tcp_probe")
    assert needs.index("bcc") < needs.index("bpf")


@pytest.mark.parametrize(
    ("kernel", "without", "text"),
    [
        ("6.18", "", "17 fields"),
        ("5.10", "", "14 fields; this kernel has no family and no skaddr, "),
        ("6.18", "inet_sock_set_state", "17 fields; without sock:inet_sock_set_state, "),
        *(
            ("6.18", f"tcp_{name}", f"17 fields; without tcp:tcp_{name}, ")
            for name in (
                *("destroy_sock", "send_reset", "retransmit_synack", "retransmit_skb"),
                *("cong_state_set", "receive_reset"),
            )
        ),
    ],
)
def test_what_a_kernel_lacks(
    kernel: str, without: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older kernel lacks is told and is no problem."""
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (tracefs_of(kernel, tmp_path, without),))
    found = examined(monkeypatch, "tcp_probe")["tcp_probe"]
    assert found.ok
    assert found.text.startswith(text)
    assert found.text == "17 fields" or len(found.text) > len(text)


def test_a_kernel_without_tcp_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: type[Program]
) -> None:
    """Without the tracepoint there is nothing to show."""
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (tracefs_of("6.18", tmp_path, "tcp_probe"),))
    found = examined(monkeypatch, "tcp_probe")
    assert not found["tcp_probe"].ok
    assert "tcp:tcp_probe" in found["tcp_probe"].text
    assert program.opened == []


def test_a_user_without_privileges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root gets findings for everything, each problem with its mend."""
    closed = tmp_path / "tracing"
    tracefs_of("6.18", closed)
    closed.chmod(0)
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (closed,))
    monkeypatch.setattr(sys, "argv", ["/usr/bin/tcctui", "doctor"])
    needs = ("privilege", "tracefs", "tcp_probe")
    try:
        with without_privileges():
            found = examined(monkeypatch, *needs)
    finally:
        closed.chmod(0o700)
    assert not any(found[need].ok for need in ("privilege", "tcp_probe", "program"))
    assert found["privilege"].mend == "Run: sudo tcctui doctor"
    assert all(finding.mend for finding in found.values() if finding.need in needs)


def test_another_system(monkeypatch: pytest.MonkeyPatch, program: type[Program]) -> None:
    """Elsewhere than on Linux that is the first thing that is told."""
    monkeypatch.setattr(sys, "platform", "darwin")
    found = examined(monkeypatch, "Linux")["Linux"]
    assert (found.ok, "darwin" in found.text) == (False, True)


@pytest.mark.parametrize(
    ("kind", "size", "text"),
    [
        ("xterm", (80, 24), "ok: xterm, 80×24"),
        ("xterm", (79, 24), "xterm, 79×24 is too small."),
        ("xterm", (80, 23), "xterm, 80×23 is too small."),
        ("dumb", (80, 24), "TERM is dumb: the dashboard can't draw."),
        ("", (80, 24), "TERM is not set: the dashboard can't draw."),
        ("xterm", None, "There is no terminal here."),
    ],
)
def test_the_terminal(
    kind: str,
    size: tuple[int, int] | None,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal of 80×24 that can draw is enough; what is wrong with another one is told."""
    terminal_size = os.terminal_size

    def get_terminal_size(_: int) -> os.terminal_size:
        if size is None:
            raise OSError("Inappropriate ioctl for device")
        return terminal_size(size)

    tty = tmp_path / "tty"
    tty.touch()
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(os, "get_terminal_size", get_terminal_size)
    monkeypatch.setattr(module, "Path", lambda _: tty)
    found = examine("terminal", BESIDE["terminal"])
    assert f"{'ok: ' if found.ok else ''}{found.text}" == text
    assert found.ok or found.mend


def test_a_kernel_without_sock_diag(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard runs on tcp_probe alone: that is said, with what mends it, and no problem."""

    def missing() -> None:
        raise TcctuiError("There is none.", "Load it with: sudo modprobe tcp_diag")

    monkeypatch.setattr(module, "DiagSocket", missing)
    assert "sudo modprobe tcp_diag" in BESIDE["sock_diag"]()


def test_recordings_need_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the dashboard runs all the same: that is no problem, and its mend is said."""

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    assert examine("recordings", BESIDE["recordings"]).text.startswith("pyarrow ")
    monkeypatch.setattr("importlib.metadata.version", missing)
    found = examine("recordings", BESIDE["recordings"])
    assert found.ok
    assert "pip install 'tcctui[record]'" in found.text
