"""Shell completion: commands, options, files, help topics and the known part of a query.

The shell runs `tcctui` with `_ARGCOMPLETE` set, through the lines that argcomplete's `register-
python-argcomplete` makes for bash, zsh and fish; `make install` puts them where the shells look.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tcctui.cli.parser import Parser

if TYPE_CHECKING:
    from tcctui.query.completion import Completion

ASKED = "_ARGCOMPLETE"
"""Environment variable that a shell sets to ask for completions."""

_CONDITIONS = frozenset({"until", "fail_if", "alert"})
_FILES = frozenset({"sources"})
_RECORDINGS = frozenset({"path", "source", "replay", "record_to"})


def complete(parser: Parser) -> None:
    """Answer the shell and exit."""
    import argcomplete  # noqa: PLC0415 - only ever needed here
    from argcomplete.completers import FilesCompleter  # noqa: PLC0415

    for action in _actions(parser):
        if action.dest.removeprefix("before_") == "filter":
            action.completer = _query  # type: ignore[attr-defined]  # argcomplete's own
        elif action.dest in _CONDITIONS:
            action.completer = _condition  # type: ignore[attr-defined]
        elif action.dest in _RECORDINGS and not action.choices:
            action.completer = FilesCompleter(("arrows",))  # type: ignore[attr-defined]
        elif action.dest in _FILES:
            action.completer = FilesCompleter()  # type: ignore[attr-defined]
        elif action.dest == "topic":
            action.completer = _topics  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options="long")


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _query(prefix: str, **_: Any) -> list[str]:
    """Queries that extend the prefix by one word."""
    from tcctui.query.completion import complete as continued  # noqa: PLC0415 - numpy

    return _continuations(prefix, continued(prefix, len(prefix), {}))


def _condition(prefix: str, **_: Any) -> list[str]:
    """Conditions that extend the prefix by one word."""
    from tcctui.alerts.completion import complete as continued  # noqa: PLC0415 - numpy

    return _continuations(prefix, continued(prefix, len(prefix), {}))


def _continuations(prefix: str, found: Completion) -> list[str]:
    return [prefix[: found.start] + one.text for one in found.choices]


def _topics(prefix: str, **_: Any) -> list[str]:
    """Topics of `tcctui help` that start with the prefix."""
    from tcctui.reference.topics import TOPICS  # noqa: PLC0415 - only for a shell

    return [name for name in TOPICS if name.startswith(prefix)]
