"""The process that compiles the BPF program with bcc, and answers with what it compiled.

A process of its own: libbcc brings a whole compiler, whose memory goes with it, and it compiles
while tcctui imports what it needs itself. What clang and libbcc print and do (they change the
working directory) stays in here. Run by `tcctui.sources.kernel.compilation`, with nothing of its
own environment: its one argument is a `Request` as JSON, its answer one line of JSON on standard
output.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, TypedDict

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, type_flags, type_information
from tcctui.sources.kernel.compiled import CAST, Compiled, ProgramDefinition, map_of, program_of
from tcctui.sources.kernel.tracepoint_formats import PROBE
from tcctui.sources.kernel.type_facts import facts
from tcctui.sources.kernel.type_information import Kind, TypeInformation


class Request(TypedDict):
    """Compile request: bcc's package, bpf/tcc.c, and compiler flags.

    `typed` asks for tcp_probe's values from the socket, where the kernel's types are known.
    """

    bcc: str
    source: str
    flags: list[str]
    typed: bool


class Answer(TypedDict, total=False):
    """Result of a compilation, as `Compiled.to_json` gives it, or the error."""

    compiled: dict[str, Any]
    reason: str
    mend: str


def compiled(request: Request) -> Answer:
    """Compile, without loading: bcc loads only functions whose names it knows."""
    try:
        bcc: Any = bcc_package.load(Path(request["bcc"]))
    except TcctuiError as error:
        return {"reason": error.reason, "mend": error.mend}
    types = type_information.of_this_kernel()
    typed = type_flags.probe_flags(types) if request["typed"] else []
    flags = [*request["flags"], *type_flags.socket_flags(types), *typed, f"-DTCC_CAST={CAST}"]
    try:
        bpf = bcc.BPF(src_file=os.fsencode(request["source"]), cflags=flags)
    except Exception as error:  # bcc raises bare Exceptions for every failure
        return {"reason": str(error), "mend": ""}
    read = _read(bcc, bpf, types if typed else None)._replace(facts=facts(types))
    return {"compiled": read.to_json()}


def _end_with_parent() -> None:
    """Wait for the end of standard input: its other end is open as long as the parent lives."""
    os.read(0, 1)
    os._exit(1)


def _read(bcc: Any, bpf: Any, types: TypeInformation | None) -> Compiled:
    """Maps that bcc has made, the smallest there are, and instructions that refer to them."""
    library, module = bcc.lib, bpf.module
    # bcc 0.26 declares neither of them.
    for function in (library.bpf_table_name, library.bpf_table_fd_id):
        function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.bpf_table_name.restype = ctypes.c_char_p
    maps = {
        library.bpf_table_fd_id(module, number): library.bpf_table_name(module, number).decode()
        for number in range(library.bpf_num_tables(module))
    }
    functions = [
        library.bpf_function_name(module, number)
        for number in range(library.bpf_num_functions(module))
    ]
    runs = cast = 0
    if types is not None:
        runs = type_flags.runs_tcp_probe(types)
        cast = types.find(Kind.FUNCTION, type_flags.CAST) or 0

    def program(name: str) -> ProgramDefinition:
        tracepoint = name.replace("__", "/", 1)
        return program_of(
            tracepoint,
            bpf.dump_func(name.encode()),
            maps,
            arguments=runs if tracepoint == PROBE else 0,
            cast=cast,
        )

    return Compiled(
        [map_of(name, Path(f"/proc/self/fdinfo/{fd}").read_text()) for fd, name in maps.items()],
        [program(name.decode()) for name in functions],
    )


def main() -> None:
    """Serve one request and exit at once: bcc's own exit would take long."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answers = os.dup(1)
    os.dup2(2, 1)  # what clang prints is no answer
    answer = compiled(json.loads(sys.argv[1]))
    with os.fdopen(answers, "w") as out:
        json.dump(answer, out)
    sys.stderr.flush()
    os._exit(0)
