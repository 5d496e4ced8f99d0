"""Columns about what algorithms of congestion control tell of themselves."""

from __future__ import annotations

from tcctui.ui.table.columns import forms
from tcctui.ui.table.columns.kinds import RATE, ROUND_TRIP, Kind, asks, number, words

_BBR = "sock_diag struct tcp_bbr_info"
_DCTCP = "sock_diag struct tcp_dctcp_info"

BBR = (
    words(
        *("bbr_phase", "BBR_PHASE", 10),
        form=forms.word(forms.BBR_PHASES),
        meaning="what BBR is at: startup, drain, probe_bw, probe_rtt; inferred from its gains",
        source=f"{_BBR} bbr_pacing_gain, bbr_cwnd_gain",
        query=asks("bbr_phase", forms.BBR_PHASES, "bbr", "bbr_phase"),
    ),
    number(
        *("bbr_bw", "BBR_BW", RATE),
        meaning="bits per second that BBR takes the path for: the most delivered of late",
        source=f"{_BBR} bbr_bw_lo, bbr_bw_hi",
    ),
    number(
        *("bbr_min_rtt", "BBR_MRTT", ROUND_TRIP),
        meaning="least round-trip time of the last 10 s, which BBR takes for the path's",
        source=f"{_BBR} bbr_min_rtt",
        width=9,
    ),
    number(
        *("bbr_pacing_gain", "PACE_GAIN", Kind(forms.gain, 10)),
        meaning="what BBR multiplies its bandwidth by to pace",
        source=f"{_BBR} bbr_pacing_gain",
    ),
    number(
        *("bbr_cwnd_gain", "CWND_GAIN", Kind(forms.gain, 10)),
        meaning="what BBR multiplies bandwidth and delay by for its window",
        source=f"{_BBR} bbr_cwnd_gain",
    ),
)

DCTCP = (
    words(
        *("dctcp_enabled", "DCTCP", 6),
        form=forms.word(forms.YES_NO),
        meaning="whether DCTCP works, which it does where both ends have ECN; else it is reno",
        source=f"{_DCTCP} dctcp_enabled",
    ),
    words(
        *("dctcp_ce_state", "CE_STATE", 9),
        form=forms.word(forms.YES_NO),
        meaning="whether the last segment received had a mark of congestion",
        source=f"{_DCTCP} dctcp_ce_state",
    ),
    number(
        *("dctcp_alpha", "DCTCPALPH", Kind(forms.alpha, 10)),
        meaning="part of what was sent that came with marks of congestion, on the average: 0 to 1",
        source=f"{_DCTCP} dctcp_alpha",
    ),
)
