"""The argument parser of all commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from tcctui.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that wants names in full, and whose complaints end as all others do."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Complain.

        Raises:
            UsageError: always.

        """
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See: {self.prog} --help")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]
    """What a command adds its parser to."""
