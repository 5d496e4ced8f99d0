"""Internals: from the kernel to the screen, and the cost."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Paragraph


def blocks() -> Iterator[Block]:
    """Sources, coalescing, memory."""
    yield Paragraph(
        "tcp_probe is silent outside ESTABLISHED and on idle connections, and has no algorithm,"
        " retransmits or process. sock_diag has: all sockets of every network namespace are sampled"
        " every 2 to 10 s (for a tenth of a percent of a core, or 1 % where there are samples"
        " alone), those on the screen twice a second (or ten times), and each one's end brings its"
        " final totals. Processes are searched for the owners of new sockets. Events and samples"
        " are joined by the socket's cookie; of each value the newest is shown."
    )
    yield Paragraph(
        "A subflow of MPTCP is a connection of its own here, with the process of its MPTCP socket."
        " While there is one, the MPTCP connections are read with it (mptcp_diag, Linux 5.9): their"
        " totals, of which each subflow has its share (Linux 6.5). G groups subflows by their"
        " connection. Shares add up to more than 100 % by what was reinjected, and by what a"
        " subflow has delivered ahead of the others. Where nothing to send limits one of several"
        " subflows, the kernel does not tell whether the application or the scheduler is the cause."
    )
    yield Paragraph(
        "The BPF program binds the tracepoint's fields by name, from tracefs, so that one program"
        " serves every kernel from 5.8 on. bcc compiles it against bundled stand-in headers, in a"
        " process of its own, whose memory is freed afterwards. The result is kept in"
        " /var/cache/tcctui, and loaded from there in some 50 ms as long as kernel, tracepoints,"
        " bcc and tcctui are the same. The dashboard loads it behind its first rows, which are"
        " samples; until it is attached the status line says attaching."
    )
    yield Paragraph(
        "Each connection has a slot in memory shared with the kernel. An ACK is folded into it; a"
        " record is written on the first ACK, on an ssthresh change, on a cwnd cut, and otherwise"
        " once per 25 ms (--interval), with the count of ACKs and the extremes of cwnd, srtt and"
        " bytes in flight since. No record spans two of the 100 ms of a history, so that charts are"
        " the same as with a record for every ACK. If reading takes more than a quarter of a core"
        " (--max-cpu), or the ring buffer is over half full, the interval doubles, up to a second,"
        " and recovers later: detail goes before any connection does. The selected and compared"
        " connections keep 25 ms or less. The status line shows the interval in force. Records that"
        " find the ring full are counted and shown. Where there are more than two processors they"
        " share up to eight ring buffers, which are read as one, in the order of time."
    )
    yield Paragraph(
        "No Python runs per event: numpy folds a batch, sorted by connection, into columns and"
        " histories."
    )
    yield Paragraph(
        "A connection's past is the minimum, maximum and last value of every 100 ms of the last"
        " minute, and of its whole life in at most 104 buckets that widen with age: 40 KiB at most,"
        " under one budget (--history-memory, 72 MiB). When that is spent, less is kept of every"
        " connection, and the status line shows the seconds left; with 10,000 that never pause it"
        " is 10. The selected one keeps its minute. Beyond 100,000 busy connections some are"
        " dropped, closed ones first, then the longest idle, and the status line counts them."
    )
    yield Paragraph(
        "A closed connection stays for 10 s, beside at most 16,384 that closed later: memory"
        " follows the open connections, 2 kB each, however many a second there are."
    )
    yield Paragraph(
        "The screen is painted twice a second; four times while you move, or where a chart shows"
        " 10 s or less; once while the terminal says that it has lost the focus. The setting"
        " refresh fixes the pace, and the status line shows it (2 fps). Only cells and lines that"
        " changed are drawn, and a moment in which nothing changed is not asked for. A key is"
        " answered at once at any pace."
    )
    yield Paragraph(
        "Over ssh the screen takes some 40 kB a second at 160×50 with 1,000 changing connections."
    )
