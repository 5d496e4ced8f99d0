"""`python -m tests.bench [NAME...]`: all benches, or those named, one after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace

from tests.bench import (
    agent,
    an_hour,
    bpf_run,
    collector,
    cost_per_event,
    fleet_questions,
    fleet_volume,
    flood,
    idle,
    key_to_paint,
    over_ssh,
    query,
    queue_run,
    recording,
    relay,
    report,
    rewind,
    ring_contention,
    ring_throughput,
    sampling,
    socket_dump,
    startup,
    traffic_loss,
    weight,
)
from tests.bench.others import Others
from tests.bench.report import Section

BENCHES: dict[str, Callable[..., Section]] = {
    "cost_per_event": cost_per_event.measure,
    "flood": flood.measure,
    "traffic_loss": traffic_loss.measure,
    "bpf_run": bpf_run.measure,
    "queue_run": queue_run.measure,
    "ring_throughput": ring_throughput.measure,
    "ring_contention": ring_contention.measure,
    "socket_dump": socket_dump.measure,
    "sampling": sampling.measure,
    "recording": recording.measure,
    "key_to_paint": key_to_paint.measure,
    "over_ssh": over_ssh.measure,
    "startup": startup.measure,
    "weight": weight.measure,
    "idle": idle.measure,
    "an_hour": an_hour.measure,
    "rewind": rewind.measure,
    "query": query.measure,
    "fleet_volume": fleet_volume.measure,
    "fleet_questions": fleet_questions.measure,
    "agent": agent.measure,
    "collector": collector.measure,
    "relay": relay.measure,
}


def main(names: list[str]) -> None:
    """Run benches, print what each found, and put it into RESULTS.md."""
    unknown = set(names) - set(BENCHES)
    if unknown:
        sys.exit(f"There is no bench {', '.join(sorted(unknown))}; there are: {' '.join(BENCHES)}")
    os.nice(-10)  # what else runs on the machine shall disturb little
    for name in names or BENCHES:
        others = Others()
        section = BENCHES[name]()
        if others.seconds > 1:  # else it was another one's run
            section = replace(section, remarks=[*section.remarks, f"{others}"])
        print(f"{section}\n", flush=True)
        # At once: what was measured is kept, whatever becomes of the rest.
        report.write({name: section}, list(BENCHES))


if __name__ == "__main__":
    main(sys.argv[1:])
