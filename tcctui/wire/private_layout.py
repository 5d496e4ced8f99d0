"""Members of a congestion control algorithm's own state, `icsk_ca_priv`: where each lies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

PRIVATE_BYTES = 104
"""ICSK_CA_PRIV_SIZE (include/net/inet_connection_sock.h): what an algorithm has for itself."""

MOST_BITS = 64
"""The widest number that a member has."""

_MOST_MEMBERS = 8 * PRIVATE_BYTES
_LONGEST = 64  # characters of a name
_HZ = range(1, 100_001)


class PrivateMember(NamedTuple):
    """A number in the state: `bits` from bit `offset` on, of little-endian bytes."""

    name: str
    offset: int
    bits: int
    signed: bool = False


class PrivateLayout(NamedTuple):
    """Members of an algorithm's `struct`, as the kernel that it runs on has them.

    Those of nested structs and arrays have names such as `bw.s[0].v`. What lies behind the first
    `PRIVATE_BYTES` is left out. Without a `struct`, all that is known are the bytes. `hz` is the
    number of jiffies in a second there.
    """

    algorithm: str
    struct: str
    members: tuple[PrivateMember, ...]
    hz: int

    def to_data(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**self._asdict(), "members": [[*member] for member in self.members]}

    @classmethod
    def from_data(cls, data: Any) -> PrivateLayout:
        """Take what `to_data` gave, which a stranger may have changed.

        Raises:
            ValueError: it is no layout of so many bytes.

        """
        try:
            algorithm, struct, members, hz = (data[name] for name in cls._fields)
            made = tuple(PrivateMember(*member) for member in members[: _MOST_MEMBERS + 1])
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError("no layout") from error
        names = [algorithm, struct, *(member.name for member in made)]
        fine = (
            len(made) <= _MOST_MEMBERS
            and all(isinstance(name, str) and len(name) <= _LONGEST for name in names)
            and "".join(names).isprintable()
            and type(hz) is int
            and hz in _HZ
            and all(map(_fits, made))
        )
        if not fine:
            raise ValueError("no layout")
        return cls(algorithm, struct, made, hz)


def _fits(member: PrivateMember) -> bool:
    return (
        type(member.offset) is type(member.bits) is int
        and type(member.signed) is bool
        and 0 < member.bits <= MOST_BITS - member.offset % 8
        and 0 <= member.offset <= 8 * PRIVATE_BYTES - member.bits
    )


UNKNOWN_LAYOUT = PrivateLayout("", "", (), 1)
"""Layout of an algorithm of which nothing is known."""

_kept: dict[int, PrivateLayout] = {}

MOST_KEPT = 1024
"""Layouts kept at the most: recordings of strangers may have any number of them."""


def keep(key: int, layout: PrivateLayout) -> int:
    """Keep a layout for as long as this process lives; gives the key that stands for it.

    It is the one given unless that stands for another layout already, as in a recording of another
    kernel: records then get the new one. With too many layouts it is 0, which stands for none.
    """
    while key == 0 or _kept.get(key, layout) != layout:
        key = (key * 0x9E3779B1 + 1) & 0xFFFFFFFF
    if key not in _kept and len(_kept) >= MOST_KEPT:
        return 0
    return key if _kept.setdefault(key, layout) == layout else keep(key, layout)


def kept(key: int) -> PrivateLayout | None:
    """Layout that a record's key stands for; None where nobody knows it."""
    return _kept.get(key)


def members() -> list[str]:
    """Names of the members of layouts that are kept, each once, the newest layout's first."""
    newest = (member.name for one in reversed(_kept.values()) for member in one.members)
    return list(dict.fromkeys(islice(newest, _MOST_MEMBERS)))


def to_json(keys: Iterable[int]) -> str:
    """Write the layouts that keys stand for, for the metadata of a recording."""
    import json  # noqa: PLC0415 - of no use without a recording

    layouts = {str(key): kept(key) for key in keys}

    return json.dumps({key: one.to_data() for key, one in layouts.items() if one is not None})


_LONGEST_TEXT = 1 << 20


def from_json(text: bytes) -> dict[int, PrivateLayout]:
    """Read what `to_json` wrote; none where it is damaged: then there are bytes alone."""
    import json  # noqa: PLC0415

    if len(text) > _LONGEST_TEXT:
        return {}

    try:
        parts = json.loads(text)
        return {int(key): PrivateLayout.from_data(data) for key, data in parts.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
