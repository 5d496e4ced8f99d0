"""An alert as JSON and as environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone

from tcctui.alerts.alert import Alert
from tcctui.printable import plain
from tcctui.query.value_text import said


def json_line(alert: Alert) -> str:
    """JSON object in one line: raised, or cleared if it has been."""
    cleared = alert.cleared_ns > 0
    told: dict[str, object] = {
        "time": moment(alert.cleared_ns or alert.raised_ns),
        "event": "cleared" if cleared else "raised",
        "alert": alert.query,
        "local": alert.local or None,
        "remote": alert.remote or None,
        "sock_cookie": None if alert.group else alert.cookie,
        "group": alert.group or None,
        "cc": alert.cc or None,
        "process": alert.process or None,
        "pid": alert.pid or None,
    }
    if cleared:
        told["seconds"] = round((alert.cleared_ns - alert.raised_ns) / 1e9, 3)
    else:
        told["values"] = dict(alert.values)
    return json.dumps(told) + "\n"


def variables(alert: Alert) -> Mapping[str, str]:
    """Environment variables for the hook; an unknown value is empty."""
    return {
        "TCCTUI_ALERT": plain(alert.query),
        "TCCTUI_TIME": moment(alert.raised_ns),
        "TCCTUI_LOCAL": alert.local,
        "TCCTUI_REMOTE": alert.remote,
        "TCCTUI_COOKIE": "" if alert.group else str(alert.cookie),
        "TCCTUI_GROUP": alert.group,
        "TCCTUI_CC": alert.cc,
        "TCCTUI_PROCESS": alert.process,
        "TCCTUI_PID": str(alert.pid) if alert.pid else "",
        "TCCTUI_VALUES": ", ".join(said(name, told) for name, told in alert.values.items()),
    }


def moment(wall_ns: int) -> str:
    """Format a time in UTC: `2026-11-23T14:05:03.123456Z`."""
    when = datetime.fromtimestamp(wall_ns // 10**9, timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{wall_ns // 1000 % 10**6:06}Z"
