"""The options of commands, as their parsers describe them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator

from tcctui.manual import roff

Parser = argparse.ArgumentParser


def names(parser: Parser) -> frozenset[str]:
    """All spellings of a parser's options."""
    return frozenset(name for action in parser._actions for name in action.option_strings)


def commands(parser: Parser) -> Iterator[tuple[str, str, Parser]]:
    """The commands of a parser: name, help, parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {one.dest: one.help or "" for one in action._choices_actions}
            for name, command in action.choices.items():
                yield name, told.get(name, ""), command


def described(parser: Parser, but: Collection[str] = ()) -> str:
    """Arguments and options, without `but`, those described elsewhere, and without --help."""
    return "".join(
        roff.tagged(_written(action), _help(parser, action))
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        and not isinstance(action, (argparse._SubParsersAction, argparse._HelpAction))
        and not set(action.option_strings) & set(but)
    )


def synopsis(name: str, parser: Parser) -> str:
    """Synopsis of a command in one line of roff."""
    places = [
        roff.italic(str(action.metavar or action.dest))
        for action in parser._actions
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)
    ]
    return " ".join([roff.bold(name), f"[{roff.italic('OPTION')} ...]", *places])


def _written(action: argparse.Action) -> str:
    """`-p PORT, --port PORT` as roff."""
    value = "" if action.nargs == 0 else str(action.metavar or _choices(action))
    if not action.option_strings:
        return roff.italic(value)
    behind = f" {roff.italic(value)}" if value else ""
    return ", ".join(roff.bold(name) + behind for name in action.option_strings)


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _help(parser: Parser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""
