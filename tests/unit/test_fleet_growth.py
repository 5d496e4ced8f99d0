"""Windows of the agent: growth of counters, ends, groups and rows of single connections."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from tcctui.fleet.agent import rows
from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.agent.maps import Maps
from tcctui.fleet.tables.every_table import END, FLOW, GROUP, HOST, MARK
from tcctui.fleet.tables.table import Table
from tcctui.wire.batch import Batch
from tcctui.wire.events import CaState, EventKind, Events, TcpState
from tcctui.wire.samples import Samples
from tests.unit.events import LOCAL, NOTHING, REMOTE, SECOND, destroy, probes, state, together
from tests.unit.samples import destroyed, samples

TOLD = Telling(0, 0, Counter(), 0, None)
WINDOW_NS = 10 * SECOND
BEGIN_NS = 1000 * SECOND


class Host:
    """An agent's store, fed by hand, whose windows end when a test says so."""

    def __init__(self, *, lifecycle: bool = True, **most: int) -> None:
        self.collecting = Collecting(Most(**most), lifecycle=lifecycle)
        self.now_ns = BEGIN_NS

    def see(self, *seen: Events | Samples, at_ns: int = 0) -> None:
        """Take in one batch of events and samples."""
        events = [one for one in seen if "acks" in (one.dtype.names or ())]
        looks = [one for one in seen if "acks" not in (one.dtype.names or ())]
        newest = max(int(one["ts_ns"].max()) for one in seen)
        self.now_ns = max(self.now_ns, newest, at_ns)
        of_all = together(*events) if events else NOTHING
        self.collecting.store.take(Batch(of_all, looks, self.now_ns))

    def window(self) -> dict[str, list[dict[str, Any]]]:
        """End a window; gives its rows by table."""
        self.now_ns += 2 * SECOND
        self.collecting.store.take(Batch(NOTHING, [], self.now_ns))
        tables = self.collecting.window(self.now_ns // SECOND, 0, (), lambda: TOLD)
        return {table.name: as_rows(table, columns) for table, columns in tables}


def as_rows(table: Table, columns: rows.Columns) -> list[dict[str, Any]]:
    """Rows as dictionaries of Python values, by the columns of the table."""
    assert {column.name for column in table.columns} == columns.keys()
    return [
        {name: one(column, at) for name, column in columns.items()}
        for at in range(rows.count(columns))
    ]


def one(column: rows.Column, at: int) -> Any:
    """Value of a row."""
    if isinstance(column, Maps):
        here = slice(column.offsets[at], column.offsets[at + 1])
        return dict(zip(list(column.keys[here]), column.values[here].tolist(), strict=True))
    value = column[at]
    return value.item() if isinstance(value, np.generic) else value


def total(told: list[dict[str, Any]], name: str) -> float:
    """Sum of a column, each row times its weight where it has one."""
    return sum(row[name] * row.get("weight", 1) for row in told)


def test_growth_is_what_came_between_two_windows() -> None:
    """A connection from before the agent counts from when it was seen, and then what came on."""
    host = Host()
    host.see(samples(BEGIN_NS, 7, bytes_acked=5_000_000, data_segs_out=4000, total_retrans=9))
    first = host.window()[GROUP.name]
    assert [row["bytes_acked_growth"] for row in first] == [0]
    assert [row["opened"] for row in first] == [0]
    host.see(samples(host.now_ns, 7, bytes_acked=5_300_000, data_segs_out=4200, total_retrans=12))
    second = host.window()[GROUP.name]
    grew = [(row["bytes_acked_growth"], row["data_segs_out_growth"]) for row in second]
    assert grew == [(300_000, 200)]
    assert [row["total_retrans_growth"] for row in second] == [3]
    assert [row["flows"] for row in host.window()[GROUP.name]] == [1]
    assert total(host.window()[GROUP.name], "bytes_acked_growth") == 0


def test_a_new_connection_counts_from_its_open() -> None:
    """All that a connection sent, which opened while the agent ran, is growth of its window."""
    host = Host()
    host.window()
    began = host.now_ns
    host.see(
        state(began, 0xA000, TcpState.ESTABLISHED),
        probes(began + SECOND, 8, skaddr=0xA000, snd_una=50_001, snd_nxt=60_001),
        samples(began + 2 * SECOND, 8, bytes_acked=50_000, data_segs_out=40),
    )
    (row,) = host.window()[GROUP.name]
    assert (row["opened"], row["flows"], row["closed"]) == (1, 1, 0)
    assert (row["bytes_acked_growth"], row["data_segs_out_growth"]) == (50_000, 40)


def test_a_life_within_one_window_is_counted() -> None:
    """A connection that opens and ends between two windows counts once, with its last values."""
    host = Host()
    host.window()
    began = host.now_ns
    host.see(
        state(began, 0xA000, TcpState.ESTABLISHED),
        probes(began + 1000, 8, skaddr=0xA000),
        destroy(began + SECOND, 8, 0xA000),
        destroyed(began + SECOND + 1000, 8, bytes_acked=777, data_segs_out=3),
    )
    told = host.window()
    (row,) = told[GROUP.name]
    assert (row["opened"], row["flows"], row["closed"]) == (1, 0, 1)
    assert row["bytes_acked_growth"] == 777
    (end,) = told[END.name]
    assert (end["cookie"], end["bytes_acked"], end["reset"], end["weight"]) == (8, 777, False, 1)
    assert told[HOST.name][0]["ends"] == 1
    again = host.window()
    assert total(again[GROUP.name], "closed") == 0
    assert again[END.name] == []


def test_a_life_without_any_ack_in_established_is_counted() -> None:
    """Of a connection that only its end is seen of, that is enough; a refused attempt is none."""
    host = Host()
    host.window()
    began = host.now_ns
    host.see(
        state(began, 0xA000, TcpState.ESTABLISHED),
        destroyed(began + SECOND, 8, bytes_acked=2),
        destroyed(began + SECOND, 9, remote=("192.0.2.8", 1), bytes_acked=0),
    )
    told = host.window()
    assert [(row["opened"], row["closed"]) for row in told[GROUP.name]] == [(1, 1)]
    assert [row["cookie"] for row in told[END.name]] == [8]


def test_many_short_connections_are_all_counted() -> None:
    """More ends than the store keeps of closed flows: each is counted, whenever it leaves."""
    count = 40_000
    host = Host()
    host.window()
    began = host.now_ns
    for part in np.array_split(np.arange(1, count + 1), 8):
        began += SECOND
        looks = samples(began, part, bytes_acked=part * 3, data_segs_out=2)
        looks["dport"] = 1024 + part % 60_000
        ends = destroyed(began + 1000, part, bytes_acked=part * 10, data_segs_out=4)
        ends["dport"] = looks["dport"]
        opened = together(*[state(began - 1000, 0xA000, TcpState.ESTABLISHED)])
        host.see(opened, looks)
        host.see(ends)
    told = host.window()
    assert total(told[GROUP.name], "closed") == count
    assert total(told[GROUP.name], "bytes_acked_growth") <= count * (count + 1) / 2 * 10
    assert told[HOST.name][0]["ends"] == count
    assert len(told[END.name]) == 200
    assert told[HOST.name][0]["ends_truncated"] == count - 200
    assert 0.5 * count < sum(row["weight"] for row in told[END.name]) < 2 * count


def test_all_groups_together_are_all_connections() -> None:
    """What is beyond --groups is one row more, and the sum over all rows stays what it was."""
    host = Host(groups=3)
    cookies = np.arange(1, 101)
    looks = samples(BEGIN_NS, cookies, bytes_acked=0)
    looks["daddr"][:, 1] += cookies.astype("u8") << np.uint64(8)  # a net of each
    host.see(looks)
    host.window()
    looks = looks.copy()
    looks["ts_ns"], looks["bytes_acked"] = host.now_ns, cookies * 1000
    looks["rtt"] = 1000 * cookies
    host.see(looks)
    told = host.window()[GROUP.name]
    assert len(told) == 4
    assert [row["bytes_acked_growth"] for row in told[:3]] == [100_000, 99_000, 98_000]
    assert [row["other"] for row in told] == [False, False, False, True]
    assert total(told, "bytes_acked_growth") == cookies.sum() * 1000
    assert total(told, "flows") == 100
    assert told[3]["prefix"] == bytes(16)
    assert sum(sum(row["srtt_histogram"].values()) for row in told) == 100


def test_the_service_is_the_end_that_listens() -> None:
    """A local port with a listener is the service; without one, the remote port is."""
    host = Host()
    listener = samples(BEGIN_NS, 1, local=("0.0.0.0", 443), remote=("0.0.0.0", 0))
    listener["state"] = TcpState.LISTEN
    host.see(
        listener,
        samples(BEGIN_NS, 2, local=("10.0.0.1", 443), remote=("192.0.2.7", 50_000)),
        samples(BEGIN_NS, 3, local=("10.0.0.1", 40_000), remote=("192.0.2.7", 5432)),
    )
    told = host.window()
    services = {(row["service_port"], row["incoming"]) for row in told[GROUP.name]}
    assert services == {(443, True), (5432, False)}
    of_flows = {row["cookie"]: (row["service_port"], row["incoming"]) for row in told[FLOW.name]}
    assert of_flows == {2: (443, True), 3: (5432, False)}, "a listener is no connection"


def test_a_listener_that_is_gone_had_many_peers() -> None:
    """A port that many connections share is a service, even while nothing listens on it."""
    host = Host()
    looks = samples(BEGIN_NS, np.arange(1, 6), local=("10.0.0.1", 8080))
    looks["dport"] = 40_000 + np.arange(5)
    host.see(looks)
    assert {row["service_port"] for row in host.window()[GROUP.name]} == {8080}


def test_time_by_limit_is_that_of_the_window() -> None:
    """Milliseconds of each verdict sum to the time between samples, window by window."""
    host = Host()
    seconds = 8
    for step in range(2 * seconds + 1):
        now = BEGIN_NS + step * SECOND // 2
        busy = step * 500_000
        host.see(
            samples(now, 5, busy_time=busy, rwnd_limited=busy // 2, bytes_acked=step, wqueue=1)
        )
    told = host.window()
    (row,) = told[GROUP.name]
    assert 0.45 * seconds < row["limit_ms"]["rwnd"] / 1000 < 0.55 * seconds
    assert abs(sum(row["limit_ms"].values()) - seconds * 1000) < 10
    assert told[FLOW.name][0]["limit_ms"] == row["limit_ms"]
    assert host.window()[GROUP.name][0]["limit_ms"] == {}


def test_extremes_are_those_of_the_window() -> None:
    """Lowest and highest cwnd and srtt are over all ACKs of the window, and begin anew with it."""
    host = Host()
    when = BEGIN_NS + np.arange(4) * SECOND
    host.see(probes(when, 5, snd_cwnd=[10, 80, 20, 30], srtt=[5000, 90_000, 0, 7000]))
    (row,) = host.window()[FLOW.name]
    assert (row["snd_cwnd_min"], row["snd_cwnd_max"], row["snd_cwnd"]) == (10, 80, 30)
    assert (row["srtt_us_min"], row["srtt_us_max"]) == (5000, 90_000)
    (row,) = host.window()[FLOW.name]
    assert (row["snd_cwnd_min"], row["snd_cwnd_max"]) == (30, 30)


def test_marks_are_told_with_their_connection() -> None:
    """A timeout and a reset have rows and are counted; the end says that it was a reset."""
    host = Host()
    host.see(probes(BEGIN_NS, 5, skaddr=0xA000))
    host.window()
    now = host.now_ns
    loss = probes(now + SECOND, 0, skaddr=0xA000, newstate=CaState.LOSS)
    loss["kind"] = EventKind.CA_STATE
    reset = probes(now + 2 * SECOND, 5, skaddr=0xA000)
    reset["kind"] = EventKind.RECEIVE_RESET
    host.see(loss, reset, destroy(now + 2 * SECOND + 1000, 5, 0xA000))
    told = host.window()
    marks = [(row["kind"], row["cookie"], row["count"]) for row in told[MARK.name]]
    assert marks == [("rto", 5, 1), ("reset", 5, 1)]
    assert (total(told[GROUP.name], "timeouts"), total(told[GROUP.name], "reset")) == (1, 1)
    assert [row["reset"] for row in told[END.name]] == [True]


def test_without_bpf_a_new_socket_was_opened_meanwhile() -> None:
    """Where nothing tells of openings, what is new in a namespace read before has begun."""
    host = Host(lifecycle=False)
    host.see(samples(BEGIN_NS, 1, netns=4026531840, bytes_acked=1_000_000))
    host.window()
    host.see(
        samples(host.now_ns, 2, netns=4026531840, bytes_acked=500, remote=("192.0.2.9", 2)),
        samples(host.now_ns, 3, netns=4026532999, bytes_acked=9_000, remote=("192.0.2.9", 3)),
    )
    told = host.window()[GROUP.name]
    assert total(told, "opened") == 1
    assert total(told, "bytes_acked_growth") == 500


def test_addresses_and_words_are_as_the_tables_have_them() -> None:
    """Addresses are 16 bytes, the net is the /24, codes are words in lower case."""
    host = Host()
    host.see(samples(BEGIN_NS, 5, cc=b"bbr", comm=b"nginx", has_skmem=1, rcvbuf=77))
    told = host.window()
    (group,), (flow,) = told[GROUP.name], told[FLOW.name]
    assert group["prefix"].hex() == "00000000000000000000ffffc0000200"
    assert flow["daddr"].hex() == "00000000000000000000ffffc0000207"
    assert (flow["state"], flow["ca_state"], flow["limit"]) == ("estab", "open", "")
    assert (flow["cc"], group["comm"]) == (b"bbr", b"nginx")
    assert (flow["sport"], flow["dport"], flow["rcvbuf"]) == (LOCAL[1], REMOTE[1], 77)
    assert np.isnan(flow["min_rtt_us"])
