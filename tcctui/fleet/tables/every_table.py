"""Every table of the fleet.

A host's connections are told three times: all of them in groups, whose sums are exact; some of them
one by one; and each that ended. What is left out of the last two is counted, and what stands for
others has a weight.
"""

from __future__ import annotations

from tcctui.fleet.tables.table import COUNTS, HISTOGRAM, WORD, Stored, Table, Taken, of

_TIME = Stored("time", "DateTime('UTC')", "begin of the window")
_MOMENT = Stored("time", "DateTime64(3, 'UTC')", "moment it happened")
_HOST = Stored("host", WORD, "name of the host")
_BOOT = Stored("boot_id", "UUID", "kernel.random.boot_id: cookies are unique within one")
_WEIGHT = Stored(
    "weight", "Float32", "connections it stands for: 1 / the probability of its being told"
)
_LIMIT_MS = Stored(
    "limit_ms", COUNTS, "milliseconds by what limited, in the window", summed="sumMap"
)

_KEY = (
    *(of("cookie"), Stored("saddr", "IPv6", "local address"), of("sport")),
    *(Stored("daddr", "IPv6", "remote address"), of("dport"), of("ifindex")),
)
_SERVICE = (
    Stored("service_port", "UInt16", "port of the end that listens; 0 for `other`, or unknown"),
    Stored("incoming", "Bool", "True if the port is this host's"),
)
_OWNER = (of("comm"), of("pid"), of("uid"), of("cgroup"), of("netns_name"))
_COUNTERS = (*("bytes_acked", "bytes_received", "data_segs_out", "total_retrans", "delivered_ce"),)

FLOW = Table(
    "flow_10s",
    "Some connections in each window: the worst and busiest, and a sample of the others.",
    (
        *(_TIME, _HOST, _BOOT, *_KEY, *_SERVICE, *_OWNER, of("cc"), of("state"), of("ca_state")),
        *(of("limit"), of("health"), _WEIGHT, of("age_ns")),
        *(of("snd_cwnd"), of("snd_cwnd", Taken.LEAST), of("snd_cwnd", Taken.MOST), of("ssthresh")),
        *(of("srtt_us"), of("srtt_us", Taken.LEAST), of("srtt_us", Taken.MOST)),
        *(of("min_rtt"), of("in_flight"), of("in_flight", Taken.MOST), of("unacked"), of("mss")),
        *(of("snd_wnd"), of("rcv_wnd"), of("rcvbuf"), of("sndbuf")),
        *(of("rqueue"), of("wqueue"), of("notsent_bytes"), of("rcv_ooopack")),
        *(of("rate"), of("delivery_rate"), of("pacing_rate"), of("rcv_rate")),
        *(of("retrans_percent_10s"), of("retrans_rate_10s"), of("ce_percent_10s")),
        *(of("timeouts_10s"), of("rto")),
        *(of(name) for name in _COUNTERS),
        *(of(name, Taken.GROWTH) for name in _COUNTERS),
        *(of("bbr_phase"), of("bbr_bw"), _LIMIT_MS),
    ),
    # Of a moment all connections are read, and of one connection some minutes.
    order=("toStartOfMinute(time)", "host", "boot_id", "cookie", "time"),
    days=7,
)

GROUP = Table(
    "group_10s",
    "All connections in each window, by remote net, service, process, algorithm and namespace.",
    (
        *(_TIME, _HOST),
        Stored("prefix", "IPv6", "remote net: the /24 of IPv4, the /48 of IPv6; :: for `other`"),
        *_SERVICE,
        *(of("comm"), of("cgroup"), of("cc"), of("netns_name")),
        Stored("other", "Bool", "True for all that is beyond the agent's --groups"),
        Stored("flows", "UInt32", "connections at the window's end", summed="sum"),
        Stored("opened", "UInt32", "connections that began in the window", summed="sum"),
        Stored("closed", "UInt32", "connections that ended in the window", summed="sum"),
        Stored("reset", "UInt32", "resets sent or received in the window", summed="sum"),
        *(of(name, Taken.GROWTH)._replace(nullable=False) for name in _COUNTERS),
        Stored("timeouts", "UInt32", "retransmission timeouts in the window", summed="sum"),
        Stored("srtt_histogram", HISTOGRAM, "connections by srtt, in µs, at the window's end",
               summed="sumMap"),
        Stored("min_rtt_histogram", HISTOGRAM, "connections by lowest round-trip time, in µs",
               summed="sumMap"),
        _LIMIT_MS,
    ),
    order=("toStartOfFiveMinutes(time)", "prefix", "service_port", "host", "time"),
    days=7,
)  # fmt: skip

ROLLED_UP_S = 300
"""Seconds in a window of `ROLLED_UP`."""

ROLLED_UP = GROUP._replace(
    name="group_5m",
    meaning=f"`group_10s` in windows of {ROLLED_UP_S} s: sums, also of what is of a window's end.",
    order=("time", "prefix", "service_port", "host"),  # an hour of all is read, and lies together
    days=90,
)
"""Table that ClickHouse fills itself. Its `flows` are a sum over windows, as are its histograms:
their quantiles are those of all windows together, and the mean number of connections is `flows` by
the number of windows.
"""

END = Table(
    "flow_end",
    "Connections that ended, each with its totals; above a rate, a sample.",
    (
        *(_MOMENT, _HOST, _BOOT, *_KEY, *_SERVICE, *_OWNER, of("cc"), _WEIGHT, of("age_ns")),
        Stored("reset", "Bool", "True if a reset ended it"),
        *(of(name) for name in _COUNTERS),
        *(of("srtt_us"), of("min_rtt"), of("mss"), of("health"), of("limit")),
        _LIMIT_MS._replace(meaning="milliseconds by what limited, in its life as far as seen"),
    ),
    order=("host", "time"),
    days=7,
)

MARK = Table(
    "mark",
    "What happened at a moment: timeouts, resets, alerts.",
    (
        *(_MOMENT, _HOST, _BOOT, of("cookie")),
        Stored("kind", WORD, "word of the mark (`rto`, `reset`), or `alert`"),
        Stored("count", "UInt32", "times within 100 ms", summed="sum"),
        Stored("text", "String", "an alert's query; empty otherwise"),
    ),
    order=("host", "time"),
    days=7,
)

HOST = Table(
    "host",
    "Each host in each window: its settings, and what its agent counted, lost and left out.",
    (
        *(_TIME, _HOST, _BOOT),
        Stored("kernel", WORD, "release of the kernel"),
        Stored("version", WORD, "version of tcctui"),
        Stored("cc_default", WORD, "net.ipv4.tcp_congestion_control"),
        Stored("tcp_rmem", "Array(UInt64)", "net.ipv4.tcp_rmem: least, default, most bytes"),
        Stored("tcp_wmem", "Array(UInt64)", "net.ipv4.tcp_wmem: least, default, most bytes"),
        Stored("flows", "UInt32", "connections at the window's end"),
        Stored("truncated", "UInt32", "connections without a row in flow_10s"),
        Stored("ends", "UInt32", "connections that ended in the window", summed="sum"),
        Stored("ends_truncated", "UInt32", "of these, those without a row in flow_end",
               summed="sum"),
        Stored("events", "UInt64", "events of the kernel in the window", summed="sum"),
        Stored("lost", "UInt64", "events lost in the window", summed="sum"),
        Stored("dropped", COUNTS, "rows by table that the agent dropped for want of room",
               summed="sumMap"),
        Stored("spooled", "UInt64", "bytes that wait for the engine"),
        Stored("clock_offset_ms", "Int64",
               "the host's clock minus the engine's, within half a second", nullable=True),
        Stored("cpu", "Float32", "share of a core that the agent used in the window"),
        Stored("memory", "UInt64", "bytes of the agent and its processes, shared ones once"),
    ),
    order=("host", "time"),
    days=90,
)  # fmt: skip

TABLES = (GROUP, FLOW, END, MARK, HOST)
"""All tables that hosts send rows of."""
