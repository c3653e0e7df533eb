"""What comes from those who never opened anything: answers, in time and late, and backscatter."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.capture import FIN, RST, RST_ACK, SYN_ACK
from benchmarks.scans.draws import among, anytime, daytime, paced
from benchmarks.scans.network import ICMP, UDP
from benchmarks.scans.visits import World, call_out

FLOODED = (443, 80, 53, 22, 25565, 8080, 7777, 25, 3389, 30120, 2106)
"""Ports of services that are flooded: web, names, games."""

SYN_ACK_SENT = np.array([0, 1, 3, 7, 15, 31])
"""Seconds after the first at which a flooded host repeats its SYN-ACK."""


def backscatter(world: World, peers: np.ndarray) -> None:
    """Victims of floods whose senders claim to be us: SYN-ACK or RST to ports we never used."""
    flags, weights = [SYN_ACK, RST, RST_ACK], [0.6, 0.34, 0.06]
    rng, count = world.rng, len(peers)
    kind = rng.choice(flags, count, p=weights)
    struck = np.minimum(rng.geometric(0.12, count), 80)
    who, kind = np.repeat(peers, struck), np.repeat(kind, struck)
    lowest = np.repeat(np.where(rng.random(count) < 0.2, 1, 1_024), struck)
    again = np.where(kind == SYN_ACK, rng.integers(0, 6, len(who)), 0)
    when = paced(rng, struck, rng.choice([20, 300, 3_600], count), anytime(rng, count, world.days))
    host = rng.choice(world.network.exposed, len(who))
    world.capture.add(
        eni=host, peer=who, own_port=rng.integers(lowest, 65_536), start=when,
        peer_port=np.repeat(among(rng, FLOODED, count), struck),
        packets=1 + again, bytes=(1 + again) * np.where(kind == SYN_ACK, 44, 40),
        seconds=SYN_ACK_SENT[again], opening=kind, closing=kind, refused=_refused(world, host),
    )  # fmt: skip


def unreachables(world: World, peers: np.ndarray) -> None:
    """Routers' ICMP about packets that somebody sent in our name; a flow log hides the type."""
    rng = world.rng
    told = np.minimum(rng.geometric(0.4, len(peers)), 12)
    who = np.repeat(peers, told)
    host = rng.choice(world.network.exposed, len(who))
    world.capture.add(
        eni=host, peer=who, protocol=ICMP, start=anytime(rng, len(who), world.days), bytes=56,
        refused=_refused(world, host),
    )  # fmt: skip


def late_logged(world: World, peers: np.ndarray) -> None:
    """Servers whose answers still come when our client has closed; its own flows are logged."""
    rng, hosts = world.rng, world.network.hosts("private", "web", "api", "dark")
    calls = np.minimum(rng.geometric(0.1, len(peers)), 60)
    who, host = np.repeat(peers, calls), rng.choice(hosts, calls.sum())
    when = anytime(rng, len(who), world.days)
    port = np.repeat(among(rng, (443, 80, 8443, 5671, 993), len(peers)), calls)
    own_port = call_out(world, who, when, host, port)
    late = np.flatnonzero(rng.random(len(who)) < 0.4)
    _answer_late(world, who[late], when[late] + rng.integers(30, 420, len(late)), host[late],
                 own_port[late], port[late])  # fmt: skip


def late_bare(world: World, peers: np.ndarray) -> None:
    """Late answers to connections that the log doesn't show: older than it, or lost."""
    rng, hosts = world.rng, world.network.hosts("private", "web", "api", "dark", "nat")
    late = np.minimum(rng.geometric(0.2, len(peers)), 40)
    who = np.repeat(peers, late)
    host = rng.choice(hosts, len(who))
    gateway = np.isin(host, world.network.hosts("nat"))
    own_port = rng.integers(np.where(gateway, 1_024, 32_768), np.where(gateway, 65_536, 61_000))
    port = np.repeat(among(rng, (443, 80, 8443, 5671, 993), len(peers)), late)
    _answer_late(world, who, anytime(rng, len(who), world.days), host, own_port, port)


def answers(world: World, peers: np.ndarray) -> None:
    """Servers that our own hosts call."""
    rng, hosts = world.rng, world.network.hosts("private", "web", "api", "mail")
    calls = np.minimum(rng.geometric(0.04, len(peers)), 300)
    who = np.repeat(peers, calls)
    port = np.repeat(among(rng, (443, 80, 25, 587, 5671, 22), len(peers)), calls)
    call_out(world, who, daytime(rng, len(who), world.days), rng.choice(hosts, len(who)), port)


def udp_answers(world: World, peers: np.ndarray) -> None:
    """Time, names and QUIC that our hosts ask for; a few answers come too late."""
    rng, hosts = world.rng, world.network.hosts("private", "web", "dark")
    calls = np.minimum(rng.geometric(0.04, len(peers)), 300)
    who, host = np.repeat(peers, calls), rng.choice(hosts, calls.sum())
    port = np.repeat(rng.choice([123, 53, 443], len(peers)), calls)
    when = anytime(rng, len(who), world.days)
    own_port = rng.integers(32_768, 61_000, len(who))
    own_port = np.where((port == 123) & (rng.random(len(who)) < 0.5), 123, own_port)
    call_out(world, who, when, host, port, protocol=UDP, own_port=own_port)
    late = np.flatnonzero(rng.random(len(who)) < 0.03)
    world.capture.add(
        eni=host[late], peer=who[late], own_port=own_port[late], peer_port=port[late],
        protocol=UDP, start=when[late] + 40, bytes=90, refused=True,
    )  # fmt: skip


def _answer_late(
    world: World,
    peer: np.ndarray,
    when: np.ndarray,
    host: np.ndarray,
    own_port: np.ndarray,
    peer_port: np.ndarray,
) -> None:
    """Data, FIN or RST to a port that is closed."""
    rng, count = world.rng, len(peer)
    flags, packets = rng.choice([0, FIN, RST], count, p=[0.2, 0.4, 0.4]), rng.integers(1, 5, count)
    world.capture.add(
        eni=host, peer=peer, own_port=own_port, peer_port=peer_port, start=when, packets=packets,
        bytes=packets * rng.choice([40, 52, 90, 600], count), seconds=packets * 2,
        closing=flags, refused=_refused(world, host),
    )  # fmt: skip


def _refused(world: World, host: np.ndarray) -> np.ndarray:
    """Whether what nobody asked for is a REJECT: a NAT gateway drops it, too, but logs ACCEPT."""
    return ~np.isin(host, world.network.hosts("nat"))
