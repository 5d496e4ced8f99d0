"""Connections that are open at once in a recording, counted while it is read."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import among, distinct
from tcctui.flows.index import Keys
from tcctui.recording.budget import Budget
from tcctui.recording.chunks import Chunk
from tcctui.wire.events import EventKind

_DESTROY = int(EventKind.DESTROY)

_NOBODY: Keys = np.empty(0, "u8")


class OpenFlows:
    """Counts open connections of consecutive chunks against the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._open = _NOBODY

    def begin(self) -> None:
        """Begin elsewhere in the recording: the reader has forgotten what it knew, too."""
        self._open = _NOBODY

    def see(self, chunk: Chunk) -> None:
        """Count the connections that the next chunk opens and closes.

        Raises:
            TooMuchError: more are open than may be.

        """
        events, samples = chunk.events, chunk.samples
        parts = [self._open, _runs(events["sock_cookie"]), _runs(samples["sock_cookie"])]
        if len(parts[1]) or len(parts[2]):
            opened = distinct(np.concatenate(parts))
            self._budget.see_flows(len(opened) - (len(opened) > 0 and opened[0] == 0))
            ended = np.concatenate(
                [
                    events["sock_cookie"][events["kind"] == _DESTROY],
                    samples["sock_cookie"][samples["end"] > 0],
                ]
            )
            self._open = opened[~among(opened, ended)] if len(ended) else opened


def _runs(cookies: Keys) -> Keys:
    """Cookies without repetitions of the one before."""
    if not len(cookies):
        return cookies
    return cookies[np.append(True, cookies[1:] != cookies[:-1])]
