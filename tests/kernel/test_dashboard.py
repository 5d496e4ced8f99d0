"""The dashboard as a person uses it: in a terminal, by its keys, on twenty iperf3 streams."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tcctui.sources.kernel.type_information import VMLINUX
from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, chatter, connections

pytestmark = pytest.mark.kernel

STREAMS = 20
OTHER_PORT = PORT + 1
OTHERS = 4
"""Sockets of two connections to the other port."""

COMMAND = f"{TCCTUI} --port {PORT} --port {OTHER_PORT}"


@pytest.fixture(scope="module")
def traffic() -> Iterator[None]:
    """Let iperf3 fill a path with its streams, and two connections talk beside it."""
    with (
        Network(rate="40mbit", queue="200kb") as network,
        connections(network, "ipv4", "ipv6", port=OTHER_PORT) as others,
        chatter(*others, pause=0.05),
    ):
        network.popen(network.server, ["iperf3", "-s", "-p", str(PORT), "-i", "0"])
        listening = ("ss", "-HltnN", network.server, f"sport = :{PORT}")
        until("iperf3 listens", lambda: run(*listening))
        streams = ("-P", str(STREAMS), "-t", "600", "-i", "0")
        to_server = ("iperf3", "-c", Network.SERVER, "-p", str(PORT))
        network.popen(network.client, [*to_server, *streams])
        yield


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Open a terminal."""
    with Terminal(tmp_path) as opened:
        yield opened


@pytest.fixture
def fresh(traffic: None, terminal: Terminal) -> Terminal:
    """Start a dashboard for one test that leaves it another."""
    terminal.start(COMMAND)
    all_flows(terminal)
    return terminal


@pytest.fixture(scope="module")
def _running(traffic: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with Terminal(tmp_path_factory.mktemp("dashboard")) as opened:
        opened.start(COMMAND)
        yield opened


@pytest.fixture
def dashboard(_running: Terminal) -> Iterator[Terminal]:
    """Give the dashboard that most tests share, with all flows; what they leave is undone."""
    all_flows(_running)
    yield _running
    _running.resize(160, 50)
    _running.press("Escape", "g")
    if "❚❚" in _running.screen:
        _running.press("Space")
        _running.hides("❚❚")


def all_flows(dashboard: Terminal) -> None:
    """Wait until it shows all flows, with what tcp_probe tells of them."""
    dashboard.until(
        "all flows",
        lambda screen: "attaching" not in screen and flows(screen)[0] >= 2 * STREAMS + OTHERS,
    )


def flows(screen: str) -> tuple[int, int]:
    """Read from the status line how many flows are shown, and how many are known."""
    match = re.search(r"(\d+)/(\d+) flows", screen)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def rows(screen: str) -> list[tuple[str, str]]:
    """Read the two ends of each flow in the table."""
    pairs = re.findall(r"(?m)^ ?(\S+:\d+) +(\S+:\d+) ", screen)
    return [(local, remote) for local, remote in pairs]


def caption(screen: str) -> tuple[str, str]:
    """Read the two ends of the flow whose charts are shown."""
    match = re.search(r"(\S+:\d+) → (\S+:\d+)", screen)
    return (match[1], match[2]) if match else ("", "")


def sorted_by(screen: str) -> tuple[str, str]:
    """Read the marked column's title, and the marker."""
    match = re.search(r"([▼▲])(\w+)|(\w+)([▼▲])", screen)
    assert match, screen
    return (match[2] or match[3], match[1] or match[4])


def below_status(screen: str) -> list[str]:
    """Leave out the first line, in which the rates go on."""
    return screen.splitlines()[1:]


def pause(dashboard: Terminal) -> str:
    """Pause it, and give its screen once that stands still."""
    dashboard.press("Space")
    dashboard.until("it is paused", is_paused)
    screens: list[list[str]] = []

    def still() -> bool:
        # What was being painted when the key came may be on its way for a while.
        screens.append(below_status(dashboard.screen))
        return len(screens) > 3 and screens[-1] == screens[-2] == screens[-3] == screens[-4]

    until("the screen stands still", still, pause=0.3)
    return dashboard.screen


def is_paused(screen: str) -> bool:
    """Say whether it stands still, and that moment is on the screen, with its charts."""
    status = screen.partition("\n")[0]
    return "❚❚" in status and " …" not in status and bool(re.search(r"⠒ cwnd \d", screen))


def moves(dashboard: Terminal) -> None:
    """Wait until the values change."""
    before = below_status(dashboard.screen)
    dashboard.until("values that change", lambda screen: below_status(screen) != before)


def test_flows_show_up(dashboard: Terminal) -> None:
    """The streams are there, with numbers that change, curves, and what it is that is watched."""
    screen = dashboard.until("a full table", lambda text: len(rows(text)) >= STREAMS)
    ports = {end.rpartition(":")[2] for pair in rows(screen) for end in pair}
    assert str(PORT) in ports
    dashboard.shows(r"ev/s .*\b0 lost")
    assert f"kernel: port:{PORT}-{OTHER_PORT}" in screen
    assert any(charts_are_of(screen, flow) for flow in rows(screen))
    dashboard.shows("[⠁-⣿]")
    moves(dashboard)


def test_arrows_select(dashboard: Terminal) -> None:
    """Down goes to the next row, up comes back, and the charts are those of that flow."""
    order = rows(pause(dashboard))
    for key, place in (("g", 0), ("Down", 1), ("Down", 2), ("Up", 1), ("Up", 0)):
        dashboard.press(key)
        dashboard.until(f"{key} to {order[place]}", partial(charts_are_of, flow=order[place]))
    assert rows(dashboard.screen) == order


def charts_are_of(screen: str, flow: tuple[str, str]) -> bool:
    """Say whether a flow is the selected one; in the table long addresses lack their middle."""
    parts = [end.partition("…") for end in flow]
    return all(
        end.startswith(first) and end.endswith(last) if cut else end == first
        for end, (first, cut, last) in zip(caption(screen), parts, strict=True)
    )


def test_search_filters(fresh: Terminal) -> None:
    """Typing shows fewer flows at once, a mistake is explained and changes nothing, Esc clears."""
    dashboard = fresh
    known = flows(dashboard.screen)[1]
    dashboard.type(f"/port:{OTHER_PORT}")
    screen = dashboard.until("only the others", lambda text: flows(text)[0] == OTHERS)
    assert flows(screen)[1] >= known
    assert len(rows(screen)) == OTHERS
    assert all(f":{OTHER_PORT}" in local + remote for local, remote in rows(screen))
    dashboard.type("x")
    screen = dashboard.shows(rf"port:{OTHER_PORT}x[^^]*\^ (\w+.*)").string
    assert flows(screen)[0] == OTHERS
    dashboard.press("BSpace")
    dashboard.hides(r"(?m)^ *\^ ")
    dashboard.press("Escape")
    screen = dashboard.until("all flows", lambda text: flows(text)[0] == flows(text)[1] > OTHERS)
    assert f"port:{OTHER_PORT}" not in screen
    dashboard.type("/src:2001:db8::/126")
    dashboard.until("what has an address with a /", lambda text: flows(text)[0] == 2)


def sort_by(dashboard: Terminal, key: str) -> tuple[str, str]:
    """Press a key that sorts, and give the marked column and the marker once they are others."""
    before = sorted_by(dashboard.screen)
    dashboard.type(key)
    return sorted_by(dashboard.until(f"the sort by {key}", lambda text: sorted_by(text) != before))


def test_sort_keys_move_the_marker(fresh: Terminal) -> None:
    """> and < go from column to column, r turns around, and the rows stand in that order."""
    dashboard = fresh
    begin = sorted_by(dashboard.screen)
    assert sort_by(dashboard, ">")[0] != begin[0]
    assert sort_by(dashboard, "<") == begin
    assert sort_by(dashboard, "r")[0] == begin[0]
    for _ in range(12):
        if sort_by(dashboard, ">") == ("CWND", "▼"):
            break
    falling = numbers_below(pause(dashboard), "CWND")
    assert len(set(falling)) > 1
    assert falling == sorted(falling, reverse=True)
    assert sort_by(dashboard, "r") == ("CWND", "▲")
    dashboard.until("rows in that order", partial(is_rising, title="CWND"))


def is_rising(screen: str, title: str) -> bool:
    """Say whether a column's numbers grow downwards."""
    numbers = numbers_below(screen, title)
    return len(set(numbers)) > 1 and numbers == sorted(numbers)


def numbers_below(screen: str, title: str) -> list[int]:
    """Read a column of numbers; they end where the title ends."""
    lines = screen.splitlines()
    end = next(line for line in lines if title in line).index(title) + len(title)
    numbers = (re.search(r"(\d+)$", line[:end]) for line in lines if rows(line))
    return [int(number[1]) for number in numbers if number]


def test_pause_and_resume(dashboard: Terminal) -> None:
    """While it is paused no value changes, though traffic goes on; then values change again."""
    moves(dashboard)
    screen = pause(dashboard)
    held = below_status(screen)
    over = time.monotonic() + 2
    while time.monotonic() < over:
        assert below_status(dashboard.screen) == held
    assert flows(screen) == flows(dashboard.screen)
    dashboard.press("Space")
    dashboard.hides("❚❚")
    moves(dashboard)


def test_windows(dashboard: Terminal) -> None:
    """W goes through the windows and comes back."""
    seen = [below_status(pause(dashboard))]
    for key in "www":
        dashboard.type(key)
        screen = dashboard.until(f"a change by {key}", partial(is_other, before=seen[-1]))
        seen.append(below_status(screen))
    *windows, again = seen
    assert windows[0] not in windows[1:]
    assert windows[0] == again


def is_other(screen: str, before: list[str]) -> bool:
    """Say whether a screen has changed below its first line."""
    return below_status(screen) != before


def test_help_lists_the_keys(dashboard: Terminal) -> None:
    """? explains keys and columns, and goes away again."""
    dashboard.type("?")
    dashboard.shows("finds words in the help")
    dashboard.shows("Quit, as Ctrl-C does")
    dashboard.type("4")
    dashboard.shows("port:443")
    dashboard.press("Escape")
    dashboard.hides("finds words in the help")
    dashboard.until("the table", lambda text: len(rows(text)) >= STREAMS)


def test_resizing(dashboard: Terminal) -> None:
    """It works at 80×24, and its table at 60×16; below that it says what it needs."""
    for columns, lines in ((80, 24), (160, 50), (80, 24)):
        dashboard.resize(columns, lines)
        screen = dashboard.until("a table that fits", partial(fits, lines=lines))
        assert max(map(len, screen.splitlines())) <= columns
        dashboard.until("the caption", lambda text: caption(text)[1])
        dashboard.resize(60, 16)
        dashboard.until("a table alone", partial(is_table_alone, lines=16))
        for too_small in ((59, 16), (60, 15)):
            dashboard.resize(*too_small)
            assert not rows(dashboard.shows("needs 60×16").string)


def test_a_scrolled_table_that_loses_its_room_behind_the_help(dashboard: Terminal) -> None:
    """It is right again when there is room for all rows, and nothing is left to scroll."""
    dashboard.resize(80, 24)
    dashboard.press("End")
    dashboard.type("?")
    dashboard.shows("finds words in the help")
    dashboard.press("Escape")
    dashboard.resize(60, 15)
    dashboard.shows("needs 60×16")
    time.sleep(1.5)  # until the table has been laid out without room
    dashboard.resize(160, 100)
    dashboard.until("all rows", lambda screen: len(rows(screen)) >= flows(screen)[0] > 0)


def fits(screen: str, lines: int) -> bool:
    """Say whether the table, the charts and the list of keys are on a screen of so many lines."""
    shown = screen.rstrip("\n").splitlines()
    return len(rows(screen)) > 5 and len(shown) == lines and "Quit" in shown[-1]


def is_table_alone(screen: str, lines: int) -> bool:
    """Say whether a screen of so many lines has remote ends and keys, and no charts."""
    shown = screen.rstrip("\n").splitlines()
    remotes = re.findall(r"(?m)^ ?\S+:\d+ ", screen)
    return len(remotes) == lines - 4 and "Quit" in shown[-1] and not caption(screen)[1]


def test_save_writes_a_picture(dashboard: Terminal) -> None:
    """S saves what is on the screen as an SVG in the working directory, and says so."""
    dashboard.type("s")
    dashboard.shows("Saved")
    (picture,) = dashboard.directory.glob("tcctui-*.svg")
    text = "".join(ElementTree.fromstring(picture.read_text()).itertext())
    assert f":{PORT}" in text


@pytest.mark.parametrize("way", ["q", "C-c", "SIGTERM"])
def test_terminal_is_as_before(traffic: None, terminal: Terminal, way: str) -> None:
    """After the end the prompt is there and usable, and the terminal's settings are as before."""
    settings = terminal.run("stty -a")
    assert re.search(r"(?<!-)\becho\b", settings)
    pid = terminal.start(COMMAND)
    terminal.until("flows", lambda screen: len(rows(screen)) > 5)
    if way == "SIGTERM":
        os.kill(pid, signal.SIGTERM)
    else:
        terminal.press(way)
    assert terminal.ended() == 0
    assert terminal.run("stty -a") == settings
    terminal.type("echo $((6 * 7))")
    screen = terminal.until("what is typed", lambda text: "echo $((6 * 7))" in text)
    assert not rows(screen), "the dashboard's screen is still there"
    terminal.press("Enter")
    terminal.shows(r"(?m)^42$")


def test_it_says_where_sockets_cannot_be_read(terminal: Terminal) -> None:
    """With --inside and without the kernel's types, there is the sentence of record --inside."""
    hidden = f"mount -t tmpfs none {VMLINUX.parent}"
    command = f"exec {TCCTUI} --no-config --inside --port {PORT}"
    terminal.resize(80, 24)
    terminal.start(f"TCCTUI_CACHE= unshare --mount sh -c '{hidden} && {command}'")
    terminal.shows("Sockets themselves can't be read here\\.")
    terminal.press("q")
    assert terminal.ended() == 0
