"""Package names of this Linux distribution."""

from __future__ import annotations

import platform

_INSTALL = {
    "debian": "sudo apt install python3-bpfcc",
    "fedora": "sudo dnf install python3-bcc",
    "arch": "sudo pacman -S python-bcc",
    "suse": "sudo zypper install python3-bcc",
}

_FAMILY = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse"}


def install_bcc() -> str:
    """Command that installs bcc's Python package on this machine."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    for name in names:
        family = _FAMILY.get(name, name)
        if family in _INSTALL:
            return _INSTALL[family]
    return "install your distribution's package of bcc for Python 3 (python3-bpfcc or python3-bcc)"
