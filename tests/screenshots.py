"""`python -m tests.screenshots`: the README's pictures, of the dashboard on real traffic."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from textual.pilot import Pilot

from tcctui.cli import INTERVAL_MS, MAX_CPU
from tcctui.events import Events
from tcctui.flows.store import Store
from tcctui.records import pick
from tcctui.samples import NO_SAMPLES, Samples
from tcctui.sources.bpf import BpfSource
from tcctui.sources.kernel_filter import KernelFilter
from tcctui.sources.live import BESIDE, LiveSource
from tcctui.sources.sampling import Sampler
from tcctui.ui.app import TcctuiApp
from tests.kernel.network import Network

FOLDER = Path(__file__).parent.parent / "screenshots"
PORTS = np.arange(5201, 5208)
SECONDS = 62
_SIZE = (150, 42)


class _Source(LiveSource):
    """Names no machine and shows none of its traffic: a picture is of tcctui alone."""

    @property
    def description(self) -> str:
        release = ".".join(os.uname().release.split(".")[:2])
        return f"tcp_probe + sock_diag · Linux {release}"

    def read(self, timeout: float) -> Events:
        return _ours(super().read(timeout))

    def sampled(self) -> Samples:
        while len(samples := super().sampled()):
            if len(ours := _ours(samples)):
                ours["netns_name"] = np.where(np.isin(ours["dport"], PORTS), b"client", b"server")
                ours["cgroup"] = b""
                return ours
        return NO_SAMPLES


def _ours(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    return pick(records, np.isin(records["sport"], PORTS) | np.isin(records["dport"], PORTS))


def _iperf3(
    network: Network, port: int, server: str, congestion: str, *options: str
) -> list[subprocess.Popen[str]]:
    receiver = network.popen(network.server, ["iperf3", "-s", "-1", "-p", str(port)])
    time.sleep(0.5)
    command = ["iperf3", "-c", server, "-p", str(port), "-t", str(SECONDS + 40), "-C", congestion]
    return [receiver, network.popen(network.client, [*command, *options])]


async def _picture(pilot_app: TcctuiApp, name: str) -> None:
    picture = pilot_app.export_screenshot(title="tcctui")
    # The class names hold a random number; without it a picture changes only where it differs.
    picture = re.sub(r"terminal-\d+", "terminal", picture)
    await asyncio.to_thread((FOLDER / f"{name}.svg").write_text, picture)


async def _take(source: _Source) -> None:
    app = TcctuiApp(lambda: source, Store())
    async with app.run_test(size=_SIZE) as pilot:
        await asyncio.sleep(SECONDS)
        await pilot.press("home")
        await asyncio.sleep(4)
        await _picture(app, "sawtooth")
        await _select(pilot, "dport:5202 srtt>20ms")
        await _picture(app, "search")
        for port, name, keys in ((5206, "cubic", ()), (5207, "bbr", ("c",))):
            await _select(pilot, f"dport:{port}")
            await pilot.press("escape", *keys)  # the selection stays
            await asyncio.sleep(4)
            await _picture(app, name)


async def _select(pilot: Pilot[None], search: str) -> None:
    await pilot.press("escape", "slash", *search, "enter", "home")
    await asyncio.sleep(4)


def main() -> None:
    """Make the traffic, wait until there is a minute of it, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(
            contextlib.closing(
                _Source(
                    KernelFilter(),
                    BpfSource(interval_ms=INTERVAL_MS, max_cpu=MAX_CPU),
                    Sampler(KernelFilter(), BESIDE),
                )
            )
        )
        deep = stack.enter_context(Network(rate="20mbit", queue="300kb"))
        shared = stack.enter_context(Network(rate="30mbit", queue="150kb"))
        lossy = stack.enter_context(Network(rate="100mbit", queue="400kb", loss=0.01))
        pair = stack.enter_context(Network(rate="20mbit", queue="200kb"))
        stack.enter_context(patch("socket.gethostname", return_value="demo"))
        running = [
            *_iperf3(deep, 5201, deep.SERVER, "cubic"),
            *_iperf3(shared, 5202, shared.SERVER, "cubic", "-P", "8"),
            *_iperf3(shared, 5203, shared.SERVER6, "bbr"),
            *_iperf3(lossy, 5204, lossy.SERVER, "cubic", "-b", "6M", "-P", "3"),
            *_iperf3(pair, 5206, pair.SERVER, "cubic"),
            *_iperf3(pair, 5207, pair.SERVER, "bbr"),
            *_iperf3(lossy, 5205, lossy.SERVER6, "reno", "-b", "2M", "-P", "2"),
        ]
        try:
            asyncio.run(_take(source))
        finally:
            for process in running:
                process.kill()
                process.communicate()
    for picture in sorted(FOLDER.glob("*.svg")):
        print(picture.relative_to(FOLDER.parent), file=sys.stderr)


if __name__ == "__main__":
    main()
