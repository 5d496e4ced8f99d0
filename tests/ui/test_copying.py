"""What can be copied, and what is said about it."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from tcctui.query import parse
from tcctui.ui.dialogs import Pick
from tcctui.ui.table import clipboard
from tests.ui.fake_source import many, server
from tests.ui.screen import Clock, Desk, dashboard, notices
from tests.ui.test_selection import reverse_rates


async def pick(desk: Desk, *words: str) -> str:
    """Pick what has these letters, and give what is in the clipboard then."""
    assert isinstance(desk.pilot.app.screen, Pick)
    for word in words:
        await desk.paste(word)
    desk.pilot.app.screen.query_one(OptionList).highlighted = 0
    await desk.press("enter")
    assert desk.pilot.app.screen is desk.screen
    return desk.pilot.app.clipboard


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("both", "10.0.3.7:443-203.0.113.9:51514"),
        ("local", "10.0.3.7:443"),
        ("remote", "203.0.113.9:51514"),
        ("search", "src:10.0.3.7:443 dst:203.0.113.9:51514"),
        (
            "filter",
            "ss -tin 'src 10.0.3.7 and sport = :443 and dst 203.0.113.9 and dport = :51514'",
        ),
    ],
)
async def test_a_flow_is_copied(clock: Clock, what: str, text: str) -> None:
    """Each form is what other programs take, and the screen says what was copied."""
    async with dashboard(server(), clock) as desk:
        await desk.press("Y")
        assert await pick(desk, what) == text
        await desk.until(lambda: any(f"{len(text)} bytes" in notice for notice in notices(desk)))


async def test_addresses_of_ipv6_are_copied(clock: Clock) -> None:
    """With the brackets that ss wants; the search finds that flow alone."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "down", "Y")
        assert await pick(desk, "search") == "src:[2001:db8::7]:443 dst:[2001:db8::1:7]:40980"
        query = parse(desk.pilot.app.clipboard)
        assert query.mask(desk.store.flows(query.fields)).sum() == 1
        await desk.press("Y")
        copied = await pick(desk, "filter")
        assert "src [2001:db8::7] and sport = :443" in copied


async def test_a_flow_of_another_namespace_is_looked_for_there(clock: Clock) -> None:
    """The command for ss names the namespace, where that has a name of its own."""
    source = server()
    for cookie, name in ((1, b"blue"), (2, b"host"), (3, b"4026532000")):
        source.sample(cookie, netns_name=name)
    async with dashboard(source, clock) as desk:
        for begins in ("ss -N blue -tin", "ss -tin", "ss -tin"):
            await desk.press("Y")
            assert (await pick(desk, "filter")).startswith(f"{begins} 'src ")
            await desk.press("down")


async def test_what_was_selected_is_copied_whatever_happens_meanwhile(clock: Clock) -> None:
    """Flows overtake, and the selected one closes, between Y and Enter: it is that one still."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "Y")
        reverse_rates(desk)
        desk.source.destroy(2)
        await desk.run(3)
        assert await pick(desk, "remote") == "198.51.100.24:40112"
        assert desk.selected == 2


async def test_a_row_is_copied_as_it_was_shown(clock: Clock) -> None:
    """Titles, and the values in the units of the screen, with tabs between them."""
    async with dashboard(server(), clock) as desk:
        shown = {name: desk.column(name)[0] for name in ("remote", "cwnd", "srtt", "rate")}
        await desk.press("Y")
        titles, values, rest = (await pick(desk, "row", " with titles")).split("\n")
        assert rest == ""
        row = dict(zip(titles.split("\t"), values.split("\t"), strict=True))
        assert {name: row[name.upper()] for name in shown} == shown
        assert not any("30s" in title for title in row)


async def test_the_table_is_copied_as_it_is_sorted_and_searched(clock: Clock) -> None:
    """Also the rows that are not in sight, and only those that the search finds."""
    async with dashboard(many(100), clock, (80, 24)) as desk:
        await desk.search("-port:20003")
        await desk.press("enter")
        await desk.until(lambda: 3 not in desk.order)
        await desk.press("r", "Y")
        lines = (await pick(desk, "table")).splitlines()
        ports = [line.split(":")[-1].split("\t")[0] for line in lines[1:]]
        assert ports == [str(20_000 + one) for one in range(100, 0, -1) if one != 3]
        await desk.until(lambda: any("Copied 99 rows" in notice for notice in notices(desk)))


async def test_a_table_too_large_is_cut_at_a_whole_row(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is sent than terminals take; the notice says how many rows that is."""
    monkeypatch.setattr(clipboard, "MOST_BYTES", 2000)
    async with dashboard(many(100), clock) as desk:
        await desk.press("Y")
        copied = await pick(desk, "table")
        assert 1800 < len(copied.encode()) <= 2000
        assert copied.endswith("\n")
        lines = copied.splitlines()
        assert len({line.count("\t") for line in lines}) == 1
        said = f"first {len(lines) - 1} of 100 rows"
        await desk.until(lambda: any(said in notice for notice in notices(desk)))


async def test_esc_copies_nothing(clock: Clock) -> None:
    """The list goes, and the clipboard is as it was."""
    async with dashboard(server(), clock) as desk:
        await desk.press("Y", "escape")
        assert desk.pilot.app.screen is desk.screen
        assert desk.pilot.app.clipboard == ""
        assert not notices(desk)


@pytest.mark.parametrize(
    ("variable", "said"), [("TMUX", "set-clipboard on"), ("STY", "screen"), ("", "OSC 52")]
)
async def test_the_notice_says_what_may_be_in_the_way(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    """Of tmux and screen it names what they need."""
    for name in ("TMUX", "STY", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    async with dashboard(server(), clock) as desk:
        await desk.press("Y")
        await pick(desk, "both")
        await desk.until(lambda: any(said in notice for notice in notices(desk)))
