"""`tcctui agent`: its arguments."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui import memory
from tcctui.cli import alerts, argument_values, engine_address
from tcctui.cli.kernel import filter_of, kernel_options, memory_of, open_all, separate
from tcctui.cli.parser import Commands
from tcctui.cli.rights import Told
from tcctui.cli.state_directory import TEXT, state_directory
from tcctui.errors import TcctuiError, UsageError
from tcctui.fleet.ssh import is_host

if TYPE_CHECKING:
    from tcctui.fleet.agent.rows import Columns
    from tcctui.fleet.client import Client

_RING_BYTES = 8 << 20
"""Ring buffer in bytes: 65,000 records; a poll ends early where it fills."""

_INTERVAL_MS = 2000.0
"""Default interval between a connection's records: they have the extremes of its ACKs."""

_MAX_CPU = 0.02
"""Share of a core for reading, above which the interval doubles."""

_PACE = (2.0, 100, 10.0)
"""Seconds between two samples of the busiest connections; ratio of the pause between samples of all
to their own time, and the least pause in seconds.
"""

_EVERY_S, _GROUPS, _ROWS = 10, 50, 64
_SPOOL_MIB = 64
_REWIND_MIB = 256


class WithoutPandas:
    """Finder that hides pandas: pyarrow imports it where it is installed, and needs it for nothing.

    It takes a second of CPU time and 50 MB.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Find nothing; fail for pandas.

        Raises:
            ModuleNotFoundError: it is pandas.

        """
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


def add(commands: Commands) -> None:
    """Describe the command."""
    agent = commands.add_parser(
        "agent",
        parents=[kernel_options()],
        help="send rows of this host's connections to a ClickHouse or a tcctui collector",
        description="Send totals of all connections by remote net, service, process, algorithm and"
        " namespace, and some connections one by one, to ClickHouse or a tcctui collector, until"
        " Ctrl-C. What can't be sent waits on disk.",
        epilog="The engine's tables are made by: tcctui fleet schema URL",
    )
    agent.add_argument(
        "--to", metavar="URL", type=engine_address.url, help="engine: https://HOST:8443/DATABASE"
    )
    engine_address.add(agent)
    agent.add_argument(
        "--host",
        type=_host,
        metavar="NAME",
        help="name of this host in all rows, by which ssh finds it (default: its own)",
    )
    agent.add_argument(
        "--every",
        type=_every,
        default=_EVERY_S,
        metavar="S",
        help=f"seconds of a window, on the wall clock's grid (default {_EVERY_S})",
    )
    agent.add_argument(
        "--groups",
        type=argument_values.count,
        default=_GROUPS,
        metavar="N",
        help="groups in a window at most, the busiest; one more has all others"
        f" (default {_GROUPS})",
    )
    agent.add_argument(
        "--rows",
        type=argument_values.count,
        default=_ROWS,
        metavar="N",
        help="connections in a window at most: three quarters the worst and busiest, one quarter by"
        f" chance, with their weight (default {_ROWS})",
    )
    agent.add_argument(
        "--spool",
        type=Path,
        metavar="DIR",
        help=f"directory of batches that wait for the engine (default: {TEXT.format('spool')})",
    )
    agent.add_argument(
        "--spool-size",
        default=f"{_SPOOL_MIB}M",
        metavar="SIZE",
        help="bytes that wait at most; the oldest go first, and are counted"
        f" (default {_SPOOL_MIB}M)",
    )
    agent.add_argument(
        "--rewind",
        type=argument_values.duration,
        metavar="TIME",
        help="keep the last minutes on this host, such as 10m: a record of each connection per"
        " --interval; in a fleet's dashboard Enter shows them, and here:"
        " sudo tcctui record --last 10m FILE (default: none are kept)",
    )
    agent.add_argument(
        "--rewind-size",
        default=f"{_REWIND_MIB}M",
        metavar="SIZE",
        help=f"bytes of them at most, in {TEXT.format('rewind')}: where they are short, fewer"
        f" minutes are kept (default {_REWIND_MIB}M)",
    )
    agent.add_argument(
        "--prometheus",
        metavar="ADDRESS:PORT",
        type=_listened,
        help="answer scrapes of Prometheus here, with the groups as OpenMetrics; also without --to",
    )
    alerts.add(agent, shown="send a mark", telling=False)
    agent.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        TcctuiError: it lacks a library, or can't read.

    """
    if (args.to, args.prometheus, args.rewind) == (None, None, None):
        mend = "Give --to URL, --prometheus or --rewind."
        raise UsageError("An agent has to know where rows go.", mend)
    if args.to is not None and find_spec("clickhouse_connect") is None:
        # Its import costs a second, and is the sending thread's.
        raise TcctuiError(
            "Sending rows needs clickhouse-connect, which is not installed.",
            "Install it: pip install 'tcctui[fleet]'",
        )
    spool_bytes = argument_values.memory("--spool-size", args.spool_size, 1 << 20)
    rewind_bytes = argument_values.memory("--rewind-size", args.rewind_size, 8 << 20)
    connect = _connecting(args)  # root alone may read the files
    args.interval = getattr(args, "interval", _INTERVAL_MS)
    if args.interval == 0:
        raise UsageError("An agent sends no single ACKs.", "Give an --interval of 1ms or more.")
    spool = cache(lambda: args.spool or state_directory("spool"))  # whose it is, is found out once
    kept = cache(lambda: None if args.rewind is None else state_directory("rewind"))
    separate(args, _RING_BYTES, Told(directories=lambda: _directories(spool(), kept())))
    memory.start()
    memory.use_again()
    if args.is_program:
        sys.meta_path.insert(0, WithoutPandas())
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own one keeps 6 MB
    wanted = filter_of(args)
    if wanted.rest is not None:
        raise UsageError(
            "An agent takes addresses and ports alone: what else a filter says changes meanwhile.",
            "Give --filter 'port:443', --port or --ip.",
        )
    looked_for = alerts.alerts_of(args, wanted.whole)
    in_kernel = wanted.in_kernel.naming("state:listen", *args.alert)
    with open_all(args, _RING_BYTES, in_kernel, _MAX_CPU, _PACE) as source:
        from tcctui.fleet.agent.agent import Asked, agent  # noqa: PLC0415 - numpy, pyarrow
        from tcctui.fleet.agent.collecting import Most  # noqa: PLC0415

        rewind = None
        if (directory := kept()) is not None:
            from tcctui.fleet.agent.rewinding import Rewind  # noqa: PLC0415 - only where it is asked

            rewind = Rewind(directory, int(args.rewind * 1e9), rewind_bytes)
        most = Most(args.groups, args.rows)
        asked = Asked(args.every, most, spool(), spool_bytes, args.host or "", rewind)
        if args.to:
            _say_where(args)
        expose: Callable[[Columns], object] | None = None
        if args.prometheus is not None:
            from tcctui.fleet.agent.prometheus import serve  # noqa: PLC0415 - only where it is asked

            expose = serve(*args.prometheus).take
        return agent(
            *(source, asked, connect if args.to else None),
            alerts=looked_for,
            expose=expose,
            memory=memory_of(args),
            remarks=sys.stderr,
        )


def _say_where(args: argparse.Namespace) -> None:
    """Say where rows go, under which name, and how long the first ones take."""
    from tcctui.fleet.agent import host  # noqa: PLC0415 - an agent's alone

    # The window in which it starts is not sent, and the next one when this host's turn comes.
    first_s = 3 * args.every
    print(
        f"Rows of {args.host or host.name()} go to {args.to} every {args.every} s, the first"
        f" within {first_s} s.",
        file=sys.stderr,
        flush=True,
    )


def _host(text: str) -> str:
    """Name of a host, as ssh takes it: the dashboard goes there by it."""
    if not is_host(text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no name of a host for ssh")
    return text


def _listened(text: str) -> tuple[str, int]:
    """Address and port to listen on."""
    address, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 1 << 16 or not address:
        raise argparse.ArgumentTypeError(f"{text!r} is no address and port, as 127.0.0.1:9437")
    return address.strip("[]"), int(port)


def _every(text: str) -> int:
    """Seconds of a window: a divisor of a day, so that windows begin with it."""
    number = argument_values.count(text)
    if 86_400 % number:
        raise argparse.ArgumentTypeError(f"{text!r} s are no part of a day, such as 10 or 60")
    return number


def _directories(spool: Path, rewind: Path | None) -> Iterator[tuple[Path, str]]:
    """Directories that the agent writes to, with the names of their files."""
    from tcctui.fleet.agent import spool as batches  # noqa: PLC0415 - each command pays for itself

    yield spool, batches.NAMES
    if rewind is not None:
        from tcctui.recording import rolling_files  # noqa: PLC0415 - only where it is asked for

        yield rewind, rolling_files.NAMES


def _connecting(args: argparse.Namespace) -> Callable[[], Client]:
    """Give what connects to the engine, with all files read by now.

    Raises:
        TcctuiError: a file can't be read.

    """
    address = engine_address.of(args, args.to or "").read()

    def connect() -> Client:
        from tcctui.fleet.client import connect  # noqa: PLC0415 - in the sending thread

        return connect(address)

    return connect
