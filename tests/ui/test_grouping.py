"""Groups in the table: headers that are folded, selected and sorted, while flows come and go."""

from __future__ import annotations

from collections.abc import Mapping

from textual.widgets import OptionList

from tcctui.config.settings import Settings
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.flow_order import HOLD
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard, lines, notices, painted
from tests.ui.test_copying import pick

ONE, TWO, THREE = "203.0.113.0/24", "198.51.100.0/24", "2001:db8:7::/48"


def source() -> FakeSource:
    """Three nets: two flows, together the fastest; three; and one of IPv6."""
    made = FakeSource(
        [
            Flow(1, "10.0.0.1:443", "203.0.113.1:1001", rate=9e6, srtt_us=10_000),
            Flow(2, "10.0.0.1:443", "203.0.113.2:1002", rate=2e6, srtt_us=30_000),
            Flow(3, "10.0.0.1:80", "198.51.100.3:1003", rate=6e6, srtt_us=50_000),
            Flow(4, "10.0.0.1:80", "198.51.100.4:1004", rate=3e6, srtt_us=70_000),
            Flow(5, "10.0.0.1:80", "198.51.100.5:1005", rate=1e6, srtt_us=90_000),
            Flow(6, "[2001:db8::1]:443", "[2001:db8:7::6]:1006", rate=5e5, srtt_us=5_000),
        ]
    )
    made.run(2)
    return made


def table(desk: Desk) -> list[str]:
    """The lines of the table: a header by its first word and sign, a flow by its remote port."""
    found = []
    for line in lines(desk.table)[1:]:
        if line[:1] in "▾▸" and line.strip():
            found.append(line.split()[0])
        elif line.strip():
            found.append(line.split()[1].rpartition(":")[2])
    return found


def chosen(desk: Desk) -> str:
    """The line that is highlighted, as `table` has it."""
    ground = desk.table.styles_of("cursor").bgcolor
    (row,) = (
        row
        for row, strip in enumerate(painted(desk.table)[1:])
        if any(segment.style and segment.style.bgcolor == ground for segment in strip)
    )
    return table(desk)[row]


async def group(desk: Desk, by: str = "remote net") -> None:
    """Group by something, as a person does."""
    await desk.press("G")
    await desk.paste(by)
    await desk.see("enter")


UNFOLDED = [
    *(f"▾{ONE}", "1001", "1002"),
    *(f"▾{TWO}", "1003", "1004", "1005"),
    *(f"▾{THREE}", "1006"),
]


async def test_flows_stand_below_the_header_of_their_group(clock: Clock) -> None:
    """G groups, the fastest group first, its flows in their order; nothing ungroups."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        assert table(desk) == UNFOLDED
        await desk.press("r")
        assert table(desk) == [
            *(f"▾{THREE}", "1006"),
            *(f"▾{TWO}", "1005", "1004", "1003"),
            *(f"▾{ONE}", "1002", "1001"),
        ]
        await desk.press("r")
        await group(desk, "flows alone")
        assert table(desk) == ["1001", "1003", "1004", "1002", "1005", "1006"]


async def test_the_grouping_is_kept(clock: Clock) -> None:
    """What was picked holds the next time as well."""
    kept: list[Mapping[str, object]] = []
    async with dashboard(source(), clock, preferences=Preferences(keep=kept.append)) as desk:
        await group(desk)
        await group(desk)  # the same again is no change
        await group(desk, "flows alone")
    assert kept == [{"group": "net"}, {"group": ""}]
    preferences = Preferences(Settings(group="net"))
    async with dashboard(source(), clock, preferences=preferences) as desk:
        assert table(desk) == UNFOLDED


async def test_a_header_sums_its_flows_up(clock: Clock) -> None:
    """Each value is under its column, or beside the name; and the status line counts flows."""
    async with dashboard(source(), clock) as desk:
        desk.source.sample(1, total_retrans=3, data_segs_out=100)
        desk.source.sample(2, total_retrans=1, data_segs_out=300)
        await desk.run(1)
        await group(desk)
        header = lines(desk.table)[1]
        for name, text in (("rate", "88.0 Mb/s"), ("srtt", "10.0 ms"), ("retrans_pct", "1.0 %")):
            place = desk.place(name)
            assert header[place.start : place.start + place.width].strip() == text
        assert header.startswith(f"▾{ONE}  2 flows · p95 30.0 ms")
        assert "6/6 flows" in desk.status


async def test_a_header_sums_up_the_last_seconds(clock: Clock) -> None:
    """With a column of the last 10 s, a header has the percents of all that its flows sent then."""
    columns = ("remote", "retrans_pct_10s", "retrans_rate_10s")
    preferences = Preferences(Settings(columns=columns))
    async with dashboard(source(), clock, (120, 40), preferences=preferences) as desk:
        for cookie, again, sent in ((1, 0, 0), (2, 0, 0)):
            desk.source.sample(cookie, total_retrans=again, data_segs_out=sent)
        await desk.run(2)
        for cookie, again, sent in ((1, 20, 100), (2, 0, 300)):
            desk.source.sample(cookie, total_retrans=again, data_segs_out=sent)
        await desk.run(1)
        await group(desk)
        header = lines(desk.table)[1]
        assert "5.0 %" in header
        assert header.rstrip().endswith(" 10")


async def test_enter_folds_and_unfolds(clock: Clock) -> None:
    """Enter on a header hides its flows, and shows them again; E does that with all."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "enter")
        assert table(desk) == [f"▸{ONE}", *UNFOLDED[3:]]
        assert chosen(desk) == f"▸{ONE}"
        assert "6/6 flows" in desk.status
        await desk.press("enter")
        assert table(desk) == UNFOLDED
        await desk.press("E")
        assert table(desk) == [f"▸{ONE}", f"▸{TWO}", f"▸{THREE}"]
        await desk.press("E")
        assert table(desk) == UNFOLDED


async def test_a_click_on_the_sign_folds(clock: Clock) -> None:
    """The sign is a button; a click on the rest of the header selects it."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        assert await desk.click(FlowTable, offset=(8, 4))
        assert (chosen(desk), table(desk)) == (f"▾{TWO}", UNFOLDED)
        assert await desk.click(FlowTable, offset=(0, 4))
        assert table(desk) == [*UNFOLDED[:3], f"▸{TWO}", *UNFOLDED[-2:]]


async def test_the_header_stands_in_for_a_flow_that_is_folded_away(clock: Clock) -> None:
    """Folding from a flow goes to its header, and the charts say that it is a group."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", *["down"] * 5)
        assert chosen(desk) == "1004"
        await desk.press("enter")
        assert chosen(desk) == f"▸{TWO}"
        await desk.looked()
        assert f"A group is selected: {TWO}" in desk.text
        assert desk.charted is None
        assert desk.source.focused == ()
        await desk.press("enter")
        assert chosen(desk) == f"▾{TWO}"
        await desk.press("down")
        assert chosen(desk) == "1003"
        await desk.looked()
        assert "A group is selected" not in desk.text


async def test_folding_all_and_unfolding_leads_back_to_the_flow(clock: Clock) -> None:
    """What somebody selected is selected again when its line is there again."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "down", "down", "E")
        assert chosen(desk) == f"▸{ONE}"
        await desk.press("E")
        assert chosen(desk) == "1002"


async def test_a_header_stays_selected_while_flows_come_and_go(clock: Clock) -> None:
    """Neither new flows above, nor those that end, nor another order move the selection off."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "down", "down", "down")
        assert chosen(desk) == f"▾{TWO}"
        desk.source.flows[7] = Flow(7, "10.0.0.1:443", "203.0.113.7:1007", rate=1e6)
        desk.source.flows[3].rate = 60e6
        await desk.run(2)
        # Held: nobody changes places, and the new flow is the last of its group.
        assert table(desk) == [
            *(f"▾{ONE}", "1001", "1002", "1007"),
            *UNFOLDED[3:],
        ]
        assert chosen(desk) == f"▾{TWO}"
        clock.now += HOLD + 0.1
        await desk.looked()
        assert table(desk)[0] == chosen(desk) == f"▾{TWO}"
        for cookie in (3, 4, 5):
            desk.source.destroy(cookie)
        await desk.run(30)
        assert f"▾{TWO}" not in table(desk)
        assert chosen(desk) == f"▾{ONE}"
        desk.source.flows[8] = Flow(8, "10.0.0.1:80", "198.51.100.8:1008", rate=4e6)
        await desk.run(2)
        assert f"▾{TWO}" in table(desk)
        assert chosen(desk) == f"▾{ONE}"


async def test_a_group_that_comes_back_is_still_folded(clock: Clock) -> None:
    """A search that hides a group does not unfold it."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "enter")
        await desk.find("port:80")
        assert table(desk) == UNFOLDED[3:7]
        await desk.see("escape")
        assert table(desk) == [f"▸{ONE}", *UNFOLDED[3:]]


async def test_groups_of_one_search_are_counted_by_it(clock: Clock) -> None:
    """What the search hides is in no group, and `=` on a header searches for its flows."""
    async with dashboard(source(), clock) as desk:
        await group(desk, "local port")
        assert [line.split()[0] for line in lines(desk.table)[1:] if "flow" in line][:2] == [
            "▾port",
            "▾port",
        ]
        await desk.see("g", "equals_sign")
        assert desk.box.value.strip() == "sport:443"
        assert "3/6 flows" in desk.status
        await desk.see("escape")
        await desk.see("g", "exclamation_mark")
        assert "3/6 flows" in desk.status
        assert "1001" not in table(desk)


async def test_what_nothing_is_known_of_is_a_group_of_its_own(clock: Clock) -> None:
    """Flows without a process are under –, which no query can let through, and that is said."""
    async with dashboard(source(), clock) as desk:
        await group(desk, "name of the process")
        assert table(desk)[0] == "▾–"
        await desk.press("g", "equals_sign")
        assert any("can't be searched for" in notice for notice in notices(desk))
        assert desk.box.value == ""


async def test_a_pinned_flow_is_above_all_groups(clock: Clock) -> None:
    """It has one line, and its group still counts it."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", *["down"] * 5, "asterisk")
        assert chosen(desk) == "1004"
        assert table(desk) == UNFOLDED  # still held
        clock.now += HOLD + 0.1
        await desk.looked()
        assert table(desk) == ["1004", *UNFOLDED[:5], "1005", *UNFOLDED[-2:]]
        assert "3 flows" in lines(desk.table)[5]


async def test_a_connection_is_selected_at_first(clock: Clock) -> None:
    """Where nobody has selected a line, it is the first connection's, not its group's header."""
    preferences = Preferences(Settings(group="net"))
    async with dashboard(source(), clock, preferences=preferences) as desk:
        assert chosen(desk) == "1001"
        await desk.find("port:80")
        assert chosen(desk) == "1003"
        await desk.press("E")
        assert chosen(desk) == f"▸{TWO}"


async def test_the_details_of_a_group_sum_it_up(clock: Clock) -> None:
    """On a header they have its sum of rates, srtt, retransmits, and how many each limit has."""
    async with dashboard(source(), clock, (160, 50)) as desk:
        await desk.run(2)
        await group(desk)
        await desk.press("g")
        text = "\n".join(lines(desk.details))
        assert f"A group is selected: {ONE}" in text
        assert "flows 2 · by remote net" in " ".join(text.split())
        for said in ("88.0 Mb/s in all", "10.0 ms median", "30.0 ms p95", "unknown 2"):
            assert said in text
        await desk.press("down")
        assert "in all" not in "\n".join(lines(desk.details))


async def test_a_group_is_copied(clock: Clock) -> None:
    """What sums it up, its search, and the rows of its flows alone."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "Y")
        assert (await pick(desk, "what sums")).splitlines()[:2] == [
            *(f"remote net\t{ONE}", "flows\t2 · by remote net"),
        ]
        await desk.press("Y")
        assert await pick(desk, "search") == f"dst:{ONE}"
        await desk.press("Y")
        rows = (await pick(desk, "flows of")).splitlines()
        assert [row.split("\t")[1].rpartition(":")[2] for row in rows[1:]] == ["1001", "1002"]
        await desk.press("Y")
        assert len((await pick(desk, "table")).splitlines()) == 7


async def test_flows_are_what_pinning_and_following_are_for(clock: Clock) -> None:
    """On a header these keys say so, and do nothing."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "asterisk")
        assert any("Not for groups" in notice for notice in notices(desk))
        assert desk.table.pinned == ()
        await desk.press("F")
        assert desk.pilot.app.screen is desk.screen
        assert not desk.table.following


async def test_a_table_in_the_past_is_grouped_too(clock: Clock) -> None:
    """Going back in time keeps groups and what is folded."""
    async with dashboard(source(), clock) as desk:
        await group(desk)
        await desk.press("g", "enter")
        await desk.run(20)
        await desk.travel("space", "left", "left")
        assert table(desk)[:2] == [f"▸{ONE}", f"▾{TWO}"]
        await desk.travel("left")
        assert chosen(desk) == f"▸{ONE}"


async def test_groups_are_compared_side_by_side(clock: Clock) -> None:
    """V on a header picks another group; medians of both, or why there are none, can be copied."""
    made = FakeSource(
        [
            Flow(
                cookie,
                f"10.0.0.1:{443 if cookie % 2 else 80}",
                f"203.0.113.{cookie}:{1000 + cookie}",
                rate=4e6 if cookie % 2 else 1e6,
                srtt_us=10_000,
            )
            for cookie in range(1, 61)
        ]
    )
    made.run(2)
    async with dashboard(made, clock, (160, 50)) as desk:
        await group(desk, "local port")
        await desk.see("g", "V")
        await desk.paste("port 80")
        await desk.press("enter")
        await desk.until(lambda: "port 443: 30 connections; port 80: 30" in desk.text)
        await desk.press("y")
        assert "+24.0 Mb/s" in desk.pilot.app.clipboard
        assert "JSON" not in desk.text
        copied = desk.pilot.app.clipboard
        await desk.press("Y")
        assert desk.pilot.app.clipboard == copied, "there is no JSON of it"
        await desk.press("escape")
        assert desk.pilot.app.screen is desk.screen


async def test_a_letter_highlights_the_criterion_that_begins_with_it(clock: Clock) -> None:
    """Others may have the letter, too, in their name or meaning, and stand before it."""
    async with dashboard(source(), clock) as desk:
        for letter, name in (("a", "cc"), ("n", "netns")):
            await desk.press("G", letter)
            offered = desk.pilot.app.screen.query_one(OptionList)
            assert offered.highlighted
            assert offered.highlighted_option is not None
            assert offered.highlighted_option.id == name
            await desk.press("escape")
