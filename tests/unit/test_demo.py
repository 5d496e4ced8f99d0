"""The bundled recording, also where there is no Linux, and recordings of older versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tcctui.cli import main
from tcctui.demo import RECORDING
from tcctui.flows.diagnosis.verdicts import CAUSES, Limit
from tcctui.recording.chunks import Chunk, merged
from tcctui.recording.file import Recording
from tcctui.rewind.moment import Moment
from tcctui.rewind.rebuilt import Rebuilt
from tcctui.wire.events import EventKind
from tests.unit.changed_package import Additions, changed, told
from tests.unit.events import SECOND
from tests.unit.story import EVERYTHING, differences
from tests.unit.test_additions import ADDED


@pytest.fixture(scope="module")
def everything() -> Chunk:
    """Give all of the recording."""
    recording = Recording(RECORDING)
    return merged(list(recording.chunks(0, recording.span.last_ns)))


def test_small_and_whole() -> None:
    """It has 60 to 90 s in at most 300 KB, nothing is lost, and nothing of it can't be read."""
    recording = Recording(RECORDING)
    assert RECORDING.stat().st_size <= 300_000
    assert 60e9 < recording.span.last_ns - recording.span.first_ns < 90e9
    assert recording.totals().lost == 0
    assert not recording.remark


def test_says_nothing_of_its_machine(everything: Chunk) -> None:
    """No names but those of the traffic's own programs, no address of a socket in a kernel."""
    origin = Recording(RECORDING).origin
    samples, events = everything.samples, everything.events
    assert origin.host == "demo"
    assert origin.kernel == ".".join(origin.kernel.split(".")[:2])
    assert not origin.tracepoint
    assert set(samples["comm"].tolist()) <= {b"iperf3", b"python3", b""}
    assert set(samples["netns_name"].tolist()) <= {b"client", b"server"}
    assert set(samples["cgroup"].tolist()) == {b""}
    assert int(events["ts_ns"].max()) < 1200e9
    assert set((events["skaddr"] >> np.uint64(32)).tolist()) <= {0, 0xFFFF8880}


def test_has_what_it_is_to_show(everything: Chunk, capsys: pytest.CaptureFixture[str]) -> None:
    """Its flows are cubic and bbr, each cause limits one, there are losses and short flows.

    Without a terminal it says so.
    """
    assert main(["demo"]) == 1
    assert "terminal" in capsys.readouterr().err
    assert {b"cubic", b"bbr"} <= set(everything.samples["cc"].tolist())
    kinds = np.bincount(everything.events["kind"], minlength=len(EventKind))
    for kind in (EventKind.RETRANSMIT, EventKind.CA_STATE, EventKind.DESTROY):
        assert kinds[kind] >= 5
    probes = everything.events[everything.events["kind"] == EventKind.PROBE]
    sockets = np.unique(probes["skaddr"][probes["skaddr"] > 0])
    assert len(sockets) >= 8
    recording = Recording(RECORDING)
    moment = Moment(recording)
    seen = set()
    for second in range(15, 70, 5):
        moment.go(recording.span.first_ns + second * 10**9)
        flows = moment.flows(["limit", "cc", "sampled_ns"])
        seen |= set(flows["limit"].tolist())
        if second == 30:
            assert len(flows["cookie"]) >= 8
            assert np.count_nonzero(flows["sampled_ns"]) >= 6
            assert {b"cubic", b"bbr"} <= set(flows["cc"].tolist())
    assert {Limit.RWND, Limit.SNDBUF, Limit.APP, Limit.LOSS, Limit.QUEUE} <= seen


# Other systems


_ELSEWHERE = """
import asyncio, os, pathlib, select, signal, subprocess, sys

import numpy, plotext, pyarrow.ipc, pyarrow.parquet, textual.app, textual.drivers.headless_driver

sys.platform = "win32"
for module, names in (
    (os, "pread O_CLOEXEC O_NONBLOCK O_NOFOLLOW O_NOCTTY geteuid getuid fchown sysconf uname"),
    (signal, "SIGHUP SIGALRM SIGPIPE alarm"),
):
    for name in names.split():
        delattr(module, name)

from tcctui.cli import main
from tcctui.cli.rewind_options import RewindOptions
from tcctui.cli import parser
from tcctui.demo import RECORDING
from tcctui.flows.diagnosis.verdicts import CAUSES, Limit
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp
from tcctui import memory

assert main(["export", "demo", sys.argv[1], "--table", "flows"]) == 0
RewindOptions.of(parser().parse_args(["replay", "it"]))
memory.return_at_once()

async def seen():
    recording = Recording(RECORDING)
    app = ReplayApp(recording, at_ns=recording.span.first_ns + 30 * 10**9)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(600):
            await pilot.pause(0.1)
            if "192.0.2.80:5201" in app.export_screenshot():
                print("seen")
                return

asyncio.run(seen())
"""


def test_where_there_is_less_than_on_linux(tmp_path: Path) -> None:
    """Without what only Unix has, the demo is exported, and shown in the dashboard."""
    out = tmp_path / "flows.csv"
    command = [sys.executable, "-c", _ELSEWHERE, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "seen" in done.stdout
    assert "5201" in out.read_text()


# Recordings of older versions


OLD = Path(__file__).parents[1] / "data" / "recordings" / "0.1.0.arrows"
"""The bundled recording's first 10 s, as version 0.1.0 wrote them with keyframes after 6 and 10 s.

Its keyframes begin with a checksum of EVENT's and SAMPLE's dtypes and do not name their fields.
"""

_ALL_OF_IT = 60 * SECOND


@pytest.fixture(name="old")
def _old() -> Recording:
    return Recording(OLD)


def test_it_opens(old: Recording) -> None:
    """An older version's recording is read whole, and nothing in it is taken for damage."""
    assert old.span.last_ns - old.span.first_ns == 10 * SECOND
    assert old.totals().events == sum(len(chunk.events) for chunk in old.chunks(0, 1 << 62)) > 1000
    assert not old.remark
    assert old.origin.host == "demo"


@pytest.mark.parametrize("second", [6, 8, 10])
def test_its_keyframes_are_used(old: Recording, second: int) -> None:
    """A moment worked out from a keyframe of an older version is the one that all events give.

    Of limits it knew fewer: what all kinds of the network's limits have together is the same.
    """
    at_ns = old.span.first_ns + second * SECOND
    keyframe_ns = old.span.first_ns + (10 if second == 10 else 6) * SECOND
    begun = Rebuilt(old, at_ns, at_ns, fine_ns=_ALL_OF_IT)
    assert begun.since_ns == keyframe_ns
    whole = Rebuilt(old, at_ns, 0, fine_ns=_ALL_OF_IT)
    assert whole.since_ns == old.span.first_ns
    assert len(begun.store.flows([])["cookie"]) >= 8
    columns = (*EVERYTHING, "rate")
    flows, all_of_it = begun.store.flows(columns), whole.store.flows(columns)
    limits = {"limit", "limit_shares", "limit_evidence"}
    assert set(differences(flows, all_of_it)) <= limits | LOOSER
    assert np.array_equal(flows["limit"] == 0, all_of_it["limit"] == 0)
    shares = [_with_one_network(each["limit_shares"]) for each in (flows, all_of_it)]
    assert shares[0] == pytest.approx(shares[1], abs=0.04, nan_ok=True)
    # It knew what was acknowledged before the first event to a second's worth, and never too much.
    less = all_of_it["bytes_acked"].astype("i8") - flows["bytes_acked"].astype("i8")
    assert (less >= 0).all()
    assert (less <= 2 * np.nan_to_num(all_of_it["rate"])).all()


def _with_one_network(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add the shares of all kinds of the network's limits to congestion control's."""
    kinds = ("CWND", "RECOVERY", "PACING", "ECN", "LOSS", "QUEUE", "POLICER", "IDLE", "NAGLE")
    places = [CAUSES.index(Limit[kind]) for kind in kinds]
    summed = shares.copy()
    summed[:, places] = 0
    summed[:, places[0]] = shares[:, places].sum(axis=1)
    return summed


LOOSER = {"bytes_acked", "zero_window_ns", "queued_ns"}
"""Columns that an older version's keyframe bounds less closely, or lacks."""

NEWER: Additions = {
    **{name: ADDED[name] for name in ADDED if not name.endswith("/diagnosis.py")},
    "tcctui/fields/loss.py": (
        (
            ')  # fmt: skip\n"""Retransmissions, reordering',
            '    tcp_info("received_ce", "u4@240", Unit.TOTAL, "marked", Column("RECV_CE")),\n'
            '    Field("colour", "u4", Unit.COUNT, "colour", "", where=Where.FLOW, unknown=7),\n'
            '    Field("shade", "u4", Unit.COUNT, "shade", ""),\n',
        ),
    ),
    "tcctui/flows/diagnosis/cause_shares.py": (('        ("cause", "u1"),', '("paced", "f8"),\n'),),
    "tcctui/wire/samples.py": (('    *("rmem_alloc", "rcvbuf",', '    "shade",\n'),),
}
"""A column, fields of what is sampled and looked at, and a verdict, as a later version may have."""

_CODE = """
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.recording.file import Recording
from tcctui.rewind.rebuilt import Rebuilt
from tests.unit.story import EVERYTHING, differences
from tests.unit.test_additions import ADDED
from tests.unit.test_demo import OLD

old = Recording(OLD)
at_ns = old.span.first_ns + 8_000_000_000
begun, whole = (Rebuilt(old, at_ns, since_ns, fine_ns=60 * 10**9) for since_ns in (at_ns, 0))
told["since"] = [begun.since_ns - old.span.first_ns, whole.since_ns - old.span.first_ns]
names = [*EVERYTHING, "received_ce", "min_rtt", "delivered"]
assert "colour" in EVERYTHING
flows = begun.store.flows(names)
differ = set(differences(flows, whole.store.flows(names)))
told["differences"] = sorted(differ - {"limit", "limit_shares", "limit_evidence"})
told["shares"] = flows["limit_shares"].shape[1]
told["known"] = [bool((flows[name] == flows[name]).any()) for name in names[-3:]]
again = Rebuilt(old, at_ns, 0, fine_ns=60 * 10**9).store
again = Keyframe.from_bytes(again.keyframe().to_bytes()).layouts["latest.samples"].names
told["written"] = [name in again for name in ("received_ce", "shade")]
"""


def test_later_versions_use_them(tmp_path: Path) -> None:
    """A version with more columns, fields and verdicts begins with the same keyframe as this one.

    What the keyframe does not have is unknown, and everything else is as it was; for limits see
    above.
    """
    newer = told(changed(tmp_path, NEWER), _CODE)
    assert newer["since"] == [6 * SECOND, 0]
    assert set(newer["differences"]) <= LOOSER
    assert newer["shares"] == len(CAUSES) + 1
    assert newer["known"] == [False, True, True]
    assert newer["written"] == [True, True]
