"""What the kernel's program needs: bcc, kernel headers, privileges."""

from __future__ import annotations

import ast
import os
import platform
import select
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package, privileges
from tcctui.sources.kernel.bcc_package import install_bcc
from tcctui.sources.kernel.compilation import Compilation
from tcctui.sources.kernel.kernel_headers import header_tree
from tcctui.sources.kernel.privileges import VIEWS
from tests.conftest import need
from tests.unit.nobody import without_privileges

PATIENCE = 60
"""Seconds that a process may take to end on a busy machine."""


def real(folder: Path, content: str = "__version__ = '0.31.0'\n") -> Path:
    """Put a package like the BPF Compiler Collection's into a folder."""
    package = folder / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(content)
    (package / "libbcc.py").write_text("lib = None\n")
    return folder


def impostor(folder: Path) -> Path:
    """Put a package like PyPI's bcc, about crystal lattices, into a folder."""
    package = folder / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("lattice = 'body-centred cubic'\n")
    return folder


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let a test import what it likes as bcc, and forget it afterwards."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("bcc")}
    for name in before:
        del sys.modules[name]
    yield monkeypatch
    for name in [name for name in sys.modules if name == "bcc" or name.startswith("bcc.")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_the_first_real_package_is_taken(tmp_path: Path) -> None:
    """Of several directories with the real package the first counts; an impostor is passed over."""
    empty = tmp_path / "empty"
    empty.mkdir()
    wrong, first, second = impostor(tmp_path / "w"), real(tmp_path / "a"), real(tmp_path / "b")
    found = bcc_package.find([tmp_path / "missing", empty, wrong, first, second])
    assert found == first / "bcc"


@pytest.mark.parametrize(
    ("there", "release", "reason", "mend"),
    [
        ("impostor", "debian", "not the BPF Compiler Collection", "sudo apt install python3-bpfcc"),
        ("file", "fedora", "not the BPF Compiler Collection", "sudo dnf install python3-bcc"),
        ("left", "fedora", "not installed", "Run: sudo dnf install python3-bcc"),
    ],
)
def test_no_real_package(  # noqa: PLR0917
    there: str,
    release: str,
    reason: str,
    mend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there is none, or only PyPI's bcc, the error has the distribution's command."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": release})
    if there == "impostor":
        impostor(tmp_path)
    elif there == "file":
        (tmp_path / "bcc.py").write_text("")
    else:
        (tmp_path / "bcc").mkdir()  # an empty directory is what an uninstaller leaves
    with pytest.raises(TcctuiError, match=reason) as caught:
        bcc_package.find([tmp_path])
    assert mend in caught.value.mend
    assert (str(tmp_path) in caught.value.reason) == (there != "left")


def test_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's directories come first, then this Python's own and its path, each only once."""
    monkeypatch.syspath_prepend(str(tmp_path))
    found = bcc_package.candidates()
    assert len(found) == len(set(found))
    assert tmp_path in found
    assert Path(sysconfig.get_path("purelib")) in found
    system = Path("/usr/lib/python3/dist-packages")
    if system.is_dir():
        assert found.index(system) < found.index(tmp_path)


def test_loading(tmp_path: Path, imported: pytest.MonkeyPatch) -> None:
    """The package is imported by its path under its name, so that its modules find each other."""
    folder = real(tmp_path, "from bcc import libbcc\nanswer = libbcc.lib\n__version__ = '1'\n")
    imported.setattr(bcc_package, "candidates", lambda: [folder])
    module = bcc_package.load()
    assert module.__version__ == "1"
    assert sys.modules["bcc"] is module
    assert bcc_package.load() is module, "once is enough"


def test_an_impostor_that_is_already_imported(tmp_path: Path, imported: pytest.MonkeyPatch) -> None:
    """Another module of the name that something imported before is not taken for it."""
    wrong = ModuleType("bcc")
    wrong.__file__ = str(impostor(tmp_path / "a") / "bcc" / "__init__.py")
    sys.modules["bcc"] = wrong
    folder = real(tmp_path / "b")
    imported.setattr(bcc_package, "candidates", lambda: [tmp_path / "a", folder])
    assert bcc_package.load().__version__ == "0.31.0"


@pytest.mark.parametrize(
    "content",
    [
        "raise OSError('libbcc.so.0: cannot open shared object file')",
        "import a_module_that_nobody_has",
        "import os\nos.no_such_function",
    ],
)
def test_a_package_that_can_not_be_loaded(
    content: str, tmp_path: Path, imported: pytest.MonkeyPatch
) -> None:
    """A broken installation is told with its reason, and does not stay half imported."""
    folder = real(tmp_path, content)
    imported.setattr(bcc_package, "candidates", lambda: [folder])
    with pytest.raises(TcctuiError, match="can't be loaded") as caught:
        bcc_package.load()
    assert str(folder / "bcc") in caught.value.reason
    assert caught.value.mend
    assert "bcc" not in sys.modules


APT, DNF = "sudo apt install python3-bpfcc", "sudo dnf install python3-bcc"
PACMAN, ZYPPER = "sudo pacman -S python-bcc", "sudo zypper install python3-bcc"


@pytest.mark.parametrize(
    ("releases", "command"),
    [
        ("debian, ubuntu debian, neon ubuntu, linuxmint ubuntu debian, raspbian debian", APT),
        ("fedora, rhel fedora, rocky rhel centos fedora, centos rhel fedora", DNF),
        ("arch, manjaro arch", PACMAN),
        ("opensuse-tumbleweed opensuse suse, sles suse", ZYPPER),
    ],
)
def test_the_command_of_a_distribution(
    releases: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each distribution's own package is named, also on those that are like another.

    Elsewhere it is named as others call it.
    """
    for release in releases.split(", "):
        name, _, like = release.partition(" ")
        told = {"ID": name, "ID_LIKE": like} if like else {"ID": name}
        monkeypatch.setattr(platform, "freedesktop_os_release", lambda told=told: told)
        assert install_bcc() == command

    def no_file() -> dict[str, str]:
        raise OSError("/etc/os-release is missing")

    for unknown in (no_file, lambda: {"ID": "gentoo"}):
        monkeypatch.setattr(platform, "freedesktop_os_release", unknown)
        assert "python3-bpfcc" in install_bcc()
        assert "sudo" not in install_bcc()


# Kernel headers


def _kernel_tree(directory: Path) -> Path:
    (directory / "include/linux").mkdir(parents=True)
    (directory / "include/linux/kconfig.h").touch()
    return directory


@pytest.fixture
def headers(trusted_directories: Callable[[], Path]) -> Path:
    """Give a directory that nobody else can write to, nor to any above."""
    return trusted_directories()


def test_a_whole_tree_is_taken_as_it_is(headers: Path) -> None:
    """A build directory that has its own headers needs no further flags.

    Where they are behind a `source` link, as /lib/modules has it, it is followed.
    """
    tree = _kernel_tree(headers / "build")
    assert header_tree(tree) == (tree, [])
    linked = headers / "linked"
    linked.mkdir()
    (linked / "source").symlink_to(tree)
    assert header_tree(linked)[0] == tree


def test_a_split_tree_is_put_together(headers: Path) -> None:
    """Of Debian's split trees the common one is the tree, and the generated parts are added."""
    common = _kernel_tree(headers / "common")
    build = headers / "build"
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


def test_no_headers_is_a_usage_error(tmp_path: Path) -> None:
    """A directory without headers, or none at all, is told in one sentence with the mend."""
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(TcctuiError, match="holds no kernel headers") as caught:
            header_tree(wrong)
        assert caught.value.status == 2
        assert "/lib/modules" in caught.value.mend


def _file(tree: Path) -> None:
    """Let others write to a header."""
    (tree / "include/linux/kconfig.h").chmod(0o666)


def _directory(tree: Path) -> None:
    """Let others put headers into a directory."""
    (tree / "include/linux").chmod(0o777)


def _above(tree: Path) -> None:
    """Let others exchange the tree."""
    tree.parent.chmod(0o1777)


def _foreign(tree: Path) -> None:
    """Give another user a header."""
    os.chown(tree / "include/linux/kconfig.h", 65534, -1)


def _linked(tree: Path) -> None:
    """Link to a directory that others can write to."""
    (tree.parent / "asm").mkdir()
    (tree.parent / "asm").chmod(0o777)
    (tree / "include/asm").symlink_to("../../asm")


def _source(tree: Path) -> None:
    """Name a source tree that others can write to, which libbcc would change into."""
    _file(_kernel_tree(tree.parent / "source"))
    (tree / "source").symlink_to("../source")


def _makefile(tree: Path) -> None:
    """Let others name the other part of a split tree."""
    (tree / "Makefile").touch()
    (tree / "Makefile").chmod(0o666)


@pytest.mark.parametrize(
    "change", [_file, _directory, _above, _foreign, _linked, _source, _makefile]
)
def test_headers_that_others_can_change(change: Callable[[Path], None], headers: Path) -> None:
    """Root compiles nothing that another user can write, and says what and what would do."""
    if os.geteuid() != 0 and change is _foreign:
        need("only root can give files away")
    tree = _kernel_tree(headers / "build")
    assert header_tree(tree) == (tree, [])
    change(tree)
    try:
        with pytest.raises(TcctuiError, match=r"(by others|to another user)\.") as caught:
            header_tree(tree)
    finally:
        headers.chmod(0o700)
    assert str(headers) in caught.value.reason
    assert "/lib/modules" in caught.value.mend


def test_nothing_of_the_environment_reaches_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a library's path nor the variables of Python, clang and bcc: headers alone."""
    code = "class BPF:\n    def __init__(self, **_):\n        raise Exception(dict(os.environ))\n"
    package = real(tmp_path, f"import os\n{code}") / "bcc"
    for name in ("LD_LIBRARY_PATH", "PYTHONPATH", "CPATH", "BCC_LINUX_VERSION_CODE"):
        monkeypatch.setenv(name, str(tmp_path))
    compilation = Compilation(
        {"bcc": str(package), "source": "", "flags": [], "typed": False}, Path("/headers")
    )
    with pytest.raises(TcctuiError) as caught:
        compilation.result()
    found = ast.literal_eval(caught.value.reason)
    assert found.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    assert found == {"BCC_KERNEL_SOURCE": "/headers"}


def test_the_compiler_ends_with_its_parent(tmp_path: Path) -> None:
    """A tcctui that is killed while it compiles leaves no compiler at work."""
    code = "class BPF:\n    def __init__(self, **_):\n        time.sleep(1e6)\n"
    package = real(tmp_path, f"import time\n{code}") / "bcc"
    compiles = (
        "import time; from pathlib import Path;"
        " from tcctui.sources.kernel.compilation import Compilation;"
        f" request = {{'bcc': {str(package)!r}, 'source': '', 'flags': []}};"
        " compilation = Compilation(request, Path('/'));"
        " print(compilation._process.pid, flush=True); time.sleep(1e6)"
    )
    with subprocess.Popen([sys.executable, "-c", compiles], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        compiler = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([compiler], [], [], PATIENCE)[0]
        finally:
            os.close(compiler)


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler works without one, as tcctui itself does."""
    code = "class BPF:\n    def __init__(self, **_):\n        raise Exception(os.getcwd())\n"
    package = real(tmp_path, f"import os\n{code}") / "bcc"
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    compilation = Compilation(
        {"bcc": str(package), "source": "", "flags": [], "typed": False}, Path("/headers")
    )
    with pytest.raises(TcctuiError, match=r"^/ ?$"):
        compilation.result()
    with pytest.raises(TcctuiError, match="The working directory is gone"):
        header_tree(Path("headers"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("export", "demo", "a.csv"), "a.csv can't be written: the working directory is gone."),
        (("trace", "--summary", "--replay", "demo"), ""),
    ],
)
def test_commands_without_a_working_directory(
    arguments: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    """What needs it is a sentence, and all else goes on."""
    (gone := tmp_path / "gone").mkdir()
    script = f'cd {gone}; rmdir {gone}; exec "$@"'
    command = [sys.executable, "-m", "tcctui", *arguments]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert (f"tcctui: {reason}" in done.stderr) is bool(reason)
    assert done.returncode == bool(reason)


def test_few_open_files(tmp_path: Path) -> None:
    """A limit that the program can't do with is told with its number, before anything is tried."""
    load = "from tcctui.sources.kernel.program import _require_files; _require_files(128)"
    limited = 'ulimit -n 32; exec "$@"'
    done = subprocess.run(
        ["bash", "-c", limited, "bash", sys.executable, "-c", load],
        capture_output=True,
        text=True,
        check=False,
    )
    sentence = "Only 32 files may be open at once, and the BPF program needs 128."
    assert f"{sentence} Raise the limit: ulimit -n 1024" in done.stderr


# Privileges


SYS_ADMIN, NET_ADMIN, PERFMON, BPF = 21, 12, 38, 39
DAC_OVERRIDE, DAC_READ_SEARCH, SYS_PTRACE = 1, 2, 19
"""Numbers of capabilities, include/uapi/linux/capability.h."""


def status(effective: str) -> str:
    """Text as in /proc/PID/status, with everything permitted and these effective capabilities."""
    return (
        "Name:\ttcctui\nUid:\t1000\t1000\t1000\t1000\n"
        "CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\n"
        f"CapEff:\t{effective}\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"
    )


@pytest.mark.parametrize(
    ("capabilities", "may"),
    [
        ((), False),
        ((SYS_ADMIN,), True),
        ((BPF, PERFMON), True),
        ((BPF,), False),
        ((PERFMON,), False),
        ((NET_ADMIN, BPF), False),
        (tuple(set(range(41)) - {SYS_ADMIN, BPF}), False),
        (tuple(set(range(41)) - {SYS_ADMIN}), True),
    ],
)
def test_which_capabilities_it_takes(capabilities: tuple[int, ...], may: bool) -> None:
    """CAP_SYS_ADMIN is enough, and so are CAP_BPF and CAP_PERFMON together; permitted is not."""
    effective = f"{sum(1 << number for number in capabilities):016x}"
    assert privileges.may_trace(status(effective)) is may
    assert privileges.may_trace(status("000001ffffffffff")), "root's own mask"
    for nothing in ("", "Name:\tx\n", "CapPrm:\t000001ffffffffff\n"):
        assert not privileges.may_trace(nothing)


def test_the_command_has_the_whole_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command has the program's whole path, and never imports from the working directory."""
    monkeypatch.chdir(tmp_path)
    command = privileges.sudo_command(["/home/me/.local/bin/tcctui", "trace", "--port", "443"])
    assert command == "sudo /home/me/.local/bin/tcctui trace --port 443"
    relative = privileges.sudo_command(["bin/tcctui"])
    assert relative == f"sudo {tmp_path}/bin/tcctui"
    installed = privileges.sudo_command(["/usr/local/bin/tcctui", "--port", "443"])
    assert installed == "sudo /usr/local/bin/tcctui --port 443"
    module = privileges.sudo_command(["/usr/lib/python3/tcctui/__main__.py", "doctor"])
    assert shlex.split(module) == ["sudo", sys.executable, "-I", "-m", "tcctui", "doctor"]


@given(arguments=st.lists(st.text(st.characters(exclude_characters="\0"))))
def test_the_command_can_be_pasted(arguments: list[str]) -> None:
    """Whatever was typed, a shell runs the program from it with the same arguments."""
    command = privileges.sudo_command(["/opt/my tools/tcctui", *arguments])
    assert shlex.split(command) == ["sudo", "/opt/my tools/tcctui", *arguments]


@pytest.mark.parametrize(
    ("capabilities", "views"),
    [
        ((), ""),
        ((SYS_ADMIN,), ""),
        ((BPF, PERFMON), ""),
        ((BPF, PERFMON, DAC_READ_SEARCH), "every ACK"),
        ((SYS_ADMIN, DAC_OVERRIDE), "every ACK"),
        ((SYS_PTRACE, DAC_OVERRIDE), "other users' processes"),
        ((SYS_ADMIN, SYS_PTRACE), "other network namespaces"),
        ((NET_ADMIN,), "last values of many connections that close at once"),
        (tuple(range(41)), ", ".join(view.name for view in VIEWS)),
    ],
)
def test_views_of_capabilities(capabilities: tuple[int, ...], views: str) -> None:
    """A view takes all of its capabilities, or the wider ones that the kernel takes instead."""
    effective = privileges.effective(status(f"{sum(1 << one for one in capabilities):016x}"))
    assert ", ".join(view.name for view in VIEWS if view.given(effective)) == views


@pytest.mark.parametrize(
    ("release", "names"),
    [
        ("6.18.44-fc", "+bpf,+perfmon,+dac_read_search"),
        ("5.11.0", "+bpf,+perfmon,+dac_read_search"),
        ("5.10.0-38-amd64", "+bpf,+perfmon,+dac_read_search,+sys_resource"),
    ],
)
def test_the_command_for_less_than_root(
    release: str, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs the program as the user who asks, with the view's capabilities and no others."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "65432")  # nobody's
    command = privileges.setpriv_command(VIEWS[0], "/opt/my tools/tcctui")
    sudo, setpriv, *arguments = shlex.split(command)
    assert (sudo, Path(setpriv).name, Path(setpriv).is_absolute()) == ("sudo", "setpriv", True)
    user = ["--reuid=65432", "--regid=65432", "--clear-groups", "--reset-env"]
    rights = [f"--inh-caps={names}", f"--ambient-caps={names}"]
    assert arguments == [*user, *rights, "/opt/my tools/tcctui"]
    monkeypatch.setattr(os, "getuid", lambda: 65534)
    assert " --reuid=nobody " in privileges.setpriv_command(VIEWS[1], "/opt/tcctui")


def test_without_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without capabilities is told in one sentence, with the command that has them."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/tcctui", "--ip", "10.0.0.0/8"])
    with pytest.raises(TcctuiError) as caught, without_privileges():
        privileges.require()
    assert caught.value.reason == "Reading the kernel's tracepoints needs root."
    assert caught.value.mend == "Run: sudo /usr/bin/tcctui --ip 10.0.0.0/8"
    assert caught.value.status == 1
