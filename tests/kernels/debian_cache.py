"""Debian kernels and a small Debian root, fetched once and kept outside the repository."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

# A suite that Debian no longer supports moves from the first to the second.
MIRRORS = ("http://deb.debian.org/debian", "http://archive.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
"""Kernel series, and the Debian release whose cloud kernel it is."""

ROOT_SUITE = "bookworm"
ROOT_PACKAGES = (
    *("python3", "python3-bpfcc", "python3-lark", "python3-numpy", "python3-regex"),
    "iproute2",
)
UNUSED_IN_ROOT = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def cache_directory() -> Path:
    """Where downloads and the root are kept: TCCTUI_KERNELS_CACHE, or below XDG_CACHE_HOME."""
    chosen = os.environ.get("TCCTUI_KERNELS_CACHE")
    if chosen:
        return Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tcctui-kernels"


def kernel_image(series: str) -> Path:
    """Return a bootable image of the newest cloud kernel of a series, downloading it if need be."""
    image = cache_directory() / f"vmlinuz-{series}"
    with _locked():
        if not image.exists():
            with _scratch() as scratch:
                package = _download_kernel(series, scratch)
                _extract_image(package, scratch).rename(image)
    return image


def root_archive() -> Path:
    """Return a cpio archive of a minimal Debian with bcc and numpy, building it if need be."""
    recipe = repr((ROOT_SUITE, ROOT_PACKAGES, UNUSED_IN_ROOT)).encode()
    archive = cache_directory() / f"root-{hashlib.sha256(recipe).hexdigest()[:8]}.cpio"
    with _locked():
        if not archive.exists():
            with _scratch() as scratch:
                root = _debootstrap(scratch)
                pack(root, scratch / "root.cpio")
                (scratch / "root.cpio").rename(archive)
    return archive


def pack(directory: Path, archive: Path) -> None:
    """Write a directory as a cpio archive in the format that the kernel unpacks at boot."""
    with archive.open("wb") as out:
        names = run(["find", ".", "-xdev", "-print0"], timeout=60, cwd=directory).stdout
        subprocess.run(
            ["cpio", "--create", "--null", "--format=newc", "--owner=0:0", "--quiet"],
            cwd=directory,
            input=names,
            stdout=out,
            timeout=120,
            check=True,
        )


def run(
    command: list[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end; what it printed is in the error when it fails.

    Raises:
        RuntimeError: it failed or took longer than `timeout` seconds.

    """
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"{command[0]} took longer than {timeout:g} s") from late
    except subprocess.CalledProcessError as failed:
        printed = (failed.stdout + failed.stderr).decode(errors="replace")
        raise RuntimeError(f"{' '.join(command)}: exit {failed.returncode}\n{printed}") from failed


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Let one test run at a time fill the cache; the next one finds it full."""
    cache_directory().mkdir(parents=True, exist_ok=True)
    with (cache_directory() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Make a directory on the cache's file system, so that a finished file is moved in whole."""
    directory = Path(tempfile.mkdtemp(prefix="building-", dir=cache_directory()))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _download_kernel(series: str, scratch: Path) -> Path:
    """Download the package that Debian's metapackage names; the machine's apt is left alone."""
    failures = []
    for mirror in MIRRORS:
        env = {"APT_CONFIG": str(_private_apt(SUITES[series], mirror, scratch))}
        try:
            run(["apt-get", "update", "--error-on=any"], timeout=180, env=env)
        except RuntimeError as failure:
            failures.append(str(failure))
            continue
        depends = ["apt-cache", "depends", "--important", "linux-image-cloud-amd64"]
        listed = run(depends, timeout=60, env=env).stdout.decode()
        names = [line.split()[-1] for line in listed.splitlines() if "Depends:" in line]
        name = next((name for name in names if name.startswith(f"linux-image-{series}.")), None)
        if name is None:
            raise RuntimeError(f"no Linux {series} in {SUITES[series]}: {listed}")
        run(["apt-get", "download", name], timeout=300, env=env, cwd=scratch)
        return next(scratch.glob("*.deb"))
    raise RuntimeError("\n".join(failures))


def _private_apt(suite: str, mirror: str, scratch: Path) -> Path:
    """Write an apt configuration that knows one suite and keeps its state in a scratch folder."""
    state = Path(tempfile.mkdtemp(prefix="apt-", dir=scratch))
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "archives" / "partial").mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    settings = {
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",  # the unprivileged user can't write below root's home
        "Acquire::Check-Valid-Until": "false",  # an archived suite is not signed anew
        "Acquire::Languages": "none",
        "Dir::Cache": state,
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": state,
        "Dir::State::status": state / "status",
    }
    configuration = state / "apt.conf"
    configuration.write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    return configuration


def _extract_image(package: Path, scratch: Path) -> Path:
    run(["dpkg-deb", "--extract", str(package), str(scratch / "kernel")], timeout=120)
    return next((scratch / "kernel" / "boot").glob("vmlinuz-*"))


def _debootstrap(scratch: Path) -> Path:
    root = scratch / "root"
    command = ["debootstrap", "--variant=minbase", "--arch=amd64", f"--keyring={KEYRING}"]
    command += [f"--include={','.join(ROOT_PACKAGES)}", ROOT_SUITE, str(root), MIRRORS[0]]
    # Whatever it mounts goes away with its namespace, also when it is killed half-way.
    run(["unshare", "--mount", *command], timeout=900)
    for unused in UNUSED_IN_ROOT:
        shutil.rmtree(root / unused)
    return root
