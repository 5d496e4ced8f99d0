"""What becomes of kernel tests where something that they need is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOSS = str(Path(__file__).with_name("test_loss.py"))


@pytest.mark.parametrize(
    ("strict", "status", "outcome"), [("", 0, "skipped"), ("1", 1, "error")], ids=["lax", "strict"]
)
def test_missing_tools_are_named(tmp_path: Path, strict: str, status: int, outcome: str) -> None:
    """Without bpftool the tests are skipped, and with TCCTUI_NO_SKIP=1 they fail; both say why."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", LOSS],
        env={**os.environ, "PATH": str(tmp_path), "TCCTUI_NO_SKIP": strict},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert outcome in done.stdout.splitlines()[-1]
    reason = "needs root" if os.geteuid() else "bpftool"
    assert reason in done.stdout
