"""Reads of sockets for the screen: of all for a column, of the selected one for its details."""

from __future__ import annotations

from tcctui.source import Source
from tcctui.wire.inside import Asked


class LookingInside:
    """Asks the source for what the screen shows of sockets themselves, and for no more."""

    def __init__(self) -> None:
        self._asked = Asked.NOTHING
        self._source: Source | None = None

    def opened(self, source: Source) -> None:
        """Start with a source."""
        self._source = source
        source.look_inside(self._asked)

    def show(
        self,
        *,
        columns: bool,
        states: bool,
        charts: bool,
        details: bool,
        queue: bool = False,
        acks: bool = False,
    ) -> None:
        """Follow whether columns of the table, or a flow's charts or details, show some of it.

        `states` are columns of algorithms' own state, `columns` those of sockets; `queue` is what
        the selected flow leaves by, `acks` its time–sequence diagram.
        """
        asked = Asked.SOCKET_OF_ALL if columns else Asked.NOTHING
        asked |= Asked.ALGORITHM_OF_ALL if states else Asked.NOTHING
        asked |= Asked.ALGORITHM if charts else Asked.NOTHING
        asked |= Asked.SOCKET if details else Asked.NOTHING
        asked |= Asked.QUEUE if queue else Asked.NOTHING
        asked |= Asked.ACK if acks else Asked.NOTHING
        if asked != self._asked:
            self._asked = asked
            if self._source is not None:
                self._source.look_inside(asked)
