"""The doctor: what is missing is named with what mends it, and the exit code says if it can run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from tcctui import doctor as module
from tcctui.doctor import Finding, doctor, examine, findings
from tcctui.errors import TcctuiError
from tcctui.sources import kernel_clock
from tcctui.sources.kernel import (
    compiled_cache,
    private_layouts,
    struct_ops,
    tracepoint_formats,
)
from tcctui.sources.kernel.compiled import Compiled
from tcctui.sources.kernel.compiled_cache import CompiledCache
from tcctui.sources.kernel.type_information import Kind, TypeInformation
from tcctui.wire.inside import Asked
from tcctui.wire.private_layout import PrivateLayout
from tests.unit.kernel_types import BASIC, U32, Type, type_information
from tests.unit.nobody import without_privileges
from tests.unit.test_tracepoints import tracefs_of

NEEDS, BESIDE = module.NEEDS, module.BESIDE


def test_a_time_namespace_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a time namespace, the doctor says how far its clock is from the machine's."""
    assert "machine's" in BESIDE["clock"]()
    monkeypatch.setattr(kernel_clock, "offset_ns", lambda: 100_000_000_000_000)
    assert "+100,000 s" in BESIDE["clock"]()


def fine() -> str:
    """Find nothing wrong."""
    return "as it should be"


def broken() -> str:
    """Find something wrong."""
    raise TcctuiError("It is not there.", "Run: sudo mend it")


REFUSED = TcctuiError("It does not work.", "Mend it.", detail="tcc.c:1: what?")


class Program:
    """What stands in for the BPF source."""

    attach_ms = 123.4
    inside_lacks = ""
    typed = True
    watches_queues = True
    opened: list[Path | None]
    closed = 0
    failure: TcctuiError | None = None

    def __init__(self, *, loading: Path | None) -> None:
        self.opened.append(loading)
        if self.failure:
            raise self.failure

    def look_inside(self, asked: Asked) -> bool:
        """Take what is asked for."""
        return bool(asked)

    def read(self, timeout: float) -> None:
        """Read nothing."""

    def close(self) -> None:
        """Count."""
        type(self).closed += 1


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> type[Program]:
    """Compile nothing and look at no terminal; remember what would have been compiled."""

    class Own(Program):
        opened: list[Path | None] = []  # noqa: RUF012 - each test has its own class

    monkeypatch.setattr(module, "Loading", lambda *, kernel_headers, fresh: kernel_headers)
    monkeypatch.setattr(module, "BpfSource", Own)
    monkeypatch.setattr(module, "BESIDE", {"sock_diag": fine, "terminal": fine})
    return Own


def examined(monkeypatch: pytest.MonkeyPatch, *needs: str) -> dict[str, Finding]:
    """Give the findings of these needs, and of what follows them, by need."""
    monkeypatch.setattr(module, "NEEDS", {need: NEEDS[need] for need in needs})
    return {found.need: found for found in findings()}


@pytest.mark.parametrize(
    ("needs", "failure", "verbose", "lines"),
    [
        (
            {"one": fine, "two": fine},
            None,
            False,
            [
                "ok       one          as it should be",
                "ok       two          as it should be",
                "ok       program      compiled, loaded and attached in 123 ms",
                "ok       inside       sockets and algorithms can be read at each ACK",
            ],
        ),
        (
            {"one": broken, "two": fine},
            None,
            False,
            [
                "problem  one          It is not there.",
                "                      Run: sudo mend it",
                "ok       two          as it should be",
                "problem  program      Not tried",
            ],
        ),
        ({}, REFUSED, False, ["problem  program      It does not work.", f"{'':22}Mend it."]),
        ({}, REFUSED, True, ["problem  program      It does not work.", "", "tcc.c:1: what?"]),
    ],
    ids=["well", "a need", "the program", "verbose"],
)
def test_findings(
    *,
    needs: dict[str, Callable[[], str]],
    failure: TcctuiError | None,
    verbose: bool,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    program: type[Program],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each need has its line, and what mends it; the program is tried where all are met.

    The exit code is 0 where it runs. The compiler's words are for those who ask.
    """
    program.failure = failure
    monkeypatch.setattr(module, "NEEDS", needs)
    well = not failure and broken not in needs.values()
    assert doctor(Path("/headers"), verbose=verbose) == (0 if well else 1)
    assert program.opened == [Path("/headers")] * (broken not in needs.values())
    assert program.closed == well
    said = capsys.readouterr().out.splitlines()
    for one, line in zip(said[: len(lines)], lines, strict=True):
        assert one.startswith(line)
    assert ("tcc.c:1: what?" in said) is verbose
    assert all(line.startswith("ok ") for line in said) is well


def test_the_needs_are_in_the_order_of_their_mending(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others need comes before them; Linux is the first thing that is told."""
    needs = list(NEEDS)
    assert needs.index("privilege") < needs.index("tracefs") < needs.index("tcp_probe")
    assert needs.index("bcc") < needs.index("bpf")
    monkeypatch.setattr(sys, "platform", "darwin")
    found = examined(monkeypatch, "Linux")["Linux"]
    assert (found.ok, "darwin" in found.text) == (False, True)


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


def test_a_kernel_without_tcp_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tracepoint there is nothing to show."""
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (tracefs_of("6.18", tmp_path, "tcp_probe"),))
    found = examined(monkeypatch, "tcp_probe")["tcp_probe"]
    assert (found.ok, "tcp:tcp_probe" in found.text) == (False, True)


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
    assert found["privilege"].mend == "Run: sudo /usr/bin/tcctui doctor"
    assert all(finding.mend for finding in found.values() if finding.need in needs)


@pytest.mark.parametrize(
    ("kind", "size", "text"),
    [
        ("xterm", (80, 24), "ok: xterm, 80×24"),
        ("xterm", (60, 16), "ok: xterm, 60×16"),
        ("xterm", (59, 24), "xterm, 59×24 is too small."),
        ("xterm", (80, 15), "xterm, 80×15 is too small."),
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
    """A terminal of 60×16 that can draw is enough; what is wrong with another one is told."""
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


def test_what_can_be_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard runs without sock_diag and pyarrow, but not without a terminal."""

    def missing() -> None:
        raise TcctuiError("There is none.", "Load it with: sudo modprobe tcp_diag")

    def no_package(name: str) -> str:
        raise PackageNotFoundError(name)

    enabled = tmp_path / "enabled"
    enabled.write_text("0\n")
    monkeypatch.setattr(module, "_MPTCP_ENABLED", enabled)
    mptcp = SimpleNamespace(mptcp=lambda: range(3), close=list)
    monkeypatch.setattr(module, "DiagSocket", lambda: mptcp)
    assert BESIDE["mptcp"]() == (
        "3 connections here; subflows are shown with theirs; net.mptcp.enabled is off here"
    )
    monkeypatch.setattr(module, "DiagSocket", missing)
    assert "sudo modprobe tcp_diag" in BESIDE["sock_diag"]()
    assert "sudo modprobe mptcp_diag" in BESIDE["mptcp"]()
    monkeypatch.setattr(module, "DiagSocket", lambda: SimpleNamespace(dump=list, close=list))
    assert "namespaces" not in BESIDE["sock_diag"]()
    monkeypatch.setattr("tcctui.sources.sock_diag.namespaces.found", lambda: range(65_535))
    assert "; of 65,535 network namespaces 1,024 are read" in BESIDE["sock_diag"]()
    monkeypatch.setattr(module, "_MPTCP_ENABLED", Path("/nowhere"))
    assert BESIDE["mptcp"]() == "this kernel has no MPTCP"
    assert examine("recordings", BESIDE["recordings"]).text.startswith("pyarrow ")
    monkeypatch.setattr("importlib.metadata.version", no_package)
    found = examine("recordings", BESIDE["recordings"])
    assert found.ok
    assert "pip install 'tcctui[record]'" in found.text
    monkeypatch.setattr(module, "NEEDS", {})
    monkeypatch.setattr(module, "BESIDE", {"terminal": broken})
    assert doctor() == 1


def test_the_cache(
    trusted_directories: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told if the next start compiles, and why; it does run without a cache."""
    key, cache = {"kernel": "6.18"}, CompiledCache(trusted_directories())

    def told() -> str:
        found = examine("cache", BESIDE["cache"])
        assert found.ok
        return found.text

    monkeypatch.setattr(module, "Build", lambda: SimpleNamespace(key=key))
    monkeypatch.setenv(compiled_cache.VARIABLE, "")
    assert told() == "TCCTUI_CACHE is empty: every start compiles"
    monkeypatch.setenv(compiled_cache.VARIABLE, str(cache.path.parent))
    assert told() == f"every start compiles: There is no {cache.path} yet."
    cache.write(key, Compiled([], []))
    assert told() == f"{cache.path} has the program for this kernel"
    cache.path.parent.chmod(0o777)
    assert f"{cache.path.parent} can be written by others. Change that, or" in told()


LESS = Type(Kind.STRUCT, "tcp_sock", 64, [("snd_cwnd", U32, 0)])


@pytest.mark.parametrize(
    ("types", "lacks", "said"),
    [
        (None, "no BTF", "this kernel has no types (/sys/kernel/btf/vmlinux)"),
        (
            TypeInformation(type_information([*BASIC, LESS])),
            "no BTF",
            "no sock.__sk_common.skc_family, no ",
        ),
        (None, "", "sockets and algorithms can be read at each ACK"),
    ],
    ids=["no types", "members", "well"],
)
def test_what_can_be_read_of_sockets(
    types: TypeInformation | None, lacks: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where sockets can't be read, it says what the kernel lacks: its types, or which members."""
    monkeypatch.setattr(module, "of_this_kernel", lambda: types)
    assert said in module._inside(lacks)


def test_which_algorithms_states_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whose state has members, and whose is but bytes; reno has none."""
    cubic = Type(Kind.STRUCT, "bictcp", 8, [("bic_K", U32, 0)])
    (tmp_path / "vmlinux").write_bytes(type_information([*BASIC, cubic]))
    own = PrivateLayout("toy", "counts", (), 250)
    monkeypatch.setattr(struct_ops, "layouts", lambda: {"toy": own})
    monkeypatch.setattr(module, "registered", lambda: ["reno", "cubic", "toy", "other"])
    found = partial(private_layouts.of_algorithms, types=tmp_path)
    monkeypatch.setattr(private_layouts, "of_algorithms", found)
    assert module._algorithms() == (
        "the state of cubic, toy by their members; of other its bytes alone, without types (BTF)"
    )
    monkeypatch.setattr(module, "registered", lambda: ["reno"])
    assert module._algorithms() == "none has a state that is known"
