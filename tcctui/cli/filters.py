"""`--filter`, `--port` and `--ip` before and after a command, combined into one query."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from tcctui.errors import UsageError

if TYPE_CHECKING:
    from tcctui.alerts.condition import Condition
    from tcctui.query import Query

T = TypeVar("T")

WORDS = "such as 'port:443 and srtt>80ms' (as in the dashboard's search: ? there lists it)"
"""Explanation of a query in option help."""


def add(parser: argparse._ActionsContainer, what: str, before: str = "") -> None:
    """Add the option; `what` describes the effect on matches."""
    parser.add_argument(
        "-f",
        "--filter",
        dest=f"{before}filter",
        action="append",
        default=argparse.SUPPRESS,
        metavar="QUERY",
        help=f"{what}, {WORDS}; may be given several times",
    )


def add_ends(parser: argparse._ActionsContainer, such_as: str = "", before: str = "") -> None:
    """Add the options for an address and a port; `such_as` has examples of addresses."""
    ends = (("ip", "ADDRESS", f"address or prefix{such_as}"), ("port", "PORT", "port"))
    for name, metavar, what in ends:
        parser.add_argument(
            f"-{name[0]}",
            f"--{name}",
            dest=f"{before}{name}",
            action="append",
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=f"only connections with this {what} at either end; may be given several times",
        )


def query_of(args: argparse.Namespace) -> Query:
    """Combine ports, addresses and filters: one port, one address and every filter must match.

    Raises:
        UsageError: a port, an address or a query is invalid.

    """
    from tcctui.query import ALL  # noqa: PLC0415 - numpy

    whole = ALL
    ports = [_port(text) for text in _split(_given(args, "port"))]
    addresses = [_address(text) for text in _split(_given(args, "ip"))]
    for name, values in (("port", ports), ("ip", addresses)):
        if values:
            whole = whole & parsed(f"--{name}", f"{name}:{','.join(values)}")
    for text in _given(args, "filter"):
        whole = whole & parsed("--filter", text)
    return whole


def parsed(option: str, text: str) -> Query:
    """Parse a query given to an option.

    Raises:
        UsageError: the query is invalid; the message points at the mistake.

    """
    from tcctui.query import parse  # noqa: PLC0415 - numpy

    return _read(option, text, parse)


def condition(option: str, text: str) -> Condition:
    """Parse a condition given to an option.

    Raises:
        UsageError: the condition is invalid; the message points at the mistake.

    """
    from tcctui.alerts.condition import condition  # noqa: PLC0415 - numpy

    return _read(option, text, condition)


def _read(option: str, text: str, parse: Callable[[str], T]) -> T:
    from tcctui.query import QueryError, render_error  # noqa: PLC0415 - numpy

    if not text.strip():
        raise UsageError(f"{option} needs a query.", f"Such as {option} 'port:443 and srtt>80ms'.")
    try:
        return parse(text)
    except QueryError as error:
        shown = render_error(text, error).splitlines()[:2]
        reason = f"{error.reason[:1].lower()}{error.reason[1:]}".rstrip(".?")
        end = "?" if error.reason.endswith("?") else "."
        raise UsageError(f"{option}: {reason}{end}", "\n        ".join(shown)) from error


def given(args: argparse.Namespace) -> bool:
    """True if there is anything for `query_of` to parse."""
    return any(_given(args, name) for name in ("ip", "port", "filter"))


def _given(args: argparse.Namespace, name: str) -> list[str]:
    """Values given before and after the command."""
    return [*getattr(args, f"before_{name}", []), *getattr(args, name, [])]


def _split(texts: Iterable[str]) -> list[str]:
    return [part for text in texts for part in text.split(",")]


def _port(text: str) -> str:
    if re.fullmatch(r"\s*[0-9]{1,5}\s*", text) and 1 <= int(text) <= 65535:
        return text.strip()
    raise UsageError(f"--port {text[:40]!r} is not a port.", "A port is a number from 1 to 65535.")


def _address(text: str) -> str:
    from tcctui.wire.addresses import parse_on_link  # noqa: PLC0415

    try:
        prefix, zone = parse_on_link(text)
    except ValueError:
        raise UsageError(
            f"--ip {text[:80]!r} is not an address.",
            "Give an IPv4 or IPv6 address or a prefix, such as 10.0.0.0/8 or 2001:db8::/32.",
        ) from None
    host, slash, length = str(prefix).partition("/")
    return f"{host}%{zone}{slash}{length}" if zone else str(prefix)
