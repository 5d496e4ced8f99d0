"""`tcctui trace --alert`: a line for each alert, live and of a recording."""

from __future__ import annotations

import io
import json

import pytest

from tcctui.alerts.alert import Alerts
from tcctui.headless.alerting import Telling, alert, alert_of
from tcctui.query import ALL, parse
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, SECOND, probes
from tests.unit.test_outcome import Recorded


def telling(form: str, *texts: str, only: str = "") -> tuple[Telling, io.StringIO, io.StringIO]:
    """Look for these; gives output and remarks, too."""
    out, remarks = io.StringIO(), io.StringIO()
    only_these = parse(only) if only else ALL
    alerts = Alerts([parse(text) for text in texts], only_these, calm_ns=0)
    return Telling(alerts, form, None, out=out, remarks=remarks), out, remarks


def test_live() -> None:
    """It prints a line when a connection begins to match, and not again while it does."""
    batches = [
        probes([START + at * 100 * MS], 1, srtt=srtt * 1000)
        for at, srtt in enumerate([20, *[300] * 9, *[20] * 9, *[300] * 9])
    ]
    asked, out, remarks = telling("text", "srtt>200ms")
    assert alert(Delivered(batches), asked, 4) == 0
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(" 10.0.0.1:443 > 192.0.2.7:50000 | srtt 300ms | srtt>200ms")
    assert "2 alerts in" in remarks.getvalue()


@pytest.mark.parametrize(("only", "count"), [("", 1), ("port:443", 1), ("port:80", 0)])
def test_of_a_recording(only: str, count: int) -> None:
    """A recording's alerts have its own times; what the filter leaves out does not count."""
    when = [START + at * SECOND + MS for at in range(4)]
    batches = [
        probes([at], 1, srtt=srtt * 1000) for at, srtt in zip(when, (20, 300, 300, 20), strict=True)
    ]
    asked, out, _ = telling("jsonl", "srtt>200ms", only=only)
    assert alert_of(Recorded(*batches), asked, None) == 0
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["raised", "cleared"] * count
    for line in told[:1]:
        assert line["time"].startswith("1970-01-01T00:00:5")
        assert line["values"] == {"srtt_us": 300_000}
