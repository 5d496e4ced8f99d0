"""CPU per event, tool by tool, on one load."""

from __future__ import annotations

from tcctui.cli import INTERVAL_MS
from tests.bench.report import Section, Target, number, ratio
from tests.bench.side_by_side import ALONE, ROUNDS, SECONDS, Watched, watch
from tests.bench.tools import COUNTER


def measure(
    rounds: int = ROUNDS, seconds: float = SECONDS, alone: float = ALONE, pause: float = 0.0
) -> Section:
    """Compare what each tool spends on an event."""
    watched = watch(rounds, seconds, alone, pause)
    dashboard, every_ack, text, counting, keeping, bpftrace, *_ = watched
    base = dashboard.cost("reading")
    return Section(
        "CPU per event",
        (
            "ratio",
            "tool",
            "reading",
            "rounds, µs",
            "per record",
            "all of it",
            "events/s",
            "per wake-up",
            "lost",
        ),
        [_row(one, base) for one in watched if one.name != COUNTER],
        [
            Target("the dashboard's reading, per event", base * 1e6, 0.5, " µs"),
            Target(
                "the cheaper of bpftrace and bcc's callback by flow, of the dashboard's reading",
                min(keeping.cost(), bpftrace.cost()) / base,
                10,
                "×",
                at_least=True,
            ),
            Target(
                "the same, against the dashboard with a record for each ACK",
                min(keeping.cost(), bpftrace.cost()) / every_ack.cost("reading"),
                10,
                "×",
                at_least=True,
            ),
            Target(
                "bcc's callback where it only counts, of the dashboard's reading",
                counting.cost() / base,
                10,
                "×",
                at_least=True,
            ),
            Target("a line of trace, of bpftrace's", text.cost() / bpftrace.cost(), 0.5, "×"),
            Target(
                "the same, with what both cost the traffic's processor",
                (text.cost() + text.taken) / (bpftrace.cost() + bpftrace.taken),
                0.5,
                "×",
            ),
        ],
        [
            "An event is one ACK that tcp_probe told of; a record is what crosses from the kernel,"
            " which may stand for several of a flow (as the dashboard runs, for those of"
            f" {INTERVAL_MS:g} ms). *Reading* is the CPU time of the thread that takes events in,"
            " *all of it* that of the process, with its screen."
            f" Median of {rounds} rounds of {seconds:g} s; the worst round's share of lost events,"
            " as each tool counts them itself. Load: 200 connections"
            " on loopback, each with a request under way, on one processor; the tools run on the"
            " other. bpftrace and trace_pipe have as much buffer as tcctui; lines go to a file in"
            " memory.",
            "*Per wake-up* is how many events a tool finds when it is woken. bpftrace and"
            " trace_pipe are woken by nearly each event, which is much of what they cost: where"
            " something stronger keeps them from running they find many at a time, and cost about"
            " half as much. tcctui and bcc's callback look 20 times a second instead.",
        ],
    )


def _row(one: Watched, base: float) -> tuple[str, ...]:
    rounds = [cost * 1e6 for cost in one.costs("reading")]
    return (
        ratio(one.cost("reading") / base),
        one.name,
        f"{number(one.cost('reading') * 1e6)} µs",
        f"{min(rounds):.2f}–{max(rounds):.2f}",
        f"{number(one.cost('reading', 'records') * 1e6)} µs",
        f"{number(one.cost() * 1e6)} µs",
        number(one.events_per_second),
        number(one.events_per_wakeup),
        f"{one.lost:.2%}" if one.lost else "0",
    )
