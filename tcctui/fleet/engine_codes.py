"""Codes of ClickHouse's errors: those that pass, and those that the same request meets each time.

src/Common/ErrorCodes.cpp has them all. A batch waits for what passes. One that is wrong is refused,
and given up once others are taken. With any other code it may be either: it waits, too, so that
nothing is lost; and where batches are inserted together, the same ones are tried `TRIES` times
before they are taken apart: a part of them may be stored, and is known by their common token alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TRIES = 30
"""Times that the same batches are inserted together while it may be either: 15 s at the least."""

PASSING: Mapping[int, str] = MappingProxyType(
    {
        75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR: the disk has no room, or fails",
        76: "CANNOT_OPEN_FILE: too many files are open",
        95: "CANNOT_READ_FROM_SOCKET: the connection to another server broke",
        96: "CANNOT_WRITE_TO_SOCKET: the connection to another server broke",
        198: "DNS_ERROR: a server's name can't be resolved now",
        201: "QUOTA_EXCEEDED: the user's quota of this hour is used up",
        202: "TOO_MANY_SIMULTANEOUS_QUERIES: it works on others",
        203: "NO_FREE_CONNECTION: all connections between servers are in use",
        209: "SOCKET_TIMEOUT: another server does not answer",
        210: "NETWORK_ERROR: another server can't be reached",
        225: "NO_ZOOKEEPER: the keeper is away, so replicas can't agree",
        236: "ABORTED: it ends, or a merge was cancelled",
        242: "TABLE_IS_READ_ONLY: a replica that lost its keeper",
        243: "NOT_ENOUGH_SPACE: the disk has no room",
        244: "UNEXPECTED_ZOOKEEPER_ERROR: the keeper fails",
        252: "TOO_MANY_PARTS: merges are behind the inserts",
        254: "NO_ACTIVE_REPLICAS: no replica is there",
        265: "NO_AVAILABLE_REPLICA: no replica is there",
        279: "ALL_CONNECTION_TRIES_FAILED: no server of a shard can be reached",
        285: "TOO_FEW_LIVE_REPLICAS: a quorum needs more",
        286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE: the insert before waits for its quorum",
        297: "SHARD_HAS_NO_CONNECTIONS: a shard can't be reached",
        319: "UNKNOWN_STATUS_OF_INSERT: the keeper was lost; the token says if it is stored",
        364: "RECEIVED_ERROR_TOO_MANY_REQUESTS: it works on others",
        394: "QUERY_WAS_CANCELLED: an operator, or the server's end",
        425: "SYSTEM_ERROR: the system refuses a call",
        439: "CANNOT_SCHEDULE_TASK: no thread is free",
        473: "DEADLOCK_AVOIDED: a table is locked for long",
        499: "S3_ERROR: the object store fails",
        500: "AZURE_BLOB_STORAGE_ERROR: the object store fails",
        574: "DISTRIBUTED_TOO_MANY_PENDING_BYTES: a shard is behind",
        700: "USER_SESSION_LIMIT_EXCEEDED: the user has too many sessions",
        733: "TABLE_IS_BEING_RESTARTED: a replica starts anew",
        745: "SERVER_OVERLOADED: it has no CPU time left",
        749: "TCP_CONNECTION_LIMIT_REACHED: it has too many connections",
        762: "HTTP_CONNECTION_LIMIT_REACHED: it has too many connections",
        776: "RESOURCE_LIMIT_EXCEEDED: the workload's limit is reached",
        777: "MEMORY_RESERVATION_KILLED: others need its memory",
        778: "MEMORY_RESERVATION_FAILED: others need its memory",
        999: "KEEPER_EXCEPTION: the keeper fails or changes its leader",
        1017: "ASYNC_INSERT_FLUSH_TIMEOUT: it took too long; the token says if it is stored",
        1019: "QUERY_SLOT_ACQUISITION_TIMEOUT: it works on others",
        1020: "MEMORY_RESERVATION_ACQUISITION_TIMEOUT: others need its memory",
    }
)
"""Errors of the engine's state by code, with name and cause: the same request may succeed later."""

EITHER: Mapping[int, str] = MappingProxyType(
    {
        159: "TIMEOUT_EXCEEDED: the machine is busy, or a batch takes too long",
        160: "TOO_SLOW: the machine is busy, or a batch takes too long",
        173: "CANNOT_ALLOCATE_MEMORY: of the machine, or a batch needs too much",
        241: "MEMORY_LIMIT_EXCEEDED: of all statements together, or a batch needs too much",
        290: "LIMIT_EXCEEDED: of the server, or of one statement",
        1000: "POCO_EXCEPTION: the system fails, or a library on some rows",
        1001: "STD_EXCEPTION: the system fails, or a library on some rows",
        1002: "UNKNOWN_EXCEPTION: it gives no reason",
    }
)
"""Errors of the engine's state or of a batch, as is any code that is not listed here."""

WITHOUT_RIGHT = frozenset({164, 192, 193, 194, 195, 291, 452, 492, 497, 516, 720, 767})
"""The user is unknown, its password wrong, or it has no right."""

NOT_THERE = frozenset({16, 46, 47, 50, 60, 73, 81, 115, 456, 457})
"""The engine lacks a table, column, function or setting."""

WRONG = frozenset(
    {
        *(6, 10, 20, 26, 27, 33, 36, 38, 41, 44, 53, 62, 70, 72, 80, 117, 131),
        *(158, 271, 307, 321, 349, 376, 386, 396, 441, 636),
    }
)
"""The statement or the rows are wrong, or too large."""

REFUSED = WITHOUT_RIGHT | NOT_THERE | WRONG
"""Errors that the same request meets each time."""
