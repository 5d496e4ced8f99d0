"""Kinds and shares of MPTCP subflows, and what is said and asked of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tcctui.cli import main
from tcctui.fields.mptcp import Subflow
from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, explain
from tcctui.flows.store import Store
from tcctui.flows.subflows import kinds, share
from tcctui.query import parse
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.ui.details.facts import NEEDS, facts
from tcctui.wire.samples import MPTCP_INFO, Samples
from tests.unit.recordings import written
from tests.unit.samples import look, samples
from tests.unit.test_limits import sampled

MREM, MLOC, JREM, JLOC, BREM, BLOC, FULLY, CONNECTED = (1 << bit for bit in range(8))
WHOLE = max(place + np.dtype(kind).itemsize for kind, place in MPTCP_INFO.values())


@pytest.mark.parametrize(
    ("flags", "connection", "kind"),
    [
        (np.nan, np.nan, Subflow.NONE),
        (MREM | MLOC | FULLY | CONNECTED, 2, Subflow.INITIAL),
        (MREM | FULLY | CONNECTED, 2, Subflow.INITIAL),  # as `ss` has it of a server: Mec
        (MLOC, np.nan, Subflow.INITIAL),  # its SYN is not answered yet
        (JREM | JLOC | FULLY | CONNECTED, 2, Subflow.JOIN),
        (JREM | FULLY | CONNECTED, 2, Subflow.JOIN),
        (JREM | JLOC | BREM | FULLY | CONNECTED, 2, Subflow.BACKUP),
        (JREM | BLOC | FULLY | CONNECTED, 2, Subflow.BACKUP),
        (MLOC | CONNECTED, np.nan, Subflow.FALLBACK),
        (MREM | MLOC | FULLY | CONNECTED, 3, Subflow.FALLBACK),
    ],
)
def test_the_kind_is_that_of_the_flags(flags: float, connection: float, kind: Subflow) -> None:
    """Each combination of flags that the kernel was seen to set has its kind."""
    assert kinds(np.array([flags]), np.array([connection])).tolist() == [kind]


def test_a_share_is_of_what_is_known() -> None:
    """A share is percents, 100 at most, and unknown where its connection's bytes are."""
    own, whole = np.array([25.0, 101, 5, 5]), np.array([100.0, 100, 0, np.nan])
    np.testing.assert_array_equal(share(own, whole), [25, 100, np.nan, np.nan])


def subflows() -> Samples:
    """Samples of two subflows of one connection, and of plain TCP."""
    flags = [MREM | MLOC | FULLY | CONNECTED, JREM | JLOC | BREM | FULLY | CONNECTED, 0]
    made = samples([1, 1, 1], [1, 2, 3], bytes_acked=[300_000, 100_000, 500])
    made["subflow_flags"] = flags
    made["mptcp_token"], made["mptcp_subflows"] = [7, 7, 0], [1, 1, 0]
    made["mptcp_bytes_acked"], made["mptcp_info_len"] = [400_000, 400_000, 0], [WHOLE, WHOLE, 0]
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("subflow:initial", [1]),
        ("subflow:backup", [2]),
        ("mptcp_token=0x7", [1, 2]),
        ("not mptcp_token>0", [3]),
        ("mptcp_acked_share>50", [1]),
    ],
)
def test_subflows_are_searched_for(query: str, found: list[int]) -> None:
    """A query finds subflows by kind, connection and share, and plain TCP by having none."""
    store = Store()
    look(store, subflows())
    asked = parse(query)
    flows = store.flows({"cookie", *asked.fields})
    assert sorted(flows["cookie"][asked.mask(flows)].tolist()) == found


def test_the_details_say_what_a_subflow_carries() -> None:
    """Details name kind, number of subflows, token and share; of plain TCP they say nothing."""
    store = Store()
    look(store, subflows())
    told = [
        {
            fact.label: fact.pieces
            for fact in facts(store.some_flows(np.array([cookie], "u8"), NEEDS))
        }
        for cookie in (2, 3)
    ]
    assert told[0]["mptcp"] == ("backup of 2 subflows", "0x7")
    assert told[0]["carries"] == ("25 % of 391 Ki acknowledged",)
    assert not {"mptcp", "carries"} & told[1].keys()


def test_the_application_is_not_blamed_for_the_scheduler() -> None:
    """Of one subflow of several, too little to send may be the scheduler's doing; of one, not."""
    little = {"busy_time": 1000, "data_segs_out": 10, "mptcp_info_len": WHOLE, "subflow_flags": 1}

    def said(subflows: int) -> str:
        store = sampled(3, mptcp_subflows=subflows, **little)
        return explain(store.some_flows(np.array([1], "u8"), EXPLAINED_BY))[0]

    assert said(0).startswith("Limited by the application for")
    assert said(1).startswith("Given too little to send for")
    assert "MPTCP's scheduler" in said(1)


def test_a_recording_keeps_subflows_and_their_connections(tmp_path: Path) -> None:
    """Samples of a recording have the subflow's values, and a table of flows has its connection."""
    path = written(tmp_path / "recording", Chunk(0, 3, NO_EVENTS, subflows()))
    (chunk,) = Recording(path).chunks(0, 3)
    for name in (*MPTCP_INFO, "mptcp_token", "subflow_flags", "mptcp_info_len"):
        np.testing.assert_array_equal(chunk.samples[name], subflows()[name])
    out = tmp_path / "flows.csv"
    assert main(["export", "--table", "flows", str(path), str(out)]) == 0
    with out.open(newline="") as file:
        rows = [(row["subflow"], row["mptcp_bytes_acked"]) for row in csv.DictReader(file)]
    assert rows == [("initial", "400000"), ("backup", "400000"), ("", "")]
