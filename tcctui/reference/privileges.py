"""Privileges and requirements."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Command, Heading, Paragraph, entry
from tcctui.sources.kernel.privileges import VIEWS


def blocks() -> Iterator[Block]:
    """Requirements of each source, and the diagnosis of missing ones."""
    yield Paragraph(
        "Every ACK needs Linux 5.8 or newer and root, or the capabilities below. No kernel"
        " headers and no compiler are needed. bcc comes from the distribution, also for a wheel in"
        " an isolated environment such as pipx's; PyPI's package bcc is unrelated, and never used."
    )
    yield Paragraph(
        "Without root, in a container or without BPF, tcctui runs on sock_diag alone, the source of"
        " ss: ten samples a second of the connections on the screen, one every two seconds of the"
        " others, and the status line says so. There is no view of each ACK then, and other users'"
        " processes have no name."
    )
    yield Heading("Capabilities of each view, for those who give less than root")
    for view in VIEWS:
        names = " ".join(f"CAP_{one.upper()}" for one in view.capabilities)
        yield entry(view.name, f"{names}: {view.purpose}")
    yield Paragraph(
        "tcctui doctor prints, for each of them, the setpriv(1) command that gives it to a user."
        " File capabilities (setcap) are for a program of its own; on Python's interpreter they"
        " would be every script's."
    )
    yield Paragraph(
        "What root runs, only root may write: --kernel-headers takes trees that nobody else can"
        " change, the compiled program is read only from such a directory, and make run refuses a"
        " checkout that others than root and the caller can write to. The caller's own checkout it"
        " runs as root: whoever can change it is root. make install copies it to where only root"
        " can."
    )
    yield Paragraph(
        "The rights of root are given up first of all. One process loads the program and ends; one"
        " with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH finds the owners of sockets, and one with"
        " CAP_SYS_ADMIN, CAP_SYS_PTRACE and CAP_NET_ADMIN opens sockets of sock_diag in other"
        " network namespaces, and of rtnetlink in that of the connection whose details are shown."
        " What draws, parses and writes is the user who called sudo: without"
        " capabilities, with no_new_privs, and where the kernel has Landlock it writes to the"
        " directories of its own files alone. Where root itself starts it, it is nobody, and one"
        " more process makes the files that it was told to make. replay, export, demo and config"
        " are the calling user from the start; before Linux 5.19 the dashboard keeps CAP_BPF where"
        " kernel.unprivileged_bpf_disabled is set."
    )
    yield Heading("Commands")
    yield Command("tcctui doctor", "Check each requirement and print the command that fixes it.")
    yield Command("tcctui --source sock_diag", "Use one source alone: sock_diag or bpf.")
