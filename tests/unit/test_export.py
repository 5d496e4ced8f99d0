"""`tcctui export`: joins, filters, files, and what is said when it can't."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.cli import main
from tcctui.cli.moments import At
from tcctui.errors import TcctuiError
from tcctui.export.command import export
from tcctui.export.event_curves import EventCurves
from tcctui.export.outfile import outfile
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.recording.arrow import Encoder
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.file import Recording
from tcctui.recording.ipc_frames import END
from tcctui.recording.writer import RecordingWriter
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, together
from tests.unit.import_files import captured, lossy
from tests.unit.recordings import ORIGIN, chunk
from tests.unit.samples import destroyed, samples
from tests.unit.small_recording import BEGIN, FAR, NEAR, SERVER, SERVER6, lifecycle, made


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a recording of three flows."""
    return made(tmp_path_factory.mktemp("recording") / "r.arrows")


def _rows(recording: Path, out: Path, **options: Any) -> list[dict[str, Any]]:
    export(recording, out, progress=False, **options)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_events_have_their_flows_cookie(recording: Path, tmp_path: Path) -> None:
    """Events that the kernel told without a cookie have got their flow's, and the right time."""
    rows = _rows(recording, tmp_path / "e.jsonl")
    bare = [row for row in rows if row["kind"] in ("ca_state", "retransmit", "state")]
    assert {row["sock_cookie"] for row in bare} == {11, 22}
    assert sum(row["sock_cookie"] == 22 for row in bare) == 1
    assert [row["newstate"] for row in bare if row["kind"] == "ca_state"] == [
        *("Recovery", "Open", "Recovery", "Open")
    ]
    first = next(row for row in rows if row["sock_cookie"] == 11 and row["kind"] == "probe")
    assert first["time"] == "2026-01-01T00:00:00.000000Z"
    assert first["ts_ns"] == BEGIN
    assert [row["ts_ns"] for row in rows] == sorted(row["ts_ns"] for row in rows)


def test_what_is_not_known_is_null(recording: Path, tmp_path: Path) -> None:
    """What a kind does not have, an ssthresh never set, an unknown time: none is a number."""
    rows = _rows(recording, tmp_path / "e.jsonl")
    assert all(row["snd_cwnd"] is None for row in rows if row["kind"] != "probe")
    assert {row["ssthresh"] for row in rows if row["sock_cookie"] == 22} == {None}
    assert {row["ssthresh"] for row in rows if row["sock_cookie"] == 11} == {None, 20}
    samples = _rows(recording, tmp_path / "s.jsonl", table="samples")
    assert {row["min_rtt_us"] for row in samples} == {18_000, None}
    assert {row["bbr_bw"] for row in samples} == {125_000, None}


def test_flows(recording: Path, tmp_path: Path) -> None:
    """A flow's row sums up its life: extremes, retransmits, time in Recovery, what limited it."""
    one, two, three = _rows(recording, tmp_path / "f.jsonl", table="flows")
    assert (one["sock_cookie"], one["cc"], one["comm"]) == (11, "cubic", "nginx")
    assert (one["srtt_us_min"], one["srtt_us_max"]) == (20_000, 26_000)
    assert (one["snd_cwnd_min"], one["snd_cwnd_max"]) == (10, 39)
    assert (one["retransmits"], one["total_retrans"], one["recoveries"]) == (6, 6, 2)
    assert one["recovery_s"] == pytest.approx(1.4)
    assert one["limited_cwnd_s"] > 7
    assert (two["recovery_s"], two["ssthresh"], two["retransmits"]) == (0, None, 1)
    assert two["limited_rwnd_s"] > 7
    assert two["limited_cwnd_s"] < 1
    assert three["closed"] == "2026-01-01T00:00:02.000000Z"
    assert (three["saddr"], three["daddr"], three["events"]) == ("2001:db8::1", "2001:db8::7", 40)


@pytest.mark.parametrize(
    ("options", "cookies"),
    [
        ({"query": parse("port:50000")}, {11}),
        ({"query": parse("port:443") & parse("ip:192.0.2.96/27")}, {22}),
        ({"query": parse("ip:2001:db8::/64")}, {33}),
        ({"flow": "22"}, {22}),
        ({"flow": "10.0.0.1:443-192.0.2.7:50000"}, {11}),
        ({"flow": "[2001:db8::1]:8443-[2001:db8::7]:50002"}, {33}),
    ],
)
@pytest.mark.parametrize("table", ["events", "samples", "flows"])
def test_filters(
    recording: Path, tmp_path: Path, table: str, options: dict[str, Any], cookies: set[int]
) -> None:
    """Ports, prefixes and a flow choose, at either end, in every table."""
    rows = _rows(recording, tmp_path / "x.jsonl", table=table, **options)
    assert {row["sock_cookie"] for row in rows} == cookies


def test_only_while_it_matches(recording: Path, tmp_path: Path) -> None:
    """Events are those that match by their own values, samples those of when their flow did.

    What was known before --from counts.
    """
    every = _rows(recording, tmp_path / "all.jsonl")
    rows = _rows(recording, tmp_path / "some.jsonl", query=parse("srtt>25ms cc:cubic"))
    of_flow = [row for row in every if row["kind"] == "probe" and row["sock_cookie"] == 11]
    assert [row["ts_ns"] for row in rows if row["kind"] == "probe"] == [
        row["ts_ns"] for row in of_flow if row["srtt_us"] > 25_000
    ]
    assert {row["sock_cookie"] for row in rows} == {11}
    wanted = parse("retrans>3")
    rows = _rows(recording, tmp_path / "s.jsonl", table="samples", query=wanted)
    assert [(row["ts_ns"] - BEGIN) // SECOND for row in rows] == [5, 6, 7, 8, 9]
    later = At("", after_ns=7 * SECOND + 500_000_000)
    rows = _rows(recording, tmp_path / "e.jsonl", query=wanted, begin=later)
    assert min(row["ts_ns"] for row in rows) - BEGIN < 8 * SECOND
    assert {row["sock_cookie"] for row in rows} == {11}


def test_flows_that_matched_at_some_time(recording: Path, tmp_path: Path) -> None:
    """The table of flows has those that matched once, with all of their lives."""
    every = {
        row["sock_cookie"]: row for row in _rows(recording, tmp_path / "a.jsonl", table="flows")
    }
    for text, cookies in (("cwnd<11", {11, 33}), ("cc:bbr", {22}), ("retrans>5", {11})):
        out = tmp_path / f"{len(text)}{text[0]}.jsonl"
        rows = _rows(recording, out, table="flows", query=parse(text))
        assert {row["sock_cookie"] for row in rows} == cookies, text
        acks = {row["sock_cookie"]: (row["acks"], row["events"], row["first"]) for row in rows}
        of_all = {key: (row["acks"], row["events"], row["first"]) for key, row in every.items()}
        assert acks.items() <= of_all.items()


def test_what_is_left_out_is_told(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a recording that was cut off, or is damaged, it says so; of a whole one, nothing."""
    assert main(["export", str(recording), str(tmp_path / "whole.csv")]) == 0
    assert "left out" not in capsys.readouterr().err
    data = recording.read_bytes()
    cut = tmp_path / "cut.arrows"
    cut.write_bytes(data[:-3000])
    assert main(["export", str(cut), str(tmp_path / "cut.csv")]) == 0
    assert "Of cut.arrows: " in capsys.readouterr().err
    damaged, encoder = tmp_path / "damaged.arrows", Encoder(ORIGIN)
    first, second = (encoder.batch(chunk(number)) for number in range(2))
    damaged.write_bytes(encoder.head + first[:-900] + b"\xee" * 900 + second + END)
    assert main(["export", str(damaged), str(tmp_path / "damaged.csv")]) == 0
    said = capsys.readouterr().err
    assert "Of damaged.arrows: one batch is damaged and left out." in said


def test_the_demo_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`demo` is the recording that comes along, and `./demo` a file."""
    assert main(["export", "demo", str(tmp_path / "flows.csv"), "--table", "flows"]) == 0
    assert main(["trace", "--replay", "demo", "--until", "retrans>10"]) == 0
    assert len((tmp_path / "flows.csv").read_text().splitlines()) > 8
    assert main(["export", "./demo", str(tmp_path / "other.csv")]) == 1
    assert "demo can't be opened" in capsys.readouterr().err


def test_from_to(recording: Path, tmp_path: Path) -> None:
    """`--from` and `--to` choose by time: after the beginning, and before the end."""
    out = tmp_path / "x.jsonl"
    assert main(["export", str(recording), str(out), "--from", "+2s", "--to", "-6s"]) == 0
    times = [json.loads(line)["ts_ns"] for line in out.read_text().splitlines()]
    assert min(times) == BEGIN + 2 * SECOND
    assert max(times) > BEGIN + 4.9 * SECOND
    assert max(times) <= BEGIN + 5 * SECOND


def test_lives_keep_apart_who_had_an_address() -> None:
    """A socket's kernel address, used again, is the next one's; what comes before it, too."""
    lives = Attribution()
    events = together(
        probes([100, 200], 1, skaddr=7, local=SERVER, remote=NEAR),
        destroy(300, 1, 7, local=SERVER, remote=NEAR),
        probes([500, 600], 2, skaddr=7, local=SERVER, remote=NEAR),
        probes([500], 3, skaddr=8, local=SERVER6, remote=FAR),
    )
    lives.learn(by_flow(events), NO_SAMPLES)
    when = (50, 150, 300, 301, 499, 550, 900)
    asked = together(
        *(lifecycle(EventKind.RETRANSMIT, at, 7, SERVER, NEAR) for at in when),
        lifecycle(EventKind.RETRANSMIT, 550, 9, SERVER, NEAR),
        lifecycle(EventKind.RETRANSMIT_SYNACK, 550, 0, SERVER6, FAR),
    )
    assert lives.cookies(asked).tolist() == [1, 1, 1, 2, 2, 2, 2, 0, 3]


def test_many_sockets_are_told_apart() -> None:
    """A hundred thousand sockets, learned chunk by chunk, are each found again."""
    lives = Attribution()
    cookies = np.arange(1, 100_001)
    for part in np.split(cookies, 10):
        batch = probes(part * 10, part, skaddr=part * 64)
        batch["dport"] = part % 60_000
        lives.learn(batch, NO_SAMPLES)
    asked = probes(cookies[::7] * 10 + 1, 0, skaddr=cookies[::7] * 64)
    asked["dport"] = cookies[::7] % 60_000
    assert (lives.cookies(asked) == cookies[::7]).all()


def test_never_overwrites(recording: Path, tmp_path: Path) -> None:
    """What is there stays, and nothing is left beside it; --force replaces it.

    A file that somebody gives up in the middle never has its name. Of two that write to one name,
    the later does not replace what the earlier finished.
    """
    out = tmp_path / "e.csv"
    with pytest.raises(ZeroDivisionError), outfile(out, force=False) as file:
        file.write(b"half" * (1 // 0))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TcctuiError, match="already exists"), outfile(out, force=False) as file:
        out.write_bytes(b"earlier" + b"later"[: file.tell()])
    with pytest.raises(TcctuiError, match="already exists") as refused:
        export(recording, out, progress=False)
    assert "--force" in refused.value.mend
    assert out.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [out]
    export(recording, out, progress=False, force=True)
    assert out.read_text().startswith("time,ts_ns,")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    """A signal in the middle leaves nothing; where it is ignored, the file is made."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tcctui.export.outfile import outfile\n"
        "number = int(sys.argv[2])\n"
        "if len(sys.argv) > 3: signal.signal(number, signal.SIG_IGN)\n"
        "with outfile(Path(sys.argv[1]), force=False) as file:\n"
        "    file.write(b'half')\n"
        "    os.kill(os.getpid(), number)\n"
        "    for _ in range(100): pass\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "x.csv"), str(int(number))]
    assert subprocess.run(run, capture_output=True, check=False).returncode != 0
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run([*run, "ignored"], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "x.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("what", ["directory", "fifo", "nowhere", "ending", "empty", "missing"])
def test_bad_files(
    recording: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory, a FIFO, no folder, no known ending, no recording: a sentence."""
    source, out = recording, tmp_path / "out.csv"
    if what == "directory":
        out.mkdir()
    elif what == "fifo":
        os.mkfifo(out)
    elif what == "nowhere":
        out = tmp_path / "no" / "out.csv"
    elif what == "ending":
        out = tmp_path / "out.xls"
    else:
        source = tmp_path / "none.arrows"
        if what == "empty":
            source.touch()
    assert main(["export", str(source), str(out), "--force"]) in (1, 2)
    said = capsys.readouterr().err
    assert said.startswith("tcctui: ")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "given", [["--flow", "999"], ["--flow", "x-y"], ["--port", "99999"], ["--from", "soon"]]
)
def test_bad_options(
    recording: Path, tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A flow that is not there, and what is no flow, port or time, is told in a sentence."""
    assert main(["export", str(recording), str(tmp_path / "o.csv"), *given]) in (1, 2)
    assert capsys.readouterr().err.startswith("tcctui: ")
    assert list(tmp_path.iterdir()) == []


def test_a_chart_as_text(recording: Path, tmp_path: Path) -> None:
    """The chart of a flow has its ends, its curves, its marks and the strip of limits."""
    out = tmp_path / "o.txt"
    with pytest.raises(TcctuiError, match="of one connection"):
        export(recording, out, progress=False)
    export(recording, out, flow="11", progress=False)
    text = out.read_text()
    for wanted in ("10.0.0.1:443", "cubic", "nginx", "cwnd", "ssthresh", "srtt", "▼", "██"):
        assert wanted in text
    dotted = [any(0x2801 <= ord(sign) <= 0x28FF for sign in line) for line in text.split("\n")]
    assert sum(dotted) > 10


@pytest.mark.parametrize("ending", ["txt", "svg"])
def test_the_chart_of_a_capture(tmp_path: Path, ending: str) -> None:
    """Without a cwnd in it, its bytes in flight are drawn, as on the screen."""
    capture, made_of_it, out = (tmp_path / name for name in ("c.pcap", "c.arrows", f"o.{ending}"))
    capture.write_bytes(captured(lossy()))
    assert main(["import", str(capture), str(made_of_it)]) == 0
    export(made_of_it, out, flow="1", progress=False)
    text = out.read_text()
    assert "in flight" in text
    assert "Nothing was measured" not in text


def test_a_chart_as_a_picture(recording: Path, tmp_path: Path) -> None:
    """A picture needs no font of the machine that shows it, and is the same each time.

    Outlines carry the texts that they draw as comments.
    """
    out = tmp_path / "o.svg"
    export(recording, out, flow="11", progress=False)
    first = out.read_text()
    ET.fromstring(first)
    for wanted in ("10.0.0.1:443", "cubic", "nginx", "cwnd", "ssthresh", "srtt", "recovery", "UTC"):
        assert wanted in first
    assert not re.search("<text|font-family|<image", first)
    export(recording, out, flow="11", force=True, progress=False)
    assert out.read_text() == first
    export(recording, tmp_path / "o.png", flow="11", progress=False)
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")


def test_curves_of_a_picture_have_every_extreme(recording: Path) -> None:
    """Each column has the lowest, the highest and the last value of the events in it."""
    with closing(Recording(recording)) as opened:
        parts = [chunk.events for chunk in opened.chunks(0, 1 << 62)]
    events = joined(parts)
    events = events[(events["sock_cookie"] == 11) & (events["kind"] == EventKind.PROBE)]
    when = events["ts_ns"].astype("i8")
    curves = EventCurves(int(when.min()), int(when.max()), 7)
    for half in np.array_split(np.arange(len(events)), 2):
        curves.add(events[half])
    cwnd = curves.series()["snd_cwnd"]
    assert np.nanmin(cwnd.low) == events["snd_cwnd_min"].min()
    assert np.nanmax(cwnd.high) == events["snd_cwnd_max"].max()
    assert cwnd.last[-1] == events["snd_cwnd"][-1]
    assert not (cwnd.low > cwnd.last).any()


def test_two_connections_on_shared_axes(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are named, with their figures, and have a curve each; a name is of one connection."""
    out = tmp_path / "o.txt"
    asked = ["export", str(recording), str(out), "--force", "--compare"]
    assert main([*asked, "11", "22"]) == 0
    text = out.read_text()
    for wanted in ("1 cubic 10.0.0.1:443", "mean rate", "srtt p50", "time limited by", "cwnd"):
        assert wanted in text
    assert main([*asked[:2], "--compare", "11", "22", str(tmp_path / "o.png")]) == 0
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")
    for wrong, told in ((["11", "11"], "with itself"), (["11", "99"], "no flow 99")):
        assert main([*asked, *wrong]) != 0
        assert told in capsys.readouterr().err
    assert main([*asked, "11", "22", "--flow", "11"]) == 2
    assert main(["export", str(recording), str(tmp_path / "o.csv"), "--compare", "11", "22"]) == 2


def test_a_curve_ends_with_its_connection() -> None:
    """Behind the end of a connection there is nothing, though values are held between events."""
    curves = EventCurves(0, 100 * MS, 10)
    curves.add(probes([10 * MS, 30 * MS], 1, snd_cwnd=[10, 20]))
    last = curves.series(until_ns=50 * MS)["snd_cwnd"].last
    assert np.isinf(last[5:]).all()
    assert not np.isinf(last[:5]).any()


def test_pictures_without_matplotlib(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not installed, a sentence says how to install it, and that text needs nothing."""
    monkeypatch.setattr("tcctui.export.picture.find_spec", lambda _: None)
    with pytest.raises(TcctuiError, match="not installed"):
        export(recording, tmp_path / "o.svg", flow="11", progress=False)
    export(recording, tmp_path / "o.txt", flow="11", progress=False)


def test_progress(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """On a terminal a bar says how far it is; elsewhere there is one line at the end."""
    export(recording, tmp_path / "a.csv")
    assert capsys.readouterr().err == f"{tmp_path}/a.csv: 453 events\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("tcctui.export.progress._APART", 0)
    export(recording, tmp_path / "b.csv")
    said = capsys.readouterr().err
    assert "█" in said
    assert "100%" in said
    assert said.endswith(f"\r\x1b[K{tmp_path}/b.csv: 453 events\n")
    assert threading.active_count() < 20


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_no_room(recording: Path, tmp_path: Path, ending: str) -> None:
    """Where the disk takes no more, it ends with a sentence, and nothing is left."""
    out = tmp_path / f"out.{ending}"
    program = (
        "import resource, sys; from tcctui.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        f"sys.exit(main(['export', {str(recording)!r}, {str(out)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"tcctui: {out} can't be written: File too large.")
    assert len(done.stderr.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def _told(tmp_path: Path, *batches: Batch, **options: Any) -> list[dict[str, Any]]:
    """Table of flows of a recording of some batches, a chunk each, by JSON lines."""
    path = tmp_path / "told.arrows"
    with closing(RecordingWriter(path, ORIGIN, force=True)) as writer:
        begin_ns = BEGIN
        for batch in batches:
            told = by_flow(joined([NO_SAMPLES, *batch.samples]))
            writer.write(Chunk(begin_ns, batch.now_ns, by_flow(batch.events), told))
            begin_ns = batch.now_ns
    return _rows(path, tmp_path / "told.jsonl", table="flows", force=True, **options)


def test_a_row_is_of_one_moment(tmp_path: Path) -> None:
    """Totals of the whole life are one sample's; those of the recording have names of their own."""
    before = samples(BEGIN + MS, 1, bytes_acked=1_000_000, bytes_sent=1_000_100)
    later = samples(BEGIN + 2 * SECOND, 1, bytes_acked=1_500_000, bytes_sent=1_600_000)
    when = BEGIN + SECOND * np.array([1, 2, 4])
    acks = probes(when, 1, snd_una=[5000, 505_000, 905_000])
    (row,) = _told(
        tmp_path,
        Batch(NOTHING, [before], BEGIN + 2 * MS),
        Batch(acks[:2], [later], BEGIN + 3 * SECOND),
        Batch(acks[2:], [], BEGIN + 5 * SECOND),
    )
    assert (row["bytes_acked"], row["bytes_sent"]) == (1_500_000, 1_600_000)
    assert row["bytes_acked_seen"] == 900_000
    assert row["duration_s"] == pytest.approx(4.999)
    assert row["goodput"] == pytest.approx(900_000 / row["duration_s"])
    assert (row["sampled_age_s"], row["event_age_s"]) == (3, 1)
    path, part = tmp_path / "told.arrows", tmp_path / "part.jsonl"
    (later_on,) = _rows(path, part, table="flows", begin=At("", after_ns=3 * SECOND))
    assert (later_on["bytes_acked_seen"], later_on["bytes_acked"]) == (400_000, 1_500_000)
    assert later_on["duration_s"] == 1


def test_unknown_is_not_0(tmp_path: Path) -> None:
    """An aborted connection without TCP_INFO has no totals, and one sampled once no limits."""
    aborted = destroyed(BEGIN + SECOND, 1, info_len=0)
    once = samples(BEGIN + SECOND, 2, local=("10.0.0.2", 5), bytes_acked=0, bytes_sent=0, inode=9)
    events = together(probes(BEGIN + MS, 1), destroy(BEGIN + SECOND, 1, 0))
    one, two = _told(tmp_path, Batch(events, [aborted, once], BEGIN + 2 * SECOND))
    null = ("bytes_acked", "bytes_acked_seen", "goodput", "total_retrans", "sampled_age_s", "pid")
    assert [one[name] for name in null] == [None] * len(null)
    assert (one["event_age_s"], one["state"]) == (pytest.approx(0.999), "CLOSED")
    assert (two["bytes_acked"], two["bytes_sent"], two["goodput"]) == (0, 0, 0)
    assert (one["uid"], two["uid"]) == (None, 0), "nobody is not root"
    told = _rows(tmp_path / "told.arrows", tmp_path / "s.jsonl", table="samples")
    assert [row["uid"] for row in told if row["end"] == "destroyed"] == [None]
    limits = [name for name in one if name.startswith("limited_")] + ["receives_s"]
    for row in (one, two):
        assert [row[name] for name in limits] == [None] * len(limits)


def test_a_receiver_is_not_limited_by_its_application(tmp_path: Path) -> None:
    """The time of a flow that only receives is in a column of its own, as LIMITED says."""
    looks = [
        samples(BEGIN + at * SECOND, 1, bytes_received=10**6 * at, busy_time=0) for at in range(6)
    ]
    batches = [Batch(NOTHING, [one], int(one["ts_ns"][0]) + MS) for one in looks]
    (row,) = _told(tmp_path, *batches)
    assert (row["receives_s"] > 3, row["limited_app_s"]) == (True, 0)


def test_shares_are_the_same_on_the_screen_and_in_exports(tmp_path: Path) -> None:
    """Time that is spent on receiving alone is nobody's limit, in the table and in exports."""
    looks = [
        samples(BEGIN + at * SECOND, 1, bytes_received=10**6 * (at // 2), busy_time=0)
        for at in range(21)
    ]
    batches = [Batch(NOTHING, [one], int(one["ts_ns"][0]) + MS) for one in looks]
    (row,) = _told(tmp_path, *batches)
    assert row["limited_app_s"] == pytest.approx(row["receives_s"], rel=0.2)
    store = Store(0)
    for batch in batches:
        store.take(batch)
    columns = [BY_NAME[name] for name in ("app_share", "receives_share", "cwnd_share")]
    flows = store.flows({name for column in columns for name in column.needs})
    assert [column.cells(flows) for column in columns] == [["50 %"], ["50 %"], ["0 %"]]


def test_srtt_quantiles_are_of_acks(tmp_path: Path) -> None:
    """An event that stands for many ACKs counts as many; quantiles are right to 1 %."""
    rng = np.random.default_rng(7)
    stands_for = rng.integers(1, 40, 500)
    srtt = np.round(10 ** rng.uniform(1, 5.5, 500)).astype("u4")
    srtt[::50] = 0  # not measured yet
    when = BEGIN + MS * np.arange(1, 501)
    counted = np.cumsum(stands_for)
    events = probes(when, 1, srtt=srtt, acks=counted, begun=np.arange(500) == 0)
    parts = [events[at : at + 90] for at in range(0, 500, 90)]
    batches = [Batch(part, [], int(part["ts_ns"][-1]) + 1) for part in parts]
    (row,) = _told(tmp_path, *batches)
    every = np.repeat(srtt, stands_for)
    every = every[every > 0]
    for share in (50, 95, 99):
        exact = float(np.percentile(every, share, method="inverted_cdf"))
        assert row[f"srtt_us_p{share}"] == pytest.approx(exact, rel=0.0101)
    assert row["srtt_us_mean"] == pytest.approx(every.mean())
    assert row["acks"] == counted[-1]
