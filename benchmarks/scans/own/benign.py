"""Hosts of ours that call many and scan nobody; some of what they call is always dead."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.network import DAY, UDP
from benchmarks.scans.own.calls import Met, Place, call, served_by

CLIENT = (2, 5)
"""How often an ordinary stack sends a SYN before somebody gives up."""


def _any(place: Place, count: int) -> np.ndarray:
    return place.rng.integers(0, place.seconds, count)


def _met(place: Place, count: int, dead: float, otherwise: Met = Met.SILENT) -> np.ndarray:
    """Of so many targets this share is dead, a third of these with an RST where it is silent."""
    rng = place.rng
    no = np.where(rng.random(count) < 0.3, Met.RESET, otherwise)
    return np.where(rng.random(count) < dead, no, Met.SERVED)


def _often(place: Place, host: int, targets: np.ndarray, port: np.ndarray | int,
           met: np.ndarray | int, times: int, *, tries: tuple[int, int] = CLIENT,
           protocol: int = 6, every: int | None = None) -> None:  # fmt: skip
    """Each target many times, at any time or every so often; what it meets stays the same."""
    rng, count = place.rng, len(targets)
    which = np.repeat(np.arange(count), times)
    if every:
        turn = np.tile(np.arange(times), count)
        when = rng.integers(0, every, count)[which] + turn * every
    else:
        when = _any(place, len(which))
    ports = np.broadcast_to(port, (count,))[which]
    meets = np.broadcast_to(met, (count,))[which]
    call(place, host, targets[which], when, ports, meets, tries=tries, protocol=protocol)


def housekeeping(place: Place, host: int) -> None:
    """What every host does: names, time, updates."""
    rng = place.rng
    resolver = place.unlogged[:2]
    _often(place, host, resolver, 53, Met.SERVED, 20, protocol=UDP, tries=(1, 1))
    servers = place.strangers(rng.integers(3, 7))
    _often(place, host, servers, 123, _met(place, len(servers), 0.15), 12, protocol=UDP,
           tries=(1, 1))  # fmt: skip
    mirrors = place.strangers(rng.integers(2, 8))
    _often(place, host, mirrors, 443, _met(place, len(mirrors), 0.05), 3)


def web_server(place: Place, host: int) -> None:
    """Serves the world, calls a few APIs and a database."""
    housekeeping(place, host)
    served_by(place, host, place.strangers(60), 443, 200)
    apis = place.strangers(place.rng.integers(3, 20))
    _often(place, host, apis, 443, _met(place, len(apis), 0.05), 6)
    _often(place, host, place.inside(2), 5432, Met.SERVED, 40)


def proxy(place: Place, host: int) -> None:
    """Calls whatever site our people want."""
    rng = place.rng
    housekeeping(place, host)
    served_by(place, host, place.unlogged, 3128, 300)
    sites = place.strangers(rng.integers(300, 1_500))
    port = rng.choice([443, 80, 8443, 8080], len(sites), p=[0.82, 0.15, 0.015, 0.015])
    _often(place, host, sites, port, _met(place, len(sites), rng.uniform(0.05, 0.15)), 2)


def crawler(place: Place, host: int) -> None:
    """Fetches a page or two of each of many sites; gives up soon."""
    rng = place.rng
    housekeeping(place, host)
    sites = place.strangers(rng.integers(500, 2_000))
    start = rng.integers(0, 2 * DAY)
    when = start + np.cumsum(rng.exponential(20, len(sites)))
    met = _met(place, len(sites), rng.uniform(0.1, 0.3))
    call(place, host, sites, when, rng.choice([443, 80], len(sites)), met, tries=(1, 3))


def mail_server(place: Place, host: int) -> None:
    """Delivers to exchangers everywhere; every fifth to third is dead, and tried again for days."""
    rng = place.rng
    housekeeping(place, host)
    exchangers = place.strangers(rng.integers(100, 500))
    _often(place, host, exchangers, 25, _met(place, len(exchangers), rng.uniform(0.15, 0.35)), 3)


def mail_blocked(place: Place, host: int) -> None:
    """A host whose letters AWS doesn't let out: nobody ever answers at port 25."""
    housekeeping(place, host)
    _often(place, host, place.strangers(place.rng.integers(4, 30)), 25, Met.SILENT, 12)


def resolver(place: Place, host: int) -> None:
    """Asks name servers everywhere, a tenth of which are lame."""
    rng = place.rng
    housekeeping(place, host)
    servers = place.strangers(rng.integers(300, 1_200))
    dead = rng.uniform(0.08, 0.25)
    _often(place, host, servers, 53, _met(place, len(servers), dead), 4, protocol=UDP, tries=(1, 2))
    cut = servers[: len(servers) // 15]
    _often(place, host, cut, 53, _met(place, len(cut), dead), 1)


def monitoring(place: Place, host: int) -> None:
    """Polls all hosts inside at a few ports; some are gone, and one port is blocked at several."""
    rng = place.rng
    housekeeping(place, host)
    hosts = place.inside(rng.integers(20, 150))
    for port in rng.choice([9100, 443, 22, 8080, 3306], 3, replace=False):
        _often(place, host, hosts, int(port), _met(place, len(hosts), 0.07), 30, tries=(1, 2),
               every=7_200)  # fmt: skip
    _often(place, host, hosts, 161, _met(place, len(hosts), 0.1), 30, protocol=UDP, tries=(1, 2),
           every=7_200)  # fmt: skip
    blocked = hosts[: rng.integers(0, 25)]
    _often(place, host, blocked, 9187, Met.SILENT, 40, tries=(1, 2), every=7_200)


def health_check(place: Place, host: int) -> None:
    """A load balancer's: targets of a group or two, every so often; a few groups are all dead."""
    rng = place.rng
    for port in rng.choice([80, 443, 8080, 8443, 9000, 3000, 31_380], 2, replace=False):
        hosts = place.inside(rng.integers(3, 30))
        alive = rng.choice([Met.SERVED, Met.HALF], p=[0.8, 0.2])
        met = np.where(rng.random(len(hosts)) < 0.2, Met.SILENT, alive)
        if rng.random() < 0.1:
            met[:] = Met.SILENT
        _often(place, host, hosts, int(port), met, 150, tries=(1, 2), every=600)


def peer_to_peer(place: Place, host: int) -> None:
    """Shares files over TCP: two of three peers are behind a router and never answer."""
    rng = place.rng
    housekeeping(place, host)
    peers = place.strangers(rng.integers(200, 1_500))
    port = rng.integers(1_025, 65_536, len(peers))
    usual = rng.random(len(peers)) < 0.15
    port = np.where(usual, rng.choice([6881, 51_413, 8999, 16_881], len(peers)), port)
    met = _met(place, len(peers), rng.uniform(0.5, 0.7))
    call(place, host, peers, _any(place, len(peers)), port, met, tries=(1, 3))


def peer_tables(place: Place, host: int) -> None:
    """Asks peers over UDP, from one port of its own, who has a file."""
    rng = place.rng
    peers = place.strangers(rng.integers(300, 2_000))
    port = rng.integers(1_025, 65_536, len(peers))
    port = np.where(rng.random(len(peers)) < 0.2, 6881, port)
    met = np.where(rng.random(len(peers)) < 0.5, Met.SILENT, Met.SERVED)
    call(place, host, peers, _any(place, len(peers)), port, met, protocol=UDP, tries=(1, 2),
         own_port=int(rng.choice([6881, 51_413, 30_000])))  # fmt: skip


def _locked(place: Place, host: int, met: Met) -> None:
    rng = place.rng
    mirrors = place.strangers(rng.integers(4, 60))
    _often(place, host, mirrors, rng.choice([443, 80], len(mirrors)), met, 3, tries=(3, 6))
    servers = place.strangers(rng.integers(4, 30))
    _often(place, host, servers, 123, met, 10, protocol=UDP, tries=(1, 1))
    _often(place, host, place.unlogged[:2], 53, Met.SERVED, 20, protocol=UDP, tries=(1, 1))


def locked_down(place: Place, host: int) -> None:
    """A host that may call nobody outside wants updates and the time."""
    _locked(place, host, Met.FORBIDDEN)


def without_route(place: Place, host: int) -> None:
    """The same where there is no way out: let go, and never answered."""
    _locked(place, host, Met.SILENT)


def bastion(place: Place, host: int) -> None:
    """People hop to hosts by SSH, and mistype now and then."""
    rng = place.rng
    housekeeping(place, host)
    served_by(place, host, place.strangers(8), 22, 60)
    hosts = place.inside(rng.integers(8, 60))
    _often(place, host, hosts, 22, _met(place, len(hosts), 0.08), 5)
    slips = place.inside(rng.integers(1, 7))
    port = rng.choice([3389, 22, 5432, 443, 8080, 3306, 9200, 6379], len(slips))
    _often(place, host, slips, port, Met.SILENT, 2)


def dead_pool(place: Place, host: int) -> None:
    """A client whose cluster has moved: it tries all the old nodes for days."""
    rng = place.rng
    housekeeping(place, host)
    nodes = place.inside(rng.integers(3, 16))
    port = int(rng.choice([5432, 3306, 9092, 6379, 9200, 5672, 443]))
    met = rng.choice([Met.SILENT, Met.RESET, Met.FORBIDDEN])
    _often(place, host, nodes, port, int(met), 60)


def kubernetes_node(place: Place, host: int) -> None:
    """Many pods behind one address: services inside and outside, and pods that are gone."""
    rng = place.rng
    housekeeping(place, host)
    for port in (443, 8080, 9090, 6443, 10_250, 5432):
        pods = place.inside(rng.integers(4, 50))
        _often(place, host, pods, port, _met(place, len(pods), 0.15), 8)
    sites = place.strangers(rng.integers(20, 150))
    _often(place, host, sites, 443, _met(place, len(sites), 0.05), 3)


def backup(place: Place, host: int) -> None:
    """Fetches from every host at night; some are off."""
    rng = place.rng
    housekeeping(place, host)
    hosts = place.inside(rng.integers(15, 120))
    port = int(rng.choice([22, 445, 9102, 10_000, 873]))
    _often(place, host, hosts, port, _met(place, len(hosts), rng.uniform(0.03, 0.2)), 7, every=DAY)


def configuration(place: Place, host: int) -> None:
    """Sets hosts up by SSH, hour by hour, from an inventory that is out of date."""
    rng = place.rng
    housekeeping(place, host)
    hosts = place.inside(rng.integers(15, 150))
    _often(place, host, hosts, 22, _met(place, len(hosts), rng.uniform(0.03, 0.3)), 20, every=3_600)


def gossip(place: Place, host: int) -> None:
    """A member of a cluster that asks all the others, dead ones too."""
    rng = place.rng
    housekeeping(place, host)
    nodes = place.inside(rng.integers(8, 60))
    met = _met(place, len(nodes), 0.12)
    _often(place, host, nodes, 8301, met, 10)
    _often(place, host, nodes, 8301, met, 20, protocol=UDP, tries=(1, 2))


def one_way(place: Place, host: int) -> None:
    """Sends logs and measurements by UDP to collectors that never answer."""
    housekeeping(place, host)
    collectors = place.inside(place.rng.integers(1, 5))
    for port in (514, 8125, 4739):
        _often(place, host, collectors, port, Met.SILENT, 40, protocol=UDP, tries=(1, 20))


def media(place: Place, host: int) -> None:
    """Sends sound and pictures to wherever its callers are, also after they hung up."""
    rng = place.rng
    callers = place.strangers(rng.integers(50, 500))
    port = rng.integers(1_025, 65_536, len(callers))
    met = np.where(rng.random(len(callers)) < 0.25, Met.SILENT, Met.SERVED)
    call(place, host, callers, _any(place, len(callers)), port, met, protocol=UDP, tries=(2, 40),
         own_port=int(rng.integers(16_384, 32_768)))  # fmt: skip


def webhooks(place: Place, host: int) -> None:
    """Tells customers' servers what happened; many are gone, at odd ports."""
    rng = place.rng
    housekeeping(place, host)
    ends = place.strangers(rng.integers(200, 1_000))
    port = np.where(rng.random(len(ends)) < 0.9, 443, rng.integers(3_000, 10_000, len(ends)))
    _often(place, host, ends, port, _met(place, len(ends), rng.uniform(0.1, 0.35)), 2, tries=(1, 4))


def gateway(place: Place, host: int) -> None:
    """A NAT gateway or instance: what others call inside it calls outside, sweeps among it."""
    rng = place.rng
    clients = place.unlogged
    for port, count, dead in ((443, 400, 0.06), (80, 100, 0.1), (22, 20, 0.1), (587, 20, 0.1),
                              (23, 120, 0.98)):  # fmt: skip
        sites = place.strangers(count)
        met = np.where(rng.random(count) < dead, Met.SILENT, Met.SERVED)
        when = _any(place, count)
        call(place, host, sites, when, port, met, own_port=None)
        near = rng.integers(32_768, 61_000, count)
        ends = {"eni": np.full(count, host), "peer": rng.choice(clients, count), "own_port": port,
                "peer_port": near, "packet_own": sites, "start": when}  # fmt: skip
        served = met == Met.SERVED
        place.capture.add(**ends, inward=True, packets=np.where(served, 9, 1), opening=2,
                          bytes=np.where(served, 2_000, 60),
                          closing=np.where(served, 1, 2))  # fmt: skip
        answered = {name: value[served] if isinstance(value, np.ndarray) else value
                    for name, value in ends.items()}  # fmt: skip
        place.capture.add(**answered, inward=False, packets=9, bytes=4_000, opening=18, closing=1)
