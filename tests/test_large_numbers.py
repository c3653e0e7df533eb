"""What no record can hold is out of range in every form; a sum that is too large is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquets import COLUMNS, TOKENS, ask, elsewhere, record, write

from flowlens.answers.report.folds import Part, fold
from flowlens.cli.main import main
from flowlens.records.validate import LIMITS

MOST = 2**48
ROWS = [record(), record(packets=MOST, bytes=MOST), record(packets=MOST + 1),
        record(bytes=MOST + 1), record(bytes=MOST - 1), record(bytes=2**63 - 1)]  # fmt: skip
BAD = [3, 4, 6]
"""Rows of these that are no records, counted from 1."""


def as_text(path: Path) -> None:
    rows = [" ".join(map(str, row.values())) for row in ROWS]
    path.write_text("\n".join([TOKENS, *rows]) + "\n")


def as_csv(path: Path) -> None:
    rows = [",".join(map(str, row.values())) for row in ROWS]
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")


def as_json(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))


def as_parquet(path: Path, *, kind: Callable[[int], Any], statistics: bool = True) -> None:
    counters = {name: [kind(row[name]) for row in ROWS] for name in ("packets", "bytes")}
    columns = {name: [row[name] for row in ROWS] for name in COLUMNS} | counters
    pq.write_table(pa.table(columns), path, write_statistics=statistics)


def unsigned(value: int) -> Any:
    return pa.scalar(value, pa.uint64())


FORMS: dict[str, Callable[[Path], None]] = {
    "a.log": as_text,
    "a.csv": as_csv,
    "a.json": as_json,
    "a.parquet": partial(as_parquet, kind=int),
    "without-statistics.parquet": partial(as_parquet, kind=int, statistics=False),
    "unsigned.parquet": partial(as_parquet, kind=unsigned),
    "texts.parquet": partial(as_parquet, kind=str),
    "decimals.parquet": partial(as_parquet, kind=Decimal),
}


@pytest.mark.parametrize("name", FORMS)
def test_packets_and_bytes_have_one_largest_number_in_every_form(tmp_path: Path, name: str) -> None:
    FORMS[name](tmp_path / name)
    for inputs in (tmp_path, *([elsewhere(tmp_path / name)] if "parquet" in name else [])):
        asked = ask(inputs, "select packets, bytes from flows")
        assert [tuple(row.values()) for row in asked.rows] == [
            (20, 4249), (MOST, MOST), (20, MOST - 1)
        ]  # fmt: skip
        above = 1 if name in ("a.log", "a.csv") else 0  # a header
        assert [line.line - above for line in asked.malformed] == BAD
        assert {line.reason for line in asked.malformed} == {"out_of_range"}


LARGE = 40_000
"""Records of which the bytes add up to more than 2^63-1."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records that are in range, one by one."""
    rows = [record(bytes=MOST, srcaddr=f"192.0.2.{n % 2}", action="REJECT") for n in range(LARGE)]
    return write(tmp_path_factory.mktemp("large") / "a.parquet", rows)


REMEDY = (
    "is larger than 2^63-1, the largest number that a column holds; ask about less with --since "
    "and --until or --eni, or leave the largest records out: "
    "--where 'greatest(packets, bytes) < 1000000000000'\n"
)
TOO_LARGE = {
    "query action_totals": "query action_totals: the sum of bytes ",
    "query rejected_by_port": "query rejected_by_port: the sum of bytes ",
    "report": "query timeline: the sum of bytes ",
    "show 22/tcp": "query action_totals: the sum of bytes ",
    "diff": "query action_totals: the sum of bytes ",
    "sql 'cast(sum(bytes) as bigint)'": "the sum of bytes ",
    "sql 'cast(sum(bytes) as integer)'": "the sum of bytes ",
    "sql 'max(bytes) * 100000'": "the result of multiplication ",
    "sql 'cast(sum(bytes + bytes) as bigint) + 1'": "the sum of bytes ",
}


@pytest.mark.parametrize("command", TOO_LARGE)
def test_a_sum_that_no_column_holds_is_one_line(
    large: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, _, rest = command.partition(" ")
    select = [f"select {rest[1:-1]} as n from flows"] if verb == "sql" else rest.split()
    inputs = [str(large)] * (2 if verb == "diff" else 1)
    assert main([verb, *select, *inputs, "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"flowlens: {TOO_LARGE[command]}{REMEDY}")


def test_what_the_line_says_to_do_helps(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = "greatest(packets, bytes) < 1000000000000"
    assert main(["query", "action_totals", str(large), "--where", where, "--quiet"]) == 0
    assert main(["report", str(large), "--where", where, "--quiet"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_questions_whose_sums_fit_are_answered_beside_one_whose_sum_does_not(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = MOST * LARGE // 2
    assert main(["query", "rejected_by_source", str(large), "--format", "csv", "--quiet"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [int(row.split(",")[3]) for row in rows] == [half, half]
    assert main(["scanners", str(large), "--quiet"]) == 0
    assert main(["check", str(large), "--quiet"]) == 0
    capsys.readouterr()
    # A sum of the user's own is as wide as it needs to be.
    select = "select sum(bytes) as n from flows"
    assert main(["sql", select, str(large), "--format", "json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 2 * half}]


def test_a_number_too_large_for_a_type_of_ones_own_is_an_error_of_usage(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for select in ("cast(70000 as smallint)", "cast(sum(packets) as tinyint)"):
        assert main(["sql", f"select {select} as n from flows", str(large), "--quiet"]) == 2
        assert capsys.readouterr().err.startswith("flowlens: SQL: ")


def test_a_total_over_rows_is_exact_however_large() -> None:
    rows = pa.table({"bytes_in": [2**63 - 1, 2**63 - 1, None]}).to_batches()
    (section,) = fold(rows * 2, {"all": Part(1, sums=("bytes_in",))}).values()
    assert section.sums == {"bytes_in": 4 * (2**63 - 1)}


def test_a_record_of_the_largest_number_is_no_fault_of_any_network() -> None:
    ten_minutes, terabit = 600, 10**12 // 8
    assert LIMITS["int64"] == MOST > 2 * terabit * ten_minutes
