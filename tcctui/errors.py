"""Expected failures: one sentence, and the command or step that fixes it."""

from __future__ import annotations


class TcctuiError(Exception):
    """Expected failure, reported to the user.

    `reason` is one sentence describing the failure, `mend` one with the step that fixes it,
    `detail` the output of another program (clang, libbcc), printed on request. `status` is the exit
    code: 2 for a usage error, 1 for everything else.
    """

    def __init__(self, reason: str, mend: str = "", *, detail: str = "", status: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend
        self.detail = detail
        self.status = status

    def __str__(self) -> str:
        return f"{self.reason} {self.mend}".rstrip()


class PipeClosedError(TcctuiError):
    """Output whose reader has closed the pipe; exit code 141, as a shell has it of SIGPIPE.

    Without a `reason` it ends a command quietly, as that signal does.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, status=141)


class UsageError(TcctuiError):
    """Mistake on the command line; exit code 2."""

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(reason, mend, status=2)


class SocketsUnreadError(TcctuiError):
    """`--inside` without BTF, or where the kernel refuses to read sockets themselves."""

    def __init__(self) -> None:
        super().__init__(
            "Sockets themselves can't be read here.",
            "Leave --inside out; tcctui doctor says what is missing.",
        )
