"""Export of recordings: tables, charts, and five questions in SQL."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.export.command import TABLE_ENDINGS
from tcctui.reference.blocks import Block, Command, Heading, Listing, Paragraph

QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "Where is the worst srtt, by /24?",
        """\
SELECT regexp_replace(daddr, '[0-9]+$', '0/24') AS net,
       count(*) AS flows, max(srtt_us_max) / 1000 AS worst_ms,
       avg(srtt_us_mean) / 1000 AS mean_ms
FROM 'flows.parquet'
WHERE daddr NOT LIKE '%:%' AND srtt_us_max IS NOT NULL
GROUP BY net ORDER BY worst_ms DESC, net LIMIT 10;
""",
    ),
    (
        "Which port's connections retransmit most?",
        """\
SELECT least(sport, dport) AS port, sum(data_segs_out) AS segments,
       sum(total_retrans) AS retransmitted,
       100 * sum(total_retrans) / sum(data_segs_out) AS percent
FROM 'flows.parquet'
GROUP BY port HAVING sum(data_segs_out) > 0
ORDER BY percent DESC, port;
""",
    ),
    (
        "How long are they in Recovery, by congestion control?",
        """\
SELECT cc, count(*) AS flows, sum(recoveries) AS times,
       sum(recovery_s) AS seconds,
       100 * sum(recovery_s) / sum(epoch(last) - epoch(first)) AS percent
FROM 'flows.parquet' WHERE cc IS NOT NULL AND last > first
GROUP BY cc ORDER BY seconds DESC, cc;
""",
    ),
    (
        "How did cwnd of the busiest connection change, second by second?",
        """\
SELECT time_bucket(INTERVAL 1 SECOND, time) AS second,
       min(snd_cwnd_min) AS lowest, max(snd_cwnd_max) AS highest,
       arg_max(ssthresh, ts_ns) AS ssthresh,
       max(srtt_us_max) / 1000 AS srtt_ms
FROM 'events.parquet' WHERE kind = 'probe' AND sock_cookie = (
  SELECT sock_cookie FROM 'events.parquet' WHERE kind = 'probe'
  GROUP BY sock_cookie ORDER BY count(*) DESC, sock_cookie LIMIT 1)
GROUP BY second ORDER BY second;
""",
    ),
    (
        "Which connections wait for the peer's receive window?",
        """\
SELECT sock_cookie, comm, saddr, sport, daddr, dport,
       rwnd_limited_us / 1e6 AS waited_s,
       100 * rwnd_limited_us / busy_us AS percent
FROM 'flows.parquet' WHERE rwnd_limited_us > 0.1 * busy_us
ORDER BY waited_s DESC, sock_cookie;
""",
    ),
)
"""Questions to the two tables of a recording, with their queries for DuckDB."""


def blocks() -> Iterator[Block]:
    """Commands, columns, and questions."""
    yield Command("tcctui export FILE events.parquet", "A row for each event.")
    yield Command(
        "tcctui export FILE flows.parquet --table flows", "A row for each connection's whole life."
    )
    yield Command(
        "tcctui export FILE seconds.csv --table seconds",
        "A row for each second: goodput in bytes per second, retransmits, timeouts (rtos),"
        " recoveries, reductions without loss, resets, connections in Loss.",
    )
    yield Command(
        "tcctui export FILE samples.csv --table samples", "A row for each sample of a socket."
    )
    yield Command(
        "tcctui export FILE sockets.parquet --table sockets",
        "A row for each ACK at which the socket was read: of record --inside.",
    )
    yield Command(
        "tcctui export FILE algorithms.parquet --table algorithms",
        "A row for each ACK at which the algorithm's own state was read, ca.NAME for each member.",
    )
    yield Command(
        "tcctui export FILE part.jsonl --port 443 --from +90s --to -10s",
        "A part of the recording.",
    )
    yield Command(
        "tcctui export FILE flow.svg --flow 10.0.0.1:443-192.0.2.7:5000",
        "The charts of one connection, for a report; .png and .txt work, too.",
    )
    yield Command(
        "tcctui export FILE two.svg --compare 13 10",
        "Two connections on shared axes, with mean rate, srtt, retransmits and limits of each.",
    )
    yield Command(
        "tcctui export FILE part.arrows --filter cc:bbr --from 14:00Z",
        "A part as a recording: all of the connections that match at some time, and of no other.",
    )
    yield Command(
        "tcctui export FILE part.arrows --redact",
        "Without addresses, for somebody else; works for tables, too.",
    )
    yield Paragraph(
        f"{', '.join(TABLE_ENDINGS[:-1])} and {TABLE_ENDINGS[-1]} have the same columns, of plain"
        " types that DuckDB, Spark, ClickHouse and pandas read as they are. sock_cookie joins the"
        " tables. time is UTC, ts_ns the kernel's monotonic clock. Names are the kernel's, with the"
        " unit if it is neither segments (snd_cwnd, ssthresh) nor bytes. A value that is unknown,"
        " or was never set, is null. Retransmits, states and resets, which the kernel reports"
        " without a cookie, have their connection's."
    )
    yield Paragraph(
        "In flows, recovery_s and loss_s count every change of state, limited_*_s are the verdicts"
        " of LIMITED (receives_s: the time in which it only received), busy_us and rwnd_limited_us"
        " the kernel's own clocks. Of the whole life are bytes_acked, which counts SYN and FIN as a"
        " byte each, and total_retrans: the newest sample's. Of the recording, or the part chosen,"
        " are bytes_acked_seen, retransmits, duration_s, goodput (bytes_acked_seen by the second),"
        " and srtt_us_p50, p95, p99 and mean, over every ACK. retrans_percent_10s_max and the like"
        " are of the connection's worst 10 s."
    )
    yield Paragraph(
        "In algorithms, members have the kernel's names and the units of the screen; times end in"
        " _us. Where several algorithms were read, a member that only one of them has is null in"
        " the others' rows. Bandwidths are in bytes per second, by the connection's segment size."
        " In flows, in_flight_packets_min and the like are extremes over ACKs at which the socket"
        " was read, and null without any; retransmissions by their causes, undone and dropped are"
        " null where no event of the recording tells a cause, as without BTF."
    )
    yield Paragraph(
        "When a recording ends, every socket is sampled once more, so that a row is of one moment."
        " Where that was not possible (a killed recording, a socket gone without notice),"
        " sampled_age_s and event_age_s say how long before the connection's end, or the table's,"
        " its newest TCP_INFO and tcp_probe event were."
    )
    yield Paragraph(
        "--redact replaces addresses so that two have as long a common prefix as before (loopback"
        " and link-local stay), and the names of host, namespaces and cgroups, by a random key for"
        " each export. Ports, names of processes, pids, users, times and cookies stay. A recording"
        " keeps what was known of its connections before it begins."
    )
    yield Heading("Five questions to DuckDB")
    yield Paragraph(
        "They read two tables in the working directory. The bundled recording makes them, too:"
    )
    yield Listing(
        "tcctui export demo flows.parquet --table flows\ntcctui export demo events.parquet\nduckdb"
    )
    for question, query in QUESTIONS:
        yield Paragraph(question)
        yield Listing(query)
