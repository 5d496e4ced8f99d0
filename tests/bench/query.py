"""What a query takes over many flows, and what making the columns for it takes beside."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import Query, parse
from tcctui.wire.samples import Samples
from tests.bench.report import Section, Target, ratio
from tests.unit.samples import samples

SIZES = (10_000, 100_000)
WANTED_MS = {10_000: 5.0, 100_000: 40.0}
ROUNDS = 5

_WORDS = [f"{a}.{b}" for a in (7, 13, 21, 44, 89) for b in (3, 17, 101, 202, 255)]

QUERIES: dict[str, str] = {
    "a number": "srtt>80ms",
    "the issue's first": "port:443 and (srtt>80ms or retrans>0) and cc:bbr",
    "prefixes": "dst:10.0.0.0/8|192.168.0.0/16 or ip:172.16.0.0/12 or family:ipv6",
    "names": "not proc:nginx or cgroup:docker or cc:bbr|cubic",
    "a word": "77.1",
    "4 words": "7.1 or 8.2 or 9.3 or 4.4",
    "25 words": " or ".join(_WORDS),
    "25 words, all": " ".join(_WORDS),
    "calculation": "inflight>0.8*cwnd*mss or rate > cwnd*mss/(srtt+20ms) or srtt>2*min_rtt",
    "40 ors": " or ".join(f"srtt:{n}ms or port:{n}" for n in range(20)),
    "a pattern": "~:44[0-9] and srtt>80ms",
    "a slow pattern": "~(?=[0-9])[0-9]+\\.7:",
    "the same, regular": "~[0-9]+\\.7:",
    "all sorts": "(~:44[0-9] or 77.1 or 8.2) and (inflight>0.8*cwnd*mss or not cc:bbr) -proc:nginx",
}


class _Took(NamedTuple):
    """Milliseconds: of the first mask, of one of a later snapshot, of the columns of that."""

    first: float
    later: float
    columns: float


def many(count: int) -> Samples:
    """Make a sample of each of so many connections of a server, no two of the same client."""
    some = np.random.default_rng(6)
    made = samples(
        1,
        np.arange(1, count + 1),
        rtt=some.integers(1_000, 200_000, count),
        min_rtt=some.integers(500, 100_000, count),
        snd_cwnd=some.integers(2, 500, count),
        total_retrans=some.integers(0, 3, count),
        wqueue=some.integers(0, 1 << 20, count),
        delivery_rate=some.integers(1, 1 << 28, count),
        cc=some.choice(np.array([b"bbr", b"cubic", b"reno"]), count),
        comm=some.choice(np.array([b"nginx", b"haproxy", b"postgres", b"sshd"]), count),
        cgroup=some.choice(np.array([b"nginx.service", b"docker 3f2a"]), count),
    )
    mapped = np.uint64(0xFFFF << 32)
    made["saddr"][:, 1] = mapped | (0x0A000300 + some.integers(0, 4, count)).astype("u8")
    made["daddr"][:, 1] = mapped | some.integers(1 << 24, 0xDF000000, count).astype("u8")
    made["sport"] = some.choice([443, 80, 8443, 22], count)
    made["dport"] = some.integers(1024, 65536, count)
    return made


def _spent(work: Callable[[], object]) -> float:
    """Milliseconds of the processor: others have a part in it on a busy machine."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1e3


def _took(store: Store, text: str, rounds: int) -> _Took:
    def mask(query: Query, flows: Flows) -> float:
        return _spent(lambda: query.mask(flows))

    fields = parse(text).fields
    columns = [_spent(lambda: store.flows(fields)) for _ in range(rounds)]
    flows = store.flows(fields)
    parse(text).mask(flows)

    def anew() -> Flows:
        """Copy the columns: of those that the store gives again, what was found is known."""
        return Flows(flows.now_ns, {name: column.copy() for name, column in flows.items()})

    first = [mask(parse(text), anew()) for _ in range(rounds)]
    query = parse(text)
    query.mask(flows)
    later = [mask(query, store.flows(fields)) for _ in range(rounds)]
    return _Took(*map(statistics.median, (first, later, columns)))


def measure(sizes: tuple[int, int] = SIZES, rounds: int = ROUNDS) -> Section:
    """Ask all queries of both numbers of flows."""
    took: dict[tuple[str, int], _Took] = {}
    for count in sizes:
        store = Store(0)
        store.ingest_samples(many(count), 2)
        store.flows(["text"])  # made for the first search, and then kept
        took |= {(name, count): _took(store, text, rounds) for name, text in QUERIES.items()}
    few, lots = sizes
    plain = took["a number", lots].first
    rows = [
        (
            ratio(took[name, lots].first / plain),
            name,
            *(
                f"{value:.1f} ms"
                for count in sizes
                for value in (took[name, count].first, took[name, count].later)
            ),
            f"{took[name, lots].columns:.1f} ms",
        )
        for name in QUERIES
    ]
    targets = []
    for count in [size for size in sizes if size in WANTED_MS]:
        for title, chosen in (("any but the slow pattern", False), ("the slow pattern", True)):
            worst = max(took[name, count].first for name in QUERIES if ("slow" in name) == chosen)
            targets.append(Target(f"{count:,} flows, {title}", worst, WANTED_MS[count], " ms"))
        later = max(took[name, count].later for name in QUERIES)
        targets.append(Target(f"{count:,} flows, any query again", later, WANTED_MS[count], " ms"))
    return Section(
        "A query over many flows",
        ("ratio", "query", f"{few:,}", "again", f"{lots:,}", "again", "columns"),
        rows,
        targets,
        [
            f"Medians of {rounds}, in time of the processor. What `Query.mask` takes: the first"
            " time that a query is asked,"
            " and again of the next snapshot, as the dashboard does with each frame: of lines that"
            " have not changed, what was found is known. *Columns* is"
            f" what making them takes beside (`Store.flows`, {lots:,} flows). All"
            " connections have IPv4 addresses; lines with IPv6 ones are twice as long.",
            *(f"- {name}: `{text}`" for name, text in QUERIES.items() if len(text) < 100),
        ],
    )
