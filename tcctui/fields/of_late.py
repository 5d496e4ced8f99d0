"""Recent growth of counters: retransmissions and congestion marks of the last seconds."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Unit, Where, Window

_AGAIN, _SENT = "total_retrans", "data_segs_out"


_PER_SECOND = {1: "RETR/s 1s", 10: "RETR/s", 60: "RETR/s 1m"}
"""Titles of retransmissions per second, by their windows."""


def _over(seconds: int) -> str:
    return "last second" if seconds == 1 else f"last {seconds} s"


def _retransmitted_per_second(seconds: int) -> Field:
    short = "retrans_rate" if seconds == 10 else ""
    return Field(
        f"retrans_rate_{seconds}s", "f8", Unit.PER_SECOND,
        f"segments retransmitted per second, over the {_over(seconds)} sampled",
        "TCP_INFO tcpi_total_retrans, its growth",
        Column(_PER_SECOND[seconds]), query=f"{short} retrans_rate_{seconds}s".strip(),
        where=Where.DERIVED, window=Window(_AGAIN, seconds),
    )  # fmt: skip


def _retransmitted_percent(seconds: int) -> Field:
    return Field(
        f"retrans_percent_{seconds}s", "f8", Unit.PERCENT,
        f"segments retransmitted in the {_over(seconds)} sampled, in percent of those sent in it",
        "TCP_INFO tcpi_total_retrans of tcpi_data_segs_out, their growth",
        Column(f"RETR% {seconds}s", key=f"retrans_pct_{seconds}s"),
        query=f"retrans%{seconds}s retrans_pct_{seconds}s", where=Where.DERIVED,
        window=Window(_AGAIN, seconds, _SENT),
    )  # fmt: skip


OF_LATE = (
    *(_retransmitted_percent(seconds) for seconds in (1, 10, 60)),
    *(_retransmitted_per_second(seconds) for seconds in (1, 10, 60)),
    Field(
        "ce_percent_10s", "f8", Unit.PERCENT,
        "segments delivered with a congestion mark in the last 10 s sampled, in percent of all",
        "TCP_INFO tcpi_delivered_ce of tcpi_delivered, their growth",
        Column("CE% 10s", key="ce_pct_10s"), query="ce%10s ce_pct_10s", where=Where.DERIVED,
        window=Window("delivered_ce", 10, "delivered"),
    ),
)  # fmt: skip
"""Rates of counters: one row for each value and window."""
