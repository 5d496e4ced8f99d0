"""Inner values of congestion control algorithms."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Part, Unit, Where

_BBR = "INET_DIAG_BBRINFO struct tcp_bbr_info"
_DCTCP = "INET_DIAG_DCTCPINFO struct tcp_dctcp_info"

BBR = (
    Field(
        "bbr_phase", "u1", Unit.CODE,
        "phase of BBR: startup, drain, probe_bw, probe_rtt; the kernel's own mode while the "
        "algorithm's state is read, else inferred from its gains",
        f"struct bbr mode, or {_BBR} bbr_pacing_gain, bbr_cwnd_gain; bbr_update_gains, "
        "net/ipv4/tcp_bbr.c",
        Column("BBR_PHASE", width=10), query="bbr bbr_phase", where=Where.DERIVED, unknown=0,
        noun="a phase",
    ),
    Field(
        "bbr_bw", "u8", Unit.BYTES_PER_SECOND, "bandwidth estimate of BBR: its maximum of late",
        f"{_BBR} bbr_bw_lo, bbr_bw_hi", Column("BBR_BW"), query="bbr_bw", part=Part.BBR, unknown=0,
    ),
    Field(
        "bbr_min_rtt", "u4", Unit.MICROSECONDS, "minimum round-trip time of BBR's last 10 s",
        f"{_BBR} bbr_min_rtt", Column("BBR_MRTT"), query="bbr_min_rtt", part=Part.BBR,
        unknown=0xFFFFFFFF,
    ),
    Field(
        "bbr_pacing_gain", "u4", Unit.GAIN, "factor from BBR's bandwidth to its pacing rate",
        f"{_BBR} bbr_pacing_gain", Column("PACE_GAIN"), query="bbr_pacing_gain pacing_gain",
        part=Part.BBR, unknown=0,
    ),
    Field(
        "bbr_cwnd_gain", "u4", Unit.GAIN,
        "factor from BBR's bandwidth-delay product to its congestion window",
        f"{_BBR} bbr_cwnd_gain", Column("CWND_GAIN"), query="bbr_cwnd_gain cwnd_gain",
        part=Part.BBR, unknown=0,
    ),
)  # fmt: skip
"""BBR's model."""

DCTCP = (
    Field(
        "dctcp_enabled", "u2", Unit.FLAG,
        "DCTCP works, which takes ECN at both ends; without it is reno", f"{_DCTCP} dctcp_enabled",
        Column("DCTCP"), query="dctcp_enabled", part=Part.DCTCP,
    ),
    Field(
        "dctcp_ce_state", "u2", Unit.FLAG, "the last segment received had a congestion mark",
        f"{_DCTCP} dctcp_ce_state", Column("CE_STATE"), query="dctcp_ce_state", part=Part.DCTCP,
    ),
    Field(
        "dctcp_alpha", "u4", Unit.ALPHA, "average share of bytes with congestion marks, 0 to 1",
        f"{_DCTCP} dctcp_alpha", Column("DCTCPALPH", format=Format.ALPHA), query="dctcp_alpha",
        part=Part.DCTCP,
    ),
)  # fmt: skip
"""DCTCP's marks."""
