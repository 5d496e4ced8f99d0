"""Docstrings that name the thing or the act, in every module of tcctui."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "tcctui"

QUESTIONS = re.compile(r"\s*(What|Whether|Which|How|Where|Whose)\b")


def documented(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring, and of each string that stands behind an assignment."""
    for node in ast.walk(tree):
        for before, one in _neighbours(getattr(node, "body", None)):
            if (
                isinstance(one, ast.Expr)
                and isinstance(one.value, ast.Constant)
                and isinstance(one.value.value, str)
                and (before is None or isinstance(before, ast.Assign | ast.AnnAssign))
            ):
                yield one.lineno, one.value.value


def _neighbours(body: object) -> Iterator[tuple[ast.stmt | None, ast.stmt]]:
    statements = body if isinstance(body, list) else []
    yield from zip([None, *statements], statements, strict=False)


@pytest.mark.parametrize(
    "module", sorted(ROOT.rglob("*.py")), ids=lambda module: str(module.relative_to(ROOT))
)
def test_no_docstring_begins_with_a_question(module: Path) -> None:
    """A docstring's first word names the thing or the act; it is none of QUESTIONS."""
    asking = [
        f"{module.relative_to(ROOT.parent)}:{line}: {text.splitlines()[0]}"
        for line, text in documented(ast.parse(module.read_text()))
        if QUESTIONS.match(text)
    ]
    assert not asking


def test_the_check_finds_each_kind() -> None:
    """Docstrings of modules, classes and functions are found, and those of attributes."""
    source = '''"""What a."""
class A:
    """Whether b."""
    c: int
    """How c."""
    def d(self):
        """Where d."""
E = 1
"""Whose e."""
async def f():
    """Which f."""
'''
    found = [text for _, text in documented(ast.parse(source))]
    assert sorted(filter(QUESTIONS.match, found)) == [
        "How c.",
        "What a.",
        "Where d.",
        "Whether b.",
        "Which f.",
        "Whose e.",
    ]
    assert not QUESTIONS.match("However it is.")
    assert not QUESTIONS.match("Somewhere.")
