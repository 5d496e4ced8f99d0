"""Our themes: read by everybody, on every ground; and nothing is told by colour alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from textual.color import Color
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES, Theme

from tcctui.config.settings import Settings
from tcctui.terminal_type import Colours
from tcctui.ui.app.ascii import ascii_of
from tcctui.ui.chart.legend import CURVES, lined, sample
from tcctui.ui.preferences import Preferences
from tcctui.ui.style.colours import COLOURS
from tcctui.ui.style.signs import LIMITS, MARKS
from tcctui.ui.style.themes import NAMES, OURS, TEXTS
from tests.ui.fake_source import FakeSource
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, dashboard, painted, screen

Array = npt.NDArray[np.float64]

EYES = {
    "all cones": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, severity 1.0: for linear RGB.
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}

TOGETHER = (
    ("cwnd", "ssthresh", "in-flight"),
    ("delivery", "acked", "pacing", "bbr-bw"),
    ("in-flight", "cwnd-bytes", "snd-wnd"),
    *((one, "before") for one in ("srtt", "acked", "retransmitted")),
    ("limit-cwnd", "limit-rwnd", "limit-sndbuf", "limit-app", "limit-recovery"),
    ("mark-rto", "mark-retransmit"),
)
"""Styles that are in one picture, where one is not to be taken for another."""


def linear(colour: str) -> Array:
    """Linear RGB of a colour, as sRGB (IEC 61966-2-1) has it."""
    values = np.array(Color.parse(colour).rgb) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.1, 1.4.3): 1 to 21."""
    light = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def lab(rgb: Array) -> Array:
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    scaled = to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one: str, other: str, eye: str) -> float:
    """How far two colours are apart for an eye: 2.3 is a difference that can just be seen."""
    return float(np.linalg.norm(lab(EYES[eye] @ linear(one)) - lab(EYES[eye] @ linear(other))))


def colour_of(theme: Theme, style: str) -> str:
    """The colour that a style has in a theme."""
    name = COLOURS[style].removeprefix("$")
    return theme.variables.get(name) or str(getattr(theme, name))


@pytest.mark.parametrize("theme", OURS, ids=lambda theme: theme.name)
def test_text_can_be_read_on_every_ground(theme: Theme) -> None:
    """Text of any colour has a contrast of 4.5 at least with whatever is behind it."""
    colours = {colour_of(theme, style) for style in COLOURS}
    colours |= {str(theme.foreground), theme.variables["text-disabled"]}
    for colour in colours:
        for ground in (theme.background, theme.surface, theme.panel):
            assert contrast(colour, str(ground)) >= 4.5, (colour, ground)
    cursor = theme.variables
    assert contrast(cursor["block-cursor-foreground"], cursor["block-cursor-background"]) >= 4.5


@pytest.mark.parametrize("name", [name for name in BUILTIN_THEMES if "ansi" not in name])
async def test_coloured_text_can_be_read_in_textuals_themes(name: str, clock: Clock) -> None:
    """Text of any colour, and keys, on what is behind them, as the dashboard has them in force."""
    preferences = Preferences(Settings(theme=name))
    async with dashboard(FakeSource(), clock, (80, 24), preferences=preferences) as desk:
        made = desk.pilot.app.get_css_variables()
        for text, grounds in TEXTS.items():
            for ground in grounds:
                assert contrast(made[text], made[ground]) >= 4.5, (text, ground)
        assert {colour.removeprefix("$") for colour in COLOURS.values()} - {
            *TEXTS,
            *("foreground", "text-muted"),
        } == set()


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", OURS, ids=lambda theme: theme.name)
def test_curves_and_limits_are_told_apart_by_everybody(theme: Theme, eye: str) -> None:
    """In one picture no colour looks like another one, also to people without some cones."""
    for styles in TOGETHER:
        for one, other in combinations(sorted({colour_of(theme, style) for style in styles}), 2):
            assert apart(one, other, eye) > 17, (styles, one, other)


def test_common_colours_would_not_pass() -> None:
    """The measure finds what is hard to tell apart: red and green, without green cones."""
    assert apart("#b05000", "#708000", "all cones") > 17
    assert apart("#b05000", "#708000", "no green cones") < 17


def test_whatever_has_a_colour_has_a_glyph_and_a_word_too() -> None:
    """Limits and marks differ in their glyphs and words: nobody needs colours."""
    for signs in (LIMITS.values(), MARKS.values()):
        assert len({sign.glyph for sign in signs}) == len({sign.word for sign in signs})
        assert len({sign.glyph for sign in signs}) == len(signs)


def test_our_names_are_no_others() -> None:
    """The list of themes has ours and all of Textual's, each once."""
    assert len(set(NAMES)) == len(NAMES) == len(OURS) + len(BUILTIN_THEMES)


CURVES_TOGETHER = [one for one in TOGETHER if set(one) <= set(CURVES)]


@pytest.mark.parametrize("drawn", [str, ascii_of], ids=["braille", "ascii"])
@pytest.mark.parametrize("styles", CURVES_TOGETHER, ids=" ".join)
def test_curves_of_one_chart_have_lines_of_their_own(
    styles: tuple[str, ...], drawn: Callable[[str], str]
) -> None:
    """Without colours each curve is known by its line, in the legend and in the chart."""
    assert len({drawn(sample(style)) for style in styles}) == len(styles)
    curve = "⠒⠒⠒⠒⠒⠒⠒⠒⢸⡇⣿⡠"
    assert len({drawn(lined(curve, style, 0)) for style in styles}) == len(styles)


@pytest.mark.parametrize("style", CURVES)
@pytest.mark.parametrize("text", ["⢸⡇⣿⡠⠊⠱⡀", "⠉⢸⣀⣿⠤⡠⠒⠒⠊⠉⠱⠒⡀"])
def test_no_kind_of_line_leaves_out_a_peak(style: str, text: str) -> None:
    """Where a curve is steep its line has a dot at every height that was measured there."""

    def heights(cell: str) -> set[int]:
        bits = ord(cell) - 0x2800
        return {row for row, pair in enumerate((0x09, 0x12, 0x24, 0xC0)) if bits & pair}

    for at in range(4):
        for before, after in zip(text, lined(text, style, at), strict=True):
            assert heights(after) == heights(before)


async def test_without_colours_all_is_there(clock: Clock) -> None:
    """A terminal without colours is sent none, and every word is where it was."""
    async with dashboard(sampled_server(), clock, (160, 50)) as desk:
        await desk.press("down")
        coloured = screen(desk.pilot)[1:30]
    preferences = Preferences(Settings(theme="nord"))
    preferences.colours = Colours.NONE
    async with dashboard(sampled_server(), clock, (160, 50), preferences=preferences) as desk:
        await desk.press("down")
        assert screen(desk.pilot)[1:30] == coloured
        assert not _COLOURED.search(sent(desk))
        assert [row for row, strip in enumerate(painted(desk.table)) if reversed_in(strip)] == [2]
        for key in ("C", "o", "Y", "G", "ctrl+p", "H"):
            await desk.press(key, "down")
            lines = desk.pilot.app.screen._compositor.render_strips()
            assert any(map(reversed_in, lines)), f"nothing is highlighted after {key}"
            assert not _COLOURED.search(sent(desk))
            await desk.press("escape")


@pytest.mark.parametrize(
    ("colours", "most"),
    [(Colours.FEW, "standard"), (Colours.MANY, "256"), (Colours.ALL, "truecolor")],
)
async def test_no_terminal_is_sent_more_colours_than_it_knows(
    clock: Clock, colours: Colours, most: str
) -> None:
    """GNU screen drops a background of 2^24 colours: what is selected must still be seen there."""
    preferences = Preferences()
    preferences.colours = colours
    async with dashboard(sampled_server(), clock, (160, 50), preferences=preferences) as desk:
        app = desk.pilot.app
        assert app.console.color_system == most
        assert (app.theme == "ansi-dark") is (colours is Colours.FEW)
        assert _COLOURED.search(sent(desk))


def reversed_in(strip: Strip) -> bool:
    """True if anything in a line is in reverse video."""
    return any(segment.style and segment.style.reverse for segment in strip)


_COLOURED = re.compile(r"\x1b\[(\d+;)*([34][0-8]|9[0-7]|10[0-7])(;\d+)*m")
"""Any colour but the terminal's own ones (ECMA-48, 8.3.117)."""


def sent(desk: Desk) -> str:
    """All of the screen, as the terminal is sent it."""
    app = desk.pilot.app
    return app.screen._compositor.render_full_update().render_segments(app.console)
