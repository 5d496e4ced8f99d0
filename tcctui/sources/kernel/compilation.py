"""A compilation of the BPF program on its way, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.sources.kernel.compiled import Compiled
from tcctui.sources.kernel.compiler import Answer, Request

# -I: nothing of the working directory, which may be anybody's, is imported as root.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    " from tcctui.sources.kernel import compiler; compiler.main()"
)


class Compilation:
    """Compiler process, started when this is made.

    `headers` is the tree of kernel headers. It is all the environment that the process has: of the
    rest, LD_LIBRARY_PATH, CPATH and BCC_LINUX_VERSION_CODE would change what is compiled.
    """

    def __init__(self, request: Request, headers: Path) -> None:
        root = str(Path(__file__).resolve().parents[3])
        alive, ours = os.pipe()
        self._ours = os.fdopen(ours, "wb", buffering=0)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _CODE, root, json.dumps(request)],
                env={"BCC_KERNEL_SOURCE": os.fspath(headers)},
                cwd="/",  # ours may be gone, and clang does not start without one
                stdin=alive,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        finally:
            os.close(alive)

    def result(self) -> Compiled:
        """Wait for it.

        Raises:
            TcctuiError: it can't be compiled; the compiler's words are its detail.

        """
        message, said = self._process.communicate()
        self._ours.close()
        detail = said.decode(errors="replace")
        broke_off: Answer = {"reason": "the compiler broke off"}
        answer: Answer = broke_off if self._process.returncode else json.loads(message)
        if "compiled" in answer:
            return Compiled.from_json(answer["compiled"])
        raise TcctuiError(answer["reason"], answer.get("mend", ""), detail=detail)

    def end(self) -> None:
        """End it; `result`, in another thread, raises unless it has compiled."""
        self._process.kill()
