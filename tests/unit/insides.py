"""What is read of sockets and algorithms, made by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.arrays import Records
from tcctui.wire.inside import ACK, ACK_KIND, ALGORITHM, ALGORITHM_KIND, INSIDE, INSIDE_KIND


def sockets(ts_ns: npt.ArrayLike, cookie: npt.ArrayLike = 1, **members: npt.ArrayLike) -> Records:
    """Make records of sockets; each member is one value for all of them, or one for each."""
    made = np.zeros(np.broadcast(ts_ns, cookie, *members.values()).size, INSIDE)
    for name, values in {"ts_ns": ts_ns, "sock_cookie": cookie, **members}.items():
        made[name] = values
    made["kind"] = INSIDE_KIND
    return made


def algorithms(ts_ns: npt.ArrayLike, cookie: npt.ArrayLike = 1, private: bytes = b"") -> Records:
    """Make records of algorithms with these first bytes of their own."""
    made = np.zeros(np.broadcast(ts_ns, cookie).size, ALGORITHM)
    made["ts_ns"], made["sock_cookie"] = ts_ns, cookie
    made["private"][:, : len(private)] = np.frombuffer(private, "u1")
    made["key"], made["kind"] = 7, ALGORITHM_KIND
    return made


def acks(ts_ns: npt.ArrayLike, cookie: npt.ArrayLike = 1, **members: npt.ArrayLike) -> Records:
    """Make records of ACKs; each member is one value for all of them, or one for each."""
    made = np.zeros(np.broadcast(ts_ns, cookie).size, ACK)
    for name, values in {"ts_ns": ts_ns, "sock_cookie": cookie, **members}.items():
        made[name] = values
    made["kind"] = ACK_KIND
    return made
