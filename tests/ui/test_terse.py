"""What the terminal is sent in fewer bytes."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tcctui.ui.app.terse import Terse

_COLOURS = st.one_of(
    st.integers(30, 37).map(str),
    st.integers(90, 97).map(str),
    st.integers(0, 255).map("38;5;{}".format),
    st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "38;2;{};{};{}".format(*rgb)),
    st.just("39"),
)
_BACKGROUNDS = _COLOURS.map(
    lambda colour: "10" + colour[1:] if colour[0] == "9" else "4" + colour[1:]
)
_OTHERS = st.sampled_from(["0", "1", "2", "3", "4", "7", "9", ""])
_SGR = st.lists(st.one_of(_COLOURS, _BACKGROUNDS, _OTHERS), min_size=1, max_size=3).map(
    lambda numbers: f"\x1b[{';'.join(numbers)}m"
)
_TEXT = st.sampled_from(["cwnd", "▁▂▃", " ", "\x1b[4;1H", "\r\n", "", "\x1b[?2026h", "[3m"])
_WRITES = st.lists(st.lists(st.one_of(_SGR, _TEXT), max_size=12).map("".join), max_size=6)


class Terminal:
    """Remembers each character with how it is shown; knows SGR, and nothing else."""

    def __init__(self) -> None:
        self.foreground = self.background = ""
        self.others: set[str] = set()
        self.shown: list[tuple[str, str, str, frozenset[str]]] = []

    def write(self, text: str) -> None:
        """Take what is written."""
        for at, part in enumerate(re.split("\x1b\\[([0-9;]*)m", text)):
            if at % 2:
                self._set(part.split(";"))
            else:
                now = (self.foreground, self.background, frozenset(self.others))
                self.shown += [(character, *now) for character in part]

    def _set(self, numbers: list[str]) -> None:
        while numbers:
            length = {"2": 5, "5": 3}[numbers[1]] if numbers[0] in ("38", "48") else 1
            taken, numbers = numbers[:length], numbers[length:]
            first = int(taken[0] or "0")
            if first == 0:
                self.foreground, self.background, self.others = "", "", set()
            elif first == 39:
                self.foreground = ""
            elif first == 49:
                self.background = ""
            elif 30 <= first <= 38 or 90 <= first <= 97:
                self.foreground = ";".join(taken)
            elif 40 <= first <= 48 or 100 <= first <= 107:
                self.background = ";".join(taken)
            else:
                self.others.add(str(first))


@given(_WRITES)
def test_every_character_looks_as_it_would(writes: list[str]) -> None:
    """Whatever is written, in however many pieces, a terminal shows the same."""
    terse, whole, short = Terse(), Terminal(), Terminal()
    for text in writes:
        whole.write(text)
        short.write(terse(text))
        assert short.shown == whole.shown
        assert (short.foreground, short.background, short.others) == (
            *(whole.foreground, whole.background, whole.others),
        )


def test_what_holds_is_not_said_again() -> None:
    """Pieces with one style and a reset behind each cost one style and one reset."""
    piece = "\x1b[38;2;1;2;3;48;2;4;5;6m{}\x1b[0m"
    written = Terse()("".join(map(piece.format, "abc")))
    assert written == "\x1b[38;2;1;2;3;48;2;4;5;6mabc\x1b[0m"
    other = "\x1b[38;2;9;9;9;48;2;4;5;6mx\x1b[0m"
    assert "48;2;4;5;6" not in Terse()(piece.format("a") + other).partition("a")[2]
