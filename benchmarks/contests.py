"""Who is measured against whom, on what, and which targets hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from benchmarks import bucket, commands, jobs, names
from benchmarks.datasets import JSON, PACKED, Dataset
from benchmarks.measure import ROOT, Command, Cost, Pair, middle

MILLION = 1_000_000
AT = 5 * MILLION
"""Records that the targets are set for."""

PARQUET_AT = 20 * MILLION
"""Those that the target for Parquet is set for."""

SMALL = Dataset("small", MILLION)
OBJECTS = Dataset("objects", 200_000)
ENVELOPED = MILLION
"""Records in JSON, and in every envelope beside which one with four times as many is measured."""

MEGABYTE = 10**6
NAMES = 20_000
"""Addresses whose names are asked for as fast as it goes."""

PACED_NAMES = 2_000
"""Addresses whose names are asked for at the usual pace, which takes ten seconds."""

RATE = 150
"""Megabytes of JSON that a second of processor time should read."""


class Bound(StrEnum):
    """Which side of its limit a number must be on."""

    MOST = "at most"
    LEAST = "at least"


@dataclass(frozen=True, slots=True)
class Target:
    """A number that must be at most `limit`, or at least."""

    what: str
    limit: float
    value: Callable[[Pair], float]
    bound: Bound = Bound.MOST

    def is_met(self, value: float) -> bool:
        """Whether the number is where it must be."""
        return value <= self.limit if self.bound is Bound.MOST else value >= self.limit


@dataclass(frozen=True, slots=True)
class Contest:
    """Two commands to be run in turn. `name` is what `--only` takes; `data` are made before.

    They run inside of what `around` gives.
    """

    name: str
    title: str
    first: Command
    second: Command
    data: tuple[Dataset, ...] = ()
    targets: tuple[Target, ...] = ()
    rounds: int = 5
    around: Callable[[], AbstractContextManager[None]] = nullcontext


def contests(sizes: Sequence[int]) -> list[Contest]:
    """All contests for sets of so many records each."""
    found = [contest for records in sorted(sizes) for contest in _large(records)]
    larger = [records for records in sorted(sizes) if records > AT]
    if AT in sizes:
        found += [_growth(records) for records in larger]
    found += [_parquet(records) for records in sorted(sizes)]
    if AT in sizes:
        found += _batch()
    return [*found, *_small(), *_json(), *_memory_of_envelopes(), _s3(), *_names(), _help()]


def _wall(what: str, limit: float) -> Target:
    return Target(f"wall time, {what}", limit, lambda pair: pair.ratio)


def _memory(what: str, limit: float) -> Target:
    return Target(
        f"peak memory of {what}, MB", limit, lambda pair: middle(pair.first).peak / MEGABYTE
    )


def _large(records: int) -> list[Contest]:
    """The contests on a few large files; the slow ones up to the size of the targets."""
    data = Dataset("large", records)
    ours = commands.query(data)
    held = records == AT

    def against(
        name: str, second: Command, *targets: Target, rounds: int = 5, first: Command = ours
    ) -> Contest:
        kept = targets if held else ()
        return Contest(name, data.name, first, second, (data,), kept, rounds)

    found = [
        against(
            "polars",
            commands.polars(data),
            _wall("query over hand-written polars", 1.3),
            _memory("query", 700),
        ),
        against("duckdb", commands.duckdb(data), _wall("query over hand-written DuckDB", 1.1)),
        against(
            "scanners",
            commands.query(data, "rejected_by_source"),
            _wall("scanners over query rejected_by_source", 4),
            _memory("scanners", 2_000),
            rounds=3,
            first=commands.scanners(data),
        ),
    ]
    if records > AT:
        return found
    spoilt = Dataset("malformed", records)
    exported = Dataset("export", records)
    sample = Dataset("sample", min(records, commands.SAMPLE))
    reader = Contest(
        "flowlogs-reader",
        data.name,
        ours,
        commands.flowlogs_reader(data),
        (data, sample),
        (_wall("query over flowlogs-reader (25 times as fast)", 1 / 25),) if held else (),
        3,
    )
    malformed = Contest(
        "malformed",
        spoilt.name,
        commands.query(spoilt),
        ours,
        (data, spoilt),
        (_wall("one malformed line in 1,000 over none", 2.0),) if held else (),
    )
    export = Contest(
        "export",
        exported.name,
        commands.query(exported),
        ours,
        (data, exported),
        (_wall("exported over delivered", 1.3),) if held else (),
    )
    return [
        *found,
        export,
        against("inflate", commands.inflate(data), rounds=3),
        against("wc", commands.zcat_wc(data), rounds=3),
        against("awk", commands.zcat_awk(data), rounds=3),
        reader,
        against(
            "report",
            ours,
            _wall("report over query", 2.5),
            _memory("report", 1_500),
            first=commands.report(data),
        ),
        malformed,
    ]


def _growth(records: int) -> Contest:
    """The same query on more records: time per record, and memory."""
    large, usual = Dataset("large", records), Dataset("large", AT)
    share = records / AT
    title = f"{records / MILLION:g} M beside {AT / MILLION:g} M"
    return Contest(
        "growth",
        title,
        commands.query(large),
        commands.query(usual),
        (large, usual),
        (
            Target(f"time per record, {title}", 1.1, lambda pair: pair.ratio / share),
            Target(f"peak memory, {title}", 1.15, lambda pair: pair.peaks),
        ),
    )


def _small() -> list[Contest]:
    """The contests on thousands of small files."""
    ours = commands.query(SMALL)
    return [
        Contest(
            f"small-{name}",
            SMALL.name,
            ours,
            peer(SMALL),
            (SMALL,),
            (_wall(f"query over {name}, small files", 0.7),),
        )
        for name, peer in commands.PRINTING.items()
    ]


def _json() -> list[Contest]:
    """flowlens on each form of JSON, and its envelope stage alone: what a processor reads."""
    return [
        Contest(
            f"json-{data.kind}",
            data.name,
            commands.query(data),
            commands.envelope(data),
            (data,),
            (
                _rate(f"query, {JSON[data.kind]}", data, lambda pair: pair.first),
                _rate(f"envelope alone, {JSON[data.kind]}", data, lambda pair: pair.second),
            ),
            3,
        )
        for data in [Dataset(kind, ENVELOPED) for kind in JSON]
    ]


def _rate(what: str, data: Dataset, costs: Callable[[Pair], Sequence[Cost]]) -> Target:
    def megabytes_a_second(pair: Pair) -> float:
        return data.size / MEGABYTE / middle(costs(pair)).cpu

    return Target(f"MB of JSON a CPU second, {what}", RATE, megabytes_a_second, Bound.LEAST)


def _memory_of_envelopes() -> list[Contest]:
    """Four times as much in every envelope: memory stays the same."""
    return [
        Contest(
            f"memory-{kind}",
            f"{four.name}, beside {ENVELOPED / MILLION:g} M",
            commands.streamed(four),
            commands.streamed(one),
            (one, four),
            (Target(f"peak memory, four times as much, {kind}", 1.15, lambda pair: pair.peaks),),
            2,
        )
        for kind in ("parquet", *PACKED)
        for one, four in [(Dataset(kind, ENVELOPED), Dataset(kind, 4 * ENVELOPED))]
    ]


def _parquet(records: int) -> Contest:
    data = Dataset("parquet", records)
    target = _wall("query over hand-written DuckDB and its count by log_status, Parquet", 1.3)
    return Contest(
        "parquet",
        data.name,
        commands.query(data),
        commands.duckdb_parquet(data),
        (data,),
        (target,) if records == PARQUET_AT else (),
    )


def _s3() -> Contest:
    """Small objects of S3, served by moto, whose own time is in both."""
    return Contest(
        "s3",
        f"{OBJECTS.name} on moto",
        commands.query_s3(),
        commands.boto3_inflate(),
        (OBJECTS,),
        (_wall("query over downloading and inflating by boto3, small objects", 1.2),),
        around=partial(bucket.served, OBJECTS),
    )


def _names() -> list[Contest]:
    """Reverse DNS beside dnspython's resolver: processor time, and wrong statuses."""
    ours, theirs = "rdns_flowlens", "rdns_dnspython"
    paced = names.peer(ours, PACED_NAMES)
    fast = names.peer(ours, NAMES)
    whole = names.cached(names.CACHED)

    def ratio(pair: Pair) -> float:
        return middle(pair.second).cpu / middle(pair.first).cpu

    return [
        Contest(
            "rdns",
            f"{NAMES:,} names; 1% lost, 25% NXDOMAIN, 3% SERVFAIL, 1% truncated",
            replace(fast, arguments=(*fast.arguments, str(2 * NAMES))),
            names.peer(theirs, NAMES),
            (),
            (
                Target("names a CPU second over dns.asyncresolver", 3.0, ratio, Bound.LEAST),
                Target("wrong statuses", 0.0002, lambda pair: names.wrong(ours, NAMES)),
            ),
            2,
            partial(names.served, NAMES, "--loss", "0.01"),
        ),
        Contest(
            "rdns-paced",
            f"{PACED_NAMES:,} names; what exceeds 1,024 a second is dropped",
            paced,
            names.peer(theirs, PACED_NAMES),
            (),
            (Target("wrong statuses, paced", 0, lambda pair: names.wrong(ours, PACED_NAMES)),),
            1,
            partial(names.served, PACED_NAMES, "--most", "1024"),
        ),
        Contest(
            "rdns-cached",
            f"{names.CACHED:,} names in the cache",
            whole,
            names.cached(0),
            (),
            (
                Target(
                    "seconds for cached names, without start-up",
                    0.5,
                    lambda pair: middle(pair.first).wall - middle(pair.second).wall,
                ),
            ),
            around=names.filled,
        ),
    ]


def _batch() -> list[Contest]:
    """Jobs: reading into a store, and what is made of its records."""
    large = jobs.LARGE
    dense = Dataset("dense", 4 * large.records)
    return [
        _ingest(large),
        _ingest(SMALL),
        Contest(
            "compact",
            f"{large.name}, read one after the other",
            jobs.pieces(large, "compacted"),
            jobs.pieces(large, "taken"),
            (large,),
            (
                _bytes("of the records, compacted", 18, large, "flows"),
                _bytes("of the whole store", 32, large),
            ),
            1,
            partial(jobs.written, large, pieces=True),
        ),
        Contest(
            "ingest-memory",
            f"{dense.name} of one day, beside {large.records / MILLION:g} M",
            jobs.ingest(dense),
            jobs.ingest(large),
            (dense, large),
            (
                _memory("a run with 20 M records", 1_000),
                Target(
                    "peak memory of a run with 5 M records, MB",
                    1_000,
                    lambda pair: middle(pair.second).peak / MEGABYTE,
                ),
            ),
            1,
            partial(jobs.written, dense, large),
        ),
        _made("rollups", 6, partial(jobs.filled, large), partial(jobs.step, large)),
        _made("state", None, partial(jobs.filled, large), partial(jobs.step, large)),
        *(
            _made(
                "summaries",
                1,
                partial(jobs.months, large),
                partial(jobs.month, interval),
                name=f"summaries-{interval}",
            )
            for interval in ("1d", "1h")
        ),
        Contest(
            "plan",
            f"{jobs.OBJECTS / MILLION:g} M objects in the ledger",
            jobs.plan(),
            commands.flowlens("--version"),
            (),
            (Target("seconds of plan", 5, lambda pair: middle(pair.first).wall),),
            3,
            jobs.many,
        ),
    ]


def _ingest(data: Dataset) -> Contest:
    """A run into a new store, with everything that is made of the records, beside `check`."""
    job = jobs.job_of(data)

    def reading(pair: Pair) -> float:
        return jobs.seconds(job, "read") / middle(pair.second).wall

    return Contest(
        f"ingest-{data.kind}",
        data.name,
        jobs.ingest(data),
        commands.check(data),
        (data,),
        (
            _wall(f"a first run over check, {data.name}", 3),
            Target(f"reading into the store over check, {data.name}", 3, reading),
        ),
        3,
        partial(jobs.written, data),
    )


def _made(
    step: str,
    seconds: float | None,
    around: Callable[[], AbstractContextManager[None]],
    command: Callable[[str], Command],
    *,
    name: str = "",
) -> Contest:
    """A step beside opening the store alone: what it takes without start-up."""
    name = name or step
    target = Target(
        f"seconds for {name}, without start-up",
        seconds or 0,
        lambda pair: middle(pair.first).wall - middle(pair.second).wall,
    )
    return Contest(
        name,
        f"batch: {name}",
        command(step),
        command("none"),
        (),
        (target,) if seconds else (),
        3,
        around,
    )


def _bytes(what: str, limit: float, data: Dataset, below: str = "") -> Target:
    job = f"{jobs.job_of(data)}-pieces"
    return Target(
        f"bytes a record {what}",
        limit,
        lambda pair: jobs.bytes_a_record(job, data.records, below),
    )


def _help() -> Contest:
    return Contest(
        "help",
        "start-up",
        commands.flowlens("--help"),
        commands.imports("polars", "duckdb"),
        (),
        (
            _wall("--help over importing polars and duckdb", 1.0),
            Target("large libraries that --help imports", 0, lambda pair: len(heavy_imports())),
        ),
    )


def heavy_imports() -> list[str]:
    """Which of the large libraries `flowlens --help` imports."""
    said = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "flowlens", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines()}
    return sorted(names & {"polars", "duckdb", "pyarrow", "dns", "boto3"})
