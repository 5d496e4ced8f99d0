"""Features of this kernel, as the doctor tells them, held against the README."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.kernel.command import TCCTUI
from tests.kernels.readme_table import readme_table, told_by_doctor

pytestmark = pytest.mark.kernel


def test_the_readme_is_right_about_this_kernel() -> None:
    """The doctor says of this kernel what the README has of its series, of every feature."""
    said = subprocess.run([TCCTUI, "doctor"], capture_output=True, text=True, check=False)
    told, table = told_by_doctor(said.stdout), readme_table()
    series = ".".join(os.uname().release.split(".")[:2])
    newest = next(reversed(table.values()))
    assert set(told) == set(newest)
    assert told == table.get(series, told)
