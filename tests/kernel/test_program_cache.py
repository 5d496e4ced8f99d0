"""The cached program is the compiled one, and what can't be used is compiled again."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, bpf_syscall, cache_key
from tcctui.sources.kernel.bpf_syscall import RefusedError
from tcctui.sources.kernel.build import Build
from tcctui.sources.kernel.compiled_cache import VARIABLE, CompiledCache
from tcctui.sources.kernel.program import Loading
from tcctui.sources.kernel.type_facts import TypeFacts, facts
from tcctui.sources.kernel.type_information import of_this_kernel
from tests.kernel.bpf_objects import existing, held_by
from tests.kernel.command import trace
from tests.kernel.deadlines import until
from tests.kernel.network import run

pytestmark = pytest.mark.kernel


_MAPPED = """
from pathlib import Path
from tcctui.sources.kernel.program import Loading
program = Loading().wait()
print(program.cached, "libbcc" in Path("/proc/self/maps").read_text())
program.close()
"""


class InKernel(NamedTuple):
    """What the kernel says of a loaded program: hashes of its instructions, and its maps."""

    cached: bool
    tags: list[str]
    maps: dict[str, list[str]]
    facts: TypeFacts


@pytest.fixture
def cache(
    monkeypatch: pytest.MonkeyPatch, trusted_directories: Callable[[], Path]
) -> CompiledCache:
    """Use a cache of the test's own, which has nothing yet."""
    directory = trusted_directories() / "tcctui"
    monkeypatch.setenv(VARIABLE, str(directory))
    return CompiledCache(directory)


def loaded(*, fresh: bool = False, slots: int = 64) -> InKernel:
    """Load the program, and ask the kernel of it."""
    with closing(Loading(fresh=fresh, slots=slots).wait()) as program:
        return InKernel(
            program.cached,
            [_values(fd, "prog_tag")[0] for fd in program.programs.values()],
            {name: _values(fd, r"[a-z]+_\w+") for name, fd in program.maps.items()},
            program.facts,
        )


def _values(descriptor: int, names: str) -> list[str]:
    """Values of a descriptor, but those that are no two objects' own."""
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    found = re.findall(rf"^((?:{names}):\s*\w+)$", text, re.MULTILINE)
    return [one for one in found if not one.startswith(("map_id", "mnt_id"))]


def test_the_cached_program_is_the_compiled_one(cache: CompiledCache) -> None:
    """The second start compiles nothing, and loads the same instructions and maps.

    It knows what the kernel's types say, without reading them.
    """
    compiled = loaded()
    assert not compiled.cached
    assert cache.path.stat().st_mode & 0o777 == 0o600
    assert cache.path.parent.stat().st_mode & 0o777 == 0o700
    kept = cache.path.stat().st_ino
    cached = loaded()
    assert cached == compiled._replace(cached=True)
    assert len(cached.tags) >= 7
    assert cached.facts == facts(of_this_kernel())
    assert len(cached.facts.drop_reasons) > 50
    assert "max_entries:\t64" in cached.maps["flows"]
    assert cache.path.stat().st_ino == kept
    others = loaded(slots=128)
    assert others.cached
    assert "max_entries:\t128" in others.maps["flows"]
    assert not loaded(fresh=True).cached


def test_a_cached_program_that_the_kernel_refuses_is_compiled_again(cache: CompiledCache) -> None:
    """The kernel's verifier has the last word on what is cached; then it is replaced."""
    good = loaded()
    key = Build().key
    compiled = cache.examine(key)
    first, *rest = sorted(compiled.programs, key=lambda program: program.raw)
    nonsense = first._replace(instructions=bytes(len(first.instructions)))
    cache.write(key, compiled._replace(programs=[nonsense, *rest]))
    assert loaded() == good
    assert cache.examine(key) == compiled
    until("nothing of it is left", lambda: not (existing() & held_by(os.getpid())))
    assert loaded().cached


@pytest.mark.parametrize("what", ["damaged", "another kernel's", "written by others"])
def test_what_can_not_be_used_is_compiled_again(cache: CompiledCache, what: str) -> None:
    """A start without a usable cache compiles, and the next one has what it kept."""
    key = Build().key
    loaded()
    if what == "damaged":
        content = cache.path.read_bytes()
        cache.path.write_bytes(content[:-1000])
    elif what == "another kernel's":
        cache.write({**key, "kernel": "5.8"}, cache.examine(key))
    else:
        cache.path.chmod(0o606)
    assert cache.read(key) is None
    assert not loaded().cached
    assert loaded().cached


def test_a_cached_program_needs_no_bcc(
    cache: CompiledCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without bcc the cached program runs; a program that has to be compiled says what to do."""
    loaded()
    monkeypatch.setattr(bcc_package, "candidates", list)
    assert loaded().cached
    with pytest.raises(TcctuiError, match="not installed"):
        Loading(fresh=True)
    monkeypatch.setattr(cache_key, "VERSION", "0")
    with pytest.raises(TcctuiError, match="not installed"):
        Loading()


def test_trace_says_where_the_program_is_from(cache: CompiledCache) -> None:
    """Beside the time that attaching took stands whether that was with compiling."""
    for origin in ("compiled", "from the cache"):
        with trace("--duration", "0.1") as command:
            assert command.wait() == 0
            assert f" ms (program {origin})\n" in command.stderr


def test_no_bcc_is_loaded_by_a_process_with_a_cached_program(cache: CompiledCache) -> None:
    """Neither clang nor libbcc is in the memory of a process that loads what is cached."""
    loaded()
    assert run(sys.executable, "-c", _MAPPED) == "True False\n"


def test_a_kernel_that_refuses_to_have_sockets_read(
    cache: CompiledCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tracepoint's own fields are read instead, also by the next start, out of the cache."""
    load, refused = bpf_syscall.load_program, []

    def refusing(name: str, instructions: bytes, arguments: int = 0, *, raw: bool = False) -> int:
        if arguments:
            refused.append(name)
            raise RefusedError(13, "refused")
        return load(name, instructions, raw=raw)

    monkeypatch.setattr(bpf_syscall, "load_program", refusing)
    first, second = loaded(), loaded()
    assert refused == ["tcp_probe"]
    assert (first.cached, second.cached) == (False, True)
    assert first.tags == second.tags
    assert cache.read(Build().key) is not None
