"""Rewinding, recording and replaying; the format of recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tcctui.recording.field_metadata import (
    ALGORITHM_FIELDS,
    EVENT_FIELDS,
    INSIDE_FIELDS,
    SAMPLE_FIELDS,
)
from tcctui.reference.blocks import Block, Command, Heading, Paragraph, entry


def blocks() -> Iterator[Block]:
    """Commands, guarantees, and every field of the format."""
    yield Command("sudo tcctui record FILE --duration 60 --port 443", "Record without a screen.")
    yield Command("sudo tcctui --record FILE", "Record what the dashboard reads, while it runs.")
    yield Command("tcctui replay FILE --at 14:05:03 --speed 10", "Replay on any machine, no root.")
    yield Command(
        "ssh HOST sudo tcctui record - | tcctui replay -", "Live dashboard of another machine."
    )
    yield Paragraph(
        "In the dashboard the last minutes are in memory, within --rewind-memory (128 MiB: an hour"
        " and more of some dozen connections, about a minute of 10,000 that never pause). Pause and"
        " go back: table, charts, details and verdicts are those of that moment, while events are"
        " still taken in. S saves the last minutes as a recording."
    )
    yield Paragraph(
        "A recording has every ACK, retransmits, states and resets, and samples of all sockets: on"
        " a busy machine 5 to 10 bytes an event. One that the dashboard makes (--record, S) has"
        " what the dashboard reads: of each connection an event per --interval (25 ms) with the"
        " extremes of its ACKs, unless --interval is 0. After a kill -9 or a full disk,"
        " everything written before is readable. An existing file is never overwritten without"
        " --force. A recording has mode 0600, and under sudo it belongs to the calling user."
    )
    yield Paragraph(
        "With record --inside it also has, beside each event of an ACK, members of the socket"
        " (struct tcp_sock) and the state of its congestion control algorithm (icsk_ca_priv), as"
        " they are before the ACK is processed: 280 bytes before compression, on kernels with BTF."
        " One that the dashboard makes has what was read for the screen: the selected connection's"
        " state, and of all connections what a column, a search or an alert names; with"
        " tcctui --inside, all of it of every connection."
    )
    yield Paragraph(
        "Recordings need pyarrow: make installs it, and pip install 'tcctui[record]' does. A replay"
        " needs neither root nor bcc nor Linux."
    )
    yield Heading("Both ends of a connection")
    yield Command("tcctui replay FILE OTHER", "OTHER is another machine's, of the same time.")
    yield Paragraph(
        "V on a connection whose other end (the same addresses and ports turned around: no NAT in"
        " between) is in OTHER, or in FILE itself, shows both on one time axis. Bytes are received"
        " after they were sent and before they are acknowledged: each such pair limits the offset"
        " of the two clocks, and the heading says what error remains, about half of the shortest"
        " round trip and 10 ms of the samples' times. Clocks may drift apart by 500 ppm. Where"
        " samples of an end are missing, the times of day are taken, and the heading says so."
    )
    yield from _imports()
    yield Heading("Recordings from strangers")
    yield Paragraph(
        "replay, export and trace --replay allow a recording --reading-memory (1 GiB), and refuse"
        " in one sentence what would take more: with the default, 131,072 connections open at"
        " once, 500,000 rows of export --table flows, 1,398,101 batches (16 days), two million"
        " events in one batch. Each byte of the file may stand for 128 of events and samples;"
        " traffic's are 4 to 62. The length of a recording has no limit. The process can't take"
        " more than twice as much address space."
    )
    yield Heading("Format")
    yield Paragraph(
        "A recording is an Arrow IPC stream compressed with zstd, which Arrow's libraries read in"
        " any language. A batch has one row, for a second or less (of an idle machine, for up to"
        " 5 s): begin_ns and end_ns, lost and skipped (counts since the start), events and samples"
        " (lists of structs, sorted by connection), with record --inside also sockets and"
        " algorithms (likewise), and sometimes keyframe, which is private to"
        " tcctui: from it a replay starts in the middle. The schema's metadata has host, kernel,"
        " the tracepoint's format, tcctui's version, and wall_offset_ns, which added to a time"
        " (CLOCK_MONOTONIC) gives nanoseconds since 1970; that of a field its unit and source."
    )
    yield Paragraph(
        "A state or destroy event has the socket's process in place of snd_nxt to in_flight_max, if"
        " that process itself caused it, as by connect() or close(): its pid, its uid, 16 bytes of"
        " its name, and 32 of its container's or unit's."
    )
    yield from _fields("Fields of events", EVENT_FIELDS)
    yield from _fields("Fields of samples", SAMPLE_FIELDS)
    yield from _fields("Fields of sockets, with --inside", INSIDE_FIELDS)
    yield from _fields("Fields of algorithms, with --inside", ALGORITHM_FIELDS)


def _imports() -> Iterator[Block]:
    yield Heading("Imports")
    yield Command("tcctui import FILE… OUT.arrows", "Make a recording of what other tools wrote.")
    yield Command(
        "ssh HOST sudo tcpdump -s 128 -w - tcp | tcctui import - OUT.arrows",
        "A capture through a pipe, until Ctrl-C.",
    )
    yield Paragraph(
        "import recognises captures (pcap, pcapng), M-Lab's tcp-info (JSON lines, as archived or"
        " parsed) and qlog (0.3 and later, one document or a sequence of records) by their content,"
        " also compressed by gzip or zstd; --format forces one. Several files are one recording:"
        " those of a capture that was rotated, or of several connections. It needs no root, and"
        " the recording is like any other for replay, export and trace. Its metadata, the status"
        " line and the details say what it lacks. What would take more than --reading-memory is"
        " refused, as is damage, but for a capture's or a qlog's cut-off end."
    )
    yield Paragraph(
        "Of a capture each connection is two sockets, one of each end. A tcp_probe event is of each"
        " ACK that reaches one, with the sequence numbers and windows from before it. srtt is that"
        " of RFC 6298 from data to its ACK, as seen where it was captured: right for the end on"
        " that machine, too short for the other. cwnd and ssthresh are unknown, and so are windows"
        " where the SYNs, with their scale, are not captured. A segment below the highest one sent"
        " is a retransmission, unless it fills a gap within a round trip: then it was reordered."
        " With segmentation offload a packet may be several segments. Of a packet that was captured"
        " on several devices, with one IP identification, one is taken."
    )
    yield Paragraph(
        "Once a second in which a connection has segments there is a sample of each end, with what"
        " of TCP_INFO they prove; the rest is unknown. ACKs tell bytes acknowledged and received,"
        " the windows, and the size of segments, wherever it was captured. Of the end beside the"
        " capture (its answers take less than 0.1 ms, or a tenth of its round trips) they also tell"
        " the minimum round trip, of ACKs and of SACK, never of what was retransmitted; segments"
        " and bytes sent, received and retransmitted; SACKed and twice received ones; and, from the"
        " handshake on, the time with data in flight and with a full receive window. A verdict is"
        " what these prove: the peer's window, or the application while nothing is in flight. What"
        " else holds data back can't be told without cwnd. Totals begin with the capture."
    )
    yield Paragraph(
        "tcp-info becomes samples with all of TCP_INFO that a snapshot has; a parsed one may lack"
        " any member. qlog becomes events:"
        " QUIC counts bytes, so cwnd and ssthresh are divided by max_datagram_size (1200 where it"
        " is not told); what is acknowledged is what was sent, less what is lost or in flight, with"
        " headers; a packet_lost is shown as a retransmission, with its trigger as the cause."
    )


def _fields(title: str, fields: Mapping[str, Mapping[str, str]]) -> Iterator[Block]:
    yield Heading(title)
    for name, described in fields.items():
        meaning, unit = (described.get(key, "") for key in ("meaning", "unit"))
        text = f"{meaning} ({unit})" if meaning and unit else meaning or unit
        yield entry(name, f"{text[:1].upper()}{text[1:]}.")
