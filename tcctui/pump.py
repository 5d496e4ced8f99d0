"""The pump: the only place that moves batches from a source on to sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tcctui.source import EventSource
from tcctui.wire.batch import Batch


class Sink(Protocol):
    """Consumer of batches in order: store, recorder, matcher or summary."""

    def take(self, batch: Batch, /) -> object:
        """Take in a batch, and advance to its `now_ns`."""


def deliver(
    source: Iterable[Batch], *sinks: Sink, until: Callable[[Batch], bool] = lambda _: False
) -> Batch | None:
    """Deliver each batch to every sink, in order, until `until` is True for a batch.

    Returns the last batch delivered, None without any. Exceptions of source and sinks propagate.
    """
    batch = None
    for batch in source:
        for sink in sinks:
            sink.take(batch)
        if until(batch):
            break
    return batch


def poll(source: EventSource, timeout: float) -> Batch:
    """Wait up to `timeout` seconds for events; give them with all that was sampled by then.

    Raises:
        TcctuiError: the source is gone; it delivers nothing more.

    """
    events = source.read(timeout)
    samples = []
    while len(part := source.sampled()):
        samples.append(part)
    return Batch(events, samples, source.now_ns(), source.inside())


def polled(source: EventSource, timeout: Callable[[], float]) -> Iterator[Batch]:
    """Poll a source until the caller stops; `timeout` gives the seconds for each read.

    Raises:
        TcctuiError: the source is gone; it delivers nothing more.

    """
    while True:
        yield poll(source, timeout())
