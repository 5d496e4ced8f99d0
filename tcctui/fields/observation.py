"""Values about the observation itself: events, samples, and when they came."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where, moment

OBSERVATION = (
    Field(
        "events", "u8", Unit.COUNT, "tcp_probe events: ACKs and data seen to come in",
        "tcp_probe, counted by tcctui", Column("EVENTS"), query="events", where=Where.FLOW,
    ),
    Field(
        "acks", "u4", Unit.COUNT, "tcp_probe events as counted in the kernel, modulo 2³²",
        "tcctui's program in the kernel", Column("ACKS"), query="acks", where=Where.FLOW, unknown=0,
    ),
    Field(
        "from_sample", "?", Unit.CODE,
        "source of cwnd, srtt and the like: an event or, being newer, a sample", "tcctui",
        Column("TOLD_BY", width=8), where=Where.DERIVED,
    ),
    moment(
        "last_ns", Column("LAST_EV", key="last_event"), "the last tcp_probe event", "tcp_probe",
    ),
    moment("sampled_ns", Column("SAMPLED", key="last_sample"), "the last sample", "sock_diag"),
    moment(
        "first_ns", Column("KNOWN", key="known"), "the first event or sample", "tcctui",
        unknown=None,
    ),
    moment(
        "opened_ns", Column("OPENED", key="opened"), "it became ESTABLISHED", "inet_sock_set_state",
    ),
    moment(
        "closed_ns", Column("CLOSED", key="closed"), "the socket was destroyed", "tcp_destroy_sock",
    ),
    Field(
        "info_len", "u2", Unit.BYTES,
        "size of the TCP_INFO; beyond it, all but also_known is unknown",
        "sock_diag INET_DIAG_INFO", Column("INFO_LEN", format=Format.WHOLE), query="info_len",
    ),
    Field(
        "cc_info", "u1", Unit.IDENTIFIER, "algorithm of known inner values: BBR 1, DCTCP 2",
        "sock_diag INET_DIAG_VEGASINFO", query="cc_info",
    ),
    Field(
        "has_skmem", "u1", Unit.FLAG, "memory of the socket is known",
        "sock_diag INET_DIAG_SKMEMINFO", query="has_skmem",
    ),
)  # fmt: skip
"""Values of a flow that tcctui itself observes."""


def _record(name: str, dtype: str, unit: Unit, meaning: str, source: str) -> Field:
    return Field(name, dtype, unit, meaning, source, where=Where.RECORD)


RECORDS = (
    _record("ts_ns", "u8", Unit.MOMENT, "time of the event or sample", "bpf_ktime_get_ns; tcctui"),
    _record("data_len", "u2", Unit.BYTES, "data of the segment received", "tcp_probe data_len"),
    _record("kind", "u1", Unit.CODE, "tracepoint of the event", "tcctui"),
    _record("oldstate", "u1", Unit.CODE, "TCP state before", "inet_sock_set_state oldstate"),
    _record(
        "newstate", "u1", Unit.CODE, "TCP state after; of kind 4, enum tcp_ca_state",
        "inet_sock_set_state newstate; tcp_cong_state_set cong_state",
    ),
    _record("begun", "u1", Unit.FLAG, "first event that carries a count of ACKs", "tcctui"),
    _record(
        "also_known", "u8", Unit.BITS,
        "members of TCP_INFO that are known beyond info_len: a bit each, in the struct's order",
        "tcctui, of imports",
    ),
    _record("end", "u1", Unit.CODE, "0 alive, 1 destroyed, 2 gone: without values", "tcctui"),
    _record("tcpi_state", "u1", Unit.CODE, "TCP state in TCP_INFO", "TCP_INFO tcpi_state"),
    _record("fackets", "u4", Unit.SEGMENTS, "unused since Linux 4.15", "TCP_INFO tcpi_fackets"),
)  # fmt: skip
"""Members of events and samples that flows do not have."""
