"""A moment of a recording, as a person types it."""

from __future__ import annotations

from typing import Protocol

from tcctui.recording.timeline import Timeline


class Moment(Protocol):
    """Moment as typed."""

    def of(self, timeline: Timeline, option: str) -> int:
        """Moment on the timeline's clock.

        Raises:
            TcctuiError: it is outside the timeline.

        """
