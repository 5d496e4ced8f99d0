"""Recordings without addresses and names of machines, for somebody who may not know them.

Addresses are replaced so that two of them have as long a prefix in common as before, as Crypto-PAn
does (Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization, ICNP 2002), with a keyed
BLAKE2 in place of AES. The key is random, and kept nowhere: the same address has the same
replacement in one export only.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from tcctui.arrays import U64, Array
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.wire.addresses import ZONE, is_link_local
from tcctui.wire.events import OWNED, EventKind

KEPT = "ports, processes, users and times are as they were"
REPLACED = "addresses, host, namespaces and cgroups are replaced"

_WIDTH = {4: 32, 6: 128}
_FIXED = {4: ((127, 8),), 6: ((1, 128), (0xFE80 >> 6, 10))}
"""Prefixes that stay, and their lengths: loopback, and link-local of IPv6."""

_NAMES = ("netns_name", "cgroup")
_V4 = 0xFFFF << 32


class Redaction:
    """Replaces addresses and names, the same one always by the same other one."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._flips: dict[tuple[int, int, int], int] = {}
        self._addresses: dict[tuple[int, int], tuple[int, int]] = {}

    def address(self, high: int, low: int) -> tuple[int, int]:
        """Replace an address, given as two halves; IPv4 stays IPv4."""
        found = self._addresses.get((high, low))
        if found is None:
            if high == 0 and low >> 32 == 0xFFFF:
                found = 0, _V4 | self._replaced(4, low & 0xFFFFFFFF)
            else:
                zone = high & ZONE if is_link_local(high) else 0  # the number of an interface
                number = self._replaced(6, (high ^ zone) << 64 | low)
                high_, low_ = number >> 64, number & (1 << 64) - 1
                found = (high_ & ~ZONE | zone if is_link_local(high) else high_), low_
            self._addresses[high, low] = found
        return found

    def _replaced(self, version: int, number: int) -> int:
        """Flip each bit or not, by a secret that depends on the bits before it."""
        width, flips = _WIDTH[version], 0
        for length in range(width):
            prefix = number >> (width - length)
            flips = flips << 1 | self._flip(version, length, prefix)
        return number ^ flips

    def _flip(self, version: int, length: int, prefix: int) -> int:
        node = version, length, prefix
        flip = self._flips.get(node)
        if flip is None:
            on_the_way = any(
                length < most and fixed >> (most - length) == prefix
                for fixed, most in _FIXED[version]
            )
            text = f"{version} {length} {prefix}".encode()
            secret = blake2b(text, key=self._key, digest_size=1).digest()[0] & 1
            flip = self._flips[node] = 0 if on_the_way else secret
        return flip

    def name(self, kind: str, name: bytes) -> bytes:
        """Replace a name; an empty one stays."""
        if not name:
            return b""
        secret = blake2b(f"{kind} ".encode() + name, key=self._key, digest_size=4).hexdigest()
        return f"{kind.partition('_')[0]}-{secret}".encode()

    def halves(self, high: Array, low: Array) -> tuple[U64, U64]:
        """Replace many addresses, as two columns of halves."""
        pairs = np.column_stack([high.astype("u8"), low.astype("u8")])
        known, place = np.unique(pairs, axis=0, return_inverse=True)
        other = np.array([self.address(*pair) for pair in known.tolist()], "u8").reshape(-1, 2)
        changed = other[place.ravel()]
        return changed[:, 0], changed[:, 1]

    def numbers(self, numbers: Array) -> U64:
        """Replace addresses of the kernel's memory; 0, for none, stays."""
        known, place = np.unique(numbers.astype("u8"), return_inverse=True)
        secrets_ = [
            int(blake2b(b"sk %d" % number, key=self._key, digest_size=7).hexdigest(), 16) + 1
            for number in known.tolist()
        ]
        return np.where(known > 0, np.array(secrets_, "u8"), 0).astype("u8")[place]

    def names(self, kind: str, names: Array) -> Array:
        """Replace many names."""
        known, place = np.unique(names, return_inverse=True)
        return np.array([self.name(kind, name) for name in known.tolist()], names.dtype)[place]

    def records(self, records: Array) -> Array:
        """Copy events or samples with other addresses and names."""
        changed = records.copy()
        for end in ("saddr", "daddr"):
            high, low = self.halves(records[end][:, 0], records[end][:, 1])
            changed[end][:, 0], changed[end][:, 1] = high, low
        members = records.dtype.names or ()
        if "skaddr" in members:
            changed["skaddr"] = self.numbers(records["skaddr"])
        for name in _NAMES:
            if name in members:
                changed[name] = self.names(name, records[name])
        if "kind" in members:
            owned = (records["kind"] == EventKind.STATE) | (records["kind"] == EventKind.DESTROY)
            cgroups = changed.view(OWNED)["cgroup"]
            cgroups[owned] = self.names("cgroup", cgroups[owned])
        return changed

    def chunk(self, chunk: Chunk) -> Chunk:
        """Replace what is in a chunk and its keyframe."""
        return replace(
            chunk,
            events=self.records(chunk.events),
            samples=self.records(chunk.samples),
            keyframe=self._keyframe(chunk.keyframe),
        )

    def _keyframe(self, data: bytes) -> bytes:
        if not data:
            return b""
        keyframe = Keyframe.from_bytes(data)
        arrays = dict(keyframe.arrays)
        for end in ("saddr", "daddr"):
            halves = [f"columns.{end}_{half}" for half in ("hi", "lo")]
            arrays |= zip(halves, self.halves(*(arrays[half] for half in halves)), strict=True)
        for name in ("columns.skaddr", "owners.skaddr"):
            arrays[name] = self.numbers(arrays[name])
        if "owners.cgroup" in arrays:
            arrays["owners.cgroup"] = self.names("cgroup", arrays["owners.cgroup"])
        arrays["latest.samples"] = self._samples(arrays["latest.samples"], keyframe.layouts)
        # Keys made of addresses: what is to come of such a socket finds it anew.
        arrays |= {name: arrays[name][:0] for name in arrays if name.startswith("opened.")}
        return replace(keyframe, arrays=arrays).to_bytes()

    def _samples(self, samples: Array, layouts: Mapping[str, np.dtype[np.void]]) -> Array:
        return self.records(samples.view(layouts["latest.samples"])).view(samples.dtype)

    def origin(self, origin: Origin) -> Origin:
        """Replace what tells the machine: its name, and a filter, which may have addresses."""
        return replace(origin, host="redacted", kernel_filter="")
