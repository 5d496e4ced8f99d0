"""`tcctui trace`: each form exactly, and each way in which it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from typing import Any

import numpy as np
import pytest

from tcctui.errors import PipeClosedError, TcctuiError
from tcctui.files.standard_streams import Output
from tcctui.headless.trace import COUNTED, FIELDS, LINES, Trace, format_events, trace
from tcctui.wire.events import EventKind, Events, TcpState
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state, together

V4 = probes(
    START + 1_234_567,
    0x10001,
    snd_nxt=4_294_967_295,
    snd_una=17,
    snd_cwnd=10,
    ssthresh=2147483647,
    snd_wnd=64256,
    srtt=20123,
    rcv_wnd=65535,
    data_len=1448,
)
V6 = probes(
    START - 500_000,
    2**64 - 1,
    local=("2001:db8::7", 443),
    remote=("fe80::1", 65535),
    ssthresh=7,
    data_len=65535,
)
BOTH = together(V4, V6)


def test_text() -> None:
    """A line of text has milliseconds since the start, both ends, and the kernel's own names."""
    assert format_events(BOTH, "text", START) == (
        "1.235| 10.0.0.1.443 > 192.0.2.7.50000 | snd_nxt 4294967295 snd_una 17 snd_cwnd 10"
        " ssthresh 2147483647 snd_wnd 64256 srtt 20123 rcv_wnd 65535 sock_cookie 65537"
        " length 1448\n"
        "-0.500| 2001:db8::7.443 > fe80::1.65535 | snd_nxt 0 snd_una 0 snd_cwnd 0"
        " ssthresh 7 snd_wnd 0 srtt 0 rcv_wnd 0 sock_cookie 18446744073709551615"
        " length 65535\n"
    )


def test_jsonl() -> None:
    """Each line is a JSON object with every field, numbers as numbers and whole."""
    text = format_events(BOTH, "jsonl", START)
    assert text.splitlines()[0] == (
        '{"ts_ns": 50001234567, "kind": "probe", "saddr": "10.0.0.1", "sport": 443,'
        ' "daddr": "192.0.2.7", "dport": 50000, "data_len": 1448, "snd_nxt": 4294967295,'
        ' "snd_una": 17, "snd_cwnd": 10, "ssthresh": 2147483647, "snd_wnd": 64256,'
        ' "srtt": 20123, "rcv_wnd": 65535, "sock_cookie": 65537}'
    )
    assert format_events(NOTHING, "jsonl", START) == ""
    second = json.loads(text.splitlines()[1])
    assert list(second) == list(FIELDS)
    assert second["ts_ns"] == START - 500_000
    assert second["sock_cookie"] == 2**64 - 1
    assert second["daddr"] == "fe80::1"
    assert text.endswith("}\n")
    assert text.count("\n") == 2


def test_csv() -> None:
    """Each line has the fields in the header's order, without blanks or quotes."""
    assert format_events(NOTHING, "csv", START) == format_events(NOTHING, "text", START) == ""
    text = format_events(BOTH, "csv", START)
    assert text.splitlines()[0] == (
        "50001234567,probe,10.0.0.1,443,192.0.2.7,50000,1448,4294967295,17,10,2147483647,"
        "64256,20123,65535,65537"
    )
    second = dict(zip(FIELDS, next(csv.reader(text.splitlines()[1:])), strict=True))
    assert second["saddr"] == "2001:db8::7"
    assert second["dport"] == "65535"
    assert second["sock_cookie"] == "18446744073709551615"


def test_each_line_has_its_own_event_s_ends() -> None:
    """A cookie whose addresses change is written with those of each event.

    Where events were coalesced, each line says last how many its flow has had so far.
    """
    moved = probes(START, 0x10001, local=("2001:db8::7", 443), remote=("192.0.2.7", 1))
    lines = format_events(together(V4, moved, V4), "csv", 0).split()
    usual = ["10.0.0.1", "443", "192.0.2.7", "50000"]
    ends = [line.split(",")[2:6] for line in lines]
    assert ends == [usual, ["2001:db8::7", "443", "192.0.2.7", "1"], usual]
    events = probes(START, 7, acks=41)
    text, jsonl, row = (
        format_events(events, form, START, counted=True) for form in ("text", "jsonl", "csv")
    )
    assert text.endswith(" length 0 acks 41\n")
    assert json.loads(jsonl)["acks"] == 41
    assert dict(zip(COUNTED, row.strip().split(","), strict=True))["acks"] == "41"


@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_flows_without_number(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many flows come by, their lines are right, and only so many are remembered."""
    monkeypatch.setattr("tcctui.headless.trace.REMEMBERED", 50)
    cookies = 1000 + np.arange(6000) % 120
    text = format_events(probes(START, cookies), form, START)
    for cookie, line in zip(cookies.tolist(), text.splitlines(), strict=True):
        assert line == format_events(probes(START, cookie), form, START).rstrip()
    assert len(LINES[form, False]) <= 50


def script(*batches: Events, step_ns: int = 0) -> Delivered:
    """Make a source that delivers batches one by one; its clock goes on while it waits."""
    return Delivered(batches, step_ns=step_ns, waits=True)


def numbered(first: int, count: int, at_ns: int = START) -> Events:
    """Events that can be told by their srtt."""
    return probes(at_ns + np.arange(count), srtt=first + np.arange(count))


def printed(
    source: Delivered, *, duration: float | None = None, count: int | None = None
) -> list[int]:
    """Run a trace to its end; give the numbers of the events it printed."""
    out = io.StringIO()
    running = Trace(source, START, form="jsonl", duration=duration, count=count, out=out)
    running.run()
    lines = out.getvalue().splitlines()
    assert running.seen == len(lines)
    return [json.loads(line)["srtt"] for line in lines]


@pytest.mark.parametrize(("count", "reads"), [(1, 1), (3, 1), (5, 3)])
def test_a_count_ends_it(count: int, reads: int) -> None:
    """It ends after so many events exactly, in the middle of a batch too, and reads no more."""
    source = script(numbered(1, 3) if count > 1 else numbered(1, 1), NOTHING, numbered(4, 5))
    assert printed(source, count=count) == [*range(1, count + 1)]
    assert source.reads == reads


@pytest.mark.parametrize(("duration", "late_ns"), [(2, 100 * MS), (0.01, 5 * MS)])
def test_a_duration_ends_it(duration: float, late_ns: int) -> None:
    """It ends when the time is over, to a round of reading, with nothing to print, too."""
    source = script()
    assert printed(source, duration=duration) == []
    assert 0 <= source.now - START - duration * SECOND <= late_ns


def test_what_came_within_the_duration_is_printed() -> None:
    """What is in the ring when the time is over is read to the last event that was in time.

    A batch of state changes only is not taken for the end of it.
    """
    end = START + SECOND
    late = [
        numbered(4, 2, end - 100),
        state(end - 50, 7, TcpState.CLOSE_WAIT),
        together(numbered(6, 1, end - 1), numbered(7, 1, end)),
        numbered(8, 1, end + 5),
    ]
    source = script(numbered(1, 3), NOTHING, *late, step_ns=600 * MS)
    assert printed(source, duration=1) == [1, 2, 3, 4, 5, 6]


def test_only_tcp_probe_events_are_printed_and_counted() -> None:
    """States, ends, retransmits, resets: no other kind of event is among the lines."""
    others = state(START, 7, TcpState.ESTABLISHED).repeat(len(EventKind) - 1)
    others["kind"] = [kind for kind in EventKind if kind != EventKind.PROBE]
    mixed = together(others, numbered(1, 1), destroy(START, 1, 7), others[::-1], numbered(2, 2))
    assert printed(script(mixed, mixed), count=4) == [1, 2, 3, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_what_has_come(number: signal.Signals) -> None:
    """Ctrl-C ends it after what was already in the ring, and the old handler is back."""
    source = script(numbered(1, 2), numbered(3, 2), numbered(5, 2))

    def interrupt() -> None:
        if source.reads == 1:
            os.kill(os.getpid(), number)
            source.now += MS

    source.before = interrupt
    before = signal.getsignal(number)
    assert printed(source) == [1, 2, 3, 4, 5, 6]
    assert signal.getsignal(number) is before


def test_a_signal_ends_it_while_events_never_end() -> None:
    """On a host that is never quiet Ctrl-C ends it too: what comes afterwards is not waited for."""
    source = script(step_ns=MS)

    def more() -> None:
        source.events = [numbered(source.reads, 1, source.now)]
        if source.reads == 5:
            os.kill(os.getpid(), signal.SIGINT)

    source.before = more
    seen = printed(source)
    assert seen[:5] == [1, 2, 3, 4, 5]
    assert len(seen) < 10


def test_csv_begins_with_a_header() -> None:
    """The names of the fields come first, and at once, also if no event ever comes."""
    out = io.StringIO()
    Trace(script(V4), START, form="csv", duration=0.1, out=out).run()
    header, line = out.getvalue().splitlines()
    assert header.split(",") == list(FIELDS)
    assert len(line.split(",")) == len(FIELDS)
    out = io.StringIO()
    Trace(script(), START, form="csv", duration=0.1, out=out).run()
    assert out.getvalue() == ",".join(FIELDS) + "\n"


def test_a_source_that_fails() -> None:
    """The source's failure is passed on, and the signals are as before."""

    def fail() -> None:
        raise TcctuiError("The BPF program was unloaded.")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TcctuiError, match="unloaded"):
        printed(Delivered(then=fail))
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("form", ["text", "csv"])
def test_a_closed_pipe_ends_it(form: str) -> None:
    """`tcctui trace | head` ends when head has enough, without reading on."""
    reader, writer = os.pipe()
    out = io.TextIOWrapper(io.BufferedWriter(Output(writer, "w")))
    os.close(reader)
    source = script(*(numbered(number, 100) for number in range(50)))
    with pytest.raises(PipeClosedError):
        Trace(source, START, form=form, out=out).run()
    assert source.reads <= 1
    out.close()


@pytest.mark.parametrize("form", ["text", "csv"])
def test_a_full_disk_is_told(form: str) -> None:
    """Where the output can't be written, that is an error in one sentence, at once."""
    with io.TextIOWrapper(io.BufferedWriter(Output("/dev/full", "w"))) as out:
        with pytest.raises(TcctuiError, match="No space left on device"):
            Trace(script(numbered(1, 10)), START, form=form, duration=1, out=out).run()
        out.write("what the interpreter still has to flush")


def test_remarks(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not an event goes to stderr: the filter, how long attaching took, and the sum."""
    options: dict[str, Any] = {"since_ns": START, "form": "text", "duration": 2, "count": None}
    source = script()
    source.kernel_filter = "port 443"
    trace(source, attach_ms=12.3456, cached=True, **options)
    out, err = capsys.readouterr()
    assert out == ""
    first, attached, waiting, summary = err.splitlines()
    assert first == "Filter in the kernel: port 443"
    assert attached == "tcp_probe attached in 12.346 ms (program from the cache)"
    assert "Ctrl-C" in waiting
    assert summary == "0 events in 2.0 s, 3 lost, 4 skipped by the kernel"
    trace(source, attach_ms=512, cached=False, **options)
    assert "attached in 512.000 ms (program compiled)\n" in capsys.readouterr().err
