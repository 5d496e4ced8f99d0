"""Sources, headers, flags and tracepoints that bpf/tcc.c is compiled from on this kernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, tracepoint_formats
from tcctui.sources.kernel.cache_key import cache_key
from tcctui.sources.kernel.kernel_headers import header_tree

if TYPE_CHECKING:
    from tcctui.sources.kernel.compilation import Compilation


class Build:
    """Everything that the program is compiled from.

    `kernel_headers` is a kernel's build directory to compile against, instead of the bundled
    stand-ins. `typed` says that tcp_probe's values may be read from the socket itself.

    Raises:
        TcctuiError: no tracepoint, no source, or no headers.

    """

    def __init__(self, kernel_headers: Path | None = None, *, typed: bool = True) -> None:
        self._typed = typed
        formats = tracepoint_formats.format_texts(tracepoint_formats.mount_tracefs())
        self.identities = {
            name: tracepoint_formats.identity(text) for name, text in formats.items()
        }
        """Numbers of the tracepoints, by name."""
        fields = {name: tracepoint_formats.field_names(text) for name, text in formats.items()}
        self._flags = [*tracepoint_formats.kind_flags(), *tracepoint_formats.flags(fields)]
        directory = bpf_directory()
        self._source = directory / "tcc.c"
        if not self._source.is_file():
            raise TcctuiError(f"{self._source} is missing.", "Install tcctui again.")
        self._headers = directory
        if kernel_headers is not None:
            self._headers, more = header_tree(kernel_headers)
            self._flags += more
        self._bcc: Path | TcctuiError
        try:
            self._bcc = bcc_package.find(bcc_package.candidates())
        except TcctuiError as error:
            self._bcc = error
        self.key = cache_key(
            directory=directory,
            flags=[*self._flags, f"typed={typed}"],
            formats=formats,
            bcc=self._bcc if isinstance(self._bcc, Path) else None,
        )
        """Key of the compiled program in the cache; meaningless with kernel headers."""

    def compile(self) -> Compilation:
        """Start to compile.

        Raises:
            TcctuiError: there is no bcc.

        """
        from tcctui.sources.kernel.compilation import Compilation  # noqa: PLC0415 - seldom needed

        if isinstance(self._bcc, TcctuiError):
            raise self._bcc
        return Compilation(
            {
                "bcc": str(self._bcc),
                "source": os.fspath(self._source),
                "flags": [*self._flags, *_cgroup_flags()],
                # What comes of it is not of the key, for which the kernel's build stands.
                "typed": self._typed,
            },
            self._headers,
        )


def _cgroup_flags() -> list[str]:
    return ["-DTCC_HAS_CGROUPS"] if Path("/proc/self/cgroup").exists() else []


def bpf_directory() -> Path:
    """Directory of tcc.c and its stand-in headers: in the wheel, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "bpf"
    return inside if inside.is_dir() else package.parent / "bpf"
