"""Tests of who has which socket open, on folders that look like /proc."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tcctui.sources.sock_diag.process_scan import LONGEST, short_name
from tcctui.sources.sock_diag.processes import Processes
from tcctui.wire.samples import SAMPLE, Samples
from tests.unit.nobody import without_privileges

_ID = "3f2a9c1b7d4e" + "0" * 52


def _process(
    root: Path,
    pid: int,
    links: Sequence[str],
    comm: bytes = b"nginx",
    cgroup: bytes = b"0::/system.slice/nginx.service\n",
) -> Path:
    process = root / str(pid)
    (process / "fd").mkdir(parents=True)
    for number, link in enumerate(links):
        (process / "fd" / str(number)).symlink_to(link)
    (process / "comm").write_bytes(comm + b"\n")
    (process / "cgroup").write_bytes(cgroup)
    return process


def _filled(root: Path, *inodes: int) -> Samples:
    samples = np.zeros(len(inodes), SAMPLE)
    samples["inode"] = inodes
    Processes(str(root)).look().fill(samples)
    return samples


def test_a_sample_gets_its_process_name_and_unit(tmp_path: Path) -> None:
    """Each socket among other open files is given to its process, whatever the order of samples."""
    _process(tmp_path, 7, ["/dev/null", "socket:[500]", "pipe:[501]", "socket:[4294967295]"])
    _process(tmp_path, 40, ["socket:[12]"], b"sshd", b"0::/\n")
    samples = _filled(tmp_path, 4294967295, 12, 500, 12)
    assert samples["pid"].tolist() == [7, 40, 7, 40]
    assert samples["comm"].tolist() == [b"nginx", b"sshd", b"nginx", b"sshd"]
    assert samples["cgroup"].tolist() == [b"nginx.service", b"", b"nginx.service", b""]


def test_a_socket_of_nobody_stays_without(tmp_path: Path) -> None:
    """Unknown inodes, and the 0 of a socket that no process has any more, name no process."""
    _process(tmp_path, 7, ["/dev/null", "pipe:[501]", "socket:[500]", "socket:[0]"])
    for root in (tmp_path, tmp_path / "missing"):
        samples = _filled(root, 501, 0, 499, 501, 4294967295)
        assert not samples["pid"].any()
        assert not any(samples["comm"])


def test_of_several_processes_the_lowest_pid_is_named(tmp_path: Path) -> None:
    """A socket that was inherited is its parent's, by number and not by the text of the pid.

    Control characters, brackets and invalid UTF-8 of its name come through; the last newline goes.
    """
    name = b"\x1b[31m\n[x]\xff\xe4 \n"
    for pid, comm in ((1000, b"worker"), (999, name), (10_000, b"last")):
        _process(tmp_path, pid, ["socket:[500]", "socket:[500]", "socket:[501]"], comm)
    assert len(Processes(str(tmp_path)).look()) == 2, "a duplicated descriptor is one"
    assert _filled(tmp_path, 500, 501)["pid"].tolist() == [999, 999]
    assert _filled(tmp_path, 500)["comm"].tolist() == [name]
    processes = Processes(str(tmp_path))
    before = processes.look()
    (tmp_path / "999" / "comm").write_bytes(b"other\n")
    for owners, comm in ((before, name), (processes.look(), b"other")):
        samples = np.zeros(1, SAMPLE)
        samples["inode"] = 500
        owners.fill(samples)
        assert samples["comm"].tolist() == [comm], "owners stay as they were at the look"


def test_a_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    """Half of a process, as one sees it while it ends, hides neither itself nor the others."""
    (_process(tmp_path, 5, ["socket:[500]"]) / "comm").unlink()
    (_process(tmp_path, 6, ["socket:[501]"]) / "cgroup").unlink()
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    _process(tmp_path, 8, ["socket:[502]"])
    assert _filled(tmp_path, 500, 501, 502)["pid"].tolist() == [0, 0, 8]


def test_what_this_user_may_not_see_is_left_out() -> None:
    """Another user's process, without root, is skipped and the own ones are found."""
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: only its owner may enter that
        root = Path(folder)
        root.chmod(0o755)
        (_process(root, 5, ["socket:[500]"]) / "fd").chmod(0o000)
        _process(root, 6, ["socket:[501]"])
        with without_privileges():
            assert _filled(root, 500, 501)["pid"].tolist() == [0, 6]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", ""),
        ("/system.slice/nginx.service", "nginx.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service",
            "user@1000.service",
        ),
        (f"/system.slice/docker-{_ID}.scope", "docker 3f2a9c1b7d4e"),
        (f"/docker/{_ID}", "docker 3f2a9c1b7d4e"),
        (f"/system.slice/docker-{_ID}.scope/init.scope", "docker 3f2a9c1b7d4e"),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podab_c.slice"
            f"/cri-containerd-{_ID}.scope",
            "cri-containerd 3f2a9c1b7d4e",
        ),
        (f"/kubepods/besteffort/pod11-22/{_ID}", "kubepods 3f2a9c1b7d4e"),
        (f"/machine.slice/libpod-{_ID}.scope/container", "libpod 3f2a9c1b7d4e"),
        (f"/../../docker/{_ID}", "docker 3f2a9c1b7d4e"),
        (f"/{_ID}", "3f2a9c1b7d4e"),
        ("/lxc.payload.web", "lxc.payload.web"),
        ("/system.slice/nginx.service (deleted)", "nginx.service"),
        (f"/{'x' * 60}.service", "x" * LONGEST),
    ],
)
def test_the_container_or_else_the_unit_is_named(path: str, name: str) -> None:
    """The paths of systemd, docker, podman, Kubernetes and LXC give what their users know."""
    assert short_name(f"0::{path}\n".encode()) == name.encode()


def test_the_older_hierarchies_are_read(tmp_path: Path) -> None:
    """With nothing in the unified one it is systemd's own, and without that the longest."""
    lines = b"5:memory:/a/longer/path\n1:name=systemd:/system.slice/cron.service\n0::/\n"
    assert short_name(lines) == b"cron.service"
    assert short_name(lines.replace(b"/system.slice/cron.service", b"/")) == b"path"
    assert short_name(lines.replace(b"0::/", b"0::/init.scope")) == b"init.scope"
    assert short_name(b"") == b""
    assert short_name(b"no colon\n\xff\xfe:\n") == b""
