"""Processes of sockets that events tell: of short connections no scan of /proc finds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcctui.flows.store import Store
from tcctui.wire.events import OWNED, Events, TcpState
from tcctui.wire.samples import End
from tests.unit.events import LOCAL, MS, NOTHING, SECOND, destroy, probes, state, together
from tests.unit.samples import destroyed, look, samples

NAMES = ("comm", "pid", "uid")


def by(event: Events, pid: int, comm: bytes = b"curl", cgroup: bytes = b"") -> Events:
    """Let a process have entered the state."""
    owner = event.view(OWNED)
    owner["cgroup"] = cgroup
    owner["pid"], owner["uid"], owner["comm"] = pid, 1000, comm
    return event


def owner(store: Store, cookie: int) -> tuple[bytes, float, float]:
    """Owner of a flow."""
    flows = store.some_flows(np.array([cookie], "u8"), NAMES)
    alone = store.flows(NAMES)  # many flows are read in another way
    place = int(np.flatnonzero(alone["cookie"] == cookie)[0])
    comm, pid, uid = (flows[name][0].item() for name in NAMES)
    np.testing.assert_equal([alone[name][place].item() for name in NAMES], [comm, pid, uid])
    return comm, pid, uid


def test_a_connection_shorter_than_any_scan() -> None:
    """Who connects is the owner from the first event on, and after the end."""
    store = Store()
    store.ingest(
        together(
            by(state(SECOND, 0xA, TcpState.SYN_SENT, local=(LOCAL[0], 0)), 77),
            probes(SECOND + MS, 1, skaddr=0xA),
            destroy(SECOND + 2 * MS, 1, 0xA),
        ),
        SECOND + 3 * MS,
    )
    assert owner(store, 1) == (b"curl", 77, 1000)
    look(store, destroyed(SECOND + 2 * MS, 1, bytes_acked=500))
    assert owner(store, 1) == (b"curl", 77, 1000)


def test_who_closes_what_was_accepted() -> None:
    """The server's end has its owner when that closes it; one that is known stays."""
    store = Store()
    store.ingest(probes(SECOND, [1, 2], skaddr=[0xA, 0xB]), SECOND)
    assert owner(store, 1)[0] == b""
    assert np.isnan(owner(store, 1)[1:]).all()
    look(store, samples(SECOND + MS, 2, comm=b"nginx", pid=5, uid=33, inode=9))
    store.ingest(
        together(
            by(state(2 * SECOND, 0xA, TcpState.FIN_WAIT1), 6, b"worker"),
            by(state(2 * SECOND, 0xB, TcpState.LAST_ACK), 6, b"worker"),
        ),
        2 * SECOND,
    )
    assert owner(store, 1) == (b"worker", 6, 1000)
    assert owner(store, 2) == (b"nginx", 5, 33)


def test_who_closes_what_was_reset() -> None:
    """A socket that its peer has reset enters no state at its close: its end names its process.

    One that is known stays; an end that nobody's close is names nobody.
    """
    store = Store()
    store.ingest(probes(SECOND, [1, 2, 3], skaddr=[0xA, 0xB, 0xC]), SECOND)
    look(store, samples(SECOND + MS, 2, comm=b"nginx", pid=5, uid=33, inode=9))
    store.ingest(
        together(
            by(destroy(2 * SECOND, 1, 0xA), 6, b"worker"),
            by(destroy(2 * SECOND, 2, 0xB), 6, b"worker"),
            destroy(2 * SECOND, 3, 0xC),
        ),
        2 * SECOND,
    )
    assert owner(store, 1) == (b"worker", 6, 1000)
    assert owner(store, 2) == (b"nginx", 5, 33)
    assert owner(store, 3)[0] == b""


def test_an_address_of_the_kernel_that_is_reused() -> None:
    """A socket at the address of a destroyed one does not get its owner, in one batch or later."""
    first = together(
        by(state(SECOND, 0xA, TcpState.SYN_SENT), 77),
        probes(SECOND + MS, 1, skaddr=0xA),
        destroy(SECOND + 2 * MS, 1, 0xA),
    )
    second = probes(SECOND + 3 * MS, 2, skaddr=0xA, remote=("192.0.2.8", 9))
    for batches in ([together(first, second)], [first, second]):
        store = Store()
        for batch in batches:
            store.ingest(batch, SECOND + 4 * MS)
        assert owner(store, 1)[1] == 77
        assert owner(store, 2)[0] == b""


def test_who_closes_a_socket_whose_address_is_reused_in_the_same_batch() -> None:
    """Two sockets of one address, one after the other, have each its own process."""
    store = Store()
    store.ingest(
        together(
            probes(SECOND, 1, skaddr=0xA),
            by(state(SECOND + MS, 0xA, TcpState.FIN_WAIT1), 5, b"one"),
            destroy(SECOND + 2 * MS, 1, 0xA),
            probes(SECOND + 3 * MS, 2, skaddr=0xA, remote=("192.0.2.8", 9)),
            by(state(SECOND + 4 * MS, 0xA, TcpState.LAST_ACK), 6, b"two"),
        ),
        2 * SECOND,
    )
    assert owner(store, 1)[0] == b"one"
    assert owner(store, 2)[0] == b"two"


def test_the_end_of_a_socket_that_was_only_sampled() -> None:
    """Where no ACK came, the end tells which socket it was that a process had closed."""
    store = Store()
    store.ingest(by(state(SECOND, 0xA, TcpState.FIN_WAIT1), 6, b"worker"), SECOND)
    look(store, samples(SECOND + MS, 1, state=TcpState.FIN_WAIT1))
    assert owner(store, 1)[0] == b""
    store.ingest(destroy(2 * SECOND, 1, 0xA), 2 * SECOND)
    assert owner(store, 1)[0] == b"worker"


def test_the_last_known_owner_stays() -> None:
    """Once its process has closed it, and when it is destroyed, a socket has its last owner."""
    store = Store()
    known = samples(SECOND, 1, comm=b"nginx", pid=5, uid=33, inode=9, cgroup=b"nginx.service")
    look(store, known)
    look(store, samples(2 * SECOND, 1, state=TcpState.FIN_WAIT1, uid=0))
    assert owner(store, 1) == (b"nginx", 5, 33)
    look(store, destroyed(3 * SECOND, 1))
    store.ingest(NOTHING, 4 * SECOND)
    flows = store.flows(("cgroup", "closed_ns"))
    assert owner(store, 1) == (b"nginx", 5, 33)
    assert (flows["cgroup"][0], flows["closed_ns"][0]) == (b"nginx.service", 3 * SECOND)
    assert destroyed(1)["end"] == End.DESTROYED


def test_owners_go_on_from_a_keyframe() -> None:
    """A replay that starts between connect() and the first ACK knows the process, too."""
    store, restored, older = Store(), Store(), Store()
    connects = by(state(SECOND, 0xA, TcpState.SYN_SENT), 77, cgroup=b"cron.service")
    store.ingest(connects, SECOND)
    restored.restore(store.keyframe())
    restored.ingest(probes(SECOND + MS, 1, skaddr=0xA), SECOND + MS)
    assert owner(restored, 1) == (b"curl", 77, 1000)
    assert restored.flows(("cgroup",))["cgroup"].tolist() == [b"cron.service"]
    keyframe = store.keyframe()
    arrays = {name: array for name, array in keyframe.arrays.items() if name != "owners.cgroup"}
    older.restore(replace(keyframe, arrays=arrays))  # of a recording of before
    older.ingest(probes(SECOND + MS, 1, skaddr=0xA), SECOND + MS)
    assert owner(older, 1) == (b"curl", 77, 1000)
