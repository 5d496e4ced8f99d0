"""Algorithms' own state, held against models fed with the same ACKs, and the kernel's own word."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import ExitStack, closing

import numpy as np
import pytest

from tcctui.arrays import Records
from tcctui.flows.algorithms.bbr import bbr
from tcctui.flows.algorithms.cubic import cubic
from tcctui.flows.algorithms.members import Known, jiffies
from tcctui.flows.diagnosis.bbr import phase
from tcctui.flows.store import Store
from tcctui.sources.kernel import struct_ops
from tcctui.sources.kernel.private_layouts import of_algorithms
from tcctui.sources.kernel.type_flags import probe_flags
from tcctui.sources.kernel.type_information import VMLINUX, of_this_kernel
from tcctui.wire.batch import Batch
from tcctui.wire.events import CaState, EventKind, Events
from tcctui.wire.inside import Asked
from tcctui.wire.private_layout import kept
from tcctui.wire.records import joined
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.test_inside import Watch, transfer, watch
from tests.kernel.toy_algorithm import SEED, toy_algorithm
from tests.kernel.traffic import connect, cookie

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not probe_flags(of_this_kernel()), reason="this kernel has no BTF"),
]

TCP_CC_INFO = 26  # include/uapi/linux/tcp.h


def watched(
    watching: Watch, congestion: str, network: Network, size: int, recoveries: int = 0
) -> tuple[Events, Known]:
    """Events of a transfer, of all kinds, and the algorithm's state at each ACK.

    It goes on until there were so many recoveries: losses come by chance.
    """
    one = connect(network, "ipv4", congestion=congestion)
    with closing(one):
        key = cookie(one.client)
        watching.source.focus([key])
        assert watching.source.look_inside(Asked.ALGORITHM)
        port = one.client.getsockname()[1]

        def enough() -> bool:
            transfer(one, [watching], size)
            events = joined(watching._events)
            entered = events["newstate"][events["kind"] == EventKind.CA_STATE]
            return int((entered == CaState.RECOVERY).sum()) >= recoveries

        until("there are recoveries", enough)
        probes, told = watching.drained(key)
    assert probes["ts_ns"].tolist() == told.algorithms["ts_ns"].tolist()
    events = joined(watching._events)
    return events[events["sport"] == port], known(told.algorithms)


def known(records: Records) -> Known:
    """Records with the layout that their key stands for."""
    layout = kept(int(records["key"][0]))
    assert layout is not None
    return Known(layout, records, np.full(len(records), 1448.0))


class ModelOfCubic:
    """W_max and K by RFC 9438 and the kernel's fast convergence, of cwnd at each ACK alone."""

    def __init__(self) -> None:
        self.w_max = 0

    def reduce(self, cwnd: int) -> int:
        """Reduce from a window; gives the new ssthresh (recalc_ssthresh, net/ipv4/tcp_cubic.c)."""
        self.w_max = cwnd * (1024 + 717) // 2048 if cwnd < self.w_max else cwnd
        return max(cwnd * 717 // 1024, 2)

    def k(self, cwnd: int) -> float:
        """K of an epoch that begins with a window, in seconds."""
        return float((max(self.w_max - cwnd, 0) / 0.4) ** (1 / 3))


def test_cubic_is_where_a_model_has_it() -> None:
    """With losses, W_max and K are those of a model fed with the same ACKs, and so is the curve.

    The model has W_max from cwnd before each reduction, and K from cwnd where an epoch begins. The
    kernel's own step (`cnt`) is that of the curve, or of W_est in the reno region.
    """
    with watch(0) as every, Network(rate="40mbit", queue="400kb", loss=0.004) as network:
        events, state = watched(every, "cubic", network, 4_000_000, recoveries=6)
    acks = events[events["kind"] == EventKind.PROBE]
    timeouts = events["ts_ns"][
        (events["kind"] == EventKind.CA_STATE) & (events["newstate"] == CaState.LOSS)
    ]
    w_max, k, begun = (
        state.raw(name).tolist() for name in ("last_max_cwnd", "bic_K", "epoch_start")
    )
    cwnd, ssthresh, moments = (acks[name].tolist() for name in ("snd_cwnd", "ssthresh", "ts_ns"))
    model, reductions, epochs = ModelOfCubic(), 0, 0
    for at in range(1, len(acks)):
        before = at - 1
        lost = ssthresh[at] != ssthresh[before] and begun[at] == 0 and w_max[at] != 0
        if ((timeouts > moments[before]) & (timeouts <= moments[at])).any():
            model.w_max = w_max[at]  # bictcp_reset: it begins anew
        elif lost:
            assert model.reduce(cwnd[before]) == ssthresh[at]
            reductions += 1
        assert w_max[at] == model.w_max, at
        if begun[at] and not begun[before]:
            epochs += 1
            expected = [model.k(cwnd[one]) for one in (before, at)]
            assert any(abs(k[at] / 1024 - one) <= 0.004 + 0.01 * one for one in expected)
    assert reductions > 1 < epochs

    curve = cubic(state)
    assert curve is not None
    # As of the last update, which `cnt` is of.
    updated = state.value("last_time") / 1e6
    target, window = np.nan_to_num(curve.at(-updated)), curve.cwnd
    steps = np.where(target > window, window // np.maximum(target - window, 1), 100 * window)
    steps = np.where((state.raw("last_max_cwnd") == 0) & (steps > 20), 20, steps)
    above = curve.w_est - window
    steps = np.where(above > 0, np.minimum(steps, window // np.maximum(above, 1)), steps)
    on = state.raw("epoch_start") > 0
    same = np.maximum(steps, 2)[on] == state.value("cnt")[on]
    assert np.count_nonzero(on) > 100
    assert np.mean(same) > 0.9


def bbr_info(end: socket.socket) -> tuple[int, ...]:
    """Bandwidth, minimum RTT and both gains of a `struct tcp_bbr_info`: sock_diag's BBRINFO."""
    low, high, *rest = struct.unpack_from("=5I", end.getsockopt(socket.SOL_TCP, TCP_CC_INFO, 64))
    return (high << 32 | low, *rest)


def shown_phase(every: Watch, key: int) -> int:
    """Phase of a flow as the table has it, by all that was read; it is the kernel's mode."""
    store = Store()
    events, insides = every.drained(key)
    store.take(Batch(events, [], int(events["ts_ns"][-1]), insides))
    flows = store.flows(["bbr_phase", "bbr_mode"])
    assert flows["bbr_phase"].tolist() == flows["bbr_mode"].tolist()
    return int(flows["bbr_phase"][0])


def test_bbr_is_as_sock_diag_tells_it() -> None:
    """At rest, gains, bandwidth and minimum RTT are those of BBRINFO, and the mode fits the gains.

    It goes through several modes on the way.
    """
    modes: set[int] = set()
    with watch(0) as every, Network(rate="40mbit", queue="400kb") as network:
        one = connect(network, "ipv4", congestion="bbr")
        with closing(one):
            key = cookie(one.client)
            every.source.focus([key])
            every.source.look_inside(Asked.ALGORITHM)
            for size in (500_000, 6_000_000, 500_000):
                transfer(one, [every], size)
                told = bbr_info(one.client)
                seen = len(every.drained(key)[1].algorithms)
                transfer(one, [every], 5)
                state = known(every.drained(key)[1].algorithms[seen:])
                found = bbr(state)
                assert found is not None
                assert (
                    tuple(
                        int(part[0]) for part in (found.min_rtt, found.pacing_gain, found.cwnd_gain)
                    )
                    == told[1:]
                )
                assert found.bandwidth[0] == pytest.approx(told[0], rel=0.001)
                by_gains = phase(*(np.array([gain], "f8") for gain in told[2:4]))
                assert found.phase[0] == by_gains[0]
                assert shown_phase(every, key) == found.phase[-1]
                assert found.min_rtt_age[0] >= 0
            every_one = bbr(known(every.drained(key)[1].algorithms))
            assert every_one is not None
            inferred = phase(every_one.pacing_gain, every_one.cwnd_gain)
            modes = set(every_one.phase.tolist())
    # A mode changes before its gains do, on the same ACK: they are of one moment here.
    assert np.mean(inferred == every_one.phase) > 0.95
    assert len(modes) > 1
    assert 0 not in modes


def test_layouts_are_those_of_bpftool() -> None:
    """Members, their places and their sizes are as bpftool reads the same types."""
    dump = json.loads(run("bpftool", "--json", "btf", "dump", "file", str(VMLINUX)))
    structs = {"cubic": "bictcp", "bbr": "bbr"}
    layouts = of_algorithms(structs, {})
    for algorithm, name in structs.items():
        theirs = {
            member["name"]: member
            for one in dump["types"]
            if one["kind"] == "STRUCT" and one["name"] == name
            for member in one["members"]
        }
        layout = layouts[algorithm]
        assert layout.struct == name
        mine = [one for one in layout.members if not set(one.name) & set(".[")]
        assert len(mine) > 10
        for member in mine:
            assert member.offset == theirs[member.name]["bits_offset"], member
            assert theirs[member.name].get("bitfield_size", 0) in {0, member.bits}, member


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_an_algorithm_of_a_program(monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """An algorithm that is a BPF program has its state by the types of that program.

    They are read before rights are given up; of one that comes later, by who has kept them.
    """
    name, state_name = ("bpf_toy", "counts") if before else ("toy", "toy_ca")
    with ExitStack() as stack:
        if before:
            stack.enter_context(toy_algorithm(name, state_name))
        every = stack.enter_context(watch(0))
        if before:
            monkeypatch.setattr(struct_ops, "layouts", lambda: pytest.fail("asked too late"))
        else:
            stack.enter_context(toy_algorithm(name, state_name))
        network = stack.enter_context(Network())
        _, state = watched(every, name, network, 300_000)
    assert (state.layout.algorithm, state.layout.struct) == (name, state_name)
    found = {one.name: state.raw(one.name) for one in state.layout.members}
    assert list(found) == ["calls", "acked", "seed", "below", "low", "high"]
    last = {member: int(values[-1]) for member, values in found.items()}
    assert last | {"calls": 0, "acked": 0} == {
        **{"calls": 0, "acked": 0, "seed": SEED, "below": -2, "low": 5, "high": 9}
    }
    assert last["acked"] > last["calls"] > len(state.records) // 2
    assert (np.diff(found["calls"].astype("i8")) <= 1).all()
    # The records' own clock: jiffies are those of their time.
    passed = np.diff(jiffies(state.records)) / state.layout.hz
    assert passed.sum() == pytest.approx(
        np.ptp(state.records["ts_ns"].astype("i8")) / 1e9, abs=2 / state.layout.hz
    )
