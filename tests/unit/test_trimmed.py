"""A recording out of a recording, and one without addresses."""

from __future__ import annotations

import itertools
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from tcctui.cli import main
from tcctui.cli.moments import At
from tcctui.errors import TcctuiError
from tcctui.export.command import export
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.query import parse
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.redaction import Redaction
from tcctui.rewind.moment import Moment
from tcctui.wire.addresses import format_address
from tcctui.wire.events import OWNED, EventKind, TcpState
from tests.unit.events import MS, SECOND, destroy, probes, state, together
from tests.unit.recordings import written
from tests.unit.samples import NO_SAMPLES
from tests.unit.small_recording import BEGIN, made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a recording of three flows."""
    return made(tmp_path_factory.mktemp("whole") / "r.arrows")


def part(whole: Path, out: Path, **options: Any) -> list[Chunk]:
    """Make a recording of a part; gives its chunks."""
    export(whole, out, progress=False, force=True, **options)
    with closing(Recording(out)) as recording:
        assert not recording.remark
        return list(recording.chunks(0, 1 << 62))


def table(recording: Path, out: Path, name: str = "flows", **options: Any) -> list[dict[str, Any]]:
    """Read a table."""
    out = out.with_suffix(".jsonl")
    export(recording, out, table=name, progress=False, force=True, **options)
    return [json.loads(line) for line in out.read_text().splitlines()]


LATER: dict[str, Any] = {"begin": At("", after_ns=6 * SECOND), "end": At("", after_ns=8 * SECOND)}


@pytest.mark.parametrize(
    ("options", "cookies"),
    [
        ({"query": parse("port:50000")}, {11}),
        ({"query": parse("cc:bbr")}, {22}),
        ({"query": parse("retrans>5"), **LATER}, {11}),
        ({"flow": "22", **LATER}, {22}),
        ({**LATER}, {11, 22}),
        ({}, {11, 22, 33}),
    ],
)
def test_nothing_of_others_travels(
    whole: Path, tmp_path: Path, options: dict[str, Any], cookies: set[int]
) -> None:
    """Of the flows and the time chosen all is there; of others no event, sample or keyframe."""
    path = tmp_path / "part.arrows"
    chunks = part(whole, path, **options)
    since, until = (BEGIN + 6 * SECOND, BEGIN + 8 * SECOND) if "begin" in options else (0, 1 << 62)
    for name in ("events", "samples"):
        rows, every = table(path, tmp_path / "p", name), table(whole, tmp_path / "w", name)
        mine = [
            row for row in every if row["sock_cookie"] in cookies and since <= row["ts_ns"] <= until
        ]
        assert sorted(mine, key=str) == sorted(rows, key=str)
    chosen = "query" in options or "flow" in options
    if chosen:
        for chunk in chunks:
            assert {*chunk.events["sock_cookie"], *chunk.samples["sock_cookie"]} <= cookies
    with closing(Recording(tmp_path / "part.arrows")) as recording:
        for chunk in chunks:
            found = recording.keyframe(chunk.end_ns)
            assert ("begin" not in options) or found is not None
            if found is not None:
                known = Keyframe.from_bytes(found[1]).arrays["columns.cookie"]
                assert set(known.tolist()) <= cookies or not chosen


def test_what_was_known_before_is_known(whole: Path, tmp_path: Path) -> None:
    """A replay of a part shows, and its table says, what the whole recording's does."""
    path = tmp_path / "part.arrows"
    part(whole, path, query=parse("cc:cubic"), **LATER)
    names = ("bytes_acked", "total_retrans", "comm", "cc", "snd_cwnd", "opened_ns", "first_ns")
    shown = []
    for recording in (whole, path):
        with closing(Recording(recording)) as timeline:
            moment = Moment(timeline)
            moment.go(BEGIN + 7 * SECOND)
            flows = moment.some_flows(np.array([11], "u8"), names)
            shown.append({name: flows[name].tolist() for name in names})
    assert shown[0] == shown[1]
    of_whole = table(whole, tmp_path / "w.jsonl", query=parse("cc:cubic"), **LATER)
    of_part = table(path, tmp_path / "p.jsonl")
    for row, other in zip(of_whole, of_part, strict=True):
        assert row == pytest.approx(other, rel=1e-6, abs=1e-6, nan_ok=True)


def test_a_condition_on_what_was_known_before(whole: Path, tmp_path: Path) -> None:
    """`trace --until` on a part goes by what its keyframe says, too."""
    path = tmp_path / "part.arrows"
    at = At("", after_ns=2 * SECOND + 100 * MS)
    part(whole, path, query=parse("cc:bbr"), begin=at, end=At("", after_ns=2 * SECOND + 500 * MS))
    with closing(Recording(path)) as recording:
        assert not sum(len(chunk.samples) for chunk in recording.chunks(0, 1 << 62))
    assert main(["trace", "--replay", str(path), "--until", "cc:bbr comm:b"]) == 0


def test_no_connection_matches(whole: Path, tmp_path: Path) -> None:
    """Where nothing matches there is a sentence and no file."""
    with pytest.raises(TcctuiError, match="No connection of the recording matches"):
        part(whole, tmp_path / "part.arrows", query=parse("proc:nobody"))
    assert not list(tmp_path.iterdir())


def test_it_says_how_many(whole: Path, tmp_path: Path, capsys: Any) -> None:
    """The command says how many of the connections are in it, and what was replaced."""
    out = tmp_path / "part.arrows"
    assert main(["export", str(whole), str(out), "--filter", "cc:bbr", "--redact"]) == 0
    said = capsys.readouterr().err
    assert re.search(r"[\d,]+ events, 1 connection of 3; addresses, host, namespaces and", said)
    assert main(["export", str(whole), str(tmp_path / "x.svg"), "--flow", "11", "--redact"]) == 2
    assert "A chart names the connection by its addresses." in capsys.readouterr().err


def test_ends_that_are_nobodys_are_no_connections(tmp_path: Path, capsys: Any) -> None:
    """A socket that lost its own ends before it was destroyed is not counted: none is known."""
    events = together(
        probes(BEGIN, 11), destroy(BEGIN + MS, 99, 0xB, local=("::", 8080), remote=("::", 0))
    )
    whole = written(tmp_path / "it.arrows", Chunk(BEGIN, BEGIN + SECOND, events, NO_SAMPLES))
    out = tmp_path / "part.arrows"
    assert main(["export", str(whole), str(out), "--ip", "10.0.0.1"]) == 0
    assert "1 connection of 1" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["arrows", "jsonl"])
@pytest.mark.parametrize("name", ["flows", "events", "samples"])
def test_redacted(whole: Path, tmp_path: Path, ending: str, name: str) -> None:
    """No address, host or group is left in any file; what belongs together still does."""
    out = tmp_path / f"it.{ending}"
    export(whole, out, table=name, redact=True, progress=False, force=True)
    if ending == "arrows":
        with closing(Recording(out)) as recording:
            assert recording.origin.host == "redacted"
        export(out, tmp_path / "it.jsonl", table=name, progress=False, force=True)
    export(whole, tmp_path / "plain.jsonl", table=name, progress=False)
    plain, other = (
        [json.loads(line) for line in (tmp_path / path).read_text().splitlines()]
        for path in ("plain.jsonl", "it.jsonl")
    )
    addresses = {row[end] for row in plain for end in ("saddr", "daddr")}
    for address in addresses:
        assert address not in (tmp_path / "it.jsonl").read_text()
    pairs = {(one["saddr"], two["saddr"]) for one, two in zip(plain, other, strict=True)}
    assert len({one for one, _ in pairs}) == len({two for _, two in pairs}) == len(pairs)
    same = [key for key in plain[0] if key not in ("saddr", "daddr", "netns_name", "cgroup")]
    for one, two in zip(plain, other, strict=True):
        assert {key: two[key] for key in same} == pytest.approx(
            {key: one[key] for key in same}, rel=1e-6
        )


def common(one: int, two: int, width: int) -> int:
    """Length of the common prefix of two addresses."""
    return width - (one ^ two).bit_length()


@given(lists(integers(0, (1 << 32) - 1), min_size=2, max_size=12, unique=True))
def test_prefixes_stay(addresses: list[int]) -> None:
    """Two addresses have as long a common prefix as before, so none becomes another's."""
    redaction = Redaction()
    made = [redaction.address(0, 0xFFFF << 32 | one)[1] & 0xFFFFFFFF for one in addresses]
    for (one, two), (first, second) in zip(
        itertools.combinations(addresses, 2), itertools.combinations(made, 2), strict=True
    ):
        assert common(one, two, 32) == common(first, second, 32)


def test_loopback_and_link_local_stay() -> None:
    """What says nothing of anybody is readable; and each export has replacements of its own."""
    one, two = Redaction(), Redaction()
    loopback = (0, 0xFFFF_7F00_0001)
    assert format_address(*one.address(*loopback)).startswith("127.")
    assert one.address(0, 1) == (0, 1)
    assert one.address(0xFE80 << 48, 5)[0] >> 54 == 0xFE80 >> 6
    public = (0x2001_0DB8 << 32, 7)
    assert one.address(*public) != public
    assert one.address(*public) == one.address(*public) != two.address(*public)
    assert one.name("cgroup", b"docker 3f2a") == one.name("cgroup", b"docker 3f2a")
    assert b"3f2a" not in one.name("cgroup", b"docker 3f2a")


def test_groups_in_events_are_redacted() -> None:
    """The container of a process that an event names gets the same name as in samples."""
    events = together(state(SECOND, 0xA, TcpState.LAST_ACK), probes(SECOND, 1, snd_cwnd=7))
    (owned,) = np.flatnonzero(events["kind"] == EventKind.STATE)
    events.view(OWNED)["cgroup"][owned] = b"docker 3f2a"
    one = Redaction()
    changed = one.records(events)
    assert changed.view(OWNED)["cgroup"][owned] == one.name("cgroup", b"docker 3f2a")
    assert changed["snd_cwnd"].max() == 7


def test_keyframes_are_redacted(tmp_path: Path, whole: Path) -> None:
    """Neither the addresses nor keys made of them are in a keyframe."""
    path = tmp_path / "part.arrows"
    part(whole, path, redact=True, **LATER)
    with closing(Recording(path)) as recording:
        found = recording.keyframe(1 << 62)
        assert found is not None
        keyframe = Keyframe.from_bytes(found[1])
    halves = {half for ends in ((0, 0xFFFF_0A00_0001), (0, 0xFFFF_C000_0207)) for half in ends[1:]}
    for name in ("columns.saddr_lo", "columns.daddr_lo"):
        assert not halves & set(keyframe.arrays[name].tolist())
    assert not len(keyframe.arrays["opened.keys"])
    assert b"nginx" in keyframe.arrays["latest.samples"].tobytes(), "names of processes stay"
