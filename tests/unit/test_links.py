"""Links of link-local addresses: events and samples agree, on recordings' machines too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcctui.export.selection import flow
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.recording.attribution import Attribution
from tcctui.recording.file import Recording
from tcctui.recording.redaction import Redaction
from tcctui.recording.timeline import Origin
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.links import Links
from tcctui.wire.addresses import format_address, use_zones
from tcctui.wire.events import Events
from tests.unit.events import probes
from tests.unit.recordings import chunk, written
from tests.unit.samples import samples

LINK_LOCAL = 0xFE80 << 48


def on(link: int, cookie: int = 1) -> Events:
    """Make an event of a connection from fe80::1 to fe80::2 on a link."""
    made = probes(1000, cookie, local=("fe80::1", 443), remote=("fe80::2", 50000))
    for name in ("saddr", "daddr"):
        made[name][:, 0] |= np.uint64(link)
    return made


def test_samples_tell_no_link_where_events_do_not() -> None:
    """On a kernel whose events lack the link, samples are given without it: of the same flows."""
    links = Links()
    looked = samples(2000, 1, local=("fe80::1", 443), remote=("fe80::2", 50000))
    looked["saddr"][:, 0] = looked["daddr"][:, 0] = LINK_LOCAL | 3
    links.see(probes(1000, 1))
    links.see(on(3))
    assert links.agreed(looked)["daddr"][0, 0] == LINK_LOCAL | 3
    links.see(on(0))
    assert links.agreed(looked)["daddr"][0, 0] == LINK_LOCAL


def test_searches_for_an_interface() -> None:
    """`ip:fe80::2%eth0` is one link's connection, by the name it has when that is looked at."""
    store = Store()
    store.ingest(np.concatenate([on(3), on(4, 2)]), 2000)
    named = parse("dst:[fe80::2%eth0]:50000")
    cookies = {}
    for names in ({}, {3: "wlan0", 4: "eth0"}):
        use_zones(names)
        for query in (named, parse("ip:fe80::2%3"), parse("ip:fe80::/64"), parse('"fe80::2%eth0"')):
            flows = store.flows(query.fields)
            cookies[len(names), query.text] = flows["cookie"][query.mask(flows)].tolist()
    use_zones({})
    assert list(cookies.values()) == [[], [1], [1, 2], [], [2], [1], [1, 2], [2]]
    in_kernel = KernelFilter.of(named)
    assert not in_kernel.exact
    assert in_kernel.passing(np.concatenate([on(3), on(4, 2)])).all()


def test_a_flow_of_one_link_is_chosen_for_export() -> None:
    """`--flow` takes ends with their interface, and without one all links' flows."""
    attribution = Attribution()
    attribution.learn(np.concatenate([on(3), on(4, 2)]), samples([], [])[:0])
    use_zones({4: "eth0"})
    ends = "[fe80::1%eth0]:443-[fe80::2%4]:50000"
    assert flow(ends, attribution.all()).tolist() == [2]
    assert flow("[fe80::1]:443-[fe80::2]:50000", attribution.all()).tolist() == [1, 2]
    use_zones({})


def test_redacted_addresses_keep_their_link() -> None:
    """A redacted link-local address is another one on the same link, and so of any link."""
    redaction = Redaction()
    (one, low), (other, other_low) = (redaction.address(LINK_LOCAL | zone, 5) for zone in (0, 3))
    assert low == other_low != 5
    assert (one & 0xFFFF_FFFF, other) == (0, one | 3)
    assert one >> 54 == LINK_LOCAL >> 54


def test_a_recording_has_the_names_of_its_machine(tmp_path: Path) -> None:
    """Interfaces have in a replay the names that they had where it was recorded."""
    use_zones({9: "other"})
    path = written(tmp_path / "it", chunk(0), origin=Origin("there", interfaces="3=eth0 4="))
    Recording(path).close()
    assert format_address(LINK_LOCAL | 3, 1) == "fe80::1%eth0"
    assert [format_address(LINK_LOCAL | link, 1) for link in (4, 9)] == ["fe80::1%4", "fe80::1%9"]
    use_zones({})
