"""Hosts of ours that scan, alone or beside what they are for."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.network import UDP
from benchmarks.scans.own.benign import crawler, housekeeping, mail_server, proxy, web_server
from benchmarks.scans.own.calls import Met, Place, call

TOOL = (1, 1)


def _breadth(place: Place, least: int = 4, most: int = 300) -> int:
    """Of how many targets: small ones as often as large ones."""
    return int(np.exp(place.rng.uniform(np.log(least), np.log(most))))


def _paced(place: Place, count: int, gap: float) -> np.ndarray:
    start = place.rng.integers(0, place.seconds // 2)
    return start + np.cumsum(place.rng.exponential(gap, count))


def _met(place: Place, count: int, open_: float, found: Met = Met.SERVED) -> np.ndarray:
    """Hardly anybody answers: some are open, some say no."""
    rng = place.rng
    no = np.where(rng.random(count) < 0.2, Met.RESET, Met.SILENT)
    return np.where(rng.random(count) < open_, found, no)


def worm(place: Place, host: int) -> None:
    """Looks for devices outside: telnet and its like, one packet each."""
    rng, count = place.rng, _breadth(place)
    port = rng.choice([23, 2323, 5555, 37_215], count, p=[0.7, 0.15, 0.1, 0.05])
    call(place, host, place.strangers(count), _paced(place, count, rng.choice([0.2, 2, 60])), port,
         _met(place, count, 0.03), tries=TOOL, size=40)  # fmt: skip


def sweep(place: Place, host: int) -> None:
    """One port at many hosts inside, fast."""
    rng = place.rng
    hosts = place.inside(_breadth(place, 4, 180))
    port = int(rng.choice([22, 445, 3389, 5985, 6379, 2375]))
    call(place, host, hosts, _paced(place, len(hosts), rng.choice([0.1, 3.0])), port,
         _met(place, len(hosts), rng.uniform(0, 0.15)), tries=(1, 2))  # fmt: skip


def slow_sweep(place: Place, host: int) -> None:
    """The same with minutes or an hour between, by a host that has its own work."""
    rng = place.rng
    place.scanning = False
    housekeeping(place, host)
    place.scanning = True
    hosts = place.inside(_breadth(place, 4, 90))
    port = int(rng.choice([22, 445, 3389, 1433, 8080]))
    call(place, host, hosts, _paced(place, len(hosts), rng.choice([600, 3_600])), port,
         _met(place, len(hosts), rng.uniform(0, 0.12)), tries=(1, 2))  # fmt: skip


def vertical(place: Place, host: int) -> None:
    """Many ports of one to three hosts."""
    rng = place.rng
    ports = rng.permutation(np.arange(1, 10_000))[: _breadth(place, 6, 200)]
    hosts = place.inside(int(rng.integers(1, 4)))
    target, port = (grid.ravel() for grid in np.meshgrid(hosts, ports))
    found = rng.choice([Met.SERVED, Met.HALF])
    call(place, host, target, _paced(place, len(target), 0.5), port,
         _met(place, len(target), 0.03, found), tries=(1, 2), size=44)  # fmt: skip


def block(place: Place, host: int) -> None:
    """A few ports of several hosts, inside or outside."""
    rng = place.rng
    count = int(rng.integers(3, 20))
    hosts = place.inside(count) if rng.random() < 0.5 else place.strangers(count)
    known = [21, 22, 23, 80, 139, 443, 445, 1433, 3306, 3389, 5432, 5900, 8080]
    ports = rng.permutation(known)[: rng.integers(2, 9)]
    target, port = (grid.ravel() for grid in np.meshgrid(hosts, ports))
    call(place, host, target, _paced(place, len(target), rng.choice([0.1, 5.0, 120.0])), port,
         _met(place, len(target), 0.08), tries=(1, 2), size=44)  # fmt: skip


def web_sweep(place: Place, host: int) -> None:
    """Web servers outside, wherever they may be."""
    rng, count = place.rng, _breadth(place)
    port = int(rng.choice([80, 443, 8080, 8443]))
    call(place, host, place.strangers(count), _paced(place, count, rng.choice([0.1, 2.0])), port,
         _met(place, count, rng.uniform(0, 0.12)), tries=(1, 2), size=44)  # fmt: skip


def guesser(place: Place, host: int) -> None:
    """Looks for SSH outside, and guesses where it finds some."""
    rng, count = place.rng, _breadth(place)
    call(place, host, place.strangers(count), _paced(place, count, 2), 22,
         _met(place, count, rng.uniform(0.02, 0.15)), tries=(1, 2))  # fmt: skip


def forbidden(place: Place, host: int) -> None:
    """What its own security group doesn't let out."""
    rng, count = place.rng, _breadth(place)
    targets = place.strangers(count) if rng.random() < 0.6 else place.inside(min(count, 150))
    port = rng.choice([22, 23, 445, 3389, 6379], len(targets)) if rng.random() < 0.4 else 445
    call(place, host, targets, _paced(place, len(targets), rng.choice([0.2, 30.0])), port,
         Met.FORBIDDEN, tries=(1, 2), size=40)  # fmt: skip


def datagrams(place: Place, host: int) -> None:
    """Amplifiers and managed devices by UDP."""
    rng, count = place.rng, _breadth(place)
    port = int(rng.choice([161, 1900, 5060, 11_211, 389, 69]))
    met = np.where(rng.random(count) < 0.03, Met.SERVED, Met.SILENT)
    call(place, host, place.strangers(count), _paced(place, count, 0.5), port, met, protocol=UDP,
         tries=TOOL)  # fmt: skip


def connector(place: Place, host: int) -> None:
    """A script that connects as programs do, to databases inside, and waits for the timeout."""
    rng = place.rng
    hosts = place.inside(_breadth(place, 4, 120))
    port = int(rng.choice([3306, 5432, 6379, 1433, 27_017, 9200]))
    call(place, host, hosts, _paced(place, len(hosts), 3), port,
         _met(place, len(hosts), 0.08), tries=(2, 5))  # fmt: skip


def again(place: Place, host: int) -> None:
    """Walks the same hosts inside every few hours, for days."""
    rng = place.rng
    hosts = place.inside(int(rng.integers(40, 160)))
    met = _met(place, len(hosts), 0.08)
    port = int(rng.choice([445, 22, 3389]))
    for start in np.arange(0, place.seconds, rng.integers(6, 24) * 3_600):
        call(place, host, hosts, start + np.cumsum(rng.exponential(1, len(hosts))), port, met,
             tries=TOOL)  # fmt: skip


def over_ipv6(place: Place, host: int) -> None:
    """Hosts inside over IPv6."""
    count = _breadth(place, 6, 120)
    first = place.first_outside + len(place.outside)
    place.outside += [f"2600:1f18:4a3:{place.rng.integers(1, 65_536):x}:{host:x}::{n:x}"
                      for n in range(1, count + 1)]  # fmt: skip
    call(place, host, np.arange(first, first + count), _paced(place, count, 1), 22,
         _met(place, count, 0.05), tries=TOOL, ipv6=True)  # fmt: skip


def busy(place: Place, host: int) -> None:
    """Any of these on a host that has much else to do."""
    rng = place.rng
    place.scanning = False
    (web_server, crawler, proxy, mail_server)[rng.integers(4)](place, host)
    place.scanning = True
    (worm, sweep, block, forbidden, connector, guesser)[rng.integers(6)](place, host)
