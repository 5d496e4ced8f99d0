"""Numbers for people: about four characters, always with the unit."""

from __future__ import annotations

import time

from tcctui.config.settings import Units
from tcctui.flows.diagnosis.bbr import UNIT as BBR_UNIT
from tcctui.magnitudes import BINARY, DECIMAL, scaled
from tcctui.wire.events import NO_SSTHRESH

_DCTCP_ONE = 1024
"""An alpha of 1.0 (DCTCP_MAX_ALPHA, net/ipv4/tcp_dctcp.c)."""

OPT_WSCALE = 4

_OPTIONS = {
    **{1: "ts", 2: "sack", OPT_WSCALE: "wscale", 8: "ecn"},
    **{16: "ecnseen", 32: "fastopen", 64: "usec_ts", 128: "tfo_child"},
}
"""Bits of tcpi_options (TCPI_OPT_*, include/uapi/linux/tcp.h), in ss's words where it has one."""

_IN_USE = [Units()]
"""Units of this process: there is one screen, and all its numbers use the same."""


def use(chosen: Units) -> None:
    """Set the units of rates and sizes."""
    _IN_USE[0] = chosen


def in_use() -> Units:
    """Current units of rates and sizes."""
    return _IN_USE[0]


def rate_unit() -> tuple[int, str]:
    """Units per byte, and their sign: 8 and `b/s`, or 1 and `B/s`."""
    return (8, "b/s") if _IN_USE[0].rate == "bit" else (1, "B/s")


def size_unit() -> tuple[int, str]:
    """Step between prefixes, and their suffix: 1024 and `iB`, or 1000 and `B`."""
    return (1024, "iB") if _IN_USE[0].size == "binary" else (1000, "B")


def _short(value: float, prefixes: tuple[str, ...] = DECIMAL) -> tuple[str, str]:
    """Three digits at the most significant end (1.25, 12.0, 125), and the prefix.

    What is not scaled and whole has no point: it can't be more exact.
    """
    # 999.6 would be rounded to 1000.
    value, prefix = scaled(value, prefixes, (1024 if prefixes is BINARY else 1000) * (1 - 5e-4))
    if value >= 99.95 or (not prefix and value == int(value)):
        return f"{value:.0f}", prefix
    return (f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"), prefix


def count(value: float) -> str:
    """A plain number, with thousands separators: 2,304."""
    return f"{value:,.0f}"


def plain_count(value: float) -> str:
    """Number that is only a name, such as a process id: 4021."""
    return f"{value:.0f}"


def percent(value: float) -> str:
    """A share in percent: 0 %, <0.1 %, 1.2 %, 38 %."""
    if value <= 0:
        return "0 %"
    if value < 0.05:
        return "<0.1 %"
    return f"{value:.1f} %" if value < 9.95 else f"{value:.0f} %"


def change(value: float) -> str:
    """Growth in percent, a fall with a minus: +210 %, −4.5 %, 0 %."""
    if abs(value) < 0.05:
        return "0 %"
    return f"{'+' if value > 0 else '−'}{percent(abs(value))}"


def per_second(value: float) -> str:
    """A number a second, small ones with a decimal: 0, <0.1, 0.3, 41, 1.20k."""
    if 0 < value < 0.05:
        return "<0.1"
    if value < 9.95 and value != int(value):
        return f"{value:.1f}"
    return "".join(_short(value))


def short_count(value: float) -> str:
    """A number in few characters, in powers of 1000: 41.2k."""
    return "".join(_short(value))


def segments(value: float) -> str:
    """A window in segments; ∞ for a threshold that was never set."""
    if value >= NO_SSTHRESH:
        return "∞"
    return f"{value:.0f}" if value < 1e6 else short_count(value)


def size(value: float) -> str:
    """Bytes with the unit, in powers of 1024: 64 KiB is `64.0 Ki`; or of 1000: 65.5 kB."""
    if _IN_USE[0].size == "decimal":
        return file_size(value)
    text, prefix = _short(value, BINARY)
    return f"{text} {prefix}" if prefix else f"{value:.0f} B"


def file_size(value: float) -> str:
    """Bytes, in powers of 1000, as files are measured: 12.3 MB."""
    return f"{' '.join(_short(value))}B"


def rate(bytes_per_second: float) -> str:
    """Bits per second from bytes per second: 92.1 Mb/s; or bytes: 11.5 MB/s."""
    if bytes_per_second <= 0:
        return "0"
    times, unit = rate_unit()
    return f"{' '.join(_short(bytes_per_second * times))}{unit}"


def milliseconds(microseconds: float) -> str:
    """A round-trip time: 0.052 ms, 1.25 ms, 38.1 ms, 2500 ms, 12.5 s."""
    value = microseconds / 1000
    if value >= 9999.5:
        return f"{value / 1000:.1f} s"
    if value >= 99.95:
        return f"{value:.0f} ms"
    if value >= 9.995:
        return f"{value:.1f} ms"
    return f"{value:.2f} ms" if value >= 0.9995 else f"{value:.3f} ms"


def clock(microseconds: float) -> str:
    """A time that adds up: 4.12 ms, 950 ms, then 3.2s, 3m05s."""
    return milliseconds(microseconds) if microseconds < 1e6 else age(microseconds * 1e3)


def ago(milliseconds: float) -> str:
    """Time since something, of milliseconds: 40 ms, 3.2s, 3m05s."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else age(milliseconds * 1e6)


def gain(value: float) -> str:
    """A gain of BBR: 1.25."""
    return f"{value / BBR_UNIT:.2f}"


def alpha(value: float) -> str:
    """DCTCP's share of marked bytes: 0.125."""
    return f"{value / _DCTCP_ONE:.3f}"


def hexadecimal(value: float) -> str:
    """A number that is a set of bits or an address: 0x1f; 0 for none."""
    return f"{int(value):#x}" if value else "0"


def device(value: float) -> str:
    """The number of a device; "any" where a socket is bound to none."""
    return plain_count(value) if value else "any"


def flag(value: float) -> str:
    """Yes or no."""
    return {0: "no", 1: "yes"}.get(int(value), plain_count(value))


def app_limited(flags: float) -> str:
    """Yes where the lowest bit of tcpi_rate_flags is set (tcpi_delivery_rate_app_limited)."""
    return flag(int(flags) & 1)


def options(value: float) -> str:
    """The options that both ends agreed on, in words; "none" where there are none."""
    return " ".join(word for bit, word in _OPTIONS.items() if int(value) & bit) or "none"


def age(nanoseconds: float) -> str:
    """Age in its two largest units: 4.2s, 3m05s, 2h10m, 5d03h, 120d."""
    tenths = int(nanoseconds // 100_000_000)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10}s"
    whole = tenths // 10
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    if whole < 100 * 86400:
        return f"{whole // 86400}d{whole // 3600 % 24:02}h"
    return f"{whole // 86400}d"


def span(seconds: float) -> str:
    """Duration in its two largest units: 12 s, 4 min 10 s, 1 h 05 min, 6 d 15 h."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 2 * 86_400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86_400} d {whole // 3600 % 24:02} h"


def position(seconds: float) -> str:
    """Position as players show it: 0:03, 10:00, 1:02:03."""
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def wall_clock(nanoseconds: int, digits: int = 0) -> str:
    """Local time of a moment since 1970: 14:05:03, or 14:05:03.2; empty if out of range."""
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        told = time.strftime("%H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{told}.{f'{rest:09}'[:digits]}" if digits else told


def zoned(nanoseconds: int, digits: int = 0, *, dated: bool = False) -> str:
    """The same with the zone's short name: 14:05:03 CET; and with the date: Nov 24 14:05:03 CET."""
    told = wall_clock(nanoseconds, digits)
    if not told:
        return ""
    date = time.strftime("%b %d ", time.localtime(nanoseconds // 10**9)) if dated else ""
    return f"{date}{told} {zone(nanoseconds)}"


DATED_NS = 12 * 3600 * 10**9
"""Nanoseconds from which on a time of day is not enough to name a moment."""


def zone(nanoseconds: int) -> str:
    """Short name of the zone of local time at a moment since 1970; empty if out of range."""
    try:
        return time.localtime(nanoseconds // 10**9).tm_zone
    except (ValueError, OverflowError, OSError):
        return ""
