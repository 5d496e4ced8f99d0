"""The failures tcctui expects: one sentence, and the command or step that mends it."""

from __future__ import annotations


class TcctuiError(Exception):
    """Something tcctui can't do, told to a person.

    `reason` is one sentence that says what is wrong, `mend` one that says what to do about it, and
    `detail` is what another program printed (clang, libbcc), for whoever asks. `status` is the exit
    code: 2 for a mistake in the usage, 1 for everything else.
    """

    def __init__(self, reason: str, mend: str = "", *, detail: str = "", status: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend
        self.detail = detail
        self.status = status

    def __str__(self) -> str:
        return f"{self.reason} {self.mend}".rstrip()


class UsageError(TcctuiError):
    """A mistake in what was typed on the command line; exit code 2."""

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(reason, mend, status=2)
