"""Others read a store without flowlens, and find in it what flowlens does.

Spark is in an environment of its own: `make spark` makes it, and says where its Python is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pages import ROOT

from flowlens.batch.jobfile.loading import load
from flowlens.batch.run import run
from flowlens.batch.summaries.sketches import estimate
from flowlens.records.fields import fields

SPARK = os.environ.get("FLOWLENS_SPARK", "")

DAY = 1_795_392_000
"""2026-11-23, in seconds since 1970."""

SOURCES = 3_000
"""More than a sketch counts exactly."""

ASKED = {
    "flows": """
        select cast(day as string) as day, action, log_status, count(*) as records,
            sum(packets) as packets, sum(bytes) as bytes, count(distinct srcaddr) as sources,
            cast(min(start_time) as string) as first, cast(max(end_time) as string) as last
        from flows
        group by day, action, log_status
        order by day, action nulls last, log_status
    """,
    "records": """
        select cast(day as string) as day, action, protocol, port, sum(records) as records,
            sum(packets) as packets, sum(bytes) as bytes, sum(nodata) as nodata
        from records
        group by day, action, protocol, port
        order by day, action nulls last, protocol nulls last, port nulls last
    """,
    "estimates": """
        select cast(start_time as string) as hour, action, hll_sketch_estimate(sketch) as sources
        from sources
        where grouped = 'port'
        order by start_time, action, port
    """,
    "unions": """
        select action, hll_sketch_estimate(hll_union_agg(sketch)) as sources
        from sources
        where grouped = 'port'
        group by action
        order by action
    """,
}
"""Questions to Spark; the first two go to DuckDB as they are."""

ATHENA = {
    "text": "string",
    "int32": "int",
    "int64": "bigint",
    "timestamp[us, UTC]": "timestamp",
}

spark = pytest.mark.skipif(not SPARK, reason="Spark is asked by `make spark`")


def lines(day: int) -> str:
    """Records of a day from many sources, to two ports in two hours; one without traffic."""
    header = (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
        "start end action log-status"
    )
    rows = [
        f"2 123456789012 eni-0a {20 + n % 7}.{day}.{n // 250}.{n % 250} 10.0.0.5 {40_000 + n} "
        f"{(22, 443)[n % 2]} 6 {1 + n % 3} {60 + n} {start} {start + 30} "
        f"{('REJECT', 'ACCEPT')[n % 2]} OK"
        for n in range(SOURCES)
        for start in [DAY + day * 86_400 + n % 4 // 2 * 3_600 + n % 1_000]
    ]
    quiet = DAY + day * 86_400 + 50
    rows.append(f"2 123456789012 eni-0a - - - - - - - {quiet} {quiet + 60} - NODATA")
    return "\n".join([header, *rows, ""])


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("job")
    (place / "logs").mkdir()
    for day in range(2):
        (place / "logs" / f"{day}.log").write_text(lines(day))
    (place / "job.toml").write_text(
        'name = "read"\ninputs = ["logs/"]\nstore = "store/"\noutput = "out/"\ninterval = "1d"\n'
    )
    record = run(load(place / "job.toml"))
    assert record.records == 2 * SOURCES + 2
    return place / "store"


@pytest.fixture(scope="module")
def found(store, tmp_path_factory) -> dict[str, list[list[object]]]:
    """What Spark answers."""
    questions = tmp_path_factory.mktemp("asked") / "questions.json"
    questions.write_text(json.dumps(ASKED))
    script = ROOT / "tests" / "spark_reader.py"
    said = subprocess.run(
        [SPARK, str(script), str(store), str(questions)], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr[-2_000:]
    about = json.loads(said.stdout.splitlines()[-1])
    assert about["spark"].startswith("3.5.")
    return dict(about["answers"])


def asked(store: Path, name: str, files: str) -> list[list[object]]:
    """What DuckDB answers to the same question."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            f"create view {name} as from read_parquet('{store}/{files}', hive_partitioning = true)"
        )
        rows = connection.execute(ASKED[name]).fetchall()
    return [[plain(value) for value in row] for row in rows]


def plain(value: object) -> object:
    """A value as JSON has it, and a moment as Spark writes it."""
    return value.removesuffix("+00") if isinstance(value, str) else value


@spark
def test_spark_finds_the_records_of_duckdb_with_their_days(store, found):
    rows = asked(store, "flows", "flows/*/*.parquet")
    assert found["flows"] == rows
    assert [row[:4] for row in rows] == [
        [day, *rest]
        for day in ("2026-11-23", "2026-11-24")
        for rest in (["ACCEPT", "OK", 1_500], ["REJECT", "OK", 1_500], [None, "NODATA", 1])
    ]


@spark
def test_spark_finds_the_rollups_of_duckdb(store, found):
    rows = asked(store, "records", "rollups/hours/records/*/*.parquet")
    assert found["records"] == rows
    assert sum(int(str(row[4])) for row in rows) == 2 * SOURCES


@spark
def test_spark_estimates_from_our_sketches_what_we_do(store, found):
    together = defaultdict(list)
    rows = []
    for place in sorted(store.glob("rollups/hours/sources/*/*.parquet")):
        for row in pq.read_table(place, partitioning=None).to_pylist():
            if row["grouped"] == "port":
                together[row["action"]].append(row["sketch"])
                rows.append([f"{row['start_time']:%F %T}", row["action"], row["sources"]])
    assert found["estimates"] == sorted(rows)
    assert found["unions"] == [[action, estimate(together[action])] for action in sorted(together)]
    # Sources are distinct over both days: the union is no sum by chance.
    assert found["unions"][0][1] == pytest.approx(SOURCES, rel=0.05)


def test_the_table_for_athena_has_our_fields_with_their_types():
    place = ROOT / "docs" / "store.md"
    if not place.exists():
        pytest.skip("no docs/store.md")
    text = place.read_text(encoding="utf-8").lower()
    ddl = re.search(r"create external table[^(]*\((?P<columns>[^)]*)\)", text)
    assert ddl is not None
    columns = [line.split()[:2] for line in ddl["columns"].strip().split(",\n")]
    told = {name.strip("`"): kind for name, kind in columns}
    default = [name for name, field in fields().items() if field.version == 2]
    assert told == {name: ATHENA[fields()[name].type] for name in default}
