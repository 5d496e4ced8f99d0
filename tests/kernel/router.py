"""A path over a router, whose link to the server may carry smaller packets than before."""

from __future__ import annotations

from pathlib import Path

from tests.kernel.network import Network, inside, run


class RoutedNetwork(Network):
    """Two hosts with a router between them; all links carry packets of `mtu` bytes.

    The router answers ARP for either host, and has a token bucket on the way to the server. It
    forwards at layer 3, so that it says in ICMP that a packet is too big (RFC 1191), where a
    bridge would drop it.
    """

    ROUTER = "192.0.2.254"

    def __init__(self, *, mtu: int, rate: str, queue: str) -> None:
        super().__init__(rate=rate, queue=queue)
        self._mtu = str(mtu)

    def _join(self) -> None:
        run("ip", "netns", "add", self._switch)
        with inside(self._switch):
            for name in ("ip_forward", "conf/all/proxy_arp"):
                Path("/proc/sys/net/ipv4", name).write_text("1")
        for name, port, address in (
            (self.client, "to-client", self.CLIENT),
            (self.server, "to-server", self.SERVER),
        ):
            run(
                *("ip", "-n", name, "link", "add", self.DEVICE, "mtu", self._mtu, "type", "veth"),
                *("peer", "name", port, "mtu", self._mtu, "netns", self._switch),
            )
            run("ip", "-n", self._switch, "link", "set", port, "up")
            run("ip", "-n", self._switch, "address", "add", f"{self.ROUTER}/32", "dev", port)
            run("ip", "-n", self._switch, "route", "add", address, "dev", port)
        self._limit_rate()

    def narrow(self, mtu: int) -> None:
        """Let the router's link to the server carry packets of so many bytes only."""
        run("ip", "-n", self._switch, "link", "set", "to-server", "mtu", str(mtu))
