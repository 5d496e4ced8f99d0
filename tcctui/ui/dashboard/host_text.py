"""Summary of all connections on the screen, as a dialog shows it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple

from tcctui.flows.groups.host_summary import FIELDS, as_json, as_text, summarized
from tcctui.flows.snapshot import Flows
from tcctui.query import Query
from tcctui.ui.view import CurrentView


class HostText(NamedTuple):
    """The summary of one moment, as text and as JSON."""

    text: str
    json: str


def host_text(view: CurrentView, query: Query, host: str, when_ns: int) -> HostText:
    """Sum up what the view has that matches; `when_ns` is since 1970, or 0."""
    flows = view.flows(FIELDS | query.fields)
    found = query.mask(flows)
    chosen = Flows(flows.now_ns, {name: flows[name][found] for name in FIELDS | {"cookie"}})
    summary, asked = summarized(chosen), query.text.strip()
    time = ""
    if when_ns > 0:
        time = f"{datetime.fromtimestamp(when_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    head = " ".join(part for part in (host, time) if part)
    return HostText(
        as_text(summary, head, f"of those that match: {asked}" if asked else ""),
        as_json(summary, host=host, time=time or None, query=asked or None),
    )
