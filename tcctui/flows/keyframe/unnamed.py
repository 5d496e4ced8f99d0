"""Keyframes that do not name their records' fields: they begin with a checksum of the layout."""

from __future__ import annotations

from collections.abc import Mapping

Written = tuple[int, str]
"""A layout as `layout.written` writes it."""

LAYOUTS: Mapping[int, Mapping[str, Written]] = {
    0xC3A6EDCF: {
        "latest.samples": (
            528,
            "ts_ns <u8 0;sock_cookie <u8 8;saddr 2>u8 16;daddr 2>u8 32;sport <u2 48;"
            "dport <u2 50;family <u2 52;info_len <u2 54;ifindex <u4 56;inode <u4 60;"
            "uid <u4 64;rqueue <u4 68;wqueue <u4 72;state |u1 76;end |u1 77;cc_info |u1 78;"
            "has_skmem |u1 79;netns <u4 80;pid <u4 84;cc |S16 88;comm |S16 104;"
            "netns_name |S48 120;cgroup |S64 168;tcp_info |V240 232;ca_state |u1 233;"
            "retransmits |u1 234;probes |u1 235;backoff |u1 236;options |u1 237;wscale |u1 238;"
            "rate_flags |u1 239;rto <u4 240;ato <u4 244;snd_mss <u4 248;rcv_mss <u4 252;"
            "unacked <u4 256;sacked <u4 260;lost <u4 264;retrans <u4 268;"
            "last_data_sent <u4 276;last_ack_sent <u4 280;last_data_recv <u4 284;"
            "last_ack_recv <u4 288;pmtu <u4 292;rcv_ssthresh <u4 296;rtt <u4 300;"
            "rttvar <u4 304;snd_ssthresh <u4 308;snd_cwnd <u4 312;advmss <u4 316;"
            "reordering <u4 320;rcv_rtt <u4 324;rcv_space <u4 328;total_retrans <u4 332;"
            "pacing_rate <u8 336;max_pacing_rate <u8 344;bytes_acked <u8 352;"
            "bytes_received <u8 360;segs_out <u4 368;segs_in <u4 372;notsent_bytes <u4 376;"
            "min_rtt <u4 380;data_segs_in <u4 384;data_segs_out <u4 388;delivery_rate <u8 392;"
            "busy_time <u8 400;rwnd_limited <u8 408;sndbuf_limited <u8 416;delivered <u4 424;"
            "delivered_ce <u4 428;bytes_sent <u8 432;bytes_retrans <u8 440;dsack_dups <u4 448;"
            "reord_seen <u4 452;rcv_ooopack <u4 456;snd_wnd <u4 460;rcv_wnd <u4 464;"
            "rehash <u4 468;bbr_bw <u8 472;bbr_min_rtt <u4 480;bbr_pacing_gain <u4 484;"
            "bbr_cwnd_gain <u4 488;dctcp_ce_state <u2 492;dctcp_enabled <u2 494;"
            "dctcp_alpha <u4 496;rmem_alloc <u4 500;rcvbuf <u4 504;wmem_alloc <u4 508;"
            "sndbuf <u4 512;wmem_queued <u4 516;drops <u4 520",
        ),
        "limits._looks": (
            58,
            "ts_ns <i8 0;busy <f8 8;rwnd <f8 16;sndbuf <f8 24;sent <f8 32;received <f8 40;"
            "recovered <f8 48;cause |u1 56;recovering |b1 57",
        ),
        "limits._shares": (
            6,
            "cwnd |u1 0;rwnd |u1 1;sndbuf |u1 2;app |u1 3;recovery |u1 4;receives |u1 5",
        ),
    },
}
"""By that checksum, the records' layouts, each by its array's name: version 0.1.0's."""
