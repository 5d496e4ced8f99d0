"""Output of `tcctui trace`."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Command, Heading, Listing, Paragraph


def blocks() -> Iterator[Block]:
    """Events, conditions and summaries."""
    yield Command("sudo tcctui trace --port 443 --duration 10", "Print every event for 10 s.")
    yield Command("sudo tcctui trace --format jsonl --count 1000 | jq .snd_cwnd", "As JSON lines.")
    yield Listing(
        "1799.040| 127.0.0.1.45201 > 127.0.0.1.43122 | snd_nxt 2030421744\n"
        "snd_una 2030421744 snd_cwnd 11 ssthresh 2147483647 snd_wnd 65536\n"
        "srtt 16 rcv_wnd 83968 sock_cookie 15311 length 1565"
    )
    yield Paragraph(
        "One line per event (broken here): milliseconds since the start, then the tracepoint's"
        " values. jsonl and csv have ts_ns (CLOCK_MONOTONIC) and the tracepoint's own names. The"
        " numbers of events seen and lost go to standard error at the end. With --interval 100ms a"
        " line stands for the ACKs of 100 ms, and ends with acks, the connection's count so far."
    )
    yield Heading("Conditions")
    yield Command(
        "sudo tcctui trace --until 'retrans>10' --duration 60 && echo found",
        "Wait for a match; exit with 0, or with 3 if there is none within --duration.",
    )
    yield Command(
        "sudo tcctui trace --fail-if 'count(ca:loss)>3 for 10s' --duration 60",
        "The opposite: exit with 4 on a match, or with 0 if there is none. tcctui help alerts has"
        " the conditions of groups, and for some time.",
    )
    yield Command("tcctui trace --until 'limit:rwnd' --replay FILE", "The same on a recording.")
    yield Heading("Summaries")
    yield Command(
        "sudo tcctui trace --summary --duration 10 --format json",
        "Print totals and extremes of each connection at the end.",
    )
    yield Command(
        "sudo tcctui trace --summary host --duration 10",
        "The same of all together, for a ticket: totals, states, limits, and the worst processes,"
        " peers, nets and ports, by retransmits in the last 10 s. In the dashboard: i.",
    )
    yield Paragraph(
        "bytes_acked_seen (ACKED SEEN) and retransmits count since the start of the command;"
        " bytes_acked and retransmits_total, in JSON, over the connection's whole life. acks counts"
        " the ACKs that tcp_probe saw, which with --interval are more than the events."
    )
