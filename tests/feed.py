"""A small feed of flow-log objects that arrives in steps, with all that goes wrong in one.

Objects come late, change under their names, are cut and later whole, hold broken lines, or no flow
logs at all. What is there after the last step doesn't depend on when anybody looked.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import parquets

FIRST = int(datetime(2025, 11, 20, tzinfo=UTC).timestamp())
DAY, HOUR = 86_400, 3_600
ARRIVED = int(datetime(2025, 11, 28, tzinfo=UTC).timestamp())
"""When the objects of the first step arrived; those of each further one do an hour later."""

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status"
)
V5 = f"{V2} vpc-id subnet-id tcp-flags type pkt-srcaddr pkt-dstaddr flow-direction"
ENIS = ("eni-0a1", "eni-0b2", "eni-0c3")
OUTSIDE = ("198.51.100.7", "203.0.113.9", "2001:db8::17")
"""Sources that try many ports; each shows up a day after the one before it."""

JOB = """\
name = "feed"
inputs = ["logs/"]
store = "store/"
output = "out/"
interval = "{interval}"
queries = ["rejected_by_port"]
formats = ["csv"]
summaries = ["enis"]
[scanners]
formats = ["csv"]
tiers = ["scanner", "likely", "probe"]
"""

Step = Mapping[str, bytes]
"""Objects by name, as they are from this step on."""


def steps() -> list[Step]:
    """What arrives, step by step."""
    first = text(traffic(0, 0, 40), V2)
    across = text([*traffic(0, 1, 10, since=DAY - 300), *traffic(1, 1, 10)], V2)
    whole = gzip.compress(text(traffic(1, 2, 60), V5).encode(), mtime=0)
    return [
        {
            "20/a.log.gz": gzip.compress(first.encode(), mtime=0),
            "20/b.log.gz": gzip.compress(text(traffic(0, 1, 30), V5).encode(), mtime=0),
            "20/broken.log": broken(text(traffic(0, 2, 20), V2)).encode(),
            "20/quiet.log": text(quiet(0), V2).encode(),
            "20/moves.log": text(traffic(-1, 2, 5, since=5 * HOUR), V2).encode(),
            "junk.bin": bytes(range(256)) * 20,
        },
        {
            "21/across.log.gz": gzip.compress(across.encode(), mtime=0),
            "21/cut.log.gz": whole[: len(whole) * 2 // 3],
            "21/copy of a.log.gz": gzip.compress(first.encode(), mtime=0),
            "21/parquet/p.parquet": parquet(traffic(1, 0, 20)),
        },
        {
            "22/c.log.gz": gzip.compress(text(traffic(2, 0, 40), V2).encode(), mtime=0),
            "22/late.log": text(traffic(0, 1, 15, since=7 * HOUR), V2).encode(),
            "21/cut.log.gz": whole,
            "20/b.log.gz": gzip.compress(text(traffic(0, 1, 45), V5).encode(), mtime=0),
            "20/moves.log": text(traffic(2, 2, 5, since=5 * HOUR), V2).encode(),
            "20/quiet.log": text(quiet(0), V2).encode(),
        },
    ]


def deliver(directory: Path, number: int, *, only: str = "") -> None:
    """Put the objects of a step there, or one of them, with the time of their arrival."""
    for name, content in steps()[number].items():
        if only in ("", name):
            put(directory / name, content, ARRIVED + number * HOUR)


def put(path: Path, content: bytes, arrived: int) -> None:
    """Put an object there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (arrived, arrived))


def job(directory: Path, *, interval: str = "1d", more: str = "") -> Path:
    """A job over a feed that will be in `logs` beside its file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "job.toml"
    path.write_text(JOB.format(interval=interval) + more)
    return path


def traffic(day: int, eni: int, count: int, *, since: int = 9 * HOUR) -> list[dict[str, object]]:
    """Records of one ENI: visitors that are served, and strangers that try ports."""
    rows: list[dict[str, object]] = []
    for number in range(count):
        start = FIRST + day * DAY + since + number * 37
        stranger = number % 3 and OUTSIDE[number % (max(day, 0) + 1) % len(OUTSIDE)]
        source = stranger or f"192.0.2.{number % 9 + 1}"
        rows.append(
            {
                "version": 2,
                "account-id": "111122223333",
                "interface-id": ENIS[eni],
                "srcaddr": source,
                "dstaddr": f"2001:db8:{eni}::5" if ":" in source else f"10.0.{eni}.5",
                "srcport": 40_000 + number,
                "dstport": 20 + 7 * number % 97 if stranger else 443,
                "protocol": 6,
                "packets": 1 if stranger else 12,
                "bytes": 40 if stranger else 5_000 + number,
                "start": start,
                "end": start + 50,
                "action": "REJECT" if stranger else "ACCEPT",
                "log-status": "OK",
                "vpc-id": "vpc-1",
                "subnet-id": "subnet-1",
                "tcp-flags": 2 if stranger else 19,
                "type": "IPv6" if ":" in source else "IPv4",
                "pkt-srcaddr": source,
                "pkt-dstaddr": f"10.0.{eni}.5",
                "flow-direction": "ingress",
            }
        )
    return rows


def quiet(day: int) -> list[dict[str, object]]:
    """Records of an ENI without traffic, and of one whose records were skipped."""
    rows = traffic(day, 2, 4, since=3 * HOUR)
    return [
        {**dict.fromkeys(V2.split(), "-"), "log-status": status}
        | {name: row[name] for name in ("version", "account-id", "interface-id", "start", "end")}
        for row, status in zip(rows, ("NODATA", "SKIPDATA") * 2, strict=True)
    ]


def text(rows: Iterable[Mapping[str, object]], layout: str) -> str:
    """Records as text with a header."""
    tokens = layout.split()
    lines = [layout, *(" ".join(str(row[token]) for token in tokens) for row in rows)]
    return "\n".join(lines) + "\n"


def broken(text: str) -> str:
    """The same with lines among it that are no records."""
    lines = text.splitlines()
    return "\n".join(
        [*lines[:5], "what is this?", "2 111122223333 eni-0a1 - 1.2.3", *lines[5:], ""]
    )


def parquet(rows: list[dict[str, object]]) -> bytes:
    """Records as AWS's Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [token.replace("-", "_") for token in V2.split()]
    schema = pa.schema([(name, parquets.aws_type(name)) for name in names])
    plain = [{token.replace("-", "_"): value for token, value in row.items()} for row in rows]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(plain, schema), sink, compression="gzip")
    return sink.getvalue()


STEPS = len(steps())
