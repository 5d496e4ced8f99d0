"""The screen as a terminal would show it: its text, and the colours of a part of it as text."""

from __future__ import annotations

import html
import re
from collections import Counter
from string import ascii_letters
from typing import Any

from rich.cells import cell_len
from textual.app import App

_CELL, _LINE = 12.2, 24.4
"""Width and height of a character in Rich's SVG."""

_TEXT = re.compile(
    r'<text class="[\w-]+-(r\d+)" x="([\d.]+)"[^>]*url\(#[\w-]*line-(\d+)\)[^>]*>([^<]*)</text>'
)
_GROUND = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')
_RULES = re.compile(r"-(r\d+) \{ ([^}]*) \}")
_RULE = re.compile(r"#\w+|bold|italic|underline|line-through")

Cells = list[list[str]]


def screen_text(app: App[Any]) -> list[str]:
    """The lines of the whole screen, without blanks at their ends."""
    return ["".join(row).rstrip() for row in _characters(app, app.export_screenshot())[0]]


def panel_text(app: App[Any], selector: str) -> str:
    """A part of the screen as text, for a person to read and a diff to show.

    Below each line, after `~`, stand letters for the styles of its characters; the part's usual
    style has none. The styles are listed at the end, in the order of their first use.
    """
    svg = app.export_screenshot(simplify=True)
    characters, styles = _characters(app, svg)
    grounds = _grounds(app, svg)
    region = app.screen.query_one(selector).region.intersection(app.size.region)
    columns = slice(region.x, region.right)
    rows = [
        [*zip(characters[y][columns], styles[y][columns], grounds[y][columns], strict=True)]
        for y in range(region.y, region.bottom)
    ]
    (usual, _), *_ = Counter(
        (style, ground) for row in rows for character, style, ground in row if character.strip()
    ).most_common(1) or [(("", ""), 0)]
    letters = {usual: " "}
    shown = []
    for row in rows:
        marks, look = "", usual
        for character, style, ground in row:
            if character.strip():
                look = (style, ground)
            elif ground != look[1]:  # otherwise a blank looks as what is before it
                look = usual if ground == usual[1] else ("", ground)
            marks += letters.setdefault(look, ascii_letters[len(letters) - 1])
        shown.append(f"  {''.join(character for character, *_ in row)}".rstrip())
        if marks.strip():
            shown.append(f"~ {marks}".rstrip())
    legend = [f"{letter} {style} on {ground}" for (style, ground), letter in letters.items()]
    return "\n".join([f"{selector} {region.width}×{region.height}", *shown, *legend])


def _characters(app: App[Any], svg: str) -> tuple[Cells, Cells]:
    """Each cell's character and style; the second cell of a wide character is empty."""
    characters = _blank(app, " ")
    styles = _blank(app, "")
    rules = {name: " ".join(_RULE.findall(text)) for name, text in _RULES.findall(svg)}
    for name, x, line, text in _TEXT.findall(svg):
        at, y = round(float(x) / _CELL), int(line)
        for character in html.unescape(text).replace("\xa0", " "):
            width = cell_len(character)
            if width == 0:
                characters[y][at - 1] += character
                continue
            characters[y][at : at + width] = [character, *[""] * (width - 1)]
            styles[y][at : at + width] = [rules[name]] * width
            at += width
    return characters, styles


def _grounds(app: App[Any], svg: str) -> Cells:
    """Each cell's background."""
    grounds = _blank(app, "")
    for colour, x, y, width in _GROUND.findall(svg):
        at, cells = round(float(x) / _CELL), round(float(width) / _CELL)
        grounds[round((float(y) - 1.5) / _LINE)][at : at + cells] = [colour] * cells
    return grounds


def _blank(app: App[Any], cell: str) -> Cells:
    width, height = app.size
    return [[cell] * width for _ in range(height)]
