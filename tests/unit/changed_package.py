"""A copy of the package with something added to it, as somebody who works on it would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Additions = Mapping[str, tuple[tuple[str, str], ...]]
"""By file: texts that stand there once, each with what is put in front of it."""


def changed(folder: Path, additions: Additions) -> Path:
    """Copy the package and its BPF program to a folder, and add to the copy."""
    for name in ("tcctui", "bpf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, texts in additions.items():
        text = (folder / name).read_text()
        for before, added in texts:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, added + before)
        (folder / name).write_text(text)
    return folder


def told(folder: Path, code: str) -> Any:
    """Run code with the copy, and with the tests of this one; gives what it puts into `told`."""
    run = subprocess.run(
        [sys.executable, "-c", f"import json, sys\ntold = {{}}\n{code}\nprint(json.dumps(told))"],
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])
