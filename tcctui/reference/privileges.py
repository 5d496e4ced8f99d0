"""Privileges and requirements."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Command, Paragraph


def blocks() -> Iterator[Block]:
    """Requirements of each source, and the diagnosis of missing ones."""
    yield Paragraph(
        "Every ACK needs Linux 5.8 or newer and root, or CAP_BPF with CAP_PERFMON. No kernel"
        " headers and no compiler are needed. bcc comes from the distribution, also for a wheel in"
        " an isolated environment such as pipx's; PyPI's package bcc is unrelated, and never used."
    )
    yield Paragraph(
        "Without root, in a container or without BPF, tcctui runs on sock_diag alone, the source of"
        " ss: ten samples a second of the connections on the screen, one every two seconds of the"
        " others, and the status line says so. There is no view of each ACK then, and other users'"
        " processes have no name."
    )
    yield Command("tcctui doctor", "Check each requirement and print the command that fixes it.")
    yield Command("tcctui --source sock_diag", "Use one source alone: sock_diag or bpf.")
