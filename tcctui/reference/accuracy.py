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
    yield entry(
        "last seconds",
        "Windows of 1, 10 and 60 s end with the newest sample, and begin with the last one before"
        " them: that of 1 s is up to 2 s long, and of connections off the screen, which are sampled"
        " every few seconds, the time between two samples.",
    )
    yield entry(
        "timeline",
        "Retransmits of the timeline are tcp_retransmit_skb's events, each of which can be several"
        " segments; totals of each second are kept for 17 minutes.",
    )
    yield entry(
        "packets",
        "What this machine dropped is counted in packets, as the kernel traces them. With"
        " segmentation offload one of them can be many segments.",
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
        "processes",
        "Who has a socket open is looked up every two seconds at most. Of a connection shorter than"
        " that it is the process that connects, or closes: the name is the thread's. Its cgroup is"
        " known where cgroup v2 has one, unless it was removed. Unknown are the processes of"
        " connections that were never accepted, of short ones without root, and on kernels without"
        " BTF of accepted ones that the peer resets.",
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
