"""The settings file."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.config.printing import EXPLAINED
from tcctui.reference.blocks import Block, Command, Paragraph, entry
from tcctui.ui.app.setting_names import choices


def blocks() -> Iterator[Block]:
    """Path, commands, and every setting with its values."""
    yield Paragraph(
        "Settings are in ~/.config/tcctui/config.toml; under sudo, in that of the calling user. A"
        " mistake is reported with its line and the nearest name, and its default is used. Choices"
        " made on the screen are written back; comments and order stay."
    )
    yield Command("tcctui config", "Show the settings in force, their file and its mistakes.")
    yield Command("tcctui config --print-default", "Print a file with every setting explained.")
    names = choices()
    lists = {"theme": names.themes, "columns": names.columns, "group": names.groups}
    for name, meaning in EXPLAINED.items():
        yield entry(name, meaning, ", ".join(lists.get(name, ())))
    yield Paragraph(
        "The themes tcctui-safe-dark and tcctui-safe-light keep all colours apart for colour-blind"
        " eyes, too; no information is in colour alone. --ascii draws with ASCII only, which is the"
        " default where the terminal or its locale has no more; --no-ascii draws with everything."
    )
