"""Pictures of the screen as files."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from tcctui.files.new_file import give_to_caller


def save_picture(svg: str) -> Path:
    """Write a picture to the working directory under the time's name, and return its path.

    Under sudo it belongs to the calling user. An older file is never overwritten.

    Raises:
        OSError: the directory or the disk refuses it.

    """
    name = time.strftime("tcctui-%Y-%m-%dT%H-%M-%S")
    path = Path.cwd() / f"{name}.svg"
    for number in itertools.count(2):
        if not path.exists():
            break
        path = path.with_name(f"{name}-{number}.svg")
    with path.open("x") as file:
        give_to_caller(file.fileno())
        file.write(svg)
    return path
