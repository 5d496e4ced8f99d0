"""A recording that was imported, in the dashboard: it says what it lacks, and shows what it has."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tcctui.importing.command import import_files
from tcctui.importing.imported import DESCRIPTIONS, Form
from tcctui.recording.file import Recording
from tests.ui.fake_source import server
from tests.ui.screen import Clock, recorded, replay
from tests.unit.import_files import A, B, Packet, captured, lossy


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """Import a small capture."""
    source, out = tmp_path / "a.pcap", tmp_path / "a.arrows"
    late = Packet(5_000_000, B, A, 5001, 1401, window=520)
    source.write_bytes(captured([*lossy()[:9], late]))
    import_files([str(source)], str(out))
    return out


async def test_a_capture_has_no_cwnd_on_the_screen(clock: Clock, imported: Path) -> None:
    """Cells of cwnd are dashes, no phase is told, the chart is of bytes in flight; it says why."""
    source = server()
    recorded(source)  # nothing of it is left to wait for
    with closing(Recording(imported)) as recording:
        at_ns = recording.span.first_ns + 2 * 10**9
        async with replay(recording, source, clock, (160, 50), at_ns=at_ns) as desk:
            await desk.travel("space", "down")
            short, _, more = DESCRIPTIONS[Form.PCAP].partition(" · ")
            assert short in desk.status
            assert short in desk.text
            assert more in desk.text
            assert "Not known: it was captured far from this end" in desk.text
            assert "congestion avoidance" not in desk.text
            assert " in flight" in desk.text
            (row,) = (
                line for line in desk.text.splitlines() if line.startswith(" 192.0.2.1:40000")
            )
            assert row.split()[2:7] == ["–", "–", "ESTAB", "–", "–"]
            assert row.split()[7:11] == ["20.0", "ms", "20.0", "ms"], "srtt and its minimum"
            assert " 20 % –" in row, "one of five segments was retransmitted, and no verdict"
            rows = desk.text.splitlines()
            far = next(line for line in rows if line.startswith(" 192.0.2.2:443  "))
            assert far.split()[7:10] == ["0.100", "ms", "–"], "no minimum is made up"
            assert "%" not in far
            assert "▁" not in row, "its sparkline of cwnd is blank"
