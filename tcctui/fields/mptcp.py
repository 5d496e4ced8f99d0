"""Subflows of MPTCP connections (RFC 8684), and totals of the connection that each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from tcctui.fields.field import Column, Field, Format, Part, Unit, Where


class Subflow(IntEnum):
    """Kind of a subflow; NONE of a connection that is plain TCP."""

    NONE = 0
    INITIAL = 1
    JOIN = 2
    BACKUP = 3
    FALLBACK = 4


SUBFLOW_NAMES: Mapping[int, str] = {
    kind: "–" if kind == Subflow.NONE else kind.name.lower() for kind in Subflow
}
"""Words for kinds of subflows."""


_ULP = "sock_diag INET_ULP_INFO_MPTCP"
_INFO = "sock_diag of IPPROTO_MPTCP, struct mptcp_info"


def _info(name: str, place: str, unit: Unit, meaning: str, title: str) -> Field:
    """Describe a member of `struct mptcp_info` (include/uapi/linux/mptcp.h), at `type@offset`."""
    dtype, _, offset = place.partition("@")
    return Field(
        *(f"mptcp_{name}", dtype, unit, meaning, f"{_INFO} mptcpi_{name}", Column(title)),
        query=f"mptcp_{name}",
        part=Part.MPTCP,
        offset=int(offset),
    )


def _share(name: str, meaning: str, title: str) -> Field:
    return Field(
        *(f"mptcp_{name}_share", "f8", Unit.PERCENT, meaning),
        f"TCP_INFO tcpi_bytes_{name}; struct mptcp_info mptcpi_bytes_{name}",
        Column(title),
        query=f"mptcp_{name}_share",
        where=Where.DERIVED,
    )


MPTCP = (
    Field(
        "mptcp_token", "u4", Unit.BITS,
        "token of the MPTCP connection that this subflow belongs to, unique in its network "
        "namespace",
        f"{_ULP} MPTCP_SUBFLOW_ATTR_TOKEN_LOC",
        Column("MPTCP", key="mptcp_token"), query="mptcp_token mptcp", unknown=0,
    ),
    Field(
        "subflow", "u1", Unit.CODE,
        "kind of the subflow: initial, join (a further path), backup (carries data only where no "
        "other can), fallback (plain TCP is left)",
        f"{_ULP} MPTCP_SUBFLOW_ATTR_FLAGS; mptcpi_flags", Column("SUBFLOW", width=8),
        query="subflow", where=Where.DERIVED, unknown=0, noun="a kind of subflow",
    ),
    Field(
        "subflow_flags", "u2", Unit.BITS, "MPTCP_SUBFLOW_FLAG bits of the subflow",
        f"{_ULP} MPTCP_SUBFLOW_ATTR_FLAGS", Column("SF_FLAGS"), query="subflow_flags", unknown=0,
    ),
    Field(
        "subflow_id_loc", "u1", Unit.IDENTIFIER, "identifier of the subflow's local address",
        f"{_ULP} MPTCP_SUBFLOW_ATTR_ID_LOC", Column("ID_LOC", format=Format.WHOLE),
        query="subflow_id_loc", happened="subflow_flags",
    ),
    Field(
        "subflow_id_rem", "u1", Unit.IDENTIFIER, "identifier of the subflow's remote address",
        f"{_ULP} MPTCP_SUBFLOW_ATTR_ID_REM", Column("ID_REM", format=Format.WHOLE),
        query="subflow_id_rem", happened="subflow_flags",
    ),
    _share(
        "acked", "share of the bytes acknowledged of its MPTCP connection that this subflow "
        "carried; reinjected bytes count on each subflow", "MP_ACKED%",
    ),
    _share(
        "received", "share of the bytes received by its MPTCP connection that this subflow "
        "carried; reinjected bytes count on each subflow", "MP_RCVD%",
    ),
    _info("subflows", "u1@0", Unit.COUNT, "subflows of the connection beside the initial one",
          "SUBFLOWS"),
    _info("flags", "u4@8", Unit.BITS, "MPTCP_INFO_FLAG bits of the connection: 1 is fallback",
          "MP_FLAGS"),
    _info("bytes_retrans", "u8@48", Unit.BYTES,
          "bytes that the connection reinjected, on the same or another subflow", "MP_RETR"),
    _info("bytes_sent", "u8@56", Unit.BYTES, "bytes that the connection sent, over all subflows",
          "MP_SENT"),
    _info("bytes_received", "u8@64", Unit.BYTES,
          "bytes that the connection received, over all subflows", "MP_RCVD"),
    _info("bytes_acked", "u8@72", Unit.BYTES,
          "bytes of the connection that the peer acknowledged, over all subflows", "MP_ACKED"),
    Field(
        "mptcp_info_len", "u1", Unit.BYTES,
        "size of the kernel's struct mptcp_info; beyond it all is unknown", _INFO,
        query="mptcp_info_len",
    ),
)  # fmt: skip
"""Identity, kind and share of a subflow; figures of its connection."""
