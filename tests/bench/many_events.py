"""Events and samples of 10,000 connections, made by hand, as a busy server has them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.wire.events import EVENT, CaState, EventKind, Events
from tcctui.wire.records import joined
from tcctui.wire.samples import SAMPLE, TCP_INFO_BYTES, Samples
from tests.unit.events import stand_alone

FLOWS = 10_000
EVENTS_A_SECOND = 20_000
BATCH_NS = 100_000_000
SAMPLED_NS = 2_000_000_000
LOOKED_AT = 50

_ADDRESS = 0xFFFF_0A00_0000  # 10.0.0.0


class ManyEvents:
    """Makes batches of 100 ms: each event stands for some ACKs; all sockets are sampled every 2 s.

    Of the flows, `busy` have events, the others are idle. `LOOKED_AT` are sampled in each batch.
    With another `seed` they are another machine's.
    """

    def __init__(self, begin_ns: int, flows: int = FLOWS, busy: int = FLOWS, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._busy = busy
        self.now_ns = begin_ns
        random = self._random
        self.cookies = np.arange(1, flows + 1, dtype="u8") * np.uint64(3) + np.uint64(20_000)
        self._skaddr = np.uint64(0xFFFF_8880_0000_0000) + self.cookies * np.uint64(2304)
        self._una = random.integers(0, 1 << 32, flows, dtype="u8")
        self._acked = random.integers(0, 1 << 30, flows, dtype="u8")
        self._acks = np.zeros(flows, "u4")
        self._cwnd = random.integers(10, 100, flows)
        self._srtt = random.integers(1_000, 80_000, flows)
        self._port = random.integers(1024, 65_536, flows)
        self._host = random.integers(0, 1 << 24, flows).astype("u8")

    def batch(self) -> tuple[Events, Samples]:
        """What comes in the next 100 ms."""
        self.now_ns += BATCH_NS
        return self._events(), self._samples()

    def _events(self) -> Events:
        random = self._random
        count = EVENTS_A_SECOND * BATCH_NS // 10**9
        flows = random.permutation(self._busy)[:count]
        events = self._of(flows)
        acks = random.integers(1, 6, len(flows)).astype("u4")
        events["begun"] = self._acks[flows] == 0
        self._acks[flows] += acks
        events["acks"] = self._acks[flows]
        acked = acks.astype("u8") * np.uint64(1448)
        self._una[flows] += acked
        self._acked[flows] += acked
        self._cwnd[flows] = np.clip(self._cwnd[flows] + random.integers(-1, 3, len(flows)), 4, 400)
        events["snd_una"] = self._una[flows].astype("u4")
        in_flight = (self._cwnd[flows] * random.integers(50, 100, len(flows)) // 100) * 1448
        events["snd_nxt"] = (self._una[flows] + in_flight.astype("u8")).astype("u4")
        events["snd_cwnd"], events["ssthresh"] = self._cwnd[flows], 60
        events["srtt"] = self._srtt[flows] * random.integers(95, 106, len(flows)) // 100
        events["snd_wnd"], events["rcv_wnd"], events["data_len"] = 1 << 20, 65_535, 0
        stand_alone(events)
        for name in ("srtt_min", "in_flight_min"):
            events[name] -= events[name] // np.uint32(20)
        kinds = random.random(len(flows))
        for kind, share in ((EventKind.RETRANSMIT, 0.002), (EventKind.CA_STATE, 0.004)):
            chosen = (kinds < share) & (kinds >= share - 0.002)
            events["kind"][chosen], events["sock_cookie"][chosen] = kind, 0
            events["newstate"][chosen] = CaState.RECOVERY if kind == EventKind.CA_STATE else 1
        return joined([events])

    def _of(self, flows: npt.NDArray[np.int64]) -> Events:
        events = np.zeros(len(flows), EVENT)
        events["ts_ns"] = np.sort(self.now_ns - self._random.integers(0, BATCH_NS, len(flows)))
        events["sock_cookie"], events["skaddr"] = self.cookies[flows], self._skaddr[flows]
        self._address(events, flows)
        return events

    def _address(self, records: Events, flows: npt.NDArray[np.int64]) -> None:
        records["saddr"][:, 1] = _ADDRESS + 7
        records["daddr"][:, 1] = np.uint64(_ADDRESS) + self._host[flows]
        records["sport"], records["dport"], records["family"] = 443, self._port[flows], 2

    def _samples(self) -> Samples:
        if self.now_ns % SAMPLED_NS >= BATCH_NS:
            return self._sampled(np.arange(LOOKED_AT))
        return self._sampled(np.arange(len(self.cookies)))

    def _sampled(self, flows: npt.NDArray[np.int64]) -> Samples:
        random = self._random
        samples = np.zeros(len(flows), SAMPLE)
        busy = flows < self._busy
        samples["ts_ns"] = self.now_ns - 5_000_000 + np.arange(len(flows)) // 100
        samples["sock_cookie"] = self.cookies[flows]
        self._address(samples, flows)
        samples["info_len"], samples["state"], samples["has_skmem"] = TCP_INFO_BYTES, 1, 1
        samples["cc"], samples["comm"], samples["cgroup"] = b"cubic", b"nginx", b"web.service"
        samples["pid"], samples["uid"], samples["inode"] = 4021, 33, 100_000 + flows
        samples["snd_cwnd"], samples["snd_ssthresh"] = self._cwnd[flows], 60
        samples["rtt"] = self._srtt[flows]
        samples["rttvar"] = np.where(busy, random.integers(100, 4000, len(flows)), 700)
        samples["snd_mss"] = samples["rcv_mss"] = samples["advmss"] = 1448
        samples["pmtu"], samples["rto"] = 1500, 204_000
        samples["min_rtt"] = self._srtt[flows] * 9 // 10
        samples["pacing_rate"] = self._cwnd[flows] * 1448 * 10**6 // self._srtt[flows]
        samples["max_pacing_rate"] = 0xFFFFFFFFFFFFFFFF
        samples["delivery_rate"] = samples["pacing_rate"] // 2
        samples["bytes_acked"] = samples["bytes_sent"] = self._acked[flows]
        samples["data_segs_out"] = samples["delivered"] = self._acked[flows] // 1448
        samples["segs_out"] = samples["data_segs_out"] + 3
        samples["segs_in"] = samples["data_segs_out"] // 2
        samples["busy_time"] = np.where(busy, self.now_ns // 1000 - flows, 10_000)
        samples["snd_wnd"], samples["rcv_wnd"] = 1 << 20, 65_535
        samples["wqueue"] = np.where(busy, self._cwnd[flows] * 1448, 0)
        samples["unacked"] = np.where(busy, self._cwnd[flows], 0)
        samples["sndbuf"], samples["rcvbuf"] = 2_626_560, 131_072
        for name in ("last_data_sent", "last_data_recv", "last_ack_recv"):
            samples[name] = np.where(busy, random.integers(0, 50, len(flows)), self.now_ns // 10**6)
        return samples
