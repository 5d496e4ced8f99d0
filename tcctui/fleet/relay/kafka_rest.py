"""Kafka, as the receiver of a relay's rows: by the REST API that its proxies share.

Confluent's REST Proxy, Karapace and Redpanda have it, in version 2: POST /topics/NAME with records
of keys and values in base64. A record is a batch of an agent, an Arrow stream, with its token as
the key. What was produced without an answer is produced again: Kafka, unlike ClickHouse, does not
know the token, so that a row may come twice.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Sequence
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tcctui.fleet.address import Address
from tcctui.fleet.client import ANSWER_S, Unreachable
from tcctui.fleet.collector.journal import Segment
from tcctui.fleet.collector.statement import Statement
from tcctui.fleet.schema.kafka import topic

_KIND = "application/vnd.kafka.binary.v2+json"
_ANSWER = "application/vnd.kafka.v2+json"

_MOST_BYTES = 1 << 19
"""Bytes of records in a request: proxies take a megabyte or more, and base64 makes it longer."""

_SETTINGS = (
    *("async_insert", "wait_for_async_insert", "async_insert_deduplicate"),
    *("insert_deduplication_token", "deduplicate_blocks_in_dependent_materialized_views"),
)
"""Settings that an agent's client has to find in an engine."""


class KafkaRest:
    """Produces to a proxy at an address; its user and password, or token, are the proxy's."""

    version = "26.2"
    """Version of ClickHouse that an agent is to take it for: one that waits for its inserts."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tls = None
        if address.url.startswith("https:"):
            self._tls = ssl.create_default_context(cadata=address.authorities_text or None)

    def store(self, segment: Segment) -> None:
        """Produce the batches of a segment, each as a record; they are in Kafka when it returns.

        Raises:
            Unreachable: they are not, or not all.

        """
        name = segment.table.rpartition(".")[2].strip('`"')
        files = sorted(segment.directory.glob("*.arrows"))
        batches = (
            (token, file.read_bytes()) for token, file in zip(segment.tokens, files, strict=True)
        )
        for records in _requests(batches):
            self._produce(topic(name), records)

    def greet(self, statement: Statement, form: str) -> bytes:
        """Answer to a statement of a client that connects, as ClickHouse has it."""
        plain = statement.plain()
        if "settings" in plain:
            return _native(
                name=("String", [_text(one) for one in _SETTINGS]),
                value=("String", [_text("0") for _ in _SETTINGS]),
                readonly=("UInt8", [b"\0" for _ in _SETTINGS]),
            )
        if "version" in plain:
            zone = "\tUTC" if "timezone" in plain else ""
            return f"{self.version}{zone}\n".encode()
        return _native(check=("UInt8", [b"\1"])) if form == "Native" else b"1\n"

    def _produce(self, name: str, records: Sequence[dict[str, str]]) -> None:
        body = json.dumps({"records": records}).encode()
        headers = {"Content-Type": _KIND, "Accept": _ANSWER, **self._credentials()}
        url = f"{self._address.url.rstrip('/')}/topics/{quote(name)}"
        try:
            request = Request(url, body, headers)  # noqa: S310 - http or https, by the command line
            with urlopen(request, timeout=ANSWER_S, context=self._tls) as answer:  # noqa: S310
                told = json.loads(answer.read())
        except HTTPError as error:
            with error:
                raise Unreachable(f"{url} fails for now: {error.code} {error.reason}.") from error
        except (OSError, ValueError) as error:
            raise Unreachable(f"{url} does not answer: {error}.") from error
        failed = [one for one in told.get("offsets", []) if one.get("error")]
        if failed or len(told.get("offsets", [])) != len(records):
            why = failed[0]["error"] if failed else "it says not where the records are"
            raise Unreachable(f"{url} fails for now: {why}.")

    def _credentials(self) -> dict[str, str]:
        address = self._address
        if address.token:
            return {"Authorization": f"Bearer {address.token}"}
        if not address.password:
            return {}
        pair = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


def _requests(batches: Iterator[tuple[str, bytes]]) -> Iterator[list[dict[str, str]]]:
    """Records of batches, as many in a request as fit."""
    records: list[dict[str, str]] = []
    size = 0
    for token, data in batches:
        if records and size + len(data) > _MOST_BYTES:
            yield records
            records, size = [], 0
        key = {"key": base64.b64encode(token.encode()).decode()} if token else {}
        records.append({**key, "value": base64.b64encode(data).decode()})
        size += len(data)
    if records:
        yield records


def _native(**columns: tuple[str, Sequence[bytes]]) -> bytes:
    """Block of the format Native: columns by name, each its type and its values as bytes."""
    count = len(next(iter(columns.values()))[1])
    parts = [bytes([len(columns), count])]
    for name, (kind, values) in columns.items():
        parts += [_text(name), _text(kind), *values]
    return b"".join(parts)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
