"""`--alert` and what an alert triggers."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.cli import filters
from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.alerts.alert import Alerts
    from tcctui.alerts.command import Runner
    from tcctui.alerts.reporter import Reporter
    from tcctui.cli.rights import Separated
    from tcctui.query import Query


def add(parser: argparse.ArgumentParser, *, shown: str, telling: bool = True) -> None:
    """Add the options; `shown` describes the effect of an alert, `telling` adds log and hook."""
    group = parser.add_argument_group("alerts")
    group.add_argument(
        "--alert",
        action="append",
        default=[],
        metavar="QUERY",
        help=f"{shown} when a connection starts to match, such as 'retrans>5 and srtt>200ms';"
        " once for each, until it has not matched for 5 s; or, of groups and for some time,"
        " 'group:net share(retrans%%10s>5)>10%% for 10s' (tcctui help alerts); may be given several"
        " times",
    )
    if not telling:
        return
    group.add_argument(
        "--alert-run",
        metavar="COMMAND",
        help="run this for each alert, without a shell, as the user who called sudo; TCCTUI_ALERT,"
        " _GROUP, _LOCAL, _REMOTE, _COOKIE, _CC, _PROCESS, _PID, _TIME and _VALUES say which",
    )
    group.add_argument(
        "--alert-log",
        type=Path,
        metavar="FILE",
        help="append a line of JSON to this file when an alert is raised and when it clears",
    )


def alerts_of(args: argparse.Namespace, only: Query) -> Alerts | None:
    """Give the alerts to watch for among connections that match `only`; None without `--alert`.

    Raises:
        UsageError: a query is invalid, or an option needs --alert.

    """
    for option in ("alert_run", "alert_log"):
        if getattr(args, option, None) is not None and not args.alert:
            raise UsageError(
                f"--{option.replace('_', '-')} needs alerts, and none are set.",
                "Add --alert QUERY.",
            )
    if not args.alert:
        return None
    from tcctui.alerts.alert import Alerts  # noqa: PLC0415 - numpy

    return Alerts([filters.condition("--alert", text) for text in args.alert], only)


def hook_of(args: argparse.Namespace) -> list[str] | None:
    """Words of the command of alerts; None if there is none.

    Raises:
        UsageError: there is no such command.

    """
    if args.alert_run is None:
        return None
    from tcctui.alerts import command  # noqa: PLC0415

    return command.command(args.alert_run)


@contextmanager
def reporter(args: argparse.Namespace) -> Iterator[Reporter | None]:
    """Open the log and the hook for the time of the context; None if neither is set.

    Raises:
        TcctuiError: the file can't be opened, or there is no such command.

    """
    if args.alert_run is None and args.alert_log is None:
        yield None
        return
    from tcctui.alerts.reporter import Reporter  # noqa: PLC0415

    with closing(Reporter(args.alert_log, _runner(args))) as telling:
        yield telling


def _runner(args: argparse.Namespace) -> Runner | None:
    """Give what runs the command of alerts."""
    separated: Separated | None = getattr(args, "separated", None)
    if separated is not None:
        return separated.runner
    words = hook_of(args)
    if words is None:
        return None
    from tcctui.alerts.command import OwnRunner, as_caller  # noqa: PLC0415

    return OwnRunner(words, *as_caller(os.environ))
