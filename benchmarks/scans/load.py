"""How fast the detector walks: five million touches of half a million sources, on one core.

`python -m benchmarks.scans.load` makes the touches, walks and judges them, and prints the processor
seconds and the peak of memory. The touches come in no order, as from a hash table.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
import pyarrow as pa

from flowlens.answers.scanners.detection import MEMORY
from flowlens.pipeline.reference import Knowledge
from flowlens.pipeline.run import relation_sql
from flowlens.sql import catalog
from flowlens.sql.engine import Connection, engine

TOUCHES, SOURCES = 5_000_000, 500_000
SEED = 1
START = 1_790_000_000
DAYS = 14


def targets(touches: int, sources: int, *, seed: int = SEED) -> pa.Table:
    """Touches as the query `targets` has them: refused most of them, some sessions."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, sources, touches)
    host, port = rng.integers(0, 4_000, touches), rng.integers(1, 65_536, touches)
    start = START + rng.integers(0, DAYS * 86_400, touches)
    outcome = rng.choice([0, 1, 2, 6], touches, p=[0.55, 0.1, 0.1, 0.25])
    octets = [((source + 0x2200_0000) >> shift & 255).astype(str) for shift in (24, 16, 8, 0)]
    moments = pa.array(start * 1_000_000, pa.timestamp("us", "UTC"))
    numbers = pa.array(rng.integers(1, 9, touches))
    return pa.table(
        {
            "srcaddr": pa.array(_joined(octets)),
            "inside": pa.array(np.zeros(touches, dtype=bool)),
            "interface_id": pa.array(np.char.add("eni-0", (host % 997).astype(str)), pa.string()),
            "dstaddr": pa.array(
                _joined(
                    [np.full(touches, "10"), *((host >> s & 255).astype(str) for s in (8, 4, 0))]
                )
            ),
            "protocol": pa.array(np.full(touches, 6), pa.int32()),
            "dstport": pa.array(port, pa.int32()),
            "family": pa.array(6 * 65_536 + port),
            "outcome": pa.array(outcome),
            "refused": numbers,
            "accepted": numbers,
            "answers": numbers,
            "bytes_in": numbers,
            "bytes_out": numbers,
            "first_seen": moments,
            "last_seen": moments,
            "answered_first": moments,
        }
    )


def _joined(parts: list[np.ndarray]) -> list[str]:
    return [".".join(octets) for octets in zip(*(part.tolist() for part in parts), strict=True)]


def main() -> int:
    """Make the touches, walk them on one core, and say how long that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touches", type=int, default=TOUCHES)
    parser.add_argument("--sources", type=int, default=SOURCES)
    arguments = parser.parse_args()
    made = targets(arguments.touches, arguments.sources)
    with engine() as connection:
        connection.execute("set threads = 1")
        connection.execute("set memory_limit = $memory", {"memory": MEMORY})
        connection.execute("set preserve_insertion_order = false")
        Knowledge().create(connection)
        _empty(connection, "contacts", "visits")
        connection.register("made", made)
        connection.execute("create table targets as from made")
        connection.unregister("made")
        del made
        for name in ("trials", "walk", "judged"):
            began = time.process_time()
            connection.execute(f"create temp table {name} as {relation_sql(catalog.find(name))}")
            print(f"{name}: {time.process_time() - began:.1f} processor seconds")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak {peak // (1024 if sys.platform == 'linux' else 1024**2):,} MB, touches made in it")
    return 0


def _empty(connection: Connection, *names: str) -> None:
    """Relations without rows: these touches are all there is."""
    for name in names:
        columns = ", ".join(f"{item.name} {item.type}" for item in catalog.find(name).columns)
        connection.execute(f"create table {name} ({columns})")


if __name__ == "__main__":
    raise SystemExit(main())
