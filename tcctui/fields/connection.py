"""Ends, state and identity of a connection, and who owns its socket."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where

LOCAL = ("saddr_hi", "saddr_lo", "sport")
REMOTE = ("daddr_hi", "daddr_lo", "dport")
ENDS = (*LOCAL, *REMOTE)
"""Flow columns of both ends: upper and lower half of an address (IPv4 is v4-mapped), and port."""

LONGEST_ENDPOINT = 47
"""Characters of an IPv6 address in brackets, a colon and a port."""
_ADDRESSES = "tcp_probe; sock_diag"
_HALF = "half of the address as a 128-bit number; IPv4 is v4-mapped"


def _half(end: str, name: str, which: str) -> Field:
    return Field(
        *(name, "u8", Unit.IDENTIFIER, f"{which} {_HALF}", f"tcp_probe {end}; sock_diag"),
        where=Where.FLOW,
    )


CONNECTION = (
    Field(
        "local", "", Unit.ENDPOINT, "local address and port",
        "tcp_probe saddr; sock_diag idiag_src, idiag_sport",
        Column("LOCAL", width=15, most=LONGEST_ENDPOINT, rank=5, tight=14),
        query="src local saddr",
        where=Where.PARTS, parts=LOCAL,
    ),
    Field(
        "remote", "", Unit.ENDPOINT, "remote address and port",
        "tcp_probe daddr; sock_diag idiag_dst, idiag_dport",
        Column("REMOTE", width=21, most=LONGEST_ENDPOINT, rank=0, tight=19),
        query="dst remote daddr",
        where=Where.PARTS, parts=REMOTE,
    ),
    Field(
        "state", "u1", Unit.CODE, "state of the socket",
        "inet_sock_set_state newstate; sock_diag idiag_state", Column("STATE", width=10, rank=11),
        query="state", where=Where.FLOW, noun="a state",
    ),
    Field(
        "age_ns", "i8", Unit.NANOSECONDS,
        "time since it was opened, or, marked >, since it was first seen",
        "inet_sock_set_state, when it became ESTABLISHED",
        Column("AGE", key="age", format=Format.AGE, width=7, rank=22), query="age",
        where=Where.DERIVED,
    ),
    Field(
        "sport", "u2", Unit.PORT, "local port", "tcp_probe sport; sock_diag idiag_sport",
        Column("SPORT"), query="sport lport", where=Where.FLOW, parts=("sport",),
    ),
    Field(
        "dport", "u2", Unit.PORT, "remote port", "tcp_probe dport; sock_diag idiag_dport",
        Column("DPORT"), query="dport rport", where=Where.FLOW, parts=("dport",),
    ),
    Field(
        "family", "u2", Unit.CODE, "address family of the socket; IPv6 sockets carry IPv4 too",
        "tcp_probe family; sock_diag idiag_family", Column("FAMILY", width=7), where=Where.FLOW,
    ),
    Field(
        "ifindex", "u4", Unit.IDENTIFIER, "index of the device that the socket is bound to",
        "sock_diag idiag_if", Column("IFINDEX", format=Format.DEVICE), query="ifindex",
    ),
    Field(
        "mark", "u4", Unit.BITS, "mark of the last segment received, as firewalls set it",
        "tcp_probe mark", Column("MARK"), query="mark", where=Where.FLOW,
    ),
    Field(
        "cookie", "u8", Unit.IDENTIFIER,
        "the kernel's number of the socket; plus 2^48 for each connection that it had before",
        "tcp_probe sock_cookie; sock_diag idiag_cookie; SO_COOKIE", Column("COOKIE"),
        query="cookie sock_cookie", where=Where.FLOW, record="sock_cookie",
    ),
    Field(
        "skaddr", "u8", Unit.BITS, "address of the socket in kernel memory", "tcp_probe skaddr",
        Column("SKADDR", width=18), where=Where.FLOW, unknown=0,
    ),
    Field(
        "port", "", Unit.PORT, "local or remote port", _ADDRESSES, query="port", where=Where.PARTS,
        parts=("sport", "dport"),
    ),
    Field(
        "ip", "", Unit.ENDPOINT, "local or remote address or prefix", _ADDRESSES, query="ip addr",
        where=Where.PARTS, parts=ENDS,
    ),
    Field(
        "ip_version", "", Unit.IP_VERSION, "IP version of the addresses as shown", _ADDRESSES,
        query="family", where=Where.PARTS, parts=("saddr_hi", "saddr_lo"),
    ),
    *(_half("saddr", f"saddr_{half}", f"local, {half}") for half in ("hi", "lo")),
    *(_half("daddr", f"daddr_{half}", f"remote, {half}") for half in ("hi", "lo")),
    Field(
        "saddr", ">u8", Unit.ADDRESS, "local address", "tcp_probe saddr; sock_diag idiag_src",
        where=Where.RECORD,
    ),
    Field(
        "daddr", ">u8", Unit.ADDRESS, "remote address", "tcp_probe daddr; sock_diag idiag_dst",
        where=Where.RECORD,
    ),
)  # fmt: skip
"""Both ends, and the socket between them."""

_PROCFS = "/proc: owner of the socket's inode; inet_sock_set_state, tcp_destroy_sock"

OWNER = (
    Field(
        "comm", "S16", Unit.NAME, "name of the process that owns the socket", _PROCFS,
        Column("PROCESS", key="process", width=10, most=15, rank=6, tight=8),
        query="proc process comm", sample="nginx",
    ),
    Field(
        "pid", "u4", Unit.IDENTIFIER, "number of the process", _PROCFS,
        Column("PID", width=7, rank=16), query="pid", unknown=0,
    ),
    Field(
        "cgroup", "S64", Unit.NAME, "container or unit of the process",
        "/proc: cgroup of the process", Column("CGROUP", width=14, most=40, rank=18),
        query="cgroup", sample="docker",
    ),
    Field(
        "netns_name", "S48", Unit.NAME,
        "name of the network namespace, or its number where it has none",
        "/run/netns, or /proc: namespace that sock_diag was asked in",
        Column("NETNS", key="netns", width=8, most=16, rank=19), query="netns netns_name",
        sample="host",
    ),
    Field(
        "uid", "u4", Unit.IDENTIFIER, "user who opened the socket",
        "sock_diag idiag_uid; inet_sock_set_state", Column("UID"), query="uid",
    ),
    Field(
        "inode", "u4", Unit.IDENTIFIER, "inode of the socket; 0 where no process owns it",
        "sock_diag idiag_inode", Column("INODE"), query="inode",
    ),
    Field(
        "netns", "u4", Unit.IDENTIFIER, "inode of the network namespace",
        "/proc: namespace that sock_diag was asked in", Column("NETNS_INO", key="netns_ino"),
        query="netns_id", unknown=0,
    ),
)  # fmt: skip
"""Process, user and namespace."""
