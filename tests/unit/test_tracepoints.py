"""Tracepoints as different kernels have them: their fields, and the compiler flags that follow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import tracepoint_formats
from tcctui.wire.tracepoints import BY_KIND, EventKind
from tests.unit.nobody import without_privileges

FORMATS = Path(__file__).parents[1] / "data" / "formats"
KERNELS = sorted(path.name for path in FORMATS.iterdir())
_PROBE = {"-DTCC_PROBE_HAS_FAMILY", "-DTCC_PROBE_HAS_SKADDR"}
_FAMILIES = {
    f"-DTCC_{name}_HAS_FAMILY"
    for name in ("RETRANSMIT", "CA_STATE", "RECEIVE_RESET", "RETRANSMIT_SYNACK")
}
_SOCKADDRS = {"-DTCC_SEND_RESET_HAS_SOCKADDRS"}
FLAGS = {
    "5.10": {"-DTCC_NO_CA_STATE", "-DTCC_NO_DROP"},
    "6.1": {"-DTCC_PROBE_HAS_FAMILY", *_FAMILIES, "-DTCC_SEND_RESET_HAS_FAMILY"},
    "6.12": _PROBE | _FAMILIES | _SOCKADDRS,
    "6.18": _PROBE | _FAMILIES | _SOCKADDRS | {"-DTCC_RETRANSMIT_HAS_ERR"},
}
"""Looked up by hand in each kernel's include/trace/events/tcp.h."""

PROBE_FIELDS = BY_KIND[EventKind.PROBE].fields

WITHOUT = {
    "inet_sock_set_state": "-DTCC_NO_STATE",
    "tcp_destroy_sock": "-DTCC_NO_DESTROY",
    "tcp_retransmit_skb": "-DTCC_NO_RETRANSMIT",
    "tcp_cong_state_set": "-DTCC_NO_CA_STATE",
    "tcp_receive_reset": "-DTCC_NO_RECEIVE_RESET",
    "tcp_send_reset": "-DTCC_NO_SEND_RESET",
    "tcp_retransmit_synack": "-DTCC_NO_RETRANSMIT_SYNACK",
    "kfree_skb": "-DTCC_NO_DROP",
}
"""The tracepoints that can be done without, and what is said where one is not there."""

GROUPS = {"tcp_probe": "tcp"} | {
    name: {"inet_sock_set_state": "sock", "kfree_skb": "skb"}.get(name, "tcp") for name in WITHOUT
}


def without(kernel: str, flag: str) -> set[str]:
    """Give a kernel's flags, if it had not the tracepoint that this one says is missing."""
    about = flag.replace("NO_", "") + "_HAS_"
    return {other for other in FLAGS[kernel] if not other.startswith(about)} | {flag}


def tracefs_of(kernel: str, folder: Path, without: str = "") -> Path:
    """Lay a kernel's format files out as tracefs does, but for one tracepoint."""
    for name, group in GROUPS.items():
        place = folder / "events" / group / name
        place.mkdir(parents=True)
        form = FORMATS / kernel / f"{name}.format"
        if name != without and form.exists():
            shutil.copy(form, place / "format")
    return folder


def formats_of(kernel: str, folder: Path) -> dict[str, frozenset[str]]:
    """Give the fields of a kernel's tracepoints."""
    return tracepoint_formats.read_formats(tracefs_of(kernel, folder))


def test_old_and_new_kernels_are_among_the_data() -> None:
    """The oldest layout and the newest one are there, and each kernel's flags are known."""
    assert {"5.10", "6.18"} <= set(KERNELS) <= set(FLAGS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_flags_of_a_kernel(kernel: str, tmp_path: Path) -> None:
    """What a kernel's tracepoints have is used, and nothing else is asked of them."""
    flags = tracepoint_formats.flags(formats_of(kernel, tmp_path))
    assert set(flags) == FLAGS[kernel]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("kernel", KERNELS)
def test_fields_of_a_kernel(kernel: str, tmp_path: Path) -> None:
    """Every field that a format file declares is found, whatever its type, and no other word."""
    for tracepoint, fields in formats_of(kernel, tmp_path).items():
        text = (FORMATS / kernel / f"{Path(tracepoint).name}.format").read_text()
        declared = set()
        for line in text.splitlines():
            if line.strip().startswith("field:"):
                before = line.strip().removeprefix("field:").split(";")[0].split("[")[0]
                declared.add(before.replace("*", " ").split()[-1])
        assert fields == declared


@pytest.mark.parametrize(
    ("declaration", "name"),
    [
        ("__u8 saddr[sizeof(struct sockaddr_in6)]", "saddr"),
        ("__u8 saddr[28]", "saddr"),
        ("const void * skaddr", "skaddr"),
        ("const void *skaddr", "skaddr"),
        ("unsigned short common_type", "common_type"),
        ("__u64 sock_cookie", "sock_cookie"),
        ("__data_loc char[] name", "name"),
        ("char comm[TASK_COMM_LEN]", "comm"),
    ],
)
def test_the_name_in_a_declaration(declaration: str, name: str) -> None:
    """A field's name is found in each way of declaring one; what is printed declares none."""
    text = f"format:\n\tfield:{declaration};\toffset:8;\tsize:28;\tsigned:0;\n\nprint fmt: x"
    assert tracepoint_formats.field_names(text) == {name}
    text = 'print fmt: "field:int x; offset:8;", REC->saddr'
    assert tracepoint_formats.field_names(text) == tracepoint_formats.field_names("") == set()


@pytest.mark.parametrize("names", [*((n,) for n in PROBE_FIELDS), ("srtt", "sock_cookie")])
def test_missing_fields(names: tuple[str, ...], tmp_path: Path) -> None:
    """Where tcp_probe lacks fields that can't be done without, the error names all of them."""
    formats = formats_of("6.18", tmp_path)
    formats["tcp/tcp_probe"] -= {*names}
    with pytest.raises(TcctuiError) as caught:
        tracepoint_formats.flags(formats)
    assert f"lacks {', '.join(names)}." in caught.value.reason
    assert "5.8" in caught.value.mend


def test_no_tcp_probe(tmp_path: Path) -> None:
    """A kernel without the tracepoint is told so, with what it would take."""
    formats = tracepoint_formats.read_formats(tracefs_of("6.18", tmp_path, without="tcp_probe"))
    with pytest.raises(TcctuiError, match="no tracepoint tcp:tcp_probe") as caught:
        tracepoint_formats.flags(formats)
    assert "CONFIG_" in caught.value.mend


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_tracepoint_that_can_be_done_without(kernel: str, name: str, tmp_path: Path) -> None:
    """Without one of the tracepoints but tcp_probe, its program is left out, and no other."""
    formats = tracepoint_formats.read_formats(tracefs_of(kernel, tmp_path, without=name))
    assert set(tracepoint_formats.flags(formats)) == without(kernel, WITHOUT[name])
    lacking = {Path(row.name).name for row in tracepoint_formats.lacking(formats)}
    assert lacking == {name} | ({"tcp_cong_state_set", "kfree_skb"} if kernel == "5.10" else set())


@pytest.mark.parametrize(
    ("kernel", "name", "fields"),
    [
        ("6.1", "inet_sock_set_state", "protocol newstate family"),
        ("6.1", "tcp_destroy_sock", "sock_cookie saddr_v6"),
        ("6.1", "tcp_retransmit_skb", "skaddr state daddr_v6 sport"),
        ("6.1", "tcp_cong_state_set", "skaddr cong_state dport"),
        ("6.1", "tcp_receive_reset", "skaddr saddr_v6 sock_cookie"),
        ("6.1", "tcp_send_reset", "skaddr state saddr_v6 dport"),
        ("6.1", "tcp_retransmit_synack", "saddr_v6 sport"),
        ("6.18", "tcp_send_reset", "skaddr state saddr daddr"),  # which has sockaddrs there
    ],
)
def test_a_tracepoint_that_lacks_a_field(
    kernel: str, name: str, fields: str, tmp_path: Path
) -> None:
    """A tracepoint whose fields its program could not be compiled with is left out, too."""
    formats = formats_of(kernel, tmp_path)
    whole = formats[f"{GROUPS[name]}/{name}"]
    for field in fields.split():
        formats[f"{GROUPS[name]}/{name}"] = whole - {field}
        assert set(tracepoint_formats.flags(formats)) == without(kernel, WITHOUT[name])


def test_a_field_named_like_another(tmp_path: Path) -> None:
    """A field only counts under its whole name."""
    formats = formats_of("6.18", tmp_path)
    formats["tcp/tcp_probe"] = formats["tcp/tcp_probe"] - {"family", "skaddr"} | {"skbaddr"}
    assert not [flag for flag in tracepoint_formats.flags(formats) if "PROBE" in flag]


def test_a_format_that_can_not_be_read(tmp_path: Path) -> None:
    """A format file that is there and can't be read is an error with its path."""
    tracefs = tracefs_of("6.18", tmp_path, without="tcp_destroy_sock")
    unreadable = tracefs / "events/tcp/tcp_destroy_sock/format"
    unreadable.mkdir()
    with pytest.raises(TcctuiError) as caught:
        tracepoint_formats.read_formats(tracefs)
    assert str(unreadable) in caught.value.reason
    assert caught.value.mend


def test_where_tracefs_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first place with events in it is taken; an empty mount point is none."""
    empty, debug = tmp_path / "tracing", tmp_path / "debug"
    empty.mkdir()
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (empty, debug))
    assert tracepoint_formats.find_tracefs() is None
    (debug / "events").mkdir(parents=True)
    assert tracepoint_formats.find_tracefs() == debug
    assert tracepoint_formats.mount_tracefs() == debug
    (empty / "events").mkdir()
    assert tracepoint_formats.find_tracefs() == empty


def test_a_tracefs_that_only_root_may_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tracefs is root's alone, whoever else looks gets a sentence, not a traceback."""
    closed = tmp_path / "tracing"
    tracefs_of("6.18", closed)
    closed.chmod(0)
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (closed,))
    try:
        with without_privileges():
            assert tracepoint_formats.find_tracefs() in (None, closed)
            with pytest.raises(TcctuiError, match="can't be read") as caught:
                tracepoint_formats.read_formats(closed)
    finally:
        closed.chmod(0o700)
    assert "needs root" in caught.value.mend


def test_a_tracefs_below_debugfs_alone(public_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the compiler finds it as root alone: others are told to mount it where it belongs."""
    usual, below = public_path / "tracing", tracefs_of("6.18", public_path / "debug")
    usual.mkdir()
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (usual, below))
    with without_privileges(), pytest.raises(TcctuiError, match=f"not mounted on {usual}"):
        tracepoint_formats.mount_tracefs()


def test_a_tracefs_that_can_not_be_mounted(
    public_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the right to mount it, the error says why, and gives the command that does."""
    target = public_path / "tracing"
    target.mkdir()
    monkeypatch.setattr(tracepoint_formats, "TRACEFS", (target,))
    with pytest.raises(TcctuiError) as caught, without_privileges():
        tracepoint_formats.mount_tracefs()
    assert "Operation not permitted" in caught.value.reason
    assert caught.value.mend == f"Run: sudo mount -t tracefs nodev {target}"
