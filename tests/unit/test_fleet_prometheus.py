"""Groups as OpenMetrics: what a scrape answers."""

from __future__ import annotations

from urllib.request import Request, urlopen

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tcctui.fleet.agent import prometheus
from tcctui.fleet.agent.maps import Maps
from tcctui.fleet.agent.prometheus import REMEMBERED, Exposed
from tcctui.fleet.agent.rows import Columns
from tcctui.fleet.tables.every_table import GROUP
from tcctui.fleet.tables.table import HISTOGRAM


def groups(*ports: int, bytes_acked: int = 100) -> Columns:
    """Rows of a window: a group for each port, all of one net."""
    count = len(ports)
    each = np.arange(count + 1)
    columns: Columns = {
        column.name: np.zeros(count)
        if column.type != HISTOGRAM
        else Maps(each, np.full(count, 250), np.full(count, 3))
        for column in GROUP.columns
    }
    prefix = bytes.fromhex("00000000000000000000ffffc0000200")
    names = {name: np.array([b"x"] * count, "S16") for name in ("comm", "cgroup", "netns_name")}
    return columns | names | {
        "prefix": [prefix] * count,
        "service_port": np.array(ports),
        "incoming": np.array([True] * count),
        "other": np.array([False] * count),
        "cc": np.array([b"bbr"] * count, "S16"),
        "flows": np.full(count, 3.0),
        "bytes_acked_growth": np.full(count, float(bytes_acked)),
        "limit_ms": Maps(each, ["queue"] * count, np.full(count, 1500)),
    }  # fmt: skip


def scraped(exposed: Exposed) -> dict[tuple[str, str, str], float]:
    """Samples by name, port and further label, as a parser reads them."""
    registry = CollectorRegistry()
    registry.register(exposed)
    found = {}
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            more = {"limit", "network_io_direction", "le"} & sample.labels.keys()
            key = (
                sample.name,
                sample.labels["server_port"],
                "".join(sample.labels[n] for n in more),
            )
            found[key] = sample.value
    return found


def test_counters_go_on_from_window_to_window() -> None:
    """Bytes and time by limit are sums so far, connections those of the newest window."""
    exposed = Exposed()
    exposed.take(groups(443, 80))
    exposed.take(groups(443, bytes_acked=50))
    found = scraped(exposed)
    assert found["tcp_io_bytes_total", "443", "transmit"] == 150
    assert found["tcp_io_bytes_total", "80", "transmit"] == 100
    assert found["tcp_limited_seconds_total", "443", "queue"] == 3
    assert found["tcp_connections", "443", ""] == 3
    assert found["tcp_connections", "80", ""] == 0
    assert found["tcp_srtt_seconds_gcount", "443", ""] == 3


def test_the_number_of_series_is_bounded() -> None:
    """However many groups come and go, some windows' worth of them is remembered."""
    exposed = Exposed()
    for window in range(30):
        exposed.take(groups(*range(window * 10 + 1, window * 10 + 11)))
    ports = {port for name, port, _ in scraped(exposed) if name == "tcp_connections"}
    assert ports == {str(port) for port in range(300 - 10 * REMEMBERED + 1, 301)}


def test_a_scrape_is_answered() -> None:
    """A request for OpenMetrics gets it, with every label and a unit where there is one."""
    exposed = prometheus.serve("127.0.0.1", 18_937)
    exposed.take(groups(443))
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    with urlopen(Request("http://127.0.0.1:18937/metrics", headers=wanted), timeout=30) as answer:
        text = answer.read().decode()
    assert text.endswith("# EOF\n")
    labels = (
        *('tcp_direction="incoming"', 'server_port="443"', 'network_peer_prefix="192.0.2.0/24"'),
        *('process_executable_name="x"', 'tcp_congestion_control="bbr"', 'netns="x"'),
    )
    (line,) = [line for line in text.splitlines() if line.startswith("tcp_connections{")]
    assert all(label in line for label in labels)
    assert line.endswith(" 3.0")
