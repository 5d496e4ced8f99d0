"""A moment of a recording, as a person types it."""

from __future__ import annotations

from typing import Protocol

from tcctui.recording.timeline import Timeline


class Moment(Protocol):
    """A moment as it was typed."""

    def of(self, timeline: Timeline, option: str) -> int:
        """Give it on the timeline's clock.

        Raises:
            TcctuiError: the timeline does not go there.

        """
