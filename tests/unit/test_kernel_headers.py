"""Kernel headers are found where distributions put them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.sources.kernel.kernel_headers import header_tree


def _kernel_tree(directory: Path) -> Path:
    (directory / "include/linux").mkdir(parents=True)
    (directory / "include/linux/kconfig.h").touch()
    return directory


def test_a_whole_tree_is_taken_as_it_is(tmp_path: Path) -> None:
    """A build directory that has its own headers needs no further flags."""
    tree = _kernel_tree(tmp_path / "build")
    assert header_tree(tree) == (tree, [])


def test_a_split_tree_is_put_together(tmp_path: Path) -> None:
    """Of Debian's split trees the common one is the tree, and the generated parts are added."""
    common = _kernel_tree(tmp_path / "common")
    build = tmp_path / "build"
    for part in ("include/generated/uapi", "arch/x86/include/generated/uapi"):
        (build / part).mkdir(parents=True)
    (build / "Makefile").write_text(f"include {common}/Makefile\n")
    tree, flags = header_tree(build)
    assert tree == common
    assert flags == [
        f"-I{build}/include",
        f"-I{build}/include/generated/uapi",
        f"-I{build}/arch/x86/include/generated",
        f"-I{build}/arch/x86/include/generated/uapi",
    ]


def test_a_source_link_is_followed(tmp_path: Path) -> None:
    """Where the headers are behind a `source` link, as /lib/modules has it, it is followed."""
    common = _kernel_tree(tmp_path / "common")
    build = tmp_path / "build"
    build.mkdir()
    (build / "source").symlink_to(common)
    assert header_tree(build)[0] == build / "source"


def test_no_headers_is_a_usage_error(tmp_path: Path) -> None:
    """A directory without headers, or none at all, is told in one sentence with the mend."""
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(TcctuiError, match="holds no kernel headers") as caught:
            header_tree(wrong)
        assert caught.value.status == 2
        assert "/lib/modules" in caught.value.mend
