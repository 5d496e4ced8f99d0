"""Who may trace, and the command for those who may not."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import privileges
from tests.unit.nobody import without_privileges

SYS_ADMIN, NET_ADMIN, PERFMON, BPF = 21, 12, 38, 39
"""Numbers of capabilities, include/uapi/linux/capability.h."""


def status(effective: str) -> str:
    """Text as in /proc/PID/status, with everything permitted and these effective capabilities."""
    return (
        "Name:\ttcctui\nUid:\t1000\t1000\t1000\t1000\n"
        "CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\n"
        f"CapEff:\t{effective}\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"
    )


@pytest.mark.parametrize(
    ("capabilities", "may"),
    [
        ((), False),
        ((SYS_ADMIN,), True),
        ((BPF, PERFMON), True),
        ((BPF,), False),
        ((PERFMON,), False),
        ((NET_ADMIN, BPF), False),
        (tuple(set(range(41)) - {SYS_ADMIN, BPF}), False),
        (tuple(set(range(41)) - {SYS_ADMIN}), True),
    ],
)
def test_which_capabilities_it_takes(capabilities: tuple[int, ...], may: bool) -> None:
    """CAP_SYS_ADMIN is enough, and so are CAP_BPF and CAP_PERFMON together; permitted is not."""
    effective = f"{sum(1 << number for number in capabilities):016x}"
    assert privileges.may_trace(status(effective)) is may


def test_roots_own_mask() -> None:
    """The mask that root has on a current kernel is enough."""
    assert privileges.may_trace(status("000001ffffffffff"))


@pytest.mark.parametrize("text", ["", "Name:\tx\n", "CapPrm:\t000001ffffffffff\n"])
def test_a_status_without_effective_capabilities(text: str) -> None:
    """Where /proc tells nothing, nothing is taken for granted."""
    assert not privileges.may_trace(text)


def test_the_command_has_the_whole_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command has the program's whole path where sudo's own PATH may lack it."""
    monkeypatch.chdir(tmp_path)
    command = privileges.sudo_command(["/home/me/.local/bin/tcctui", "trace", "--port", "443"])
    assert command == "sudo /home/me/.local/bin/tcctui trace --port 443"
    relative = privileges.sudo_command(["bin/tcctui"])
    assert relative == f"sudo {tmp_path}/bin/tcctui"
    installed = privileges.sudo_command(["/usr/local/bin/tcctui", "--port", "443"])
    assert installed == "sudo tcctui --port 443"


def test_the_command_of_a_module() -> None:
    """What was started as `python -m tcctui` is started again so, by this very Python."""
    command = privileges.sudo_command(["/usr/lib/python3/tcctui/__main__.py", "doctor"])
    assert shlex.split(command) == ["sudo", sys.executable, "-m", "tcctui", "doctor"]


@given(arguments=st.lists(st.text(st.characters(exclude_characters="\0"))))
def test_the_command_can_be_pasted(arguments: list[str]) -> None:
    """Whatever was typed, a shell runs the program from it with the same arguments."""
    command = privileges.sudo_command(["/opt/my tools/tcctui", *arguments])
    assert shlex.split(command) == ["sudo", "/opt/my tools/tcctui", *arguments]


def test_without_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without capabilities is told in one sentence, with the command that has them."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/tcctui", "--ip", "10.0.0.0/8"])
    with pytest.raises(TcctuiError) as caught, without_privileges():
        privileges.require()
    assert caught.value.reason == "Reading the kernel's tracepoints needs root."
    assert caught.value.mend == "Run: sudo tcctui --ip 10.0.0.0/8"
    assert caught.value.status == 1
