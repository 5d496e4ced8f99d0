"""Columns about the connection itself, and about what tcctui has been told of it."""

from __future__ import annotations

from tcctui.ui.table.columns import forms
from tcctui.ui.table.columns.column import UNUSUAL, TableColumn
from tcctui.ui.table.columns.kinds import COUNT, NUMBER, Kind, asks, number, tcp_info, words

_BITS = Kind(forms.bits, 10)


def _moment(name: str, title: str, field: str, meaning: str, source: str) -> TableColumn:
    """Make a column that says how long ago something was."""
    return TableColumn(
        name,
        title,
        max(7, len(title) + 1),
        UNUSUAL,
        meaning,
        (field,),
        forms.since(field),
        (field,),
        source=source,
    )


CONNECTION = (
    number(
        *("sport", "SPORT", NUMBER),
        meaning="port at this end",
        source="tcp_probe sport; sock_diag idiag_sport",
    ),
    number(
        *("dport", "DPORT", NUMBER),
        meaning="port at the other end",
        source="tcp_probe dport; sock_diag idiag_dport",
    ),
    words(
        *("family", "FAMILY", 7),
        form=forms.word(forms.FAMILIES),
        meaning="family of the socket's addresses; one of IPv6 can talk IPv4 as well",
        source="tcp_probe family; sock_diag idiag_family",
        query=asks("family", {2: "inet", 10: "inet6"}),
    ),
    number(
        *("ifindex", "IFINDEX", Kind(forms.device, 8)),
        meaning="number of the device that the socket is bound to",
        source="sock_diag idiag_if",
    ),
    number(
        *("mark", "MARK", _BITS),
        meaning="mark of the last segment received, as firewalls set it",
        source="tcp_probe mark",
    ),
    number(
        *("cookie", "COOKIE", Kind(forms.whole, 10)),
        meaning="the kernel's own number of the socket, never used again: SO_COOKIE",
        source="tcp_probe sock_cookie; sock_diag idiag_cookie",
    ),
    number(
        *("skaddr", "SKADDR", Kind(forms.bits, 18)),
        meaning="address of the socket in the kernel's memory",
        source="tcp_probe skaddr",
    ),
)

TOLD = (
    number(
        *("events", "EVENTS", COUNT),
        meaning="acknowledgements and data that tcp_probe has seen come in, since tcctui looks",
        source="tcp_probe",
    ),
    number(
        *("acks", "ACKS", COUNT),
        meaning="the same, as the filter in the kernel counts them, modulo 2³²",
        source="tcctui's program in the kernel",
    ),
    words(
        *("from_sample", "TOLD_BY", 8),
        form=forms.word({0: "event", 1: "sample"}),
        meaning="whether cwnd, srtt and the like are of an event or, being newer, of a sample",
        source="tcctui",
    ),
    _moment(
        *("last_event", "LAST_EV", "last_ns"),
        meaning="time since tcp_probe saw it last; sorted by the moment, the latest first",
        source="tcp_probe",
    ),
    _moment(
        *("last_sample", "SAMPLED", "sampled_ns"),
        meaning="time since sock_diag was last asked; sorted by the moment, the latest first",
        source="sock_diag",
    ),
    _moment(
        *("known", "KNOWN", "first_ns"),
        meaning="time since tcctui saw it first; sorted by the moment, the latest first",
        source="tcctui",
    ),
    _moment(
        *("opened", "OPENED", "opened_ns"),
        meaning="time since it was seen to be opened; sorted by the moment, the latest first",
        source="inet_sock_set_state, when it became ESTABLISHED",
    ),
    _moment(
        *("closed", "CLOSED", "closed_ns"),
        meaning="time since it was closed for good; sorted by the moment, the latest first",
        source="tcp_destroy_sock",
    ),
    number(
        *("info_len", "INFO_LEN", NUMBER),
        meaning="bytes of TCP_INFO that this kernel gives; of what is beyond, nothing is known",
        source="sock_diag INET_DIAG_INFO",
    ),
)

OWNER = (
    number(
        *("uid", "UID", Kind(forms.whole, 10)),
        meaning="number of the user who opened the socket",
        source="sock_diag idiag_uid",
    ),
    number(
        *("inode", "INODE", Kind(forms.whole, 10)),
        meaning="inode of the socket; 0 where no process has it any more",
        source="sock_diag idiag_inode",
    ),
    number(
        *("netns_ino", "NETNS_INO", Kind(forms.whole, 10)),
        field="netns",
        meaning="inode of the network namespace",
        source="/proc: namespace that sock_diag was asked in",
    ),
)

SEGMENTS = (
    number(
        *("mss", "MSS", NUMBER),
        meaning="the largest of its maximum segment sizes that was sampled, in bytes",
        source="TCP_INFO tcpi_snd_mss",
    ),
    tcp_info(
        *("snd_mss", "SND_MSS", NUMBER),
        meaning="maximum segment size for what is sent, in bytes",
    ),
    tcp_info(
        *("rcv_mss", "RCV_MSS", NUMBER),
        meaning="size of the other end's segments, in bytes, as the kernel takes it to be",
    ),
    tcp_info(
        *("advmss", "ADVMSS", NUMBER),
        meaning="maximum segment size told to the other end, in bytes",
    ),
    tcp_info(
        *("pmtu", "PMTU", NUMBER),
        meaning="largest packet that the path takes, in bytes",
    ),
    words(
        *("options", "OPTIONS", 14),
        form=forms.options,
        meaning="options of TCP that both ends have: timestamps, SACK, window scaling, ECN …",
        source="TCP_INFO tcpi_options",
        most=40,
    ),
    TableColumn(
        name="wscale",
        title="WSCALE",
        width=7,
        rank=UNUSUAL,
        meaning="powers of two that the other end's windows and ours are scaled by",
        needs=("wscale", "options"),
        cells=forms.scales,
        sort=("wscale",),
        source="TCP_INFO tcpi_snd_wscale, tcpi_rcv_wscale",
    ),
)
