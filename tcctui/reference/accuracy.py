"""Accuracy: limits of the tracepoint and of samples."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, entry


def blocks() -> Iterator[Block]:
    """Each limit with its reason."""
    yield entry(
        "handshakes",
        "tcp_probe fires for segments received in ESTABLISHED, before they are processed: there are"
        " no handshake events, and a connection in another state is updated by samples alone.",
    )
    yield entry(
        "last ACK",
        "The effect of an ACK shows with the next one: an idle connection may show its last bytes"
        " still in flight.",
    )
    yield entry("ssthresh", "The value is that of tcp_current_ssthresh(): at least 3/4 of cwnd.")
    yield entry("both ends", "Two ends inside one machine are two sockets, and two rows.")
    yield entry(
        "namespaces",
        "A network namespace without a process and without a name in /run/netns is not found: its"
        " connections have events only. A deleted namespace lives on for up to two seconds."
        " Of more than 1,024 namespaces, or half the limit on open files, the others have events"
        " only.",
    )
    yield entry(
        "churn",
        "Above 2,000 closed connections a second, the kernel is not asked for the final totals of"
        " each: that would cost a fifth of the rate of new connections.",
    )
    yield entry(
        "skipped",
        "The kernel runs no tracing program while another one runs on the same CPU. Such events are"
        " counted as skipped, beside the lost ones.",
    )
    yield entry(
        "memory",
        "Ring buffers and slots take 40 MiB of the kernel's memory. Connections with traffic"
        " beyond 131,072 are reported ACK by ACK, and with --interval 0 all are: if the end of such"
        " a one is lost (the status line shows losses), its row stays until memory runs short.",
    )
    yield entry("tracefs", "tracefs is mounted if it was not, and stays mounted.")
