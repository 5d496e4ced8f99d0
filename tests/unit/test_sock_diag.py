"""sock_diag's answers, built by hand as kernels of several ages make them, and as none does."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.errors import TcctuiError
from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.destroy_notices import STORM, DestroyNotices
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.netlink import (
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    Inbox,
)
from tcctui.sources.sock_diag.sampling import sockets_of
from tcctui.wire.addresses import format_address
from tcctui.wire.events import AF_INET, AF_INET6, TcpState
from tcctui.wire.samples import SAMPLE, TCP_INFO, CcInfo, End, Samples, value

V4 = bytes([10, 0, 0, 7]) + bytes(12), bytes([203, 0, 113, 9]) + bytes(12)
V6 = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7"),
    socket.inet_pton(socket.AF_INET6, "fe80::9"),
)
MAPPED = tuple(
    socket.inet_pton(socket.AF_INET6, text) for text in ("::ffff:10.0.0.7", "::ffff:1.2.3.4")
)
INFO = struct.pack("=80xI", 42) + bytes(range(84, 256)) + bytes(24)  # of 6.18: 280 bytes
SKMEM = struct.pack("=9I", *range(100, 109))
BBR = struct.pack("=5I", 7, 1, 12_000, 739, 512)
ALL = ((2, INFO), (4, b"bbr\0"), (7, SKMEM), (16, BBR))


def attributes(given: Iterable[tuple[int, bytes]]) -> bytes:
    """Lay out attributes as nla_put does."""
    return b"".join(
        struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
        for kind, data in given
    )


def message(
    cookie: int,
    given: Iterable[tuple[int, bytes]] = ALL,
    *,
    family: int = AF_INET,
    addresses: tuple[bytes, ...] = V4,
    state: int = TcpState.ESTABLISHED,
    timer: int = 0,
    sequence: int = 0,
    flags: int = 2,
    rest: bytes | None = None,
) -> bytes:
    """Build what the kernel tells of one socket; sequence 0 is made that of the request."""
    body = struct.pack("=BBBB", family, state, timer, 0)
    body += struct.pack(">HH", 443, 51_514) + addresses[0] + addresses[1]
    body += struct.pack("=IQ5I", 3, cookie, 0, 11, 22, 1000, 777)
    body += attributes(given) if rest is None else rest
    return struct.pack("=IHHII", 16 + len(body), 20, flags, sequence, 1) + body


def numbered(kind: int, number: int, *, sequence: int = 0, flags: int = 2) -> bytes:
    """Build an NLMSG_ERROR or NLMSG_DONE."""
    extra = bytes(16) if kind == NLMSG_ERROR else b""
    return struct.pack("=IHHIIi", 20 + len(extra), kind, flags, sequence, 1, -number) + extra


DONE = numbered(NLMSG_DONE, 0)

Answer = Callable[[int, int], list[Any]]
"""Gives datagrams, or errors to raise, for a request: its number and flags."""


class Kernel:
    """A netlink socket that answers as it is told; each request is kept in `requests`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.waiting: list[Any] = []
        self.requests: list[tuple[int, int]] = []
        self.options: list[tuple[int, int, Any]] = []
        self.closed = 0

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Keep what is set."""
        self.options.append((level, option, value))

    def getsockopt(self, _level: int, _option: int) -> int:
        """Give the size of the receive buffer."""
        return 0

    def bind(self, _address: tuple[int, int]) -> None:
        """Take an address."""

    def send(self, data: bytes) -> int:
        """Take requests, and answer them at once."""
        at = 0
        while at < len(data):
            length, kind, flags, sequence = struct.unpack_from("=IHHI", data, at)
            assert (kind, length) == ((18, 76) if flags & NLM_F_DUMP else (20, 72))
            self.requests.append((sequence, flags))
            for one in self._answer(sequence, flags):
                self.put(one, sequence)
            at += length
        return len(data)

    def put(self, one: Any, sequence: int = 0) -> None:
        """Let a datagram, or an error, wait to be received."""
        self.waiting.append(_with_sequence(one, sequence) if isinstance(one, bytes) else one)

    def recv_into(self, buffer: memoryview, _size: int = 0, _flags: int = 0) -> int:
        """Give one datagram; its whole length, as with MSG_TRUNC."""
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        one = self.waiting.pop(0)
        if isinstance(one, OSError):
            raise one
        buffer[: len(one)] = one[: len(buffer)]
        return len(one)

    def close(self) -> None:
        """Close it."""
        self.closed += 1


def _with_sequence(datagram: bytes, sequence: int) -> bytes:
    """Let messages without a sequence number have that of the request."""
    data, at = bytearray(datagram), 0
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("=I", data, at)
        if data[at + 8 : at + 12] == bytes(4):
            struct.pack_into("=I", data, at + 8, sequence)
        at += max(16, length + 3 & ~3)
    return bytes(data)


def diag(answer: Answer, netns: int = 0) -> tuple[DiagSocket, Kernel]:
    """Make a DiagSocket that asks a made-up kernel."""
    kernel = Kernel(answer)
    return DiagSocket(netns, raw=cast(socket.socket, kernel)), kernel


def dumped(*datagrams: bytes) -> Samples:
    """Dump from a kernel that tells these."""
    asked, _ = diag(lambda *_: [*datagrams, DONE])
    return asked.dump()


def test_every_value_is_where_it_belongs() -> None:
    """Addresses, ports, ids, buffers, algorithm and TCP_INFO of a message are in its sample."""
    (sample,) = samples = dumped(message(5 | 9 << 32))
    assert sample["sock_cookie"] == 5 | 9 << 32
    assert format_address(*map(int, sample["saddr"])) == "10.0.0.7"
    assert format_address(*map(int, sample["daddr"])) == "203.0.113.9"
    assert (sample["sport"], sample["dport"], sample["family"]) == (443, 51_514, AF_INET)
    numbers = {"rqueue": 11, "wqueue": 22, "uid": 1000, "inode": 777}
    assert {name: int(sample[name]) for name in numbers} == numbers
    assert (sample["state"], sample["ifindex"], sample["end"]) == (1, 3, End.LIVES)
    assert (sample["cc"], sample["cc_info"], sample["info_len"]) == (b"bbr", CcInfo.BBR, 280)
    assert sample["tcp_info"].tobytes() == INFO[:248]
    assert sample["snd_cwnd"] == 42
    assert sample["bbr_bw"] == 7 | 1 << 32
    names = ("bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain", "rmem_alloc", "sndbuf", "drops")
    assert [float(value(samples, name)[0]) for name in names] == [12_000, 739, 512, 100, 103, 108]
    assert np.isnan(value(samples, "dctcp_alpha"))
    assert np.isnan(value(samples, "half_open")), "nobody has counted, and it is no listener"
    assert sample["ts_ns"] > 0
    samples = dumped(message(1, [(2, INFO), (9, struct.pack("=HHIII", 1, 2, 512, 0, 0))]))
    found = [float(value(samples, f"dctcp_{name}")[0]) for name in ("enabled", "ce_state", "alpha")]
    assert found == [1, 2, 512]
    assert np.isnan(value(samples, "bbr_bw"))


def subflow(token: int, flags: int, local: int, remote: int) -> bytes:
    """ULP info of a subflow, as subflow_get_info (net/mptcp/diag.c) makes it for anybody."""
    told = ((2, struct.pack("=I", token)), (8, struct.pack("=I", flags)))
    ids = ((9, bytes([remote])), (10, bytes([local])))
    return attributes([(1, b"mptcp\0"), (3, attributes([*told, *ids]))])


def test_subflows_are_told_from_other_upper_layers() -> None:
    """Of messages of one length, those with MPTCP's ULP info are subflows, and not those of TLS."""
    mptcp = subflow(0xFEDCBA98, 0xCF, 2, 3)
    inner = struct.pack("=HHIHHIHHIHHI", 8, 1, 2, 8, 2, 9, 8, 3, 1, 8, 4, 1)
    tls = attributes([(1, b"tls\0"), (2, inner)])
    tls += attributes([(1, bytes(len(mptcp) - len(tls) - 4))])
    assert len(tls) == len(mptcp)
    both = [message(1, [*ALL, (19, tls)]), message(2, [*ALL, (19, mptcp)])]
    for order in (both, both[::-1]):
        found = dumped(*order)
        found = found[np.argsort(found["sock_cookie"])]
        assert found["mptcp_token"].tolist() == [0, 0xFEDCBA98]
        assert found["subflow_flags"].tolist() == [0, 0xCF]
        np.testing.assert_array_equal(value(found, "subflow_id_loc"), [np.nan, 2])
        np.testing.assert_array_equal(value(found, "subflow_id_rem"), [np.nan, 3])
        assert found["bbr_bw"].tolist() == [1 << 32 | 7] * 2


@pytest.mark.parametrize(
    ("family", "addresses", "texts"),
    [
        (AF_INET, V4, ("10.0.0.7", "203.0.113.9")),
        (AF_INET6, V6, ("2001:db8::7", "fe80::9%3")),
        (AF_INET6, MAPPED, ("10.0.0.7", "1.2.3.4")),
    ],
)
def test_addresses_are_those_of_events(
    family: int, addresses: tuple[bytes, ...], texts: tuple[str, str]
) -> None:
    """IPv4 is v4-mapped; an IPv6 socket that speaks IPv4 stays of IPv6's family."""
    (sample,) = dumped(message(1, family=family, addresses=addresses))
    assert sample["family"] == family
    ends = [format_address(*map(int, sample[end])) for end in ("saddr", "daddr")]
    assert tuple(ends) == texts


@pytest.mark.parametrize("size", [0, 104, 192, 232, 240, 242, 248, 280, 320])
def test_tcp_info_of_any_age(size: int) -> None:
    """Of a shorter TCP_INFO what is there is kept, the rest is missing and not zero."""
    info = (INFO + bytes(64))[:size]
    samples = dumped(message(1, [(2, info), (4, b"cubic\0")]))
    assert samples["info_len"] == size
    for name, (kind, place) in TCP_INFO.items():
        end = place + np.dtype(kind).itemsize
        found = value(samples, name)[0]
        if end > size:
            assert np.isnan(found), name
        else:
            assert samples[name].tobytes() == info[place:end]
    assert samples["cc"] == b"cubic"
    assert np.isnan(value(samples, "sndbuf"))


@pytest.mark.parametrize("listening", [0, 1, 2])
def test_a_listener_among_connections_with_the_same_attributes(listening: int) -> None:
    """Connections keep their TCP_INFO wherever the listener is; it has none, as it has no values.

    One of cubic has the same attributes; a dump that names listeners has them before all else.
    """
    given = ((2, INFO), (4, b"cubic\0"), (7, SKMEM))
    states = [
        TcpState.LISTEN if number == listening else TcpState.ESTABLISHED for number in range(3)
    ]
    samples = dumped(*(message(7 + at, given, state=state) for at, state in enumerate(states)))
    assert samples["state"].tolist() == states
    expected = [0 if number == listening else 280 for number in range(3)]
    assert samples["info_len"].tolist() == expected
    assert (samples["snd_cwnd"] == 42).tolist() == [number != listening for number in range(3)]
    assert not samples["tcp_info"][listening].tobytes().strip(b"\0")
    assert samples["sndbuf"].tolist() == [103] * 3


def test_sockets_of_many_layouts_in_one_datagram() -> None:
    """What a message lacks is missing in its sample alone, whatever its neighbours have."""
    datagram = b"".join(
        [
            message(1),
            message(2, [(2, INFO), (4, b"cubic\0")]),
            message(3, []),
            # As long as the first, with the attributes in another order.
            message(4, [ALL[1], ALL[0], *ALL[2:]]),
            message(5, [(2, INFO), (7, SKMEM), (16, BBR), (5, b"\0")]),
        ]
    )
    samples = dumped(datagram)
    assert samples["sock_cookie"].tolist() == [1, 2, 3, 4, 5]
    assert samples["cc"].tolist() == [b"bbr", b"cubic", b"", b"bbr", b""]
    assert samples["info_len"].tolist() == [280, 280, 0, 280, 280]
    assert samples["has_skmem"].tolist() == [1, 0, 0, 1, 1]
    assert samples["cc_info"].tolist() == [CcInfo.BBR, 0, 0, CcInfo.BBR, CcInfo.BBR]
    np.testing.assert_equal(value(samples, "snd_cwnd"), [42, 42, np.nan, 42, 42])


INTERRUPTED = message(1, flags=2 | NLM_F_DUMP_INTR)
STALE = [message(9, sequence=0xFFFFFF), numbered(NLMSG_DONE, 0, sequence=0xFFFFFF)]
LEFT_OVER = message(1, [], state=TcpState.FIN_WAIT2, timer=3)


@pytest.mark.parametrize(
    ("first", "then", "cookies", "complete"),
    [
        ([message(7, [(4, b"reno\0")]), message(3), message(7)], [], [3, 7], True),
        ([LEFT_OVER + message(2, state=TcpState.FIN_WAIT2)], [], [2], True),
        ([*STALE, message(1)], [], [1], True),
        ([INTERRUPTED, message(2)], [message(2), message(3)], [1, 2, 3], True),
        ([INTERRUPTED], [INTERRUPTED], [1], False),
        ([message(1), OSError(errno.ENOBUFS, "no room")], [message(1)], [1], True),
        ([message(1), BlockingIOError(errno.EAGAIN, "no answer")], [message(1)], [1], True),
        ([message(1), numbered(NLMSG_ERROR, errno.EBUSY)], [message(1)], [1], True),
        ([message(1), numbered(NLMSG_DONE, errno.ENOBUFS)], [message(1)], [1], True),
    ],
    ids=[
        *("told twice", "left of a closed socket", "of an older request", "interrupted"),
        *("always interrupted", "no room", "no answer", "busy", "an error at the end"),
    ],
)
def test_dumps(first: list[Any], then: list[Any], cookies: list[int], complete: bool) -> None:
    """Each socket that is one comes once; a dump that fails or changes is made again, as `then`."""
    tries: list[int] = []

    def answer(number: int, flags: int) -> list[Any]:
        assert flags & NLM_F_DUMP
        tries.append(number)
        return [*(first if len(tries) == 1 else then), DONE]

    asked, kernel = diag(answer)
    samples = asked.dump()
    assert samples["sock_cookie"].tolist() == cookies
    assert set(samples["cc"].tolist()) == {b"bbr"}, "as it was told last"
    assert asked.complete is complete
    assert len({number for number, _ in kernel.requests}) == len(kernel.requests)


@pytest.mark.parametrize(
    ("number", "mend"), [(errno.ENOENT, "modprobe tcp_diag"), (errno.EPERM, "NETLINK_SOCK_DIAG")]
)
def test_kernel_that_refuses_says_what_mends_it(number: int, mend: str) -> None:
    """Without sock_diag there is one sentence, and what to do."""
    refusal = numbered(NLMSG_ERROR, number)
    asked, _ = diag(lambda *_: [refusal])
    with pytest.raises(TcctuiError, match=mend):
        asked.dump()


def test_machine_without_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a container forbids the socket itself there is one sentence, and no notices."""
    refusal = OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    def refuse() -> socket.socket:
        raise refusal

    monkeypatch.setattr(namespaces, "diag_socket", refuse)
    with pytest.raises(TcctuiError, match=r"Protocol not supported.*NETLINK_SOCK_DIAG"):
        DiagSocket()


def test_cut_off_datagram_is_taken_up_to_the_cut() -> None:
    """Of a datagram larger than its room, whole messages count, and the dump is asked for again."""
    whole = message(1)
    inbox = Inbox(1 << 16)
    kernel = Kernel(lambda *_: [])
    kernel.put(whole * 200)
    assert not inbox.receive(kernel, 0)
    assert len(inbox) == (1 << 16) // len(whole)
    assert inbox.full
    assert set(inbox.take().headers["length"].tolist()) == {len(whole)}
    asked, _ = diag(lambda *_: [whole[:-8], DONE])
    assert len(asked.dump()) == 0


def test_more_than_one_inbox() -> None:
    """A dump of any size is told whole, though it is decoded in pieces."""
    datagrams = [b"".join(message(60 * n + i) for i in range(60)) for n in range(1, 100)]
    samples = dumped(*datagrams)
    assert samples["sock_cookie"].tolist() == list(range(60, 6000))
    assert (samples["snd_cwnd"] == 42).all()


@pytest.mark.parametrize(
    "trouble", [numbered(NLMSG_ERROR, errno.EINVAL), OSError(errno.ENOBUFS, "no room")]
)
def test_trouble_is_no_proof(trouble: Any) -> None:
    """A socket whose answer is another error, or got lost, is left out: it may well be there."""
    asked, kernel = diag(lambda *_: [trouble])
    wanted = sockets_of(dumped(message(1), message(2)))
    assert len(asked.query(wanted)) == 0
    assert len(asked.query(wanted[:0])) == 0
    assert len(asked.destroyed()) == asked.overflows == 0, "it does not listen"
    for _ in range(2):
        asked.close()
    assert kernel.closed


def test_query_tells_each_in_order() -> None:
    """Answers that come in any order are put into that of the sockets; absent ones are gone."""
    told = [message(cookie) for cookie in range(1, 6)]
    dump = True

    def answer(number: int, _flags: int) -> list[Any]:
        if dump:
            return [*told, DONE]
        place = number - first
        if place == 1:
            return [numbered(NLMSG_ERROR, errno.ENOENT)]
        if place == 2:
            return [numbered(NLMSG_ERROR, errno.ESTALE)]
        if place == 3:
            return [message(1, [], timer=3)]
        if place == 4:
            kernel.waiting.insert(0, _with_sequence(told[4], number))
            return []
        return [told[place]]

    asked, kernel = diag(answer, netns=77)
    wanted = sockets_of(asked.dump())
    dump, first = False, kernel.requests[-1][0] + 1
    samples = asked.query(wanted)
    assert samples["sock_cookie"].tolist() == [1, 2, 3, 4, 5]
    assert samples["end"].tolist() == [End.LIVES, End.GONE, End.GONE, End.GONE, End.LIVES]
    assert samples["snd_cwnd"].tolist() == [42, 0, 0, 0, 42]
    assert np.isnan(value(samples, "snd_cwnd")[1:4]).all()
    assert (samples["ts_ns"] > 0).all()
    assert (samples["netns"] == 77).all()


@pytest.mark.parametrize(
    ("family", "addresses"), [(AF_INET, V4), (AF_INET6, V6), (AF_INET6, MAPPED)]
)
def test_socket_is_asked_for_as_it_was_told(family: int, addresses: tuple[bytes, ...]) -> None:
    """A query carries the very bytes that name a socket in a dump, its device among them."""
    sent: list[bytes] = []
    asked, kernel = diag(lambda *_: [message(1, family=family, addresses=addresses), DONE])
    wanted = sockets_of(asked.dump())
    kernel.send = lambda data: sent.append(data) or len(data)  # type: ignore[method-assign,func-returns-value]
    asked.query(wanted)
    assert sent[0][24:72] == message(1, family=family, addresses=addresses)[20:68]
    assert sent[0][16:18] == bytes([family, 6])


def test_many_queries_go_in_several_sendings() -> None:
    """Any number of sockets can be asked for; each request has a number of its own."""
    told = [*map(message, range(1, 301)), DONE]
    asked, kernel = diag(lambda number, flags: told if flags & NLM_F_DUMP else [told[number - 2]])
    wanted = sockets_of(asked.dump())
    assert asked.query(wanted)["sock_cookie"].tolist() == list(range(1, 301))
    assert len({number for number, _ in kernel.requests}) == 301


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let a test set the clock forward by seconds."""
    now = [10**9]
    monkeypatch.setattr("time.monotonic_ns", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += int(seconds * 1e9)

    return forward


def notices() -> tuple[DestroyNotices, Kernel]:
    """Listen to a made-up kernel."""
    kernel = Kernel(lambda *_: [])
    return DestroyNotices(cast(socket.socket, kernel), 5), kernel


def test_destroyed_sockets_have_their_last_values() -> None:
    """A notice is a sample that says that the socket is no more; an overflow is counted.

    A socket that forgot all it counted before it went has no values.
    """
    listening, kernel = notices()
    assert len(listening.read()) == 0
    kernel.put(message(1, [(10, b"\6"), (2, INFO)], state=7))
    kernel.put(OSError(errno.ENOBUFS, "no room"))
    kernel.put(message(2))
    samples = listening.read()
    assert samples["sock_cookie"].tolist() == [1, 2]
    assert (samples["end"] == End.DESTROYED).all()
    assert samples["snd_cwnd"].tolist() == [42, 42]
    assert samples["netns"].tolist() == [5, 5]
    assert listening.overflows == 1
    kernel.put(message(1, [(2, bytes(280))]) + message(2, [(2, bytes(104))]))
    np.testing.assert_equal(value(listening.read(), "total_retrans"), [np.nan, 0])
    assert len(listening.read()) == 0


def test_storm_of_ends_is_not_listened_to(clock: Callable[[float], None]) -> None:
    """Where very many sockets end the kernel is no longer asked to tell, and later again."""
    listening, kernel = notices()
    joined, left = ([(270, option, 1), (270, option, 3)] for option in (1, 2))
    assert kernel.options[-2:] == joined
    for count, deaf in ((STORM, False), (STORM + 1, True)):
        clock(1)
        for _ in range(count):
            kernel.put(message(1))
        assert len(listening.read()) == count
        assert listening.deaf is deaf
    for seconds, options in ((0, left), (9.9, left), (0.1, joined)):
        clock(seconds)
        listening.read()
        assert kernel.options[-2:] == options
    assert not listening.deaf


ANY_ATTRIBUTES = st.lists(st.tuples(st.integers(0, 25), st.binary(max_size=300)), max_size=6)
ANY_COOKIE = st.integers(0, (1 << 64) - 1)
ANY_FAMILY = st.sampled_from([0, AF_INET, AF_INET6, 255])
ANY_HEADER = st.builds(
    lambda length, kind, flags: struct.pack("=IHHII", length, kind, flags, 0, 1),
    st.integers(0, 500),
    st.sampled_from([NLMSG_ERROR, NLMSG_DONE, 20]),
    st.integers(0, 255),
)
ANY_MESSAGE = st.one_of(
    st.binary(max_size=400),
    st.builds(message, ANY_COOKIE, ANY_ATTRIBUTES, family=ANY_FAMILY),
    st.builds(message, st.integers(0, 9), rest=st.binary(max_size=400)),
    st.builds(numbered, st.sampled_from([NLMSG_DONE, NLMSG_ERROR]), st.integers(-200, 200)),
    st.builds(bytes.__add__, ANY_HEADER, st.binary(max_size=500)),
)
ANY_DATAGRAM = st.lists(ANY_MESSAGE, max_size=5).map(b"".join)


@given(st.lists(ANY_DATAGRAM, max_size=4), st.integers(0, 300))
def test_no_bytes_make_it_fail(datagrams: list[bytes], cut: int) -> None:
    """Whatever bytes come, dumps, queries and notices give samples or a TcctuiError."""
    datagrams = [*datagrams[:-1], *(one[:-cut] if cut else one for one in datagrams[-1:])]
    asked, _ = diag(lambda *_: [*datagrams, DONE])
    try:
        samples = asked.dump()
    except TcctuiError:
        samples = np.zeros(1, SAMPLE)
    assert samples.dtype == SAMPLE
    assert asked.query(sockets_of(samples)).dtype == SAMPLE
    listening, kernel = notices()
    for one in datagrams:
        kernel.put(one)
    assert (listening.read()["end"] == End.DESTROYED).all()


def test_namespaces_that_can_not_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With /proc hidden and no names there is our own namespace, named by its number."""
    monkeypatch.setattr(namespaces, "NAMED", tmp_path / "missing")
    monkeypatch.setattr(os, "listdir", lambda _: ["1", str(os.getpid()), "4194305"])
    real = os.readlink

    def hidden(path: str) -> str:
        if "self" not in path:
            raise PermissionError(errno.EACCES, path)
        return real(path)

    monkeypatch.setattr(os, "readlink", hidden)
    (own,) = namespaces.found()
    assert own.name == str(own.inode), "whether it is that of process 1 can't be told"
    assert own.inode == os.stat("/proc/self/ns/net").st_ino
    namespaces.open_diag(own).close()


def test_python_3_12_enters_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python has setns, that is called, for the network alone."""
    entered: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "setns", lambda *what: entered.append(what), raising=False)
    there = os.open("/proc/self/ns/net", os.O_RDONLY)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: there)
    with namespaces.diag_socket() as other:
        namespaces.open_beside(other).close()
    assert entered == [(there, 0x40000000)]


def test_files_that_are_no_namespaces_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name that nothing is mounted on, or that leads nowhere, is no namespace.

    Where a process' number was given anew, the socket is not opened in the wrong place.
    """
    (tmp_path / "left-over").touch()
    (tmp_path / "nowhere").symlink_to("/nowhere")
    monkeypatch.setattr(namespaces, "NAMED", tmp_path)
    assert not {"left-over", "nowhere"} & {namespace.name for namespace in namespaces.found()}
    for path in ("/proc/self/ns/net", "/proc/4194305/ns/net"):
        with pytest.raises(FileNotFoundError):
            namespaces.open_diag(namespaces.Namespace(1, "other", path))
