"""Saving of recordings and pictures, with notices."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from textual.widget import Widget

from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import is_there, new_file, refusal
from tcctui.files.save_directory import save_directory
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.style import units


def save_picture(svg: str) -> Path:
    """Write a picture under the time's name, and return its path.

    It is written to `save_directory`, completely or not at all, and readable by its owner only. An
    older file is never overwritten.

    Raises:
        TcctuiError: the directory or the disk refuses it.

    """
    path = free_path(".svg")
    try:
        with new_file(path, force=False) as file:
            file.write(svg.encode())
    except OSError as error:
        raise refusal(path, error) from error
    return path


def free_path(ending: str) -> Path:
    """Path in `save_directory` under the time's name, which no file has."""
    name = time.strftime("tcctui-%Y-%m-%dT%H-%M-%S")
    path = save_directory() / f"{name}{ending}"
    for number in itertools.count(2):
        if not is_there(path):
            break
        path = path.with_name(f"{name}-{number}{ending}")
    return path


class Saver:
    """Writes the log of the last minutes to a file, in another thread, one at a time."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._busy = False

    def save(self, save: Callable[[], Path], about: str) -> None:
        """Start and show a notice on what; or show that the last one has not ended."""
        if self._busy:
            tell(self._widget, Notice("Still saving …", "One file at a time.", seconds=BRIEF))
            return
        self._busy = True
        tell(self._widget, Notice("Saving …", about, seconds=BRIEF))
        self._widget.run_worker(lambda: self._run(save, about), thread=True, exit_on_error=False)

    def _run(self, save: Callable[[], Path], about: str) -> None:
        notice = saved(save, about)
        self._busy = False
        self._widget.call_later(tell, self._widget, notice)


def saved(save: Callable[[], Path], about: str) -> Notice:
    """Save, and report path, size and what is in it, or the reason for having nothing."""
    try:
        path = save()
        size = units.file_size(disk().lstat(path).st_size)
    except TcctuiError as error:
        return Notice("Nothing was saved", str(error), "error")
    except OSError as error:
        reason = f"{error.filename or 'The file'}: {error.strerror}."
        return Notice("Nothing was saved", reason, "error")
    except Exception as error:  # a defect: the screen stays, and reports it
        return Notice("Nothing was saved", f"{type(error).__name__}: {error}", "error")
    return Notice("Saved", f"{path.absolute()} · {size}. {about}", seconds=BRIEF)


def pictured(svg: str) -> Notice:
    """Save a picture in the working directory, and report its path, or the error."""
    try:
        return Notice("Saved", str(save_picture(svg)), seconds=BRIEF)
    except TcctuiError as error:
        return Notice("The picture was not saved", str(error), "error")
