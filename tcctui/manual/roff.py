"""Text as troff takes it, with the macros of man(7)."""

from __future__ import annotations

from collections.abc import Iterable


def escaped(text: str) -> str:
    """Escape text so that no character starts an escape or allows a line break at a hyphen.

    The page is ASCII: any other character becomes an escape with its number.
    """
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    text = text.replace("'", "\\(aq").replace("`", "\\(ga").replace('"', "\\(dq")
    return "".join(one if ord(one) < 128 else f"\\[u{ord(one):04X}]" for one in text)


def line(text: str) -> str:
    """A line of text, protected if it begins as a request would."""
    whole = " ".join(text.split())
    return f"\\&{escaped(whole)}" if whole[:1] in {".", "'"} else escaped(whole)


def bold(text: str) -> str:
    """Text typed literally."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """Placeholder text."""
    return f"\\fI{escaped(text)}\\fR"


def section(title: str, *blocks: str) -> str:
    """A section of blocks, each ending its own line."""
    return f'.SH "{title}"\n' + "".join(blocks)


def subsection(title: str) -> str:
    """The title of a part of a section."""
    return f'.SS "{escaped(title)}"\n'


def paragraph(text: str) -> str:
    """A paragraph; lines are broken anew."""
    return f".PP\n{line(text)}\n"


def tagged(tag: str, *texts: str) -> str:
    """Tag, which is roff already, and its description."""
    said = "\n.br\n".join(line(text) for text in texts if text)
    return f".TP\n{tag}\n{said or '.'}\n"


def listing(text: str) -> str:
    """Lines printed verbatim, with their indentation."""
    lines = [f"\\&{escaped(one)}" for one in text.rstrip("\n").split("\n")]
    return ".PP\n.EX\n" + "\n".join(lines) + "\n.EE\n"


def examples(lines: Iterable[tuple[str, str]]) -> str:
    """Commands, each with a remark, as they are typed."""
    return "".join(f".TP\n.EX\n{bold(command)}\n.EE\n{line(said)}\n" for command, said in lines)
