"""Parquet that is broken, of something else, or meant to harm: one line, and the rest counts."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import parquets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquets import ask, elsewhere, quiet, record, write
from test_parquet import many, spoil

import flowlens as fl
from flowlens.core.errors import FlowlensError, NoInputError, UsageError
from flowlens.inputs.find import Found, Source, find
from flowlens.pipeline import run

Maker = Callable[[Path], object]


def made(**columns: Any) -> Maker:
    """A file of one row of these columns, beside those of a record."""
    return lambda path: pq.write_table(
        pa.table({name: [value] for name, value in (record() | columns).items()}), path
    )


def cut(path: Path) -> None:
    write(path, many())
    path.write_bytes(path.read_bytes()[:900])


def other(path: Path) -> None:
    pq.write_table(pa.table({name: [1] for name in "abcdefgh"}), path)


def twice(path: Path) -> None:
    pq.write_table(pa.table([["192.0.2.1"]] * 3, names=["srcaddr", "SrcAddr", "dstaddr"]), path)


BAD: dict[str, tuple[Maker, str]] = {
    "cut short": (cut, "broken Parquet: it was cut short, for it has no footer; fetch it again"),
    "empty": (
        lambda path: path.write_bytes(b""),
        "broken Parquet: it was cut short, for it has no footer; fetch it again",
    ),
    "of something else": (
        other,
        "Parquet, but no flow log: it has columns a, b, c, d, e, f and 2 more",
    ),
    "without columns": (
        lambda path: pq.write_table(pa.table({}), path),
        "Parquet, but no flow log: it has no columns",
    ),
    "a field twice": (
        twice,
        "Parquet: the columns 'srcaddr' and 'SrcAddr' are one column; leave one out",
    ),
    "a struct": (
        made(packets={"a": 1}),
        "Parquet whose column 'packets' is nested, which packets can't be; write it as integers",
    ),
    "a list": (
        made(srcaddr=["192.0.2.1"]),
        "Parquet whose column 'srcaddr' is nested, which srcaddr can't be; write it as text",
    ),
    "a binary": (
        made(dstaddr=b"\xc0\x00\x02\x01"),
        "Parquet whose column 'dstaddr' is binary, which dstaddr can't be; write it as text",
    ),
    "a boolean": (
        made(bytes=True),
        "Parquet whose column 'bytes' is boolean, which bytes can't be; write it as integers",
    ),
    "an action as a number": (
        made(action=1),
        "Parquet whose column 'action' is integer, which action can't be; write it as text",
    ),
    "a time as a text field": (
        made(vpc_id=[1]),
        "Parquet whose column 'vpc_id' is nested, which vpc-id can't be; write it as text",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_line_and_all_others_count(tmp_path: Path, name: str) -> None:
    make, line = BAD[name]
    write(tmp_path / "a.parquet", [record()])
    make(tmp_path / "b.parquet")
    (tmp_path / "c.log").write_text(f"{parquets.TOKENS}\n{' '.join(map(str, parquets.OK))}\n")
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for inputs, good in ((find([str(tmp_path)]), 2), (elsewhere(*files), 1)):
        found = ask(inputs, "select count(*) as n from flows")
        assert found.rows == [{"n": good}]
        assert found.account.total.records == good
        (bad,) = found.account.unreadable
        assert (bad.unreadable, bad.envelope, bad.counts.lines) == (line, "parquet", 0)
    for alone in (find([str(files[1])]), elsewhere(files[1])):
        for sql in ("select bytes from flows", "select count(*) from flows, flows as f"):
            with pytest.raises(NoInputError) as caught:
                ask(alone, sql)
            assert str(caught.value) == f"{alone.sources[0].name}: {line}"


def test_parquet_under_the_name_of_text_is_one_line(tmp_path: Path) -> None:
    os.rename(write(tmp_path / "x", [record()]), tmp_path / "a.log.gz")
    with pytest.raises(NoInputError, match=r"it is Parquet; .* ends in \.parquet"):
        ask(tmp_path)


NAMES = (
    "a*.parquet", "b[1].parquet", "c?.parquet", "d'; drop table flows; --.parquet", 'e".parquet',
    "f g.parquet", "$x.parquet", "{a,b}.parquet", "новый.parquet", "new\nline.parquet",
    "~.parquet", "s3:x.parquet", "a\\b.parquet", "-.parquet",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_that_file_alone(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for beside in ("a1.parquet", "b1.parquet", "c1.parquet", "a.parquet", "b.parquet"):
        write(Path(beside), [record(srcaddr="198.51.100.9")])
    write(tmp_path / name, [record(), record(dstport=70000)])
    for given in (f"./{name}", str(tmp_path / name)):
        found = ask(Found((given,), (Source(given, os.stat(given).st_size),)))
        assert [row["srcaddr"] for row in found.rows] == ["192.0.2.1"]
        assert [line.source for line in found.malformed] == [given]


def test_files_whose_names_match_others_are_read_once(tmp_path: Path) -> None:
    names = [name for name in NAMES if name != "{a,b}.parquet"]
    for name in (*names, "a1.parquet", "b1.parquet", "c1.parquet"):
        write(tmp_path / name, [record()])
    found = ask(tmp_path, "select count(*) as n from flows")
    assert found.rows == [{"n": len(names) + 3}]
    assert all(source.counts.lines == 1 for source in found.account.sources)


def test_a_name_that_is_no_text_is_a_file_too(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet")
    os.rename(write(tmp_path / "a", [record()]), name)
    assert len(ask(tmp_path).rows) == 1


COLUMNS = ('x" from flows; --', "select", "filename", "file_index", "FILE_ROW_NUMBER", "row", "",
           "nul\0", "new\nline", "a.b", "flows", "фыв", "$1", "?", "x'y", "\n")  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_any_name_does_no_harm(tmp_path: Path, name: str) -> None:
    rows = [record(), record(dstport=70000), quiet()]
    table = pa.Table.from_pylist([row | {name: "of its own"} for row in rows])
    pq.write_table(table, tmp_path / "a.parquet")
    for inputs in (find([str(tmp_path)]), elsewhere(tmp_path / "a.parquet")):
        found = ask(inputs)
        assert [row["srcaddr"] for row in found.rows] == ["192.0.2.1", None]
        assert [line.line for line in found.malformed] == [2]
        column = name.lower().replace("-", "_")
        if name.isprintable() and name:
            assert [row[column] for row in found.rows] == ["of its own"] * 2


REACHES = (
    "select * from read_parquet('{other}')",
    "select * from '{other}'",
    "select * from read_text('{secret}')",
    "select * from read_csv('{secret}')",
    "select * from glob('{place}/*')",
    "select * from parquet_metadata('{other}')",
    "select * from flows where srcaddr = (select content from read_text('{secret}'))",
    "copy flows to '{place}/out.csv'",
    "set variable x = 1",
    "attach '{place}/x.db'",
)


@pytest.mark.parametrize("sql", REACHES)
def test_sql_over_parquet_reaches_no_other_file(tmp_path: Path, sql: str) -> None:
    write(tmp_path / "in" / "a.parquet", [record()])
    write(tmp_path / "other.parquet", [record()])
    (tmp_path / "secret.txt").write_text("secret")
    text = sql.format(
        place=tmp_path, other=tmp_path / "other.parquet", secret=tmp_path / "secret.txt"
    )
    with pytest.raises(UsageError) as caught:
        ask(tmp_path / "in", text)
    assert "\n" not in str(caught.value)
    if sql.startswith("select"):
        with pytest.raises(UsageError):
            ask(fl.read(tmp_path / "in", where=f"srcaddr in ({text})"), "select bytes from flows")
    assert sorted(os.listdir(tmp_path)) == ["in", "other.parquet", "secret.txt"]


@pytest.mark.parametrize("where", ["true; select 1", "true)) as x --", "srcport = $eni"])
def test_a_condition_is_one_condition(tmp_path: Path, where: str) -> None:
    write(tmp_path / "a.parquet", many())
    with pytest.raises(UsageError) as caught:
        ask(fl.read(tmp_path, where=where, port=22), "select srcport, dstport from flows")
    assert "\n" not in str(caught.value)


def test_a_condition_does_not_reach_past_the_filter(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", many())
    found = ask(fl.read(tmp_path, where="1 = 1) or (1 = 1", port=22))
    assert {row["dstport"] for row in found.rows} == {22}


QUESTIONS = {
    "once": "select sum(bytes) as bytes from flows",
    "twice": "select sum(a.bytes) as bytes from flows as a join flows as b using (start_time)",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_file_that_is_broken_in_the_middle_gives_what_is_whole(
    tmp_path: Path, question: str
) -> None:
    rows = [record(start=1418504400 + n, end=1418504460, bytes=1) for n in range(40)]
    file = write(tmp_path / "a.parquet", rows, row_group_size=10)
    spoil(file, "bytes", [2])
    write(tmp_path / "b.parquet", [record(bytes=100)])
    found = ask(tmp_path, QUESTIONS[question])
    assert found.rows == [{"bytes": 130}]
    broken, whole = found.account.sources
    assert broken.truncated.startswith("broken Parquet: ")
    assert (broken.counts.ok, whole.counts.ok) == (30, 1)
    assert "\n" not in broken.truncated
    assert ask(file, QUESTIONS[question]).rows == [{"bytes": 30}]


def test_a_broken_file_beside_text_is_named_or_set_aside_in_time(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", [record(bytes=n) for n in range(40)])
    spoil(file, "bytes", [0])
    (tmp_path / "c.log").write_text(f"{parquets.TOKENS}\n{' '.join(map(str, parquets.OK))}\n")
    outcome: object
    try:
        outcome = ask(tmp_path, QUESTIONS["once"]).rows
    except FlowlensError as error:  # the text has gone by before the file was found broken
        outcome = str(error)
    assert outcome in ([{"bytes": 4249}], f"{file}: broken Parquet; leave it out")
    assert ask(tmp_path, QUESTIONS["twice"]).rows == [{"bytes": 4249}]


def test_a_file_that_is_found_broken_in_counting_counts_where_it_is_whole(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", many(), row_group_size=20)
    spoil(file, "log_status", [1])
    write(tmp_path / "b.parquet", many())
    found = ask(tmp_path, "select count(*) as n from flows")
    assert found.rows == [{"n": 100}]
    assert [source.counts.records for source in found.account.sources] == [40, 60]
    assert found.account.truncated[0].name == str(file)


@pytest.mark.parametrize("sql", QUESTIONS.values())
def test_a_file_that_vanishes_is_one_line(
    tmp_path: Path, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.parquet", [record()])
    write(tmp_path / "b.parquet", [record(bytes=1)])
    seen = run.lake

    def vanishing(sources: Any) -> Any:
        found = seen(sources)
        (tmp_path / "a.parquet").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(run, "lake", vanishing)
    found = ask(tmp_path, sql)
    assert found.rows == [{"bytes": 1}]
    (gone,) = found.account.unreadable
    assert (gone.unreadable, gone.counts.lines) == ("No such file or directory", 0)


def test_texts_that_are_no_utf8_break_their_file_off_and_no_other(tmp_path: Path) -> None:
    marked = [record(interface_id="eni-MARK", bytes=5)]
    file = write(tmp_path / "a.parquet", marked, compression="none", use_dictionary=False,
                 write_statistics=False)  # fmt: skip
    file.write_bytes(file.read_bytes().replace(b"eni-MARK", b"eni-\xff\xfe\xfd\xfc"))
    write(tmp_path / "b.parquet", [record()])
    found = ask(tmp_path, "select interface_id from flows")
    assert found.rows == [{"interface_id": "eni-1"}]
    assert found.account.total.records == 1
    assert "\n" not in found.account.truncated[0].truncated
    there = ask(elsewhere(file), "select srcaddr from flows")
    assert there.account.total.records == 1


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), -1.0, 1e30, Decimal("0.5")])
def test_numbers_that_are_no_integers_are_malformed(tmp_path: Path, value: Any) -> None:
    table = pa.table({"srcaddr": ["192.0.2.1"] * 2, "start": [1, 2], "end": [3, 4],
                      "bytes": [type(value)(7), value]})  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    for inputs in (find([str(tmp_path)]), elsewhere(tmp_path / "a.parquet")):
        found = ask(inputs, "select bytes from flows")
        assert found.rows == [{"bytes": 7}]
        assert [line.line for line in found.malformed] == [2]


def test_moments_beyond_all_bounds_are_malformed(tmp_path: Path) -> None:
    extremes = [-(2**63) + 1, -1, 0, 10**17 - 1000, 10**17, 2**63 - 1]
    for index, kind in enumerate((pa.timestamp("us"), pa.timestamp("us", "UTC"))):
        moments = pa.array(extremes, pa.int64()).cast(kind)
        table = pa.table({"srcaddr": ["192.0.2.1"] * 6, "start": moments, "end": [1] * 6})
        pq.write_table(table, tmp_path / f"{index}.parquet")
        for inputs in (tmp_path / f"{index}.parquet", elsewhere(tmp_path / f"{index}.parquet")):
            found = ask(inputs, "select start_time from flows")
            assert len(found.rows) == 2
            assert [line.line for line in found.malformed] == [1, 2, 5, 6]
            assert {line.reason for line in found.malformed} == {"out_of_range"}


class Failing(io.BytesIO):
    """A stream that fails behind a byte."""

    def __init__(self, data: bytes, last: int) -> None:
        super().__init__(data)
        self._last = last

    def read(self, size: int | None = -1) -> bytes:
        at = self.tell()
        if self._last <= at < len(self.getvalue()) - 100_000:
            raise OSError("the connection broke")
        return super().read(size)


def test_an_object_that_is_denied_or_breaks_off_is_named(tmp_path: Path) -> None:
    def denied() -> Any:
        raise PermissionError(13, "access denied")

    file = write(tmp_path / "a.parquet", [record(bytes=n) for n in range(50_000)],
                 row_group_size=10_000, compression="none", use_dictionary=False)  # fmt: skip
    data = file.read_bytes()
    size = len(data)
    sources = (
        Source("s3://b/denied.parquet", size, denied),
        Source("s3://b/breaks.parquet", size, partial(Failing, data, size // 2)),
        Source("s3://b/good.parquet", size, partial(open, file, "rb")),
    )
    found = ask(Found(("s3://b",), sources), "select count(bytes) as n from flows")
    first, second, third = found.account.sources
    assert first.unreadable == "access denied"
    assert second.truncated == "the connection broke"
    assert 0 < second.counts.records < 50_000
    assert third.counts.records == 50_000
    assert found.rows == [{"n": second.counts.records + 50_000}]


def test_a_reader_that_stops_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    import threading

    files = [write(tmp_path / f"{n}.parquet", many() * 50, row_group_size=100) for n in range(20)]
    before = threading.active_count()
    found = ask(elsewhere(*files), "select bytes from flows limit 1")
    assert len(found.rows) == 1
    assert threading.active_count() <= before + 1
