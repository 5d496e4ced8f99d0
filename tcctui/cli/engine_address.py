"""Options that say which ClickHouse, and as whom."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tcctui.fleet.address import Address


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the options that say who asks an engine."""
    parser.add_argument("--user", default="default", metavar="NAME", help="user of the engine")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="file with the user's password"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with a token instead")
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="certificate authorities that the engine's certificate is checked against, the"
        " system's by default",
    )


def of(args: argparse.Namespace, url: str) -> Address:
    """Engine and user of the command line."""
    from tcctui.fleet.address import Address  # noqa: PLC0415 - each command pays for itself

    return Address(url, args.user, args.password_file, args.token_file, args.ca_file)


def url(text: str) -> str:
    """URL of an engine; a password in it would be seen by all."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL, such as https://HOST:8443/DATABASE")
    if parts.username or parts.password:
        raise argparse.ArgumentTypeError(
            "a user or password in a URL is seen by others: give --user and --password-file"
        )
    return text
