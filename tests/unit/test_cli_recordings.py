"""The command line of recordings: `record`, `replay`, and the dashboard's own."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tcctui.cli.terminal
import tcctui.headless.record
import tcctui.recording.file
import tcctui.recording.stream
import tcctui.recording.writer
from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.query import ALL, parse
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.timeline import Origin, Span
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.samples import NO_SAMPLES
from tests.unit import small_recording
from tests.unit.command_line import Calls, Main, told
from tests.unit.events import SECOND

CHUNK = Chunk(0, SECOND, NO_EVENTS, NO_SAMPLES)
ORIGIN = Origin("web/3 ä", description="tcp_probe")


class Recording:
    """Stands in for a file."""

    span = Span(100 * SECOND, 400 * SECOND)
    origin = ORIGIN
    remark = "The last batch is cut off."

    def __init__(self, path: Path, memory: int) -> None:
        self.path = path
        self.memory = memory
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Stream:
    """Stands in for a pipe."""

    origin = ORIGIN

    def __init__(self, file: io.BufferedReader, memory: int) -> None:
        self.memory = memory
        self.said = os.read(file.fileno(), 5)
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put stand-ins in the place of files, pipes and the recorder; gives what was recorded how."""
    given: dict[str, Any] = {}

    def record(source: Any, path: Path | None, **options: Any) -> int:
        assert not source.closed
        given.update(options, path=path)
        return 0

    monkeypatch.setattr(tcctui.headless.record, "record", record)
    monkeypatch.setattr(tcctui.recording.file, "Recording", Recording)
    monkeypatch.setattr(tcctui.recording.stream, "RecordingStream", Stream)
    return given


# record


def test_record(main: Main, calls: Calls, recorded: dict[str, Any]) -> None:
    """It records every ACK, whatever that takes, until Ctrl-C, and closes the source.

    What the kernel can't decide is left to the recorder; who is not root records samples.
    """
    assert main("record", "/tmp/it")[0] == 0
    remarks = recorded["remarks"]
    assert recorded == {
        **{"path": Path("/tmp/it"), "force": False, "duration": None},
        **{"remarks": remarks, "query": None, "kept": None, "inside": False},
    }
    assert calls.source is not None
    assert (calls.source.interval_ms, calls.source.max_cpu) == (0, None)
    assert calls.source.closed
    calls.failure = TcctuiError("It needs root.")
    assert main("record", "a", "-p", "80", "-f", "retrans>3")[0] == 0
    assert recorded["query"].text == "(port:80) and (retrans>3)"
    assert calls.program is calls.failure


@pytest.mark.parametrize("force", [["record", "-", "--force"], ["--force", "record", "-"]])
def test_options_of_record(
    force: list[str], main: Main, calls: Calls, recorded: dict[str, Any]
) -> None:
    """Options are heeded, - is standard output."""
    options = ["--duration", "2.5", "--interval", "20ms", "-p", "80", "--source", "auto"]
    assert main(*force, *options)[0] == 0
    assert recorded["path"] is None
    assert (recorded["force"], recorded["duration"]) == (True, 2.5)
    assert calls.source is not None
    assert calls.source.interval_ms == 20
    assert calls.source.kernel_filter == KernelFilter.of(parse("port:80"))


def test_alerts_of_the_dashboard(main: Main, calls: Calls, tmp_path: Path) -> None:
    """What is looked for reaches the screen, and a report where one is wanted."""
    path = tmp_path / "alerts"
    looked_for = ["--alert", "srtt>1s", "--alert", "retrans>5"]
    assert main(*looked_for, "--alert-log", str(path), "--alert-run", "true")[0] == 0
    alerts, report = calls.options["alarms"]
    assert report is not None
    assert path.exists()
    assert len(alerts.look(Store(0), 0).raised) == 0
    assert main(*looked_for)[0] == 0
    assert calls.options["alarms"].report is None
    assert main("replay", "it", *looked_for)[0] == 0
    assert calls.options["alarms"].report is None
    assert main()[0] == 0
    assert calls.options["alarms"] is None


def test_record_without_pyarrow(main: Main, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is told before anything is compiled."""

    def missing() -> None:
        raise TcctuiError("pyarrow is missing.", "Run: pip install 'tcctui[record]'")

    monkeypatch.setattr(tcctui.recording.writer, "require_pyarrow", missing)
    for arguments in (["record", "a"], ["--record", "a"]):
        status, _, err = main(*arguments)
        assert status == 1
        assert told(err)[0] == "pyarrow is missing."
        assert calls.source is None


# The dashboard


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        ([], (72 << 20, 128 << 20)),
        (["--rewind-memory", "76M"], (72 << 20, 76 << 20)),
        (["--rewind-memory", "1G"], (72 << 20, 1 << 30)),
        (["--history-memory", "200M"], (200 << 20, 256 << 20)),
        (["--history-memory", "8M", "--rewind-memory", "12M"], (8 << 20, 12 << 20)),
    ],
)
def test_memory(arguments: list[str], sizes: tuple[int, int], main: Main, calls: Calls) -> None:
    """One budget for the past, of which histories are a part; it grows with them by default."""
    assert main(*arguments)[0] == 0
    assert (calls.options["history_memory"], calls.options["rewind_memory"]) == sizes
    assert calls.options["keep"] is None


def test_the_dashboard_records(main: Main, calls: Calls, tmp_path: Path) -> None:
    """With --record, each chunk is written, and the recording is closed and told of at the end."""
    path = tmp_path / "it"
    sizes = []

    def during(source: Any) -> None:
        keep = calls.options["keep"](ORIGIN)
        sizes.append(path.stat().st_size)
        keep(replace(CHUNK, lost=3, skipped=4))
        deadline = time.monotonic() + 60
        while path.stat().st_size == sizes[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        sizes.append(path.stat().st_size)

    calls.during = during
    status, _, err = main("--record", str(path))
    assert status == 0
    sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes)), "it grew with the chunk, and with its end"
    said = rf"Recorded to {path}:\n  00:00:\d\d  \d+ events  .* 3 lost, 4 skipped by the kernel\n"
    assert re.fullmatch(said, err)


def test_what_a_recording_beside_the_dashboard_lacks_is_told(
    main: Main, calls: Calls, tmp_path: Path
) -> None:
    """Where an event stands for several ACKs, the end says for how many milliseconds of them."""

    def during(source: Any) -> None:
        calls.options["keep"](replace(ORIGIN, interval_ns=25_000_000))(CHUNK)

    calls.during = during
    status, _, err = main("--record", str(tmp_path / "it"))
    assert status == 0
    assert "An event stands for the ACKs of 25 ms or more of its connection" in err
    assert "--interval 0" in err


def test_a_fifo_without_a_reader(main: Main, calls: Calls, tmp_path: Path) -> None:
    """The dashboard runs, is told that its recording waits, and ends with what is missing."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    stalled: list[float] = []
    chunk = small_recording.chunks()[0]

    def during(source: Any) -> None:
        keep = calls.options["keep"](ORIGIN)
        keep(chunk)
        stalled.append(keep(chunk))

    calls.during = during
    status, _, err = main("--record", str(fifo))
    assert status == 1
    assert stalled[0] > 0
    assert told(err)[0] == f"{fifo} is incomplete: {2 * len(chunk.events):,} events are not in it."


def test_what_is_there_is_not_overwritten(main: Main, calls: Calls, tmp_path: Path) -> None:
    """Without --force, a file that is there stays, which is told before there is a screen.

    So is a directory that is not there.
    """
    path = tmp_path / "it"
    path.write_text("precious")
    status, _, err = main("--record", str(path))
    assert (status, calls.source) == (1, None)
    assert "--force" in told(err)[1]
    assert path.read_text() == "precious"
    status, _, err = main("--record", str(tmp_path / "no" / "it"))
    assert status == 1
    assert "There is no directory" in told(err)[0]
    calls.during = lambda _: calls.options["keep"](ORIGIN)(CHUNK)
    assert main("--record", str(path), "--force")[0] == 0
    assert b"precious" not in path.read_bytes()


def test_key_s(main: Main, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved gets a name of host and time, in the working directory."""
    monkeypatch.chdir(tmp_path)
    assert main()[0] == 0
    path = calls.options["save"](iter([CHUNK]), ORIGIN)
    assert re.fullmatch(r"tcctui-web_3_ä-\d{8}-\d{6}\.arrows", path.name)
    assert (tmp_path / path).stat().st_size > 0
    assert (tmp_path / path).stat().st_mode & 0o777 == 0o600


def test_key_s_where_nothing_can_be_written(
    main: Main, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a writable working directory it goes home, or else to the temporary files."""
    here, home, temporary = (tmp_path / name for name in ("here", "home", "temporary"))
    for directory in (here, home, temporary):
        directory.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    refused: set[Path] = set()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).absolute() not in refused)
    assert main()[0] == 0
    save = calls.options["save"]
    for directory in (here, home, temporary):
        assert save(iter([CHUNK]), ORIGIN).parent == directory
        refused.add(directory)


# replay


def test_replay(main: Main, calls: Calls) -> None:
    """A file is played as it was, from its beginning, and closed at the end.

    The filter of a replay is what the screen shows nothing but; a moment that the recording does
    not have is a sentence, not a dashboard.
    """
    assert main("replay", "it") == (0, "", "")
    assert calls.played.path == Path("it")
    assert calls.played.closed
    expected = {"remark": Recording.remark, "speed": 1.0, "at_ns": None, "loop": False}
    expected["others"] = []
    expected |= {"base_query": ALL, "alarms": None, "preferences": calls.options["preferences"]}
    assert calls.options == expected
    assert calls.source is None, "no kernel is asked"
    assert calls.played.memory == 1 << 30
    assert main("replay", "it", "--reading-memory", "2G")[0] == 0
    assert calls.played.memory == 2 << 30
    assert main("replay", "it", "-f", "cc:bbr", "--filter", "port:443")[0] == 0
    assert calls.options["base_query"].text == "(cc:bbr) and (port:443)"
    calls.played = None
    status, _, err = main("replay", "it", "--at", "+301s")
    assert (status, calls.played) == (1, None)
    assert told(err)[0] == "--at +301s is outside the recording."


def test_replay_of_two_machines(main: Main, calls: Calls) -> None:
    """Others are opened beside the first, with their remarks, and closed with it; not of a pipe."""
    assert main("replay", "it", "other", "third", "--loop")[0] == 0
    assert calls.played.path == Path("it")
    others = calls.options["others"]
    assert [one.path for one in others] == [Path("other"), Path("third")]
    assert all(one.closed for one in others)
    assert calls.options["remark"] == " ".join([Recording.remark] * 3)
    status, _, err = main("replay", "-", "other")
    assert status == 2
    assert "OTHER is for files" in told(err)[0]


def test_replay_without_a_terminal(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, it says what there is instead; at one, how `-` is meant."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for file, stdin, status, mend in (
        ("it", io.StringIO(), 1, "tcctui export"),
        ("-", Terminal(), 2, "tcctui record -"),
    ):
        monkeypatch.setattr(sys, "stdin", stdin)
        found, _, err = main("replay", file)
        assert found == status
        assert mend in told(err)[1]


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--speed", "0.1"], "speed", 0.1),
        (["--speed", "1000"], "speed", 1000),
        (["--speed", "10x"], "speed", 10),
        (["--speed", "max"], "speed", float("inf")),
        (["--at", "+90s"], "at_ns", 190 * SECOND),
        (["--at", "-30s"], "at_ns", 370 * SECOND),
        (["--at=-30s"], "at_ns", 370 * SECOND),
        (["--loop"], "loop", True),
    ],
)
def test_options_of_replay(
    arguments: list[str], name: str, value: Any, main: Main, calls: Calls
) -> None:
    """Speed, moment and loop arrive as they were meant, on either side of the file."""
    assert main("replay", "it", *arguments)[0] == 0
    assert calls.options[name] == value
    assert main("replay", *arguments, "it")[0] == 0
    assert calls.options[name] == value


def test_replay_of_a_pipe(
    main: Main, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe is a source like the kernel: rewound, saved, and called what the recorder says."""
    read, write = os.pipe()
    os.write(write, b"arrow")
    standard_input = tcctui.cli.terminal
    monkeypatch.setattr(standard_input, "standard_input_apart", lambda: os.fdopen(read, "rb"))
    seen: list[Any] = []
    calls.during = seen.append
    assert main("replay", "-")[0] == 0
    os.close(write)
    (stream,) = seen
    assert stream.said == b"arrow"
    assert stream.closed
    assert stream.memory == 1 << 30
    assert calls.options["rewind_memory"] == 128 << 20
    assert calls.options["live_origin"](stream) is ORIGIN
    assert callable(calls.options["save"])
    assert calls.options["keep"] is None
    os.mkfifo(tmp_path / "it")
    keeper = os.open(tmp_path / "it", os.O_RDWR)
    os.write(keeper, b"fifo!")
    assert main("replay", str(tmp_path / "it"))[0] == 0
    os.close(keeper)
    assert seen[1].said == b"fifo!"
