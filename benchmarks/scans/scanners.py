"""Those who scan, each kind by what it looks for and how it goes about it."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.draws import among, anytime, breadths, distinct, paced, turns
from benchmarks.scans.network import DAY, TCP, UDP
from benchmarks.scans.visits import BROWSER, GUESSER, Manner, World, visit

WANTED = (
    23, 22, 445, 3389, 80, 443, 8080, 5555, 6379, 1433, 3306, 5900, 2375, 8443, 81, 7547, 2323,
    9200, 5432, 21, 25, 110, 37215, 8888, 5060, 111, 135, 139, 1723, 27017, 11211, 9000, 8000, 8081,
    10250, 5985, 2222, 8291, 4444, 1080, 3128, 50070, 5901, 993, 995, 143, 7001, 161, 502, 102,
)  # fmt: skip
"""TCP ports that scanners ask for, by rank."""

RESEARCH = (*WANTED, *range(1, 1_025, 7), *range(2_000, 50_000, 701))
AMPLIFIERS = (53, 123, 1900, 11211, 161, 389, 19, 111, 5353, 17)
WEAK_WEB = (80, 443, 8080, 8443, 8888, 9000, 7001, 9200, 2375, 5601, 10250, 8081)
BY_TOOL = (1433, 3306, 22, 3389, 8080, 6379, 5432, 9090, 135, 445)
DISTRIBUTED_MEMBERS = 10
"""Of each /24 that scans as one."""


def fast_horizontal(world: World, peers: np.ndarray) -> None:
    """One port on host after host, within minutes; one in five comes back on other days."""
    rng, hosts = world.rng, world.network.exposed
    targets = breadths(rng, len(peers), most=len(hosts))
    host = hosts[distinct(rng, targets, len(hosts))]
    port = np.repeat(among(rng, WANTED, len(peers)), targets)
    gap = rng.choice([0.05, 0.5, 2.0, 8.0], len(peers))
    when = paced(rng, targets, gap, anytime(rng, len(peers), world.days))
    _probe(world, peers, targets, host, port, when)
    back = rng.random(len(peers)) < 0.2
    rows = np.repeat(back, targets)
    for days in (2, 4):
        later = when[rows] + days * DAY
        _probe(world, peers[back], targets[back], host[rows], port[rows], later)


def slow_horizontal(world: World, peers: np.ndarray) -> None:
    """One port, one host an hour or a day."""
    rng = world.rng
    gap = rng.choice([3_600.0, 86_400.0], len(peers), p=[0.7, 0.3])
    room = np.where(gap > DAY / 2, world.days - 2, len(world.network.exposed))
    targets = np.minimum(breadths(rng, len(peers)), np.maximum(room, 1))
    first = rng.integers(0, DAY, len(peers))
    _horizontal(world, peers, targets, gap, first)


def vertical(world: World, peers: np.ndarray) -> None:
    """Port after port of one host."""
    rng = world.rng
    targets = breadths(rng, len(peers), most=120)
    port = np.array(RESEARCH)[distinct(rng, targets, len(RESEARCH))]
    host = np.repeat(rng.choice(world.network.exposed, len(peers)), targets)
    gap = rng.choice([0.02, 1.0, 30.0, 1_800.0], len(peers))
    _probe(world, peers, targets, host, port, paced_from(world, targets, gap))


def block(world: World, peers: np.ndarray) -> None:
    """A handful of ports on a handful of hosts."""
    rng, hosts = world.rng, world.network.exposed
    targets = breadths(rng, len(peers))
    wide = np.ceil(np.sqrt(targets)).astype(np.int64)
    which = turns(targets)
    across = np.repeat(wide, targets)
    row = np.repeat(np.arange(len(peers)), targets)
    host_order = hosts[rng.random((len(peers), len(hosts))).argsort(axis=1, kind="stable")]
    port_order = np.array(WANTED)[
        rng.random((len(peers), len(WANTED))).argsort(axis=1, kind="stable")
    ]
    host, port = host_order[row, which % across], port_order[row, which // across]
    gap = rng.choice([0.2, 5.0, 600.0], len(peers))
    _probe(world, peers, targets, host, port, paced_from(world, targets, gap))


def scattered(world: World, peers: np.ndarray) -> None:
    """Any host, any port, in no order, over hours and days."""
    rng = world.rng
    targets = breadths(rng, len(peers))
    gap = rng.choice([60.0, 1_800.0, 10_800.0], len(peers))
    _scatter(world, peers, targets, WANTED, gap)


def botnet(world: World, peers: np.ndarray) -> None:
    """Infected devices after telnet: a few targets each, for the Internet is large."""
    rng, hosts = world.rng, world.network.exposed
    targets = np.minimum(rng.geometric(0.22, len(peers)), 25)
    host = hosts[distinct(rng, targets, len(hosts))]
    port = np.where(rng.random(len(host)) < 0.1, 2323, 23)
    gap = rng.choice([30.0, 3_600.0, 20_000.0], len(peers))
    _probe(world, peers, targets, host, port, paced_from(world, targets, gap), raw=0.95)


def census(world: World, peers: np.ndarray) -> None:
    """Research: very many ports, one packet a target, spread over the two weeks."""
    targets = breadths(world.rng, len(peers), least=2)
    gap = world.seconds / (targets + 1) / 1.2
    _scatter(world, peers, targets, RESEARCH, gap, raw=1.0)


def distributed(world: World, peers: np.ndarray) -> None:
    """Addresses of one /24 that share the hosts among them, one to three each."""
    rng, hosts = world.rng, world.network.exposed
    for group in np.array_split(peers, max(len(peers) // DISTRIBUTED_MEMBERS, 1)):
        targets = rng.integers(1, 4, len(group))
        host = np.resize(rng.permutation(hosts), targets.sum())
        port = np.full(len(host), among(rng, WANTED, 1)[0])
        start = rng.integers(0, world.seconds)
        when = start + rng.integers(0, 7_200, len(host))
        _probe(world, group, targets, host, port, when)


def amplifiers(world: World, peers: np.ndarray) -> None:
    """Looking for UDP services to abuse, from one source port."""
    rng, hosts = world.rng, world.network.exposed
    targets = breadths(rng, len(peers), most=len(hosts))
    host = hosts[distinct(rng, targets, len(hosts))]
    port = np.repeat(among(rng, AMPLIFIERS, len(peers)), targets)
    when = paced_from(world, targets, rng.choice([0.1, 20.0, 1_800.0], len(peers)))
    size = {53: 64, 123: 76, 1900: 118, 11211: 43}
    manner = Manner(syn=np.array([size.get(int(one), 60) for one in port]), retries=0, packets=1,
                    spread=0.1, seconds=0, inward=70, outward=400)  # fmt: skip
    source_port = np.repeat(rng.integers(1_024, 65_536, len(peers)), targets)
    visit(
        world, np.repeat(peers, targets), when, host, port, manner=manner, protocol=UDP,
        source_port=source_port,
    )  # fmt: skip


def guessers(world: World, peers: np.ndarray) -> None:
    """Password guessers: three in five look for SSH themselves, the others have a list."""
    rng, network = world.rng, world.network
    served = network.hosts("bastion", "loose")
    looking = peers[: len(peers) * 3 // 5]
    targets = breadths(rng, len(looking), least=3, most=len(network.exposed))
    first = anytime(rng, len(peers), max(world.days - 1, 1))
    start = first[: len(looking)]
    _horizontal(world, looking, targets, rng.choice([0.5, 60.0], len(looking)), start, port=22)
    known = rng.integers(1, len(served) + 1, len(peers))
    host = served[distinct(rng, known, len(served))]
    tries = rng.integers(5, 40, len(host))
    who = np.repeat(np.repeat(peers, known), tries)
    begin = np.repeat(first + 7_200, known)
    when = paced(rng, tries, np.full(len(host), 20), begin)
    visit(world, who, when, np.repeat(host, tries), 22, manner=GUESSER)


def web_flaws(world: World, peers: np.ndarray) -> None:
    """Looking for flaws in web services: talks where it can, and tries the other ports of many."""
    rng, hosts = world.rng, world.network.exposed
    targets = breadths(rng, len(peers))
    grid = distinct(rng, targets, len(hosts) * len(WEAK_WEB))
    host, port = hosts[grid // len(WEAK_WEB)], np.array(WEAK_WEB)[grid % len(WEAK_WEB)]
    when = paced_from(world, targets, rng.choice([1.0, 60.0, 3_600.0], len(peers)))
    who = np.repeat(peers, targets)
    visit(world, who, when, host, port, manner=BROWSER)
    served = world.network.answer(host, np.full(len(host), TCP), port, when) == 3
    again = np.repeat(np.flatnonzero(served), 12)
    visit(
        world, who[again], when[again] + rng.integers(5, 600, len(again)), host[again],
        port[again], manner=BROWSER,
    )  # fmt: skip


def tool_6000(world: World, peers: np.ndarray) -> None:
    """The tool that sends from port 6000, SYN packets of 40 bytes."""
    rng, hosts = world.rng, world.network.exposed
    targets = breadths(rng, len(peers), most=len(hosts))
    host = hosts[distinct(rng, targets, len(hosts))]
    port = np.repeat(among(rng, BY_TOOL, len(peers)), targets)
    when = paced_from(world, targets, rng.choice([0.01, 4.0, 7_200.0], len(peers)))
    visit(
        world, np.repeat(peers, targets), when, host, port,
        manner=Manner(syn=40, retries=0, half=True), source_port=np.full(len(host), 6000),
    )  # fmt: skip


def ipv6(world: World, peers: np.ndarray) -> None:
    """Over IPv6, with addresses from certificates and names."""
    rng, hosts = world.rng, world.network.over_ipv6
    targets = breadths(rng, len(peers), most=60)
    grid = distinct(rng, targets, len(hosts) * len(WANTED))
    host, port = hosts[grid // len(WANTED)], np.array(WANTED)[grid % len(WANTED)]
    when = paced_from(world, targets, rng.choice([0.5, 300.0], len(peers)))
    visit(
        world, np.repeat(peers, targets), when, host, port,
        manner=Manner(retries=0, half=True), ipv6=True,
    )  # fmt: skip


def half_open(world: World, peers: np.ndarray) -> None:
    """Mostly where somebody is served: SYN, and RST as soon as the answer is there."""
    rng, network = world.rng, world.network
    served = np.unique(np.concatenate([network.hosts("web", "api", "mail", "bastion", "loose")]))
    grid = np.array([(host, port) for host in served for port in (443, 80, 22, 25, 8080)])
    targets = breadths(rng, len(peers), most=len(grid))
    host, port = grid[distinct(rng, targets, len(grid))].T
    when = paced_from(world, targets, rng.choice([0.1, 60.0, 3_600.0], len(peers)))
    visit(
        world, np.repeat(peers, targets), when, host, port,
        manner=Manner(syn=44, retries=0, half=True),
    )  # fmt: skip


def paced_from(world: World, targets: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Times of the probes of each scanner, from any time on that leaves room for them."""
    room = np.maximum(world.seconds - targets * gap * 1.5, 1)
    first = world.rng.random(len(targets)) * room
    return paced(world.rng, targets, np.minimum(gap, world.seconds / (1.5 * targets)), first)


def _horizontal(
    world: World,
    peers: np.ndarray,
    targets: np.ndarray,
    gap: np.ndarray,
    first: np.ndarray,
    *,
    port: int | None = None,
) -> None:
    rng, hosts = world.rng, world.network.exposed
    host = hosts[distinct(rng, targets, len(hosts))]
    asked = among(rng, WANTED, len(peers)) if port is None else np.full(len(peers), port)
    _probe(world, peers, targets, host, np.repeat(asked, targets), paced(rng, targets, gap, first))


def _scatter(
    world: World,
    peers: np.ndarray,
    targets: np.ndarray,
    ports: tuple[int, ...],
    gap: np.ndarray,
    *,
    raw: float = 0.75,
) -> None:
    rng, hosts = world.rng, world.network.exposed
    targets = np.minimum(targets, len(hosts))
    host = hosts[distinct(rng, targets, len(hosts))]
    port = among(rng, ports, len(host))
    _probe(world, peers, targets, host, port, paced_from(world, targets, gap), raw=raw)


def _probe(
    world: World,
    peers: np.ndarray,
    targets: np.ndarray,
    host: np.ndarray,
    port: np.ndarray,
    when: np.ndarray,
    *,
    raw: float = 0.75,
) -> None:
    """Probes by tools that write packets themselves (a share of `raw`) or use the system's stack.

    The first send one packet of 40 or 44 bytes, four in ten of them from one port, and their
    kernel resets what answers; the others retry, connect and close.
    """
    rng, count = world.rng, len(peers)
    is_raw = rng.random(count) < raw
    size = np.where(is_raw, rng.choice([40, 44], count), 60)
    one_port = is_raw & (rng.random(count) < 0.4)
    fixed = np.repeat(np.where(one_port, rng.integers(1_024, 65_536, count), 0), targets)
    ephemeral = rng.integers(1_024, 65_536, len(host))
    manner = Manner(
        syn=np.repeat(size, targets), retries=np.repeat(np.where(is_raw, 0, 2), targets),
        half=np.repeat(is_raw, targets), packets=5, spread=0.2, seconds=1, inward=60, outward=90,
    )  # fmt: skip
    visit(
        world, np.repeat(peers, targets), when, host, port, manner=manner,
        source_port=np.where(fixed > 0, fixed, ephemeral),
    )  # fmt: skip
