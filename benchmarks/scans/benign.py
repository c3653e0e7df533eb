"""Those who come to us and scan nothing: clients, with and without slips, checks and crawlers."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.draws import among, anytime, daytime, distinct, paced, turns
from benchmarks.scans.network import DAY, ICMP, TCP, UDP
from benchmarks.scans.visits import (
    BROWSER,
    CALLER,
    CHECK,
    CONNECT_CHECK,
    DATAGRAM,
    LOGIN,
    MAILER,
    PING,
    STREAM,
    World,
    visit,
)

SLIP_PORTS = (443, 80, 8080, 22, 8443, 3389, 21, 25, 993, 5900, 3306, 1194)
"""What people mistype, bookmark or forget to move, by rank."""


def web(world: World, peers: np.ndarray) -> None:
    """People with browsers: a few sessions on a day or two, some by way of port 80."""
    _browse(world, peers, world.network.hosts("web"))


def web_ipv6(world: World, peers: np.ndarray) -> None:
    """The same over IPv6."""
    hosts = np.intersect1d(world.network.over_ipv6, world.network.hosts("web", "api"))
    _browse(world, peers, hosts, ipv6=True)


def web_slip(world: World, peers: np.ndarray) -> None:
    """Browsers with one slip: a port that is refused, on the same host or on a dark one."""
    web(world, peers)
    _slip(world, peers, 1)


def api(world: World, peers: np.ndarray) -> None:
    """Programs that call one to four hosts every few minutes to hours."""
    rng, hosts = world.rng, world.network.hosts("api", "web")
    reach = np.minimum(rng.geometric(0.6, len(peers)), 4)
    host = hosts[distinct(rng, reach, len(hosts))]
    calls = rng.integers(5, 60, len(host))
    when = paced(rng, calls, rng.uniform(300, 14_400, len(host)), anytime(rng, len(host), 5))
    port = np.where(
        np.isin(host, world.network.hosts("api")) & (rng.random(len(host)) < 0.2), 8443, 443
    )
    visit(
        world, np.repeat(np.repeat(peers, reach), calls), when, np.repeat(host, calls),
        np.repeat(port, calls), manner=CALLER,
    )  # fmt: skip


def mail(world: World, peers: np.ndarray) -> None:
    """Other mail servers; they try every exchanger that we announce."""
    rng, hosts = world.rng, world.network.hosts("mail")
    letters = rng.geometric(0.08, len(peers))
    who = np.repeat(peers, letters)
    visit(
        world, who, anytime(rng, len(who), world.days), rng.choice(hosts, len(who)), 25,
        manner=MAILER,
    )  # fmt: skip


def mail_setup(world: World, peers: np.ndarray) -> None:
    """Mail programs that are set up: they try the ports they know, then keep one or two."""
    rng, host = world.rng, world.rng.choice(world.network.hosts("mail"), len(peers))
    first = daytime(rng, len(peers), max(world.days - 4, 1))
    tried = rng.integers(2, 5, len(peers))
    ports = np.array([993, 143, 995, 110, 587, 465])[distinct(rng, tried, 6)]
    visit(
        world, np.repeat(peers, tried), np.repeat(first, tried) + turns(tried),
        np.repeat(host, tried), ports, manner=BROWSER,
    )  # fmt: skip
    polls = rng.integers(10, 60, len(peers))
    when = paced(rng, polls, np.full(len(peers), 3_600), first + 60)
    port = rng.choice([993, 587], len(when), p=[0.8, 0.2])
    visit(world, np.repeat(peers, polls), when, np.repeat(host, polls), port, manner=MAILER)


def names(world: World, peers: np.ndarray) -> None:
    """Resolvers of others: UDP 53, and TCP 53 where the answer was cut."""
    rng, hosts = world.rng, world.network.hosts("dns")
    asked = rng.geometric(0.06, len(peers))
    who = np.repeat(peers, asked)
    protocol = np.where(rng.random(len(who)) < 0.04, TCP, UDP)
    host = rng.choice(hosts, len(who))
    visit(
        world, who, anytime(rng, len(who), world.days), host, 53, manner=DATAGRAM,
        protocol=protocol,
    )  # fmt: skip


def office_3(world: World, peers: np.ndarray) -> None:
    """Offices behind one address, with three slips of all their people in two weeks."""
    _office(world, peers, 3)


def office_8(world: World, peers: np.ndarray) -> None:
    """Offices behind one address, with eight slips."""
    _office(world, peers, 8)


def stale(world: World, peers: np.ndarray) -> None:
    """Clients that try one dead port two hundred times in a week."""
    rng, count = world.rng, len(peers)
    host = rng.choice(world.network.dark, count)
    port = among(rng, (443, 80, 22, 8080, 5432, 3306, 5671, 8883, 514, 1194), count)
    tries = np.full(count, 200)
    when = paced(rng, tries, np.full(count, 3_024), anytime(rng, count, 3))
    visit(
        world, np.repeat(peers, tries), when, np.repeat(host, tries), np.repeat(port, tries),
        manner=BROWSER,
    )  # fmt: skip


def health(world: World, peers: np.ndarray) -> None:
    """Health checkers: every so often the served port of up to ten hosts.

    Six in seven ask a question; the others close with RST as soon as they are answered, as
    checks of TCP alone do.
    """
    rng, hosts = world.rng, world.network.hosts("web", "api")
    for share, manner in (
        (peers[len(peers) // 7 :], CHECK),
        (peers[: len(peers) // 7], CONNECT_CHECK),
    ):
        reach = rng.integers(1, 11, len(share))
        every = np.repeat(rng.choice([1_800, 3_600, 7_200, 10_800], len(share)), reach)
        host = hosts[distinct(rng, reach, len(hosts))]
        offset = rng.integers(0, 600, len(host))
        checks = world.seconds // every
        when = np.repeat(offset, checks) + turns(checks) * np.repeat(every, checks)
        who = np.repeat(np.repeat(share, reach), checks)
        visit(world, who, when, np.repeat(host, checks), 443, manner=manner)


def players(world: World, peers: np.ndarray) -> None:
    """Games, tunnels and calls over UDP; half of them go on at a port that is closed by now."""
    rng, count = world.rng, len(peers)
    roles = [("game", 27015), ("vpn", 4500), ("vpn", 1194), ("sip", 5060)]
    for part, (role, port) in zip(np.array_split(peers, len(roles)), roles, strict=True):
        rounds = rng.integers(1, 30, len(part))
        who = np.repeat(part, rounds)
        host = np.repeat(rng.choice(world.network.hosts(role), len(part)), rounds)
        when = daytime(rng, len(who), world.days)
        visit(world, who, when, host, port, manner=STREAM, protocol=UDP)
    lost = peers[rng.random(count) < 0.5]
    tries = rng.integers(1, 20, len(lost))
    when = paced(rng, tries, np.full(len(lost), 30), anytime(rng, len(lost), world.days))
    closed = np.repeat(rng.integers(32_768, 65_536, len(lost)), tries)
    host = np.repeat(rng.choice(world.network.exposed, len(lost)), tries)
    source_port = np.repeat(rng.integers(1_024, 65_536, len(lost)), tries)
    visit(
        world, np.repeat(lost, tries), when, host, closed, manner=DATAGRAM, protocol=UDP,
        source_port=source_port,
    )  # fmt: skip


def crawler(world: World, peers: np.ndarray) -> None:
    """Search engines: ports 80 and 443 of whatever has a name, also where nobody listens now."""
    rng, hosts = world.rng, world.network.hosts("web", "abandoned")
    reach = rng.integers(2, len(hosts) + 1, len(peers))
    host = hosts[distinct(rng, reach, len(hosts))]
    pages = rng.integers(2, 12, len(host))
    who = np.repeat(np.repeat(peers, reach), pages)
    port = np.where(rng.random(len(who)) < 0.15, 80, 443)
    visit(
        world, who, anytime(rng, len(who), world.days), np.repeat(host, pages), port,
        manner=BROWSER,
    )  # fmt: skip


def misconfigured(world: World, peers: np.ndarray) -> None:
    """Clients with a wrong DNS entry: two or three ports of one dead host, again and again."""
    rng = world.rng
    sets = np.array(
        [[443, 80, 8080], [443, 80, 22], [993, 587, 143], [22, 443, 3306], [5060, 5061, 443]]
    )
    ports = sets[rng.integers(0, len(sets), len(peers))]
    used = rng.integers(2, 4, len(peers))
    tries = rng.integers(1, 25, len(peers))
    each = used * tries
    who, host = np.repeat(peers, each), np.repeat(rng.choice(world.network.dark, len(peers)), each)
    port = ports[np.repeat(np.arange(len(peers)), each), turns(each) % np.repeat(used, each)]
    when = paced(
        rng, each, rng.choice([5, 300, 7_200], len(peers)), anytime(rng, len(peers), world.days)
    )
    visit(world, who, when, host, port, manner=BROWSER)


def moved(world: World, peers: np.ndarray) -> None:
    """Clients of a service that moves: sessions, then refusals, then sessions at its new place."""
    rng, network = world.rng, world.network
    old, new = network.hosts("moving"), network.hosts("web")
    host = rng.choice(old, len(peers))
    before = rng.integers(0, 12, len(peers))
    when = rng.integers(0, network.moving_at, before.sum())
    visit(world, np.repeat(peers, before), when, np.repeat(host, before), 443, manner=BROWSER)
    after = rng.integers(1, 10, len(peers))
    when = network.moving_at + paced(
        rng, after, np.full(len(peers), 7_200), rng.integers(0, 2 * DAY, len(peers))
    )
    visit(world, np.repeat(peers, after), when, np.repeat(host, after), 443, manner=BROWSER)
    found = peers[rng.random(len(peers)) < 0.6]
    _browse(world, found, new)


def pinger(world: World, peers: np.ndarray) -> None:
    """People and programs that ping one to three hosts."""
    rng = world.rng
    reach = np.minimum(rng.geometric(0.6, len(peers)), 3)
    hosts = world.network.exposed
    host = hosts[distinct(rng, reach, len(hosts))]
    pings = rng.integers(1, 40, len(host))
    when = paced(rng, pings, np.full(len(host), 600), anytime(rng, len(host), world.days))
    visit(
        world, np.repeat(np.repeat(peers, reach), pings), when, np.repeat(host, pings), 0,
        manner=PING, protocol=ICMP,
    )  # fmt: skip


def monitor(world: World, peers: np.ndarray) -> None:
    """Paid monitoring from outside: all we serve, every hour; some entries are out of date."""
    rng, network = world.rng, world.network
    served = np.array(
        [(host, port) for role, port in (("web", 443), ("bastion", 22), ("mail", 25), ("dns", 53))
         for host in network.hosts(role)]
    )  # fmt: skip
    dead = np.array([(host, 443) for host in network.dark])
    for peer in peers:
        chosen = served[rng.permutation(len(served))[: rng.integers(3, len(served) + 1)]]
        forgotten = dead[rng.permutation(len(dead))[: rng.integers(0, 3)]]
        targets = np.concatenate([chosen, forgotten])
        rounds = np.full(len(targets), world.seconds // 10_800)
        when = turns(rounds) * 10_800 + np.repeat(rng.integers(0, 900, len(targets)), rounds)
        host, port = np.repeat(targets, rounds, axis=0).T
        visit(world, np.full(len(when), peer), when, host, port, manner=CHECK)


def _browse(world: World, peers: np.ndarray, hosts: np.ndarray, *, ipv6: bool = False) -> None:
    rng, count = world.rng, len(peers)
    sessions = rng.geometric(0.2, count)
    who = np.repeat(peers, sessions)
    host = np.repeat(rng.choice(hosts, count), sessions)
    first = np.repeat(daytime(rng, count, world.days), sessions)
    when = first + np.where(rng.random(len(who)) < 0.7, rng.integers(0, 900, len(who)),
                            rng.integers(0, 3, len(who)) * DAY)  # fmt: skip
    redirected = np.flatnonzero(
        (rng.random(len(who)) < 0.15) & ~np.isin(host, world.network.hosts("api"))
    )
    visit(world, who[redirected], when[redirected], host[redirected], 80, manner=CALLER, ipv6=ipv6)
    visit(world, who, when + 1, host, 443, manner=BROWSER, ipv6=ipv6)


def _slip(world: World, peers: np.ndarray, slips: int) -> None:
    """So many refused targets for each peer, at any time of the working day."""
    rng, hosts = world.rng, world.network.hosts("dark", "web", "mail", "api", "bastion")
    who = np.repeat(peers, slips)
    host, port = rng.choice(hosts, len(who)), among(rng, SLIP_PORTS, len(who))
    when = daytime(rng, len(who), world.days)
    met = world.network.answer(host, np.full(len(who), TCP), port, when)
    host = np.where(met == 0, host, rng.choice(world.network.dark, len(who)))
    tries = rng.integers(1, 4, len(who))
    visit(
        world, np.repeat(who, tries), np.repeat(when, tries) + 20 * turns(tries),
        np.repeat(host, tries), np.repeat(port, tries), manner=BROWSER,
    )  # fmt: skip


def _office(world: World, peers: np.ndarray, slips: int) -> None:
    rng, network, count = world.rng, world.network, len(peers)
    used = (
        ("web", 443, BROWSER, 0.7),
        ("web", 80, BROWSER, 0.1),
        ("api", 443, CALLER, 0.1),
        ("mail", 993, MAILER, 0.08),
        ("bastion", 22, LOGIN, 0.02),
    )
    sessions = rng.integers(60, 250, count)
    for role, port, manner, share in used:
        part = rng.binomial(sessions, share)
        who = np.repeat(peers, part)
        host = rng.choice(network.hosts(role), len(who))
        visit(world, who, daytime(rng, len(who), world.days), host, port, manner=manner)
    _slip(world, peers, slips)
