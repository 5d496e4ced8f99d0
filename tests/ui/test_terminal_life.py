"""A terminal that is gone, stuck or slow, and signals: the dashboard leaves, all is as before."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.pseudo_terminal import DEMO, GIVEN_BACK, TAKEN, PseudoTerminal

SHOWN = b"cwnd"
"""Text of the screen when it is there."""

SHELL = ("bash", "--norc", "--noprofile", "-i")

TRACEBACK = re.compile(rb"Traceback|\w+Error\b")


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    """Run the dashboard until it is on the screen."""
    with PseudoTerminal() as terminal:
        terminal.until_read(SHOWN)
        yield terminal


def is_as_before(terminal: PseudoTerminal) -> bool:
    """Check that the screen was given back once, and last of all, and the line's settings, too."""
    _, given_back, rest = terminal.read.partition(GIVEN_BACK)
    return bool(given_back) and SHOWN not in rest and terminal.settings == terminal.settings_before


def last_line(terminal: PseudoTerminal) -> int:
    """Lowest line that was drawn on."""
    return max(int(line) for line in re.findall(rb"\x1b\[(\d+);\d+H", terminal.read))


# Gone


@pytest.mark.parametrize(
    "how",
    [
        {"controls": False},
        {"ignored": [signal.SIGHUP]},
        {"blocked": [signal.SIGHUP, signal.SIGTERM]},
        {"controls": False, "blocked": [signal.SIGHUP]},
    ],
    ids=str,
)
def test_a_terminal_that_is_gone_is_the_end(how: dict[str, Any]) -> None:
    """The dashboard leaves without a signal, with the status that SIGHUP would have given."""
    with PseudoTerminal(**how) as terminal:
        terminal.until_read(SHOWN)
        terminal.hang_up()
        assert terminal.ended(reading=False) == 129


def test_a_terminal_that_is_gone_before_anything_is_drawn_is_the_end() -> None:
    """So it is while the program starts."""
    with PseudoTerminal(controls=False) as terminal:
        terminal.until_read(TAKEN)
        terminal.hang_up()
        assert terminal.ended(reading=False) == 129


@pytest.mark.parametrize("end", ["keys", "screen"])
def test_the_end_of_one_of_two_terminals_is_the_end(end: str) -> None:
    """Keys may come from one terminal, and the screen be on another: neither is of use alone."""
    far, near = os.openpty()
    with PseudoTerminal(**{end: near}) as terminal:  # type: ignore[arg-type]
        os.close(near)
        if end == "keys":
            terminal.until_read(SHOWN)
        else:
            read = b""
            while SHOWN not in read:
                read += os.read(far, 1 << 16)
        os.close(far)
        assert terminal.ended() == 129


# Stuck


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 129)]
)
def test_signals_end_it_while_nobody_reads(number: signal.Signals, status: int) -> None:
    """Each leaves although the terminal takes nothing, which is as before then."""
    with PseudoTerminal() as terminal:
        terminal.until_full()
        terminal.type(b"jk?\x1b" * 20)  # each a frame, if it was read
        terminal.signal(number)
        assert terminal.ended(reading=False) == status
        assert terminal.settings == terminal.settings_before
        assert GIVEN_BACK in terminal.read


def test_keys_are_obeyed_while_nobody_reads() -> None:
    """`q` quits: the keys wait for no frame."""
    with PseudoTerminal() as terminal:
        terminal.until_full()
        terminal.type(b"jq")
        assert terminal.ended(reading=False) == 0
        assert GIVEN_BACK in terminal.read


def test_recording_goes_on_while_nobody_reads(tmp_path: Path) -> None:
    """Chunks are written on and on, to the last one after the end."""
    kept = tmp_path / "chunks"
    kept.touch()

    def size() -> int:
        return kept.stat().st_size

    with PseudoTerminal((sys.executable, "-m", "tests.ui.recording_dashboard", str(kept))) as here:
        here.until_full()
        before = size()
        here.until(lambda: size() > before + 10)
        before = size()
        here.signal(signal.SIGTERM)
        assert here.ended(reading=False) == 0
        assert size() > before
        assert kept.read_bytes().endswith(b"*"), "all sockets are sampled for its end"


def test_last_samples_that_do_not_come(tmp_path: Path) -> None:
    """The screen is given back before them, it is said what goes on, and Ctrl-C ends it."""
    kept = tmp_path / "chunks"
    kept.touch()
    command = (sys.executable, "-m", "tests.ui.recording_dashboard", str(kept), "endless")
    with PseudoTerminal(command) as here:
        here.until_read(SHOWN)
        here.type(b"q")
        here.until_read(b"tcctui: a last look at ", after=here.until_read(GIVEN_BACK))
        here.type(b"\x03")
        assert here.ended() == 0
        assert not TRACEBACK.search(here.read)
        assert kept.read_bytes().endswith(b"*"), "what came until then is kept"


# Signals


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_that_ends_it_leaves_no_raw_terminal(
    terminal: PseudoTerminal, number: signal.Signals
) -> None:
    """The process ends by that signal, as without a handler, and the shell has its terminal."""
    terminal.signal(number)
    assert terminal.ended() == -number
    assert is_as_before(terminal)


def test_a_pipe_without_a_reader_is_no_end(terminal: PseudoTerminal) -> None:
    """SIGPIPE stays ignored, as Python has it: that of a helper is no reason to vanish."""
    terminal.signal(signal.SIGPIPE)
    behind = len(terminal.read)
    terminal.type(b"?")
    terminal.until_read(b"Esc", after=behind)
    terminal.type(b"\x03")
    assert terminal.ended() == 0
    assert is_as_before(terminal)


def test_being_continued_paints_all_and_begins_nothing_again(terminal: PseudoTerminal) -> None:
    """After SIGCONT alone the cells are painted anew; the settings to come back to stay those."""
    behind = terminal.until_read(SHOWN)
    terminal.signal(signal.SIGCONT)
    behind = terminal.until_read(SHOWN, after=terminal.until_read(b"\x1b[1;1H", after=behind))
    terminal.type(b"q")
    assert terminal.ended() == 0
    assert terminal.read.count(TAKEN) == terminal.read.count(GIVEN_BACK) == 1
    assert is_as_before(terminal)


def test_ctrl_z_suspends() -> None:
    """The shell has its terminal until `fg`; then all is painted, in the size of that moment."""
    with PseudoTerminal(SHELL, environment={"PS1": "ready> "}) as terminal:
        behind = terminal.until_read(b"ready> ")
        terminal.type(" ".join(DEMO).encode() + b"\n")
        behind = terminal.until_read(SHOWN, after=terminal.until_read(TAKEN, after=behind))
        for lines in (24, 40):
            terminal.type(b"\x1a")
            behind = terminal.until_read(GIVEN_BACK, after=behind)
            behind = terminal.until_read(b"ready> ", after=behind)
            terminal.type(b"echo $((6 * 7)); stty -a\n")
            behind = terminal.until_read(b"42", after=behind)
            behind = terminal.until_read(b" icanon ", after=behind)
            behind = terminal.until_read(b" echo ", after=behind)
            behind = terminal.until_read(b"ready> ", after=behind)
            terminal.resize(100, lines)
            terminal.type(b"bg\n")  # which is no way to draw
            behind = terminal.until_read(b"ready> ", after=behind)
            terminal.type(b"fg\n")
            behind = terminal.until_read(TAKEN, after=behind)
            terminal.until_read(b"\x1b[%d;1H" % lines, after=behind)
        terminal.type(b"q")
        terminal.until_read(b"ready> ", after=behind)
        terminal.type(b"exit $?\n")
        assert terminal.ended() == 0
        assert terminal.read.count(TAKEN) == terminal.read.count(GIVEN_BACK) == 3


def test_a_suspended_one_ends_when_it_is_killed() -> None:
    """`kill` wakes it in the background: it ends there, and takes no terminal for that."""
    with PseudoTerminal(SHELL, environment={"PS1": "ready> "}) as terminal:
        behind = terminal.until_read(b"ready> ")
        terminal.type(" ".join(DEMO).encode() + b"\n")
        terminal.until_read(SHOWN, after=terminal.until_read(TAKEN, after=behind))
        terminal.type(b"\x1a")
        terminal.until_read(b"ready> ", after=terminal.until_read(GIVEN_BACK))
        terminal.type(b"kill %1; while kill -0 %1 2>/dev/null; do sleep 0.1; done; exit 7\n")
        assert terminal.ended() == 7
        assert terminal.read.count(TAKEN) == 1


def test_a_stop_without_a_word_leaves_the_shell_its_terminal() -> None:
    """After SIGSTOP and `bg` the screen is given back; `fg` takes it, and a signal is the end."""
    with PseudoTerminal(SHELL, environment={"PS1": "ready> "}) as terminal:
        behind = terminal.until_read(b"ready> ")
        terminal.type(" ".join(DEMO).encode() + b"\n")
        behind = terminal.until_read(SHOWN, after=terminal.until_read(TAKEN, after=behind))
        shell = terminal.process.pid
        dashboard = int(Path(f"/proc/{shell}/task/{shell}/children").read_text())
        os.kill(dashboard, signal.SIGSTOP)
        behind = terminal.until_read(b"ready> ", after=behind)
        terminal.type(b"bg\n")
        behind = terminal.until_read(GIVEN_BACK, after=behind)
        terminal.type(b"fg\n")
        behind = terminal.until_read(SHOWN, after=terminal.until_read(TAKEN, after=behind))
        os.kill(dashboard, signal.SIGSTOP)
        behind = terminal.until_read(b"ready> ", after=behind)
        os.kill(dashboard, signal.SIGTERM)
        terminal.type(b"bg; while kill -0 %1 2>/dev/null; do sleep 0.1; done; exit 7\n")
        assert terminal.ended() == 7
        assert terminal.read.count(GIVEN_BACK) == 2


def test_a_stop_that_nobody_could_continue_is_none() -> None:
    """Without a shell SIGTSTP stops nothing: the terminal is given back, and taken again."""
    with PseudoTerminal() as terminal:
        terminal.until_read(SHOWN)
        terminal.signal(signal.SIGTSTP)
        behind = terminal.until_read(GIVEN_BACK)
        terminal.until_read(SHOWN, after=terminal.until_read(TAKEN, after=behind))
        terminal.type(b"q")
        assert terminal.ended() == 0


def test_a_copy_is_not_lost_behind_a_frame(terminal: PseudoTerminal) -> None:
    """What the clipboard is to have (OSC 52) waits for the frame that is painted."""
    terminal.until_read(b"192.0.2.80:5201")
    terminal.type(b"jY")
    terminal.until_read(b"both ends")
    terminal.type(b"\r")
    terminal.until_read(b"\x1b]52;c;")
    terminal.type(b"q")
    assert terminal.ended() == 0


# Input


@pytest.mark.parametrize(
    "bad",
    [
        b"\xff",
        b"\xe9",
        b"\x1b[M \xff\xff",
        b"\x1b[99999999999u",
        b"\x1b[1081::113;;1081u",
        b"\x1b[48;99999;99999;0;0t",
    ],
)
def test_bad_input_changes_nothing(terminal: PseudoTerminal, bad: bytes) -> None:
    """Whatever comes, the next key is obeyed; there is no traceback, and no large screen."""
    terminal.type(bad)
    terminal.type(b"q")
    assert terminal.ended() == 0
    assert not TRACEBACK.search(terminal.read)
    assert is_as_before(terminal)


@pytest.mark.parametrize(("size", "lines"), [((0, 0), 24), ((65535, 65535), 500)])
def test_absurd_sizes_leave_a_way_out(size: tuple[int, int], lines: int) -> None:
    """A terminal that says so is drawn on as far as that makes sense, and quits."""
    with PseudoTerminal(columns=size[0], lines=size[1]) as terminal:
        terminal.until_read(b"\x1b[%d;1H" % lines)
        assert last_line(terminal) == lines
        terminal.type(b"q")
        assert terminal.ended() == 0


def test_the_size_is_that_of_the_terminal() -> None:
    """Variables say nothing of it: what is painted is in it, to its last line."""
    with PseudoTerminal(environment={"COLUMNS": "300", "LINES": "90"}) as terminal:
        terminal.until_read(b"\x1b[30;1H")
        terminal.type(b"q")
        assert terminal.ended() == 0
        assert last_line(terminal) == 30


def test_keys_typed_while_it_starts_are_obeyed() -> None:
    """Those that come before there is a screen wait for it, and none is taken for a search."""
    with PseudoTerminal() as terminal:
        terminal.type(b" q")
        assert terminal.ended() == 0
        assert is_as_before(terminal)
