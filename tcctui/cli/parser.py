"""Argument parser of all commands."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn, TypeAlias

from tcctui.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Argument parser without abbreviations, whose errors are formatted like all others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise the error.

        Raises:
            UsageError: always.

        """
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See: {self.prog} --help")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""Group of subparsers that a command adds itself to."""
