"""The cache of the compiled program: what it keeps, and all that it does not read."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import cache_key, compiled_cache
from tcctui.sources.kernel.compiled import Compiled, MapDefinition, map_of, program_of
from tcctui.sources.kernel.compiled_cache import CompiledCache
from tcctui.sources.kernel.type_facts import TypeFacts
from tests.conftest import need
from tests.unit.nobody import without_privileges

KEY = {"kernel": "6.18", "source": "int é;\n"}

FDINFO = """pos:\t0
flags:\t02000002
map_type:\t2
key_size:\t4
value_size:\t80
max_entries:\t1
map_flags:\t0x400
map_id:\t9
"""


def instruction(code: int, source: int, immediate: int) -> bytes:
    """Assemble one, of this machine's byte order."""
    registers = source << 4 | 1 if struct.pack("=H", 1)[0] else 1 << 4 | source
    return struct.pack("=BBhi", code, registers, 0, immediate)


LOADS_MAP = instruction(0x18, 1, 7) + bytes(8)
LOADS_NUMBER = instruction(0x18, 0, 7) + instruction(0x18, 1, 7)  # its second half looks like one
EXIT = instruction(0x95, 0, 0)
CODE = EXIT + LOADS_NUMBER + LOADS_MAP + EXIT
PROGRAM = Compiled(
    [map_of("config", FDINFO)],
    [program_of("tcp/tcp_probe", CODE, {7: "config", 8: "flows"})],
    TypeFacts({2: "NOT_SPECIFIED"}, [{"algorithm": "cubic"}]),
)


@pytest.fixture
def directory(trusted_directories: Callable[[], Path]) -> Path:
    """Give a directory that nobody else can write."""
    return trusted_directories()


@pytest.fixture
def cache(directory: Path) -> CompiledCache:
    """Make a cache that has the program for the key, two directories deep."""
    above = directory / "var"
    above.mkdir(0o755)
    made = CompiledCache(above / "tcctui")
    made.write(KEY, PROGRAM)
    assert made.read(KEY) == PROGRAM
    return made


def test_programs_refer_to_maps_by_name() -> None:
    """Descriptors leave the instructions and come back, also others; nothing else changes."""
    (program,) = PROGRAM.programs
    assert program.references == [(3, "config")]
    assert program.linked({"config": 7}) == CODE
    changed = program.linked({"config": 1234})
    assert changed == CODE.replace(LOADS_MAP, instruction(0x18, 1, 1234) + bytes(8))
    assert PROGRAM.maps == [MapDefinition("config", 2, 4, 80, 1, 0x400)]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is /var/cache/tcctui, where the environment names no other directory, or none."""
    monkeypatch.delenv(compiled_cache.VARIABLE)
    found = compiled_cache.default()
    assert found is not None
    assert found.path == Path("/var/cache/tcctui/program")
    monkeypatch.setenv(compiled_cache.VARIABLE, "/srv/cache")
    found = compiled_cache.default()
    assert found is not None
    assert found.path == Path("/srv/cache/program")
    monkeypatch.setenv(compiled_cache.VARIABLE, "")
    assert compiled_cache.default() is None


def test_only_its_owner_reads_and_writes_it(cache: CompiledCache) -> None:
    """File and directory are this user's alone, and nothing else is left beside the file."""
    assert cache.path.stat().st_mode & 0o777 == 0o600
    assert cache.path.parent.stat().st_mode & 0o777 == 0o700
    assert list(cache.path.parent.iterdir()) == [cache.path]


def test_another_key(cache: CompiledCache) -> None:
    """A program is for its key alone; a part that is not asked for may be anything."""
    assert cache.read({"kernel": "6.18"}) == PROGRAM
    for part in KEY:
        with pytest.raises(TcctuiError, match=f"is of another {part}"):
            cache.examine({**KEY, part: "other"})
    assert cache.read({**KEY, "flags": "-DX"}) is None
    other = PROGRAM._replace(maps=[])
    cache.write({**KEY, "kernel": "6.19"}, other)
    assert cache.read(KEY) is None
    assert cache.read({**KEY, "kernel": "6.19"}) == other


def foreign_file(path: Path) -> None:
    """Let the file belong to another user."""
    os.chown(path, 65534, -1)


def foreign_directory(path: Path) -> None:
    """Let the directory belong to another user."""
    os.chown(path.parent, 65534, -1)


def foreign_above(path: Path) -> None:
    """Let the directory above belong to another user."""
    os.chown(path.parent.parent, 65534, -1)


def linked_file(path: Path) -> None:
    """Put a link where the file was."""
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def linked_directory(path: Path) -> None:
    """Put a link where the directory was."""
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to("real")


def linked_above(path: Path) -> None:
    """Put a link where the directory above was."""
    above = path.parent.parent
    above.rename(above.with_name("real"))
    above.symlink_to("real")


def pipe(path: Path) -> None:
    """Put a named pipe where the file was: to open it would wait for a writer."""
    path.unlink()
    os.mkfifo(path, 0o600)


def empty(path: Path) -> None:
    """Leave nothing in the file."""
    path.write_bytes(b"")


def not_ours(path: Path) -> None:
    """Leave something with a checksum that is right, and no program."""
    path.write_bytes(b"%08x\n[1]" % zlib.crc32(b"[1]"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (foreign_file, "program belongs to another user"),
        (foreign_directory, "tcctui belongs to another user"),
        (foreign_above, "var belongs to another user"),
        (lambda path: path.chmod(0o620), "program can be written by others"),
        (lambda path: path.chmod(0o602), "program can be written by others"),
        (lambda path: path.parent.chmod(0o770), "tcctui can be written by others"),
        (lambda path: path.parent.parent.chmod(0o1757), "var can be written by others"),
        (linked_file, "symbolic link"),
        (linked_directory, "symbolic link"),
        (linked_above, "symbolic link"),
        (pipe, "is not what it should be"),
        (empty, "is damaged"),
        (not_ours, "is damaged"),
        (lambda path: path.unlink(), "There is no "),
    ],
)
def test_what_is_not_read(
    cache: CompiledCache, change: Callable[[Path], None], reason: str
) -> None:
    """Nothing is read that others could have written, or that is not what was kept; and why."""
    if os.geteuid() != 0 and "foreign" in change.__name__:
        need("only root can give files away")
    change(cache.path)
    assert cache.read(KEY) is None
    with pytest.raises(TcctuiError, match=reason):
        cache.examine(KEY)


def test_nothing_is_kept_where_others_can_write(cache: CompiledCache) -> None:
    """Where it would not be read it is not written either, and no link is followed."""
    before = cache.path.read_bytes()
    cache.path.parent.chmod(0o777)
    cache.write(KEY, PROGRAM._replace(maps=[]))
    assert cache.path.read_bytes() == before
    cache.path.parent.chmod(0o700)
    linked_directory(cache.path)
    cache.write(KEY, PROGRAM._replace(maps=[]))
    assert cache.path.read_bytes() == before


def test_no_directory_is_made_where_others_can_write(directory: Path) -> None:
    """Root makes no directory for another user, nor behind another user's link."""
    (directory / "public").mkdir()
    (directory / "public").chmod(0o777)
    (directory / "real").mkdir(mode=0o700)
    (directory / "link").symlink_to("real")
    for above in ("public", "link"):
        CompiledCache(directory / above / "tcctui").write(KEY, PROGRAM)
        assert not [*(directory / above).iterdir()]
    CompiledCache(directory / "real" / "tcctui").write(KEY, PROGRAM)
    assert (directory / "real" / "tcctui" / "program").exists()


def test_a_damaged_file_is_replaced(cache: CompiledCache) -> None:
    """What can't be used makes room for what can, also a link, whose target stays."""
    linked_file(cache.path)
    before = cache.path.read_bytes()
    cache.write(KEY, PROGRAM)
    assert cache.read(KEY) == PROGRAM
    assert cache.path.with_name("real").read_bytes() == before


def test_any_damage_is_noticed(cache: CompiledCache) -> None:
    """A byte that changed anywhere, or an end that is missing, leaves nothing to be read."""
    good = cache.path.read_bytes()

    @given(place=st.integers(0, len(good) - 1), change=st.integers(1, 255))
    def damaged(place: int, change: int) -> None:
        content = bytearray(good)
        content[place] ^= change
        cache.path.write_bytes(content)
        assert cache.read(KEY) is None
        cache.path.write_bytes(good[:place])
        assert cache.read(KEY) is None

    damaged()


def test_no_room(cache: CompiledCache) -> None:
    """On a full disk the old program stays, and nothing of the new one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        cache.write({**KEY, "kernel": "6.19"}, PROGRAM)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cache.read(KEY) == PROGRAM
    assert list(cache.path.parent.iterdir()) == [cache.path]


def test_no_right_to_write(directory: Path) -> None:
    """Who may not write there, or has no such directory, keeps nothing, which is no error."""
    if os.geteuid() != 0:
        need("only root can become another user")
    with without_privileges():
        made = CompiledCache(directory / "tcctui")
        made.write(KEY, PROGRAM)
        assert made.read(KEY) is None
    assert not list(directory.iterdir())
    CompiledCache(directory / "no" / "tcctui").write(KEY, PROGRAM)
    assert not list(directory.iterdir())


def test_a_key_has_all_that_a_program_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernel, build, formats, source, headers, flags and bcc: each change makes another key."""
    (tmp_path / "include").mkdir()
    source, header, package = tmp_path / "tcc.c", tmp_path / "include" / "a.h", tmp_path / "bcc"
    source.write_text("int a;")
    header.write_text("int b;")
    package.mkdir()
    (package / "version.py").write_text("1")
    notes = tmp_path / "notes"
    notes.write_bytes(b"1")
    monkeypatch.setattr(cache_key, "NOTES", notes)

    def key(flag: str = "-DX", field: str = "family") -> dict[str, str]:
        formats = {"tcp/tcp_probe": field}
        return cache_key.cache_key(directory=tmp_path, flags=[flag], formats=formats, bcc=package)

    first = key()
    assert key() == first
    found = [first, key(flag="-DY"), key(field="skaddr")]
    monkeypatch.setattr(cache_key, "TYPES", tmp_path / "none")
    found.append(key())
    monkeypatch.undo()
    monkeypatch.setattr(cache_key, "NOTES", notes)
    for path in (source, header, package / "version.py", notes):
        path.write_text(path.read_text() + "more")
        found.append(key())
    uname = os.uname()
    other = os.uname_result((*uname[:2], "5.8.0", *uname[3:]))
    monkeypatch.setattr(os, "uname", lambda: other)
    found.append(key())
    assert len({str(one) for one in found}) == len(found)
    without = cache_key.cache_key(directory=tmp_path, flags=["-DX"], formats={}, bcc=None)
    assert set(first) - set(without) == {"bcc"}
    notes.unlink()
    assert key() != found[-1]
