"""Round-trip times of groups, asked for in a thread when a histogram wants them."""

from __future__ import annotations

import threading

import numpy as np

from tcctui.errors import TcctuiError
from tcctui.fleet.view import questions
from tcctui.fleet.view.engine import Engine
from tcctui.fleet.view.questions import Question
from tcctui.fleet.view.rows import Rows
from tcctui.ui.view import Times


class Spreads:
    """Keeps those that were asked for last, of one group in one answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: tuple[object, Times | None] = None, None

    def times(self, rows: Rows, question: Question, cookie: int) -> Times | None:
        """Times of a group among rows; None while they are asked for.

        Where there is no answer, their name has the reason.
        """
        wanted = rows.now_ns, question, cookie
        if self._found[0] != wanted:
            self._found = wanted, self._found[1] if self._same(wanted) else None
            work = (wanted, rows, question, cookie)
            threading.Thread(target=self._ask, args=work, name="fleet srtt", daemon=True).start()
        return self._found[1]

    def _same(self, wanted: tuple[int, Question, int]) -> bool:
        """True if it is the group of before: what is known stays until there is more."""
        before = self._found[0]
        return isinstance(before, tuple) and before[1:] == wanted[1:]

    def _ask(self, wanted: object, rows: Rows, question: Question, cookie: int) -> None:
        try:
            found = questions.srtt_times(self._engine, question, rows, cookie)
        except TcctuiError as error:
            found = Times(np.empty(0), str(error))
        except Exception as error:  # a defect: the screen stays, and reports it
            found = Times(np.empty(0), f"{type(error).__name__}: {error}")
        if self._found[0] == wanted:
            self._found = wanted, found
