"""Short name of a process's container or systemd unit."""

from __future__ import annotations

import re

LONGEST = 40
"""Bytes that a name may have: as many as `cgroup` of `samples.SAMPLE` holds."""

_ID = rb"[0-9a-f]{32,64}"  # of a container
_CONTAINER = re.compile(rb"(?:(?P<runtime>.*)-)?(?P<id>" + _ID + rb")(?:\.scope)?")
_UNIT = re.compile(rb".+\.(?:service|scope)")
_DELETED = b" (deleted)"  # the kernel's suffix for a removed cgroup
_ID_SHOWN = 12  # digits, as docker, podman and crictl show them


def short_name(lines: bytes) -> bytes:
    """Name of the container or the unit in a `/proc/PID/cgroup` text; at most 40 bytes.

    The path is that of the unified hierarchy (cgroup v2), else of systemd's own (v1), else the
    longest, since any controller's shows a container. A container comes first (`docker
    3f2a9c1b7d4e`, its runtime and id), then the outermost service or scope (`nginx.service`,
    `user@1000.service`: the one that `systemctl status PID` names), else the innermost directory.
    Empty for the root.
    """
    parts = [part for part in _path(lines).split(b"/") if part not in (b"", b"..")]
    for before, part in zip([b"", *parts], parts, strict=False):
        found = _CONTAINER.fullmatch(part)
        if found:
            runtime = found["runtime"] or _runtime(parts, before)
            return (runtime + b" " + found["id"][:_ID_SHOWN]).strip()[-LONGEST:]
    units = [part for part in parts if _UNIT.fullmatch(part)]
    return (units or parts[-1:] or [b""])[0][:LONGEST]


def _runtime(parts: list[bytes], before: bytes) -> bytes:
    """Runtime of a container whose own directory does not name it: its parent directory."""
    if parts[0].startswith(b"kubepods"):  # kubepods/burstable/pod<uid>/<id>, of any runtime
        return b"kubepods"
    return before


def _path(lines: bytes) -> bytes:
    unified = systemd = longest = b""
    for line in lines.splitlines():
        number, _, rest = line.partition(b":")
        controllers, _, path = rest.partition(b":")
        path = path.removesuffix(_DELETED)
        if path == b"/":
            continue
        if number == b"0" and not controllers:
            unified = path
        elif controllers == b"name=systemd":
            systemd = path
        elif len(path) > len(longest):
            longest = path
    return unified or systemd or longest
