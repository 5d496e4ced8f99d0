"""Files of contrib/: what they say of tcctui is so."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from tcctui.cli import parser
from tcctui.fleet.agent.prometheus import Exposed
from tcctui.sources.kernel.privileges import VIEWS
from tests.unit.test_fleet_prometheus import groups

CONTRIB = Path(__file__).parents[2] / "contrib"
UNIT = CONTRIB / "tcctui-agent.service"
SERVERS = (CONTRIB / "tcctui-collector.service", CONTRIB / "tcctui-relay.service")
UNITS = (UNIT, *SERVERS)
KUBERNETES = CONTRIB / "kubernetes.yaml"

NEEDED = {f"CAP_{one.upper()}" for view in VIEWS for one in view.capabilities}
"""Capabilities of all views."""

BEFORE_5_11 = {"CAP_SYS_RESOURCE"}
AS_ANOTHER_USER = {"CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"}
"""Of root in a container, which becomes nobody, and has a process that writes the spool."""


def settings(name: str, unit: Path = UNIT) -> list[str]:
    """Values of a setting of a unit."""
    return [
        line.partition("=")[2]
        for line in unit.read_text().splitlines()
        if line.startswith(f"{name}=")
    ]


def test_the_unit_has_the_capabilities_of_all_views() -> None:
    """It has what tcctui doctor names for the views, and nothing else."""
    (ambient,), (bounding,) = settings("AmbientCapabilities"), settings("CapabilityBoundingSet")
    assert set(ambient.split()) == set(bounding.split()) == NEEDED | BEFORE_5_11


def test_the_units_command_is_one() -> None:
    """Its command line is understood, and the password is in a file."""
    (command,) = settings("ExecStart")
    program, *arguments = shlex.split(command)
    assert Path(program).name == "tcctui"
    args = parser().parse_args([one.replace("${TCCTUI_TO}", "http://h:8123") for one in arguments])
    assert args.command == "agent"
    assert args.password_file is not None


@pytest.mark.parametrize("unit", SERVERS, ids=lambda unit: unit.stem)
def test_a_servers_command_is_one(unit: Path) -> None:
    """Its command line is understood, and all that is secret comes as a credential."""
    (command,) = settings("ExecStart", unit)
    program, *arguments = shlex.split(command)
    assert Path(program).name == "tcctui"
    args = parser().parse_args([one.replace("${TCCTUI_TO}", "http://h:8123") for one in arguments])
    assert f"tcctui-{args.command}" == unit.stem
    read = {one.partition("/")[2] for one in arguments if one.startswith("${CREDENTIALS")}
    assert read == {one.partition(":")[0] for one in settings("LoadCredential", unit)}


@pytest.mark.parametrize("unit", SERVERS, ids=lambda unit: unit.stem)
def test_a_server_has_no_rights(unit: Path) -> None:
    """It has no capability, and a user and a directory of its own."""
    for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert settings(name, unit) == [""]
    assert settings("DynamicUser", unit) == ["yes"]
    assert settings("StateDirectory", unit) == [unit.stem]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_fault(tmp_path: Path, unit: Path) -> None:
    """Where systemd is installed, its own check accepts the unit."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        return
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/local/bin/tcctui", "/bin/true"))
    command = [verify, "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_daemon_set_starts_the_agent_with_what_it_needs() -> None:
    """Its arguments are understood, its capabilities those of the views and of other users."""
    text = KUBERNETES.read_text()
    arguments = re.findall(r"^ +- (--\S+)$", text, re.MULTILINE)
    args = parser().parse_args(["agent", *arguments])
    assert args.prometheus == ("0.0.0.0", 9437)
    added = re.search(r"add: \[(.*)\]", text)
    assert added is not None
    named = {f"CAP_{one.strip()}" for one in added[1].split(",")}
    assert named == NEEDED | BEFORE_5_11 | AS_ANOTHER_USER


def test_panels_ask_for_metrics_that_are_there() -> None:
    """Each name in an expression of the Prometheus dashboard is of a metric that is exposed."""
    registry, exposed = CollectorRegistry(), Exposed()
    registry.register(exposed)
    exposed.take(groups(443))
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    there = {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    dashboard = json.loads((CONTRIB / "grafana/prometheus.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            names = set(re.findall(r"\btcp_\w+", target["expr"]))
            assert names
            assert names <= there, panel["title"]
