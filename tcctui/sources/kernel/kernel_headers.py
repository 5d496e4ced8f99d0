"""Headers to compile bpf/tcc.c against: the bundled stand-ins, or a kernel's own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.files import ownership

_MARK = Path("include/linux/kconfig.h")
_SPLIT = re.compile(r"^include\s+(/\S+)/Makefile$", re.MULTILINE)
_INCLUDED = ("Makefile", "include", "arch/*/include", "source/include", "source/arch/*/include")
_GENERATED = (
    "include",
    "include/generated/uapi",
    "arch/*/include/generated",
    "arch/*/include/generated/uapi",
)
_MEND = "Give headers that only root can change, such as /lib/modules/$(uname -r)/build."


def header_tree(build: Path) -> tuple[Path, list[str]]:
    """Header tree of a kernel's build directory, and the compiler flags that complete it.

    `build` is a build directory such as /lib/modules/$(uname -r)/build. Distributions that split it
    (Debian) leave only the generated headers there; its Makefile names the directory of the others.

    Raises:
        TcctuiError: there are no kernel headers in it, or others than root can change them.

    """
    try:
        build = Path(os.path.realpath(build))  # a link's owner may change it after the check
    except FileNotFoundError as error:
        raise TcctuiError("The working directory is gone.", "Change to another one.") from error
    _check(build)
    if (build / _MARK).is_file():
        return build, []
    try:
        makefile = (build / "Makefile").read_text()
    except (OSError, UnicodeDecodeError):
        makefile = ""
    named = _SPLIT.search(makefile)
    source = Path(os.path.realpath(named[1] if named else build / "source"))
    if not (source / _MARK).is_file():
        raise TcctuiError(
            f"{build} holds no kernel headers.",
            "--kernel-headers takes a build directory, such as /lib/modules/$(uname -r)/build.",
            status=2,
        )
    _check(source)
    generated = [found for pattern in _GENERATED for found in sorted(build.glob(pattern))]
    return source, [f"-I{directory}" for directory in generated]


def _check(tree: Path) -> None:
    """Check all that clang may include of a tree: it runs as root, and quotes what it reads.

    Raises:
        TcctuiError: others than root can change some of it.

    """
    included = (found for pattern in _INCLUDED for found in tree.glob(pattern))
    ownership.check_trees(included, _MEND)
