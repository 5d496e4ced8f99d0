"""Imported traffic: events and samples, and a description of what is missing in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import NO_EVENTS
from tcctui.wire.events import Events
from tcctui.wire.samples import NO_SAMPLES, Samples


class Form(str, Enum):
    """Format of a file to import, by the word of `--format`."""

    PCAP = "pcap"
    TCP_INFO = "tcp-info"
    QLOG = "qlog"


DESCRIPTIONS: Mapping[Form, str] = {
    Form.PCAP: "imported capture: no cwnd · nor ssthresh, process",
    Form.TCP_INFO: "imported tcp-info · samples alone, no events",
    Form.QLOG: "imported qlog: QUIC · cwnd in datagrams, no receive windows",
}
"""Description of a recording by its origin: the one place that says what it does not hold.

Its first part is short, for status lines.
"""


class NotReadableError(TcctuiError):
    """Refusal of a file that is not of its format, is damaged or would take too much memory."""


@dataclass(frozen=True, eq=False)
class Imported:
    """Events and samples in any order; `ts_ns` is nanoseconds since 1970 UTC in both.

    `remarks` are sentences about parts that could not be read.
    """

    form: Form
    events: Events = field(default_factory=lambda: NO_EVENTS)
    samples: Samples = field(default_factory=lambda: NO_SAMPLES)
    remarks: Sequence[str] = ()
