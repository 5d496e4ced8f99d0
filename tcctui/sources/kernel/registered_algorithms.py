"""Congestion control algorithms that the kernel has registered, and those that are its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
"""Names of all algorithms that are registered, those of BPF programs among them."""

STRUCTS: Mapping[str, tuple[str, str]] = {
    "bbr": ("bbr", "mode"),
    "bic": ("bictcp", "delayed_ack"),
    "cdg": ("cdg", "backoff_cnt"),
    "cubic": ("bictcp", "bic_K"),
    "dctcp": ("dctcp", "dctcp_alpha"),
    "highspeed": ("hstcp", "ai"),
    "htcp": ("htcp", "beta"),
    "hybla": ("hybla", "rho"),
    "illinois": ("illinois", "alpha"),
    "lp": ("lp", "owd_min"),
    "nv": ("tcpnv", "nv_min_rtt"),
    "vegas": ("vegas", "baseRTT"),
    "veno": ("veno", "basertt"),
    "westwood": ("westwood", "bw_est"),
    "yeah": ("yeah", "doing_reno_now"),
}
"""Structs of the kernel's own algorithms (net/ipv4/tcp_*.c), and a member by which each is known.

Two of them have one name.
"""

WITHOUT = frozenset({"reno", "scalable"})
"""Algorithms that have no state."""


def registered(path: Path = AVAILABLE) -> list[str]:
    """Names of the algorithms that are registered; none where nobody tells."""
    try:
        return path.read_text(errors="replace").split()
    except OSError:
        return []


def unknown(names: Iterable[str]) -> list[str]:
    """Those of the names that are not of the kernel's own algorithms."""
    return [name for name in names if name not in STRUCTS and name not in WITHOUT]
