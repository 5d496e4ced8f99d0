"""The package itself: what each part loads, its docstrings, its wheel and sdist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest


def loaded(code: str) -> set[str]:
    """Run code in a fresh Python, and give the names of the modules it has loaded by then."""
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.splitlines()[-1].split())


def started(*commands: list[str]) -> set[str]:
    """Run commands that print and end, and give the modules they have loaded."""
    return loaded(
        "from tcctui.cli import main\n"
        f"for command in {commands!r}:\n"
        "    try: main(command)\n"
        "    except SystemExit as end: assert not end.code\n"
    )


SLOW = {"textual", "rich", "bcc", "plotext"}

FLEET = {"chdb", "clickhouse_connect", "pyarrow", "starlette", "uvicorn"}
"""Libraries that only commands of a fleet need."""


@pytest.mark.parametrize(
    ("code", "needed", "others"),
    [
        (
            "import tcctui.flows.store, tcctui.query",
            "numpy",
            SLOW | {"tcctui.sources", "tcctui.ui"},
        ),
        ("import tcctui.ui.app.app", "textual", {"bcc", "plotext", "tcctui.sources"}),
        (
            "import tcctui.headless.trace, tcctui.headless.outcome, tcctui.headless.record,"
            " tcctui.doctor, tcctui.sources.kernel.bpf_source",
            "numpy",
            SLOW,
        ),
        (
            "import tcctui.fleet.agent.agent, tcctui.fleet.agent.prometheus, tcctui.fleet.client",
            "pyarrow",
            SLOW
            | {"argcomplete", "chdb", "jinja2", "lark", "pandas", "re2", "starlette", "uvicorn"}
            | {"tcctui.alerts.alert", "tcctui.config.reading", "tcctui.flows.history.resample"}
            | {"tcctui.flows.keyframe", "tcctui.rewind", "tcctui.ui"},
        ),
        (
            "import sys; from tcctui.cli.agent import WithoutPandas\n"
            "sys.meta_path.insert(0, WithoutPandas())\n"
            "import numpy, pyarrow; pyarrow.array(numpy.arange(3))",
            "pyarrow",
            {"pandas"},
        ),
    ],
)
def test_parts_know_nothing_of_each_other(code: str, needed: str, others: set[str]) -> None:
    """Flows need neither screen nor kernel, the screen no source, the rest no terminal.

    plotext, slow to load, waits for the first chart, and bcc for its use.
    """
    modules = loaded(code)
    assert needed in modules
    assert not others & modules


def test_help_is_immediate() -> None:
    """What only prints text loads neither numpy nor Textual nor bcc, nor a library of a fleet."""
    commands = ("record", "replay", "trace", "fleet", "collector")
    shown = ([name, "--help"] for name in commands)
    modules = started(["--version"], ["--help"], ["help"], *shown)
    assert "tcctui.cli" in modules
    assert not (SLOW | FLEET | {"numpy"}) & modules


def test_recordings_are_played_without_a_kernel() -> None:
    """The screen and recordings together know neither bcc nor any of what reads a kernel."""
    modules = loaded(
        "import tcctui.ui.app.app, tcctui.recording.file, tcctui.recording.stream,"
        " tcctui.cli.replay"
    )
    assert "bcc" not in modules
    kernel = ("live", "kernel.bpf_source", "kernel.program", "kernel.kernel_filter")
    sockets = ("sampling", "diag_socket", "netlink")
    reading = (*kernel, *(f"sock_diag.{name}" for name in sockets))
    assert not {f"tcctui.sources.{name}" for name in reading} & modules


LATER = {
    *("argcomplete", "lark", "plotext", "pyarrow", "re2", "regex", "tomlkit"),
    *("hashlib", "json", "numpy.ma", "numpy.random", "numpy._core._add_newdocs", "ssl"),
    *("tcctui.alerts.alert", "tcctui.config.reading", "tcctui.doctor", "tcctui.export"),
    *("tcctui.flows.intake.event_intake", "tcctui.flows.keyframe", "tcctui.rewind.histories"),
    *("tcctui.reference", "tcctui.ui.app.ascii", "tcctui.ui.chart.readout", "tcctui.ui.saving"),
    *("tcctui.ui.compare.figures", "tcctui.ui.search.suggestions"),
    *("tcctui.sources.kernel.bpf_source", "tcctui.sources.kernel.program"),
    *("tcctui.sources.own_queue", "tcctui.ui.sequence", "tcctui.ui.table.rtt_heat_map"),
    *("tcctui.cli.export", "tcctui.cli.record", "tcctui.cli.replay", "tcctui.cli.trace"),
    *("tcctui.query.completion", "tcctui.query.grammar", "tcctui.query.query_fields"),
    *("tcctui.ui.app.commands", "tcctui.ui.dashboard.help", "tcctui.ui.dialogs"),
    *("tcctui.ui.search.saved_filters", "tcctui.ui.table.column_dialogs"),
    *("tcctui.ui.table.copying", "tcctui.ui.table.srtt_bins", "tcctui.ui.table.srtt_histogram"),
}
"""Modules that a dashboard loads when somebody asks for what they do."""

MEANWHILE = {
    *("tcctui.flows.intake.sampled_history", "tcctui.sources.sock_diag.process_scan"),
    # While this machine has subflows of MPTCP.
    *("tcctui.flows.subflows", "tcctui.sources.sock_diag.mptcp_diag"),
}
"""Modules that other threads load as soon as they have something to do, before the frame or not."""

FIRST_FRAME = """
import os, sys
import tcctui.cli.terminal
from tcctui import memory
prepared = memory.return_at_once
def prepare():  # as a dashboard does it before Textual is imported
    prepared()
    from textual.app import App
    from textual.screen import Screen
    run, paint = App.run, Screen._compositor_refresh
    def painted(screen):
        paint(screen)
        if type(screen).__name__ == "Dashboard":
            print(*sys.modules, flush=True)
            os._exit(0)
    App.run = lambda app: run(app, headless=True, size=(160, 50))
    Screen._compositor_refresh = painted
memory.return_at_once = prepare
tcctui.cli.terminal.require = lambda: None
tcctui.cli.main(["--source", "sock_diag", "--no-config"])
"""


MOST = 227
"""Modules of the package at the first frame."""


def test_the_first_frame_loads_nothing_that_is_not_on_it() -> None:
    """The dashboard's first frame needs none of `LATER`, and no more of our modules than now.

    What it needs is there each time. On a busy machine another thread, which goes on to load what
    comes next, may be ahead of the frame once.
    """
    modules = loaded(FIRST_FRAME)
    for _ in range(4):
        if LATER & modules or len(ours(modules)) > MOST:
            modules &= loaded(FIRST_FRAME)
    assert "tcctui.ui.table.flow_table" in modules
    assert sorted(LATER & modules) == []
    assert len(ours(modules)) <= MOST, sorted(ours(modules))


def ours(modules: set[str]) -> set[str]:
    """Modules of the package that a first frame itself has to load."""
    return {name for name in modules if name.split(".")[0] == "tcctui"} - MEANWHILE


MARKED = """
import numpy as np
from tcctui.flows.history.marks import MarkLog
from tcctui.wire.tracepoints import MARKS
kinds = np.array([mark.kind for mark in MARKS], "u1")
MarkLog().add(np.arange(len(kinds), dtype="u8"), np.arange(len(kinds)) * 10**9, kinds)
"""


def test_marks_of_the_first_samples_load_nothing_slow() -> None:
    """A connection in Loss or Recovery when the dashboard starts brings in no `numpy.ma`."""
    assert "numpy.ma" not in loaded(MARKED)


def test_charts_load_no_openssl() -> None:
    """The library that draws axes, and what it imports, loads no OpenSSL, which takes 4 MB."""
    modules = loaded("from tcctui.ui.chart import axis_lines; axis_lines.load()")
    assert "plotext" in modules
    assert not {"_hashlib", "_ssl"} & modules


# Docstrings


ROOT = Path(__file__).parents[2] / "tcctui"

QUESTIONS = re.compile(r"\s*(What|Whether|Which|How|Where|Whose)\b")


def documented(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring, and of each string that stands behind an assignment."""
    for node in ast.walk(tree):
        for before, one in _neighbours(getattr(node, "body", None)):
            if (
                isinstance(one, ast.Expr)
                and isinstance(one.value, ast.Constant)
                and isinstance(one.value.value, str)
                and (before is None or isinstance(before, ast.Assign | ast.AnnAssign))
            ):
                yield one.lineno, one.value.value


def _neighbours(body: object) -> Iterator[tuple[ast.stmt | None, ast.stmt]]:
    statements = body if isinstance(body, list) else []
    yield from zip([None, *statements], statements, strict=False)


@pytest.mark.parametrize(
    "module", sorted(ROOT.rglob("*.py")), ids=lambda module: str(module.relative_to(ROOT))
)
def test_no_docstring_begins_with_a_question(module: Path) -> None:
    """A docstring's first word names the thing or the act; it is none of QUESTIONS."""
    asking = [
        f"{module.relative_to(ROOT.parent)}:{line}: {text.splitlines()[0]}"
        for line, text in documented(ast.parse(module.read_text()))
        if QUESTIONS.match(text)
    ]
    assert not asking


def test_the_check_finds_each_kind() -> None:
    """Docstrings of modules, classes and functions are found, and those of attributes."""
    source = '''"""What a."""
class A:
    """Whether b."""
    c: int
    """How c."""
    def d(self):
        """Where d."""
E = 1
"""Whose e."""
async def f():
    """Which f."""
'''
    asking = [text for _, text in documented(ast.parse(source)) if QUESTIONS.match(text)]
    assert sorted(asking) == ["How c.", "What a.", "Where d.", "Whether b.", "Which f.", "Whose e."]
    assert not QUESTIONS.match("However it is.")
    assert not QUESTIONS.match("Somewhere.")


# Wheel and sdist


CHECKOUT = Path(__file__).parents[2]
BPF = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "bpf").rglob("*.[ch]")}


def build_wheel(source: Path, folder: Path) -> ZipFile:
    """Build the wheel as pip does, with the hatchling at hand instead of a downloaded one."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("tcctui-*.whl")
    return ZipFile(wheel)


def dist_info(wheel: ZipFile, name: str) -> str:
    """Read one file of the wheel's .dist-info."""
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Give the wheel of this checkout."""
    return build_wheel(CHECKOUT, tmp_path_factory.mktemp("wheel"))


def test_wheel_carries_the_package_and_nothing_else(wheel: ZipFile) -> None:
    """A wheel has all files of the package, tcc.c and every stand-in header, and nothing beside it.

    So an isolated environment can compile the BPF program.
    """
    files = wheel.namelist()
    package = (path for path in (CHECKOUT / "tcctui").rglob("*") if path.is_file())
    expected = {str(path.relative_to(CHECKOUT)) for path in package if path.suffix != ".pyc"}
    assert expected <= set(files)
    assert "bpf/tcc.c" in BPF
    assert len(BPF) > 5
    assert {f"tcctui/{path}" for path in BPF} <= set(files)
    assert all(re.match(r"tcctui/|tcctui-[^/]+\.dist-info/", path) for path in files)


def test_wheel_says_what_it_needs_and_has(wheel: ZipFile) -> None:
    """No dependency, not even of an extra, is PyPI's unrelated `bcc`; the command is the CLI's.

    Python 3.10, the oldest that ruff and mypy check for, is the oldest that pip accepts.
    """
    metadata = Parser().parsestr(dist_info(wheel, "METADATA"))
    requirements = metadata.get_all("Requires-Dist", [])
    names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}
    assert {"numpy", "plotext", "textual"} <= names
    assert not {name for name in names if "bcc" in name}
    assert metadata["Requires-Python"] == ">=3.10"
    entry_points = ConfigParser()
    entry_points.read_string(dist_info(wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {"tcctui": "tcctui.cli:main"}


def test_sdist_builds_the_same_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """A wheel made from the sdist has the files of one made from the checkout, bpf among them."""
    hatchling = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run(
        [*hatchling, "--directory", str(tmp_path)], cwd=CHECKOUT, check=True, capture_output=True
    )
    (sdist,) = tmp_path.glob("tcctui-*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("/LICENSE") for name in archive.getnames())
    assert set(build_wheel(sdist, tmp_path).namelist()) == set(wheel.namelist())
