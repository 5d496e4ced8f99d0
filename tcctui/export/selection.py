"""Part of a recording to export: flows and time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tcctui.arrays import U64, Mask, Records, among
from tcctui.errors import TcctuiError, UsageError
from tcctui.flows.index import Keys
from tcctui.flows.labels import endpoints
from tcctui.headless.matching import Matching
from tcctui.query import ALL, Query
from tcctui.recording.attribution import LIFE
from tcctui.recording.chunks import Chunk, pieces
from tcctui.recording.timeline import Timeline
from tcctui.wire.addresses import ZONE, parse_on_link, zone_indexes
from tcctui.wire.batch import Batch
from tcctui.wire.inside import NO_INSIDES
from tcctui.wire.records import pick

SLACK_NS = 1_000_000_000
"""Largest delay of a chunk behind its events, in nanoseconds."""

_ENDPOINT = (
    r"(?:\[(?P<{0}6>[0-9a-fA-F:.]+(?:%[^\s/%\]]+)?)\]|(?P<{0}4>[0-9.]+)):(?P<{0}port>\d{{1,5}})"
)
_BOTH_ENDS = re.compile(f"{_ENDPOINT.format('a')}-{_ENDPOINT.format('b')}")


@dataclass(frozen=True)
class Selection:
    """From `begin_ns` to `end_ns`, on the recording's clock; with `ends`, its matches only.

    `ends` is a query on ports and addresses alone. With `cookies`, only these flows.
    """

    begin_ns: int
    end_ns: int
    ends: Query = ALL
    cookies: Keys | None = None

    def chunks(self, timeline: Timeline, slack_ns: int = SLACK_NS) -> Iterator[Chunk]:
        """Chunks of the timeline that may have selected records."""
        return timeline.chunks(self.begin_ns - slack_ns, self.end_ns + slack_ns, self.cookies)

    def of(self, chunk: Chunk, cookies: Keys) -> Chunk:
        """Select from a chunk; `cookies` is each event's flow."""
        matching = Matching(self.ends)
        events = self._within(chunk.events) & matching.events(chunk.events)
        samples = self._within(chunk.samples) & matching.samples(chunk.samples)
        if self.cookies is not None:
            events &= np.isin(cookies, self.cookies)
            samples &= np.isin(chunk.samples["sock_cookie"], self.cookies)
        told = pick(chunk.events, events)
        told["sock_cookie"] = cookies[events]
        whose = told["sock_cookie"] if self.cookies is None else self.cookies

        def mine(records: Records) -> Records:
            return pick(records, self._within(records) & np.isin(records["sock_cookie"], whose))

        return replace(
            chunk,
            events=told,
            samples=pick(chunk.samples, samples),
            insides=chunk.insides.each(mine) if chunk.insides else NO_INSIDES,
        )

    def pieces(self, chunk: Chunk) -> Iterator[Batch]:
        """Split a chunk as `chunks.pieces` does, up to the selection's end or its own."""
        parts = chunk.events, chunk.samples, *chunk.insides
        newest = [int(part["ts_ns"].max()) for part in parts if len(part)]
        return pieces(chunk, min(self.end_ns, max([chunk.end_ns, *newest])))

    def _within(self, records: Records) -> Mask:
        when = records["ts_ns"]
        return (when >= np.uint64(max(0, self.begin_ns))) & (when <= np.uint64(self.end_ns))


def flow(text: str, lives: Records) -> Keys:
    """Flows meant by `--flow`: a cookie, or LOCAL-REMOTE.

    `lives` are those of the recording (`attribution.LIFE`).

    Raises:
        UsageError: it is neither.
        TcctuiError: there is no such flow.

    """
    assert lives.dtype == LIFE
    text = text.strip()
    if text.isdecimal() and int(text) < 1 << 64:
        found = lives["cookie"] == np.uint64(int(text))
    elif match := _BOTH_ENDS.fullmatch(text):
        found = np.ones(len(lives), bool)
        for end, address, port in (("a", "saddr", "sport"), ("b", "daddr", "dport")):
            found &= lives[port] == int(match[f"{end}port"])
            found &= _has_address(lives[address], match[f"{end}6"] or match[f"{end}4"], text)
    else:
        raise _no_flow(text)
    if not found.any():
        raise TcctuiError(
            f"The recording has no flow {text}.",
            "tcctui export FILE flows.csv --table flows lists all of them, with their cookies.",
        )
    return np.unique(lives["cookie"][found])


def ends(cookie: int, lives: Records) -> tuple[str, str]:
    """Text of a flow's local and remote end."""
    life = lives[lives["cookie"] == np.uint64(cookie)][-1:]
    local, remote = (
        endpoints(life[address][:, 0], life[address][:, 1], life[port])[0]
        for address, port in (("saddr", "sport"), ("daddr", "dport"))
    )
    return local, remote


def _has_address(halves: U64, address: str, text: str) -> Mask:
    """Mask of the ends with an address, and on its link; shape of `halves` (n, 2)."""
    try:
        prefix, zone = parse_on_link(address)
    except ValueError:
        raise _no_flow(text) from None
    high, low, mask_high, _ = map(np.uint64, prefix.halves)
    found = (halves[:, 0] & mask_high == high) & (halves[:, 1] == low)
    if zone:
        links = halves[:, 0] & np.uint64(ZONE)
        found &= among(links.astype("u8"), np.array(zone_indexes(zone), "u8"))
    return np.asarray(found)


def _no_flow(text: str) -> UsageError:
    return UsageError(
        f"--flow {text[:80]!r} is neither a cookie nor LOCAL-REMOTE.",
        "Give a cookie, or both ends, such as 10.0.0.7:443-192.0.2.9:51514 or"
        " [2001:db8::7]:443-[2001:db8::9]:51514.",
    )
