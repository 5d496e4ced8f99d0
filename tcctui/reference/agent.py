"""The agent of a fleet: what it sends, and what becomes of it on the way."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.fleet.engine_codes import EITHER, PASSING
from tcctui.fleet.tables.every_table import TABLES
from tcctui.reference.blocks import Block, Command, Heading, Paragraph, entry


def blocks() -> Iterator[Block]:
    """Tables, rules of choice, spool, metrics."""
    yield Paragraph(
        "tcctui agent reads what the dashboard reads, and sends rows for each window of ten seconds"
        " (--every) to ClickHouse or a tcctui collector. Windows are those of the wall clock; the"
        " one in which the agent starts is left out, as it is not whole. No ACK leaves the host."
    )
    yield Heading("Tables")
    for table in TABLES:
        yield entry(table.name, table.meaning)
    yield Heading("Sums, samples, weights")
    yield Paragraph(
        "All connections are in group_10s: by remote net (/24, /48), service, process, cgroup,"
        " algorithm and namespace; behind the --groups busiest, one more row has all others."
        " Counters are the growth between two windows: a connection that began while the agent"
        " ran counts from its beginning, an older one from when it was first seen, and one that"
        " lived within a window is counted in full."
    )
    yield Paragraph(
        "The service is the local port where a socket of the namespace listens on it, else the"
        " remote one; but the local one where two or more connections share it, and more than"
        " share the remote address and port."
    )
    yield Paragraph(
        "flow_10s has --rows connections. Three quarters are, in turn, those with the most bytes,"
        " segments retransmitted, timeouts, and queueing delay (srtt above min_rtt): weight 1. The"
        " rest is drawn from all others by a hash of boot, cookie and hour, so that the same ones"
        " are seen for an hour; weight is 1 / probability. A sum of a column times weight is an"
        " unbiased estimate of the sum over all. flow_end has every connection that ended, or a"
        " sample of 200 a window, weighted likewise; mark has 1,000 rows a window at most. The host"
        " table counts what is left out."
    )
    yield Heading("On the way")
    yield Paragraph(
        "A batch is written to --spool before it is sent, and removed once the engine has stored"
        " it. While the engine is away or refuses all, batches wait, up to --spool-size; then the"
        " oldest are dropped, and counted by table in the column dropped of host. A batch keeps"
        " its token (insert_deduplication_token) over retries and restarts, so that the engine"
        " stores it once. Hosts send at different moments of a window. Rows that the engine refuses"
        " while it takes others are dropped and counted, too."
    )
    yield Paragraph(
        "No answer, and codes of ClickHouse's errors that say nothing of the rows, are no refusal:"
        f" {', '.join(map(str, sorted({*PASSING, *EITHER})))}, and all unknown ones."
    )
    yield Paragraph(
        "After kill -9 all batches that were written are there, and the counts of what was dropped."
        " After a loss of power the newest"
        " ones may be missing: the disk is not waited for."
    )
    yield Paragraph(
        "Times are those of the host's clock. The column clock_offset_ms of host says by how much"
        " it differs from the engine's, and the agent says so where that is a window or more: rows"
        " of a clock that is ahead are in no last hour before their time, and rows more than 7 days"
        " old expire at once. Sums over the whole time hold every row, whatever the clocks say."
    )
    yield Heading("The last minutes")
    yield Paragraph(
        "With --rewind 10m the agent keeps what it reads, a record of each connection per"
        " --interval and samples, in recordings in its state directory: nothing of them is sent."
        " They take at most --rewind-size; the oldest eighth is removed at once. Directory and"
        " files are root's alone, or those of the service's user or of the one behind sudo. Root"
        " reads them (over ssh by sudo), also after the agent was killed, until the machine boots"
        " anew. Where the disk is full or too slow the agent says so, and goes on without them."
    )
    yield Command(
        "sudo tcctui record --last 10m --filter 'port:443' FILE",
        "Record what was kept of these connections, and go on live.",
    )
    yield Heading("Metrics")
    yield Paragraph(
        "--prometheus answers scrapes with the groups of the newest window, and of four windows'"
        " worth of groups at most; counters of one that was forgotten begin anew."
    )
    yield Heading("Commands")
    yield Command(
        "sudo tcctui agent --to https://HOST:8443 --password-file FILE",
        "Send rows until Ctrl-C.",
    )
    yield Command(
        "sudo tcctui agent --to URL --host web1 --filter src:10.1.1.1",
        "Send those of one address alone, under a name of its own, as from a container: an agent"
        " sees all network namespaces of its kernel.",
    )
    yield Command("sudo tcctui agent --prometheus 0.0.0.0:9437", "Be scraped, and send nothing.")
