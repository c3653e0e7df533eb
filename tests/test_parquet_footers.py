"""A footer that contradicts itself is told in one line, the same whatever is asked; none aborts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bent_parquet
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from effort import EFFORT
from parquets import ask, elsewhere, quiet, record, write
from test_parquet import many, spoil

import flowlens as fl
from flowlens.cli.main import main
from flowlens.core.errors import NoInputError
from flowlens.reading.parquet import chunks
from flowlens.reading.parquet.thrift import struct

FILES = 100 if EFFORT == 1 else max(2_000, 100 * EFFORT)


@pytest.fixture(scope="module")
def bent_files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Any]]:
    """By number of each bent file: whether it is refused at once, then what came of questions."""
    place = tmp_path_factory.mktemp("bent")
    script = [sys.executable, bent_parquet.__file__, str(place), "0", str(FILES)]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines() if line[:1] in "[0123456789"]
    assert run.returncode == 0, f"file {lines[-1]}: {run.stderr[-2000:]}"
    return dict(zip(lines[::2], lines[1::2], strict=True))


def test_no_bent_file_ends_the_process(bent_files: dict[int, list[Any]]) -> None:
    assert len(bent_files) == FILES
    refused = sum(outcomes[0] for outcomes in bent_files.values())
    assert FILES / 2 < refused < FILES


def test_what_comes_of_a_bent_file_is_an_answer_or_one_line(
    bent_files: dict[int, list[Any]],
) -> None:
    for number, (_, *outcomes) in bent_files.items():
        for outcome in outcomes:
            assert outcome.get("code", 0) in (0, 1, 3), (number, outcome)
            assert len(outcome.get("error", "").splitlines()) <= 1, (number, outcome)
            assert "Traceback" not in outcome.get("error", ""), (number, outcome)


def test_a_bent_file_has_one_account_whatever_is_asked(
    bent_files: dict[int, list[Any]],
) -> None:
    asked = {number: outcomes[1:-2] for number, outcomes in bent_files.items() if outcomes[1:]}
    for number, (check, *others) in asked.items():
        if "error" in check or not check["account"][2]:
            # Only the check reads every page. What it finds whole, is whole for everybody.
            account = {name: value for name, value in check.items() if name != "lost"}
            for other in others:
                assert other == account, number
            continue
        for other in others:
            assert "error" in other or (
                other["account"][0]["lines"] >= check["account"][0]["lines"]
            ), number


def chunk(number: int, **changed: Any) -> Callable[[list[dict[int, Any]]], None]:
    """A change to the column of a number in the first row group, by the names of its fields."""
    fields = {"kind": 1, "codec": 4, "values": 5, "size": 7, "data": 9, "dictionary": 11}

    def change(groups: list[dict[int, Any]]) -> None:
        meta = groups[0][1][number][3]
        for name, value in changed.items():
            meta[fields[name]] = value(meta[fields[name]]) if callable(value) else value

    return change


CONTRADICTIONS: dict[str, tuple[Callable[[list[dict[int, Any]]], None], str]] = {
    "a type": (
        chunk(13, kind=14),
        "the column 'log_status' is type 14, and BYTE_ARRAY by the schema",
    ),
    "another type": (chunk(0, kind=2), "the column 'version' is INT64, and INT32 by the schema"),
    "a codec": (
        chunk(3, codec=77),
        "the column 'srcaddr' is compressed in a way that there isn't: 77",
    ),
    "values": (chunk(9, values=3), "the column 'bytes' has 3 values in 12 rows"),
    "a place": (
        chunk(9, data=10**9, dictionary=None),
        "the column 'bytes' lies outside the file's data",
    ),
    "a place before the file": (
        chunk(9, dictionary=-5),
        "the column 'bytes' lies outside the file's data",
    ),
    "a size": (chunk(13, size=10**9), "the column 'log_status' lies outside the file's data"),
    "a size below 0": (chunk(13, size=-1), "the column 'log_status' lies outside the file's data"),
    "two in one place": (
        chunk(9, data=lambda at: at + 8, dictionary=lambda at: at + 8),
        "the columns 'bytes' and 'start' lie on top of each other",
    ),
    "a bound": (
        lambda groups: groups[0][1][5][3][12].update({5: b"\0\0"}),
        "the column 'srcport' has a bound of 2 bytes",
    ),
    "a file": (
        lambda groups: groups[0][1][5].update({1: b"/etc/passwd"}),
        "the column 'srcport' lies in another file",
    ),
    "a secret": (
        lambda groups: groups[0][1][5].update({8: {}}),
        "the column 'srcport' is encrypted",
    ),
    "levels": (
        lambda groups: groups[0][1][5][3].update({16: {3: [1, 2, 3], -3: 6}}),
        "the column 'srcport' has counts of levels that it doesn't have",
    ),
    "texts": (
        lambda groups: groups[0][1][5][3].update({16: {1: 5}}),
        "the column 'srcport' has a size of texts, and is none",
    ),
    "a column too few": (
        lambda groups: groups[0][1].pop(),
        "row group 1 is not what the schema says",
    ),
    "rows below 0": (
        lambda groups: groups[0].update({3: -1}),
        "row group 1 is not what the schema says",
    ),
    "no row group": (lambda groups: groups.clear(), "12 rows by its footer, 0 by its row groups"),
    "a text for a number": (chunk(5, size=b"1"), "something else stands in its footer"),
    "lists for structs": (
        lambda groups: groups.__setitem__(0, []),
        "something else stands in its footer",
    ),
    "a number for a list": (
        lambda groups: groups[0].update({1: 7}),
        "something else stands in its footer",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_a_footer_contradicts_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, line = CONTRADICTIONS[name]
    file = write(tmp_path / "a.parquet", bent_parquet.ROWS)
    seen = chunks._groups

    def changed(content: bytes) -> list[dict[int, Any]]:
        groups = seen(content)
        change(groups)
        return groups

    monkeypatch.setattr(chunks, "_groups", changed)
    for inputs in (file, elsewhere(file)):
        for sql in ("select count(*) as n from flows", "select srcport from flows"):
            with pytest.raises(NoInputError) as caught:
                ask(inputs, sql)
            assert str(caught.value).partition(": ")[2] == f"broken Parquet: {line}"


def test_lists_of_other_items_and_endless_numbers_are_no_footer() -> None:
    groups = bytes([0x29, 0x1C, 0, 0])  # field 2, a list of one struct; it is empty
    assert struct(groups) == ({2: [{}], -2: 12}, 4)
    with pytest.raises(ValueError, match="something else stands in its footer"):
        chunks._groups(bytes([0x49, 0x16, 0, 0]))
    for broken in (
        b"\x05\x01\x02\x00",
        b"\x15" + b"\x80" * 20,
        b"\x1c" * 3000,
        b"\x18\x7fab",
        b"\x19\xfc\xff\x7f",
        b"",
    ):
        with pytest.raises(ValueError, match="broken Parquet: "):
            struct(broken)


@pytest.mark.parametrize("options", [*bent_parquet.OPTIONS, {"compression": "none"}])
@pytest.mark.parametrize("rows", [0, 1, 12])
def test_what_is_whole_is_read(tmp_path: Path, options: dict[str, Any], rows: int) -> None:
    file = write(tmp_path / "a.parquet", bent_parquet.ROWS[:rows], **options)
    for inputs in (file, elsewhere(file)):
        assert len(ask(inputs, "select bytes from flows").rows) == rows


def test_a_footer_of_any_size_is_read(tmp_path: Path) -> None:
    rows = [record(bytes=n) for n in range(300)]
    file = write(tmp_path / "a.parquet", rows, row_group_size=1)
    assert int.from_bytes(file.read_bytes()[-8:-4], "little") > 64 << 10
    for inputs in (file, elsewhere(file)):
        assert len(ask(inputs, "select bytes from flows").rows) == 300


def test_the_check_reads_every_page_and_counts_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [record(start=1418504400 + n, end=1418504460, srcport=n) for n in range(40)]
    file = write(tmp_path / "a.parquet", rows, row_group_size=10)
    spoil(file, "srcport", [2])
    write(tmp_path / "b.parquet", many())
    # No question needs the column, and the statistics prove that every row is a record.
    assert len(ask(file, "select bytes from flows").rows) == 40
    for there in (file, tmp_path):
        check = fl.read(there).check()
        assert check.account.lost == 10
        assert check.account.sources[0].lost == 10
        assert check.account.sources[0].counts.records == 30
        assert check.account.sources[0].truncated.startswith("broken Parquet: ")
    assert main(["check", str(file), "--format", "json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["lost"], found["records"], found["sources"][0]["lost"]) == (10, 30, 10)
    assert main(["check", str(file), "--quiet"]) == 0
    assert "rows of broken Parquet" in capsys.readouterr().out
    assert main(["check", str(file), "--quiet", "--strict"]) == 4


def test_objects_elsewhere_are_checked_page_by_page_too(tmp_path: Path) -> None:
    from flowlens.answers.check.check import check
    from flowlens.pipeline.run import Inputs, Listener

    file = write(tmp_path / "a.parquet", [record(srcport=n) for n in range(40)], row_group_size=10)
    spoil(file, "srcport", [1, 2])
    found = check(Inputs(elsewhere(file)), Listener())
    assert (found.account.lost, found.account.total.records) == (20, 20)


def test_columns_that_no_question_knows_are_checked_too(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([record() | {"of_our_own": "x"}, quiet() | {"of_our_own": "y"}])
    pq.write_table(table, tmp_path / "a.parquet")
    spoil(tmp_path / "a.parquet", "of_our_own", [0])
    assert fl.read(tmp_path).check().account.lost == 2
