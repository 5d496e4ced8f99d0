"""Headers to compile bpf/tcc.c against: the bundled stand-ins, or a kernel's own."""

from __future__ import annotations

import re
from pathlib import Path

from tcctui.errors import TcctuiError

_MARK = Path("include/linux/kconfig.h")
_INCLUDED = re.compile(r"^include\s+(/\S+)/Makefile$", re.MULTILINE)
_GENERATED = (
    "include",
    "include/generated/uapi",
    "arch/*/include/generated",
    "arch/*/include/generated/uapi",
)


def header_tree(build: Path) -> tuple[Path, list[str]]:
    """Header tree of a kernel's build directory, and the compiler flags that complete it.

    `build` is a build directory such as /lib/modules/$(uname -r)/build. Distributions that split it
    (Debian) leave only the generated headers there; its Makefile names the directory of the others.

    Raises:
        TcctuiError: there are no kernel headers in it.

    """
    build = build.absolute()
    if (build / _MARK).is_file():
        return build, []
    try:
        makefile = (build / "Makefile").read_text()
    except (OSError, UnicodeDecodeError):
        makefile = ""
    named = _INCLUDED.search(makefile)
    source = Path(named[1]) if named else build / "source"
    if not (source / _MARK).is_file():
        raise TcctuiError(
            f"{build} holds no kernel headers.",
            "--kernel-headers takes a build directory, such as /lib/modules/$(uname -r)/build.",
            status=2,
        )
    generated = [found for pattern in _GENERATED for found in sorted(build.glob(pattern))]
    return source, [f"-I{directory}" for directory in generated]
