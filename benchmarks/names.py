"""Reverse DNS: addresses with known truth, a name server on loopback, and who asks it.

The server is that of the tests, in a process of its own. A peer asks about every address of
`FOLDER/NUMBER/truth.tsv` and leaves the number of wrong statuses beside it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.datasets import DATA
from benchmarks.measure import ROOT, Command, CommandFailedError

SERVER = "FLOWLENS_NAME_SERVER"
"""The variable that tells a peer where the server is."""

SHARES = {"nxdomain": 0.25, "servfail": 0.03, "truncated": 0.01}
"""Of the addresses; the others have a name."""

CACHED = 100_000

_PEERS = Path(__file__).parent / "peers"


def folder(number: int) -> Path:
    """Where the truth about so many addresses lies, and what was answered."""
    return DATA / f"names-{number}"


def peer(name: str, number: int) -> Command:
    """A peer that asks about so many addresses."""
    return Command(name, (sys.executable, str(_PEERS / f"{name}.py"), str(folder(number))))


def cached(number: int) -> Command:
    """Names of so many addresses out of the cache."""
    place = str(folder(CACHED) / "names.sqlite")
    return Command(
        f"cached {number:,}", (sys.executable, str(_PEERS / "rdns_cached.py"), place, str(number))
    )


def wrong(name: str, number: int) -> float:
    """The share of wrong statuses that the peer's last run had."""
    return int((folder(number) / f"{name}.wrong").read_text()) / number


def make(number: int) -> Path:
    """The zone and the truth, the same for the same number; one address in each /24."""
    place = folder(number)
    place.mkdir(parents=True, exist_ok=True)
    dice = random.Random(number)
    zone, truth = [], []
    for n in range(number):
        address = f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.7"
        how = dice.choices([*SHARES, ""], [*SHARES.values(), 1 - sum(SHARES.values())])[0]
        truth.append(f"{address}\t{how if how in ('nxdomain', 'servfail') else 'ok'}\n")
        if how != "nxdomain":
            zone.append(f"{address}\thost{n}.example\t{how}\n")
    (place / "zone.tsv").write_text("".join(zone))
    (place / "truth.tsv").write_text("".join(truth))
    return place


@contextmanager
def served(number: int, *options: str) -> Iterator[None]:
    """The addresses' name server, with options of its own; peers that run within find it."""
    zone = make(number) / "zone.tsv"
    command = [sys.executable, "tests/nameserver.py", "--zone", str(zone), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        address = server.stdout.readline().strip() if server.stdout else ""
        if not address:
            raise CommandFailedError("the name server ended before it served anything")
        os.environ[SERVER] = address
        try:
            yield
        finally:
            del os.environ[SERVER]
            if server.stdin:
                server.stdin.close()


@contextmanager
def filled() -> Iterator[None]:
    """A cache with names of many addresses."""
    folder(CACHED).mkdir(parents=True, exist_ok=True)
    fill = Command("fill", (*cached(CACHED).arguments, "fill"))
    subprocess.run(fill.arguments, cwd=ROOT, check=True)
    yield
