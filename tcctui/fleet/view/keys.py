"""Keys that mean something else in a fleet's dashboard than on one machine, or nothing there."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "fold": "Open the group: its connections; on a connection, go to its host by ssh: to its last"
    " minutes and live events",
    "group": "Group by remote net, service, process, host, algorithm, container, namespace, or a"
    " label of hosts; or list connections",
    "compare": "Compare the pinned groups or connections on shared axes, or the selected group with"
    " another; of a connection without pins, both ends on their hosts; again: no more",
    "histogram": "Histogram of srtt: of the selected group in the last hour, or of the connections"
    " shown",
    "host": "Hosts of the fleet, to copy: which are silent, what they lost, whose clock is off",
    "copy": "Copy the row, a search for it, or the table; of a connection its ends, too",
    "filter-add": "Search for what the cell says, of what is measured no less; of a group, for its"
    " connections",
    "filter-exclude": "Search for anything but that",
    "window": "Window of the charts: 1 h, 1 day, 7 days of a group; 5 min, 1 h, the life of a"
    " connection",
    "zoom-in": "Show less time in the charts",
    "zoom-out": "Show more time in the charts",
    "chart": "Left chart: rate or retransmitted share of a group; cwnd, rates or bytes in flight of"
    " a connection",
    "details": "Details of the row; on a small screen in place of a chart",
    "pause": "Pause at this moment; live again",
    "back": "Back by 5 min, or 10 s where connections are shown; pauses a live screen",
    "on": "Forward by as much",
    "back-10": "Back by 1 h, or 5 min where connections are shown",
    "on-10": "Forward by as much",
    "begin": "Go to the oldest moment that is kept; while live, to the first row",
    "end": "Return to live; while live, to the last row",
    "timeline": "Timeline of the fleet over the last days: retransmits, timeouts, resets, goodput;"
    " click to go there",
    "save-past": "Save the rows shown as CSV, Parquet or JSON lines, with units and errors",
    "alerts": "List active and past alerts (--alert) of the rows shown",
    "slower": "",
    "faster": "",
    "fold-all": "",
    "narrow": "",
}
"""Meanings by names in the settings; empty where a key has none."""

OWN = frozenset({"day-before", "day-after"})
"""Names of the keys that only a fleet has."""

REFUSED: Mapping[str, tuple[str, str]] = {
    "narrow": (
        "The engine does every search",
        "K is for one machine's kernel: Enter on a connection goes to its host.",
    ),
    "fold_all": ("Groups of a fleet are rows", "Enter opens one; G groups by something else."),
    "incident": ("The timeline is not shown", "t shows it; then n and N go to incidents."),
}
"""Actions that have no effect here: a title, and the key that goes further."""
