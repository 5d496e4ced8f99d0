"""Every message about a mistake that a person typed, and every diagnosis, kept in __snapshots__.

After a change of words: `pytest tests/unit/test_messages.py --snapshot-update`, and read the diff.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from textwrap import indent

import pytest
from syrupy.assertion import SnapshotAssertion

from tcctui.config.reading import read
from tests.unit.command_line import Calls, Main, told
from tests.unit.test_config import FAULTS, KNOWN
from tests.unit.test_limits import diagnoses
from tests.unit.test_query import MISTAKES, error

USAGE = r"""
--bogus
-z
bogus
trace extra
trace --history-memory 1G
doctor --port 80
--port
--port http
--port 80,
--port ''
--port 0
--port 65536
--port -1
--port '4 43'
--port 0x50
--port 1e3
--port ²
--filter ''
--filter
-f bogus:3
trace -f 'srtt>soon'
trace --port 70000
trace -p NINES
--ip example.org
--ip ''
--ip 10.0.0
--ip ::/129
--ip 10.0.0.1,
--ip 1.2.3.4:80
trace -i 10.0.0.0/33
--source pcap
trace --source sock_diag
trace --format xml
trace --count 0
trace --count -1
trace --count 1.5
trace --count NINES
trace --duration 0
trace --duration -1
trace --duration nan
trace --duration inf
trace --duration soon
--interval soon
--interval -1
--interval 1.5s
--interval '20 m'
--interval 1e1
trace --interval 2000
--max-cpu 0
--max-cpu 101
--max-cpu half
trace --max-cpu 10
--history-memory lots
--history-memory ''
--history-memory 1.5G
--history-memory=-1M
--history-memory 4X
--history-memory 1e9
--history-memory 3M
--history-memory 0
record
record a b
record a --duration 0
record a --interval 2s
record a --count 3
record a --port http
--record a record b
--record a trace
--record -
--force
--rewind-memory lots
--rewind-memory 1K
--rewind-memory 75M
--rewind-memory 64M --history-memory 62M
--rewind-memory 9999999G
--force replay a
--max-cpu=5% record a
-f 'srtt>20ms' doctor
-p443 export a b.csv
--history-memory 8M trace
replay
replay a --speed 0
replay a --speed 1001
replay a --speed nan
replay a --speed fast
replay a --at soon
replay a --at
replay a --port 80
replay - --speed 2
replay - --at +3s
replay - --loop
trace --until ''
trace --until 'retrans>'
trace --until bogus:3
trace --until 'retrans>1' --count 3
trace --fail-if 'retrans>1' --count 3
trace --fail-if 'group:zz retrans>1'
trace --fail-if 'count(retrans>1)'
trace --alert 'retrans>1 for 10x'
trace --alert 'sum(cc)>1'
trace --fail-if 'group:net max(srtt)' --duration 1
trace --alert 'retrans>1' --fail-if 'retrans>2'
trace --until 'retrans>1' --format csv
trace --until 'retrans>1' --format json
trace --summary --format jsonl
trace --summary --count 3
trace --format json
trace --replay a
trace --replay a --summary --source bpf
--interval 1s trace --replay a --summary
replay a -f 'srtt>'
replay a --alert 'srtt>'
replay a --alert 'srtt>1s' --alert-run id
--alert bogus:1
--alert 'srtt>1s' --alert-run /no/such/program
--alert 'srtt>1s' --alert-run ''
--alert 'srtt>1s' --alert-run "'open"
--alert 'srtt>1s' --alert-run nonesuch-program
--alert-log a
--alert-run id
--alert 'srtt>1s' trace
trace --alert 'srtt>1s' --summary
trace --alert 'srtt>1s' --count 3
trace --alert 'srtt>1s' --format csv
trace --alert 'srtt>1s' --replay a --alert-run id
demo -f bogus:1
record a -f bogus:1
export a b.csv -f bogus:1
export a b.csv -p http
"""


def report(said: Iterable[tuple[str, str]]) -> str:
    """Write what was typed, and the message below it, without what libraries add to it."""
    text = "\n".join(f"{typed[:60]}\n{indent(message, '    ')}" for typed, message in said)
    text = re.sub(r"(is not TOML|not a regular expression): .*", r"\1: …", text)
    return re.sub(r"choose from .*?\)", lambda choices: choices[0].replace("'", ""), text)


def test_of_the_language(snapshot: SnapshotAssertion) -> None:
    """Each mistake in a query has its reason, which says what would do."""
    texts = [re.sub("[«»]", "", marked) for marked in MISTAKES]
    assert report((text, error(text).reason) for text in (*texts, "x" * 2001)) == snapshot


def test_of_the_settings(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Each mistake in the file of settings is one sentence."""
    said = []
    file = tmp_path / "config.toml"
    for text, _ in FAULTS:
        file.write_text(text)
        _, (problem,) = read(file, KNOWN)
        said.append((text.strip(), problem.sentence))
    assert report(said) == snapshot


def test_of_the_diagnosis(snapshot: SnapshotAssertion) -> None:
    """Each cause has two sentences with the figures that a network engineer asks for next."""
    assert report(diagnoses()) == snapshot


def test_of_the_command_line(
    main: Main,
    calls: Calls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: SnapshotAssertion,
) -> None:
    """A mistake ends with 2 before anything is opened, with a sentence about it and a way out."""
    monkeypatch.chdir(tmp_path)
    said = []
    for line in USAGE.strip().splitlines():
        status, out, err = main(*shlex.split(line.replace("NINES", "9" * 5000)))
        assert (status, out) == (2, ""), line
        reason, mend = told(err)
        assert reason.endswith("."), line
        assert mend, line
        assert calls.source is calls.played is None, line
        said.append((f"tcctui {line}", err))
    assert not [*tmp_path.iterdir()], "nothing was written"
    assert report(said) == snapshot
