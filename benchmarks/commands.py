"""flowlens and its peers as command lines over a set of files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import bucket
from benchmarks.datasets import DATA, Dataset
from benchmarks.measure import Command, Sample

PEERS = Path(__file__).parent / "peers"
QUERY = "rejected_by_eni_port"

SAMPLE = 200_000
"""Records that flowlogs-reader is measured on."""


def flowlens(*arguments: str) -> Command:
    """A flowlens command whose answer goes nowhere."""
    return Command(f"flowlens {arguments[0]}", (sys.executable, "-P", "-m", "flowlens", *arguments))


def query(dataset: Dataset, name: str = QUERY) -> Command:
    """`flowlens query rejected_by_eni_port`, or another named query."""
    return flowlens("query", name, str(dataset.directory), "-f", "csv", "-o", "/dev/null")


def check(dataset: Dataset) -> Command:
    """`flowlens check`."""
    return flowlens("check", str(dataset.directory))


def scanners(dataset: Dataset) -> Command:
    """`flowlens scanners`."""
    return flowlens("scanners", str(dataset.directory), "-o", "/dev/null")


def streamed(dataset: Dataset) -> Command:
    """A question whose answer has two rows, whatever is read: what it needs is for reading."""
    totals = "select action, count(*) as records, sum(bytes) as bytes from flows group by action"
    return flowlens("sql", totals, str(dataset.directory), "-f", "csv", "-o", "/dev/null")


def query_s3() -> Command:
    """`flowlens query rejected_by_eni_port` over the bucket that is served."""
    place = f"s3://{bucket.NAME}/{bucket.PREFIX}"
    return flowlens("query", QUERY, place, "-f", "csv", "-o", "/dev/null")


def report(dataset: Dataset) -> Command:
    """`flowlens report`."""
    return flowlens("report", str(dataset.directory), "-o", "/dev/null")


def polars(dataset: Dataset) -> Command:
    """The hand-written polars query."""
    return _script("polars", dataset)


def duckdb(dataset: Dataset) -> Command:
    """The hand-written DuckDB query."""
    return _script("duckdb", dataset)


def inflate(dataset: Dataset) -> Command:
    """The floor: decompressing alone."""
    return Command("inflating alone", _python("inflate_only.py", str(dataset.directory)))


def envelope(dataset: Dataset) -> Command:
    """The envelope stage of flowlens alone, over the set's only file."""
    return Command("envelope alone", _python("envelope_only.py", str(dataset.file(0))))


def duckdb_parquet(dataset: Dataset) -> Command:
    """The hand-written DuckDB query over Parquet, and a count by log_status."""
    return Command("duckdb", _python("duckdb_parquet_query.py", str(dataset.directory)))


def boto3_inflate() -> Command:
    """The floor for S3: downloading and decompressing alone, from the bucket that is served."""
    return Command("boto3 and inflating", _python("boto3_inflate.py", bucket.NAME, bucket.PREFIX))


def zcat_wc(dataset: Dataset) -> Command:
    """`zcat | wc -l`."""
    return Command("zcat | wc -l", _shell(f"zcat {dataset.pattern} | wc -l"))


def zcat_awk(dataset: Dataset) -> Command:
    """`zcat | awk` with the same grouping, unsorted."""
    return Command("zcat | awk", _shell(f"zcat {dataset.pattern} | awk -f {PEERS / 'query.awk'}"))


def flowlogs_reader(dataset: Dataset) -> Command:
    """flowlogs-reader over a sample, scaled to the set."""
    sample = Dataset("sample", min(dataset.records, SAMPLE))
    script = "flowlogs_reader_query.py"
    return Command(
        "flowlogs-reader (scaled)",
        _python(script, str(sample.directory)),
        Sample(_python(script, str(DATA / "none")), dataset.records / sample.records),
    )


def imports(*modules: str) -> Command:
    """A Python that imports modules and ends."""
    return Command(
        f"import {', '.join(modules)}", (sys.executable, "-c", f"import {', '.join(modules)}")
    )


PRINTING: dict[str, Callable[[Dataset], Command]] = {"polars": polars, "duckdb": duckdb}
"""The peers whose output is the same, byte for byte, as that of `flowlens query`."""


def _script(library: str, dataset: Dataset) -> Command:
    return Command(library, _python(f"{library}_query.py", str(dataset.directory)))


def _python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(PEERS / script), *arguments)


def _shell(pipeline: str) -> tuple[str, ...]:
    return ("bash", "-o", "pipefail", "-c", pipeline)
