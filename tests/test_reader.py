"""What is written is read back; every line is accounted for, whatever the question."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import lines
import pytest
import reading
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import ALL, DEFAULT_HEADER, GOOD, read

from flowlens.core.counts import Counts
from flowlens.core.errors import NoInputError
from flowlens.inputs.find import find
from flowlens.reading.blocks import MOST_LINES, blocks, has_short_lines
from flowlens.reading.decompress import Inflated
from flowlens.reading.envelopes.detect import opened
from flowlens.reading.reader import Reading
from flowlens.records.fields import Kind, field_of
from flowlens.records.layouts import Layout, from_user
from flowlens.records.parser import Wanted

COLUMNS = (*ALL, *lines.UNKNOWN)


def row(layout: Layout, values: list[str]) -> dict[str, Any]:
    """The row of a record with traffic, from the tokens it was written with."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    for column, value in zip(layout.columns, values, strict=True):
        kind = field_of(column).kind
        if value in ("-", "None"):
            found[column] = None
        elif kind is Kind.TIME:
            number = int(value)
            seconds = number // 1000 if number >= 10**11 else number
            found[column] = datetime.fromtimestamp(seconds, UTC)
        elif kind in (Kind.PORT, Kind.BYTE, Kind.INT32, Kind.INT64):
            found[column] = int(value)
        else:
            found[column] = value
    for column in COLUMNS:
        raw = found[field_of(column).source]
        if field_of(column).kind is Kind.DECODED and raw is not None:
            found[column] = unquote(raw)
    return found | {"log_status": "OK"}


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], Counts]:
    """A file of several layouts with the rows that it holds, in order."""
    text: list[str] = []
    rows: list[dict[str, Any]] = []
    counts = Counts()
    for layout in draw(st.lists(lines.record_layouts, min_size=1, max_size=3)):
        text.append(lines.header(layout))
        counts.headers += 1
        for _ in range(draw(st.integers(0, 4))):
            values = [
                "OK" if column == "log_status" else draw(lines.tokens(column))
                for column in layout.columns
            ]
            rows.append(row(layout, values))
            text.append("".join(value + draw(lines.blanks) for value in values).rstrip(" "))
            counts.ok += 1
        if draw(st.booleans()):
            text.append(draw(st.sampled_from(("", "  ", "\t\r"))))
            counts.blanks += 1
    counts.lines = len(text)
    return "\n".join(text) + draw(st.sampled_from(("", "\n"))), rows, counts


def shown(found: dict[str, Any]) -> list[str]:
    return [str(value) for value in found.values()]


def lines_counted(text: str, counts: Counts) -> Counts:
    """An empty line at the very end of a text is none."""
    missing = counts.lines - reading.text_lines(text.encode())
    return replace(counts, lines=counts.lines - missing, blanks=counts.blanks - missing)


@settings(max_examples=examples(80))
@given(written())
def test_what_is_written_is_read_back_in_order(
    case: tuple[str, list[dict[str, Any]], Counts],
) -> None:
    text, rows, counts = case
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "a.log")
        file.write_bytes(text.encode())
        outcome = read(file, columns=COLUMNS)
    assert outcome.rows == rows
    assert outcome.counts == lines_counted(text, counts)


@settings(max_examples=examples(60))
@given(st.lists(written(), min_size=1, max_size=4), st.data())
def test_files_of_many_layouts_give_their_own_rows(
    cases: list[tuple[str, list[dict[str, Any]], Counts]], data: st.DataObject
) -> None:
    cases = [*cases, *data.draw(st.permutations(cases))]
    with tempfile.TemporaryDirectory() as place:
        for index, (text, _, _) in enumerate(cases):
            Path(place, f"{index:03}.log").write_bytes(text.encode())
        outcome = read(place, columns=COLUMNS)
    expected = [found for _, rows, _ in cases for found in rows]
    assert sorted(map(shown, outcome.rows)) == sorted(map(shown, expected))
    for source, (text, _, counts) in zip(outcome.account.sources, cases, strict=True):
        assert source.counts == lines_counted(text, counts)


DEFAULTS = st.sampled_from(
    (
        GOOD,
        GOOD.replace("192.0.2.1", "2001:db8::1"),
        GOOD.replace(" ", "  "),
        GOOD.replace("10.0.0.5", "10.0.0.1239"),
        GOOD.replace(" OK", " NODATA"),
        "2 1 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA",
        DEFAULT_HEADER,
        "srcaddr dstaddr bytes start end action",
        "192.0.2.1 192.0.2.2 5 1418530010 1418530070 REJECT",
        "",
        " \r",
    )
).map(str.encode)
ANYTHING = st.lists(st.one_of(DEFAULTS, DEFAULTS, st.binary(max_size=40)), max_size=12).map(
    b"\n".join
)


def seen(path: object, **question: Any) -> list[tuple[Counts, str, str]] | str:
    """The accounts of all sources, or why nothing could be read."""
    try:
        account = read(path, **question).account
    except NoInputError as error:
        return str(error).split(": ", 1)[1]
    return [(source.counts, source.truncated, source.layout) for source in account.sources]


QUESTIONS: tuple[dict[str, Any], ...] = (
    {"columns": ("bytes",)},
    {"columns": ()},
    {"columns": ("vpc_id",)},
    {"columns": ("log_status", "no_such_field")},
    {"columns": ("srcaddr", "start_time"), "literals": ("REJECT",)},
    {"literals": ("REJECT", "192.0.2.1", "2001:db8::1", "eni-1")},
    {"literals": ("nowhere",)},
)


@settings(max_examples=examples(120))
@given(ANYTHING, st.sampled_from(tuple(reading.FORMS)))
def test_no_line_of_any_bytes_is_lost_and_counts_do_not_depend_on_the_question(
    data: bytes, form: str
) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "a")
        file.write_bytes(reading.FORMS[form](data))
        whole = seen(file)
        if not isinstance(whole, str):
            ((counts, truncated, _),) = whole
            assert counts.lines == reading.text_lines(data) or truncated
            assert counts.adds_up
        for question in QUESTIONS:
            assert seen(file, **question) == whole
        with reading.pipe(Path(place, "pipe"), file.read_bytes()) as pipe:
            streamed = seen(pipe)
    if isinstance(whole, str) or isinstance(streamed, str):
        assert streamed == whole
    else:
        assert [found[:2] for found in streamed] == [found[:2] for found in whole]


@settings(max_examples=examples(60))
@given(st.lists(ANYTHING, min_size=1, max_size=5))
def test_the_total_is_the_sum_over_sources(texts: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        expected = []
        for index, text in enumerate(texts):
            file = Path(place, f"{index}.log")
            file.write_bytes(text)
            alone = seen(file)
            expected.append((Counts(), "", "") if isinstance(alone, str) else alone[0])
        try:
            account = read(place).account
        except NoInputError:
            assert not any(counts.lines for counts, _, _ in expected)
            return
    found = [(source.counts, source.truncated, source.layout) for source in account.sources]
    assert found == expected
    total = Counts()
    for counts, _, _ in expected:
        total.add(counts)
    assert account.total == total
    assert total.adds_up


@settings(max_examples=examples(60))
@given(ANYTHING, st.integers(1, 5))
def test_one_file_and_its_lines_as_many_files_count_alike(data: bytes, step: int) -> None:
    rows = (GOOD.encode() + b"\n" + data).removesuffix(b"\n").split(b"\n")
    given_layout = from_user(DEFAULT_HEADER)
    # At the beginning of a file these would mean something else than within one.
    marks = (b"srcaddr", b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf")
    rows = [line for line in rows if not line.startswith(marks)]
    with tempfile.TemporaryDirectory() as place:
        one, many = Path(place, "one.log"), Path(place, "many")
        one.write_bytes(b"".join(line + b"\n" for line in rows))
        many.mkdir()
        for start in range(0, len(rows), step):
            part = b"".join(line + b"\n" for line in rows[start : start + step])
            (many / f"{start:03}.log").write_bytes(part)
        first, second = read(one, layout=given_layout), read(many, layout=given_layout)
    assert first.counts == second.counts
    assert first.rows == second.rows
    assert [line.text for line in first.malformed] == [line.text for line in second.malformed]


@settings(max_examples=examples(60))
@given(
    lines.record_layouts.flatmap(
        lambda layout: st.tuples(
            st.just(layout), st.lists(lines.near_lines(layout), min_size=1, max_size=8)
        )
    ),
    st.data(),
)
def test_a_literal_never_loses_a_row_that_holds_it(
    case: tuple[Layout, list[str]], data: st.DataObject
) -> None:
    layout, texts = case
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "a.log")
        text = "\n".join([lines.header(layout), *texts])
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        everything = read(file, columns=COLUMNS)
        values = {
            value
            for found in everything.rows
            for column, value in found.items()
            if isinstance(value, str) and column != "log_status"
        }
        literal = data.draw(st.sampled_from((*sorted(values), "REJECT")))
        some = read(file, columns=COLUMNS, literals=(literal,))
    assert some.counts == everything.counts
    left = iter(everything.rows)
    assert all(found in left for found in some.rows)
    for found in everything.rows:
        holds = any(v == literal for c, v in found.items() if c != "log_status")
        assert not holds or found in some.rows


def test_a_header_in_one_file_does_not_reach_the_next(tmp_path: Path) -> None:
    changing = f"{DEFAULT_HEADER}\n{GOOD}\nbytes srcaddr\n7 192.0.2.7\n"
    for name in "abc":
        (tmp_path / f"{name}.log").write_text(changing)
    (tmp_path / "d.log").write_text(f"{DEFAULT_HEADER}\n{GOOD}\n{GOOD}")
    outcome = read(tmp_path, columns=("srcaddr", "bytes"))
    assert outcome.counts == Counts(lines=15, headers=7, ok=8)
    ours = {"srcaddr": "192.0.2.1", "bytes": 4249}
    assert outcome.rows == [ours, {"srcaddr": "192.0.2.7", "bytes": 7}] * 3 + [ours] * 2


def test_a_header_that_swaps_columns_at_a_block_begin_is_heeded(tmp_path: Path) -> None:
    swapped = "dstaddr srcaddr\n192.0.2.1 192.0.2.2\n" * 3
    data = f"srcaddr dstaddr\n192.0.2.1 192.0.2.2\n{swapped}".encode()
    (tmp_path / "a.log").write_bytes(data)
    outcome = read(tmp_path, columns=("srcaddr",))
    assert [found["srcaddr"] for found in outcome.rows] == ["192.0.2.1"] + ["192.0.2.2"] * 3
    for size in (1, 20, 40, 60):
        counts, malformed = reading.by_blocks(data, size, 5)
        assert (counts, malformed) == (Counts(lines=8, headers=4, ok=4), [])


def test_a_source_is_read_in_blocks_with_exact_places(tmp_path: Path) -> None:
    """Larger than a group: the header changes in the middle, far into a later block."""
    other = "srcaddr dstaddr bytes start end action"
    record = "192.0.2.1 192.0.2.2 5 1418530010 1418530070 REJECT"
    count = 100_000
    with open(tmp_path / "big.log", "w") as file:
        file.write(DEFAULT_HEADER + "\n" + (GOOD + "\n") * count * 2)
        file.write(GOOD.replace("10.0.0.5", "10.0.0.1239") + "\n")
        file.write(other + "\n" + (record + "\n") * count)
        file.write("192.0.2.1 192.0.2.2 x 1418530010 1418530070 REJECT")
    outcome = read(tmp_path, columns=("action",))
    assert outcome.counts.lines == 3 * count + 4
    assert outcome.counts.ok == len(outcome.rows) == 3 * count
    places = [(line.line, line.reason) for line in outcome.malformed]
    assert places == [(2 * count + 2, "bad_address"), (3 * count + 4, "bad_integer")]


S3 = "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/23/04"
ORGANISATION = "pre/fix/AWSLogs/o-abc123/123456789012/vpcflowlogs/eu-west-1/2026/11/23"
HIVE = (
    "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-west-1/"
    "year=2026/month=11/day=23/hour=04"
)


def test_deep_directories_are_walked_and_what_is_no_source_is_passed_over(tmp_path: Path) -> None:
    text = f"{DEFAULT_HEADER}\n{GOOD}\n".encode()
    name = "123456789012_vpcflowlogs_eu-west-1_fl-1_20261123T0400Z_abc.log.gz"
    for place in (S3, ORGANISATION, HIVE):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / name).write_bytes(gzip.compress(text))
    (tmp_path / "export/0af3/eni-1-all").mkdir(parents=True)
    (tmp_path / "export/0af3/eni-1-all/000000.gz").write_bytes(gzip.compress(text))
    for other in ("export/aws-logs-write-test", "_SUCCESS", ".hidden.log", f"{S3}/.x.log"):
        (tmp_path / other).write_text("Permission Check Successful")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/a.log").write_bytes(text)
    outcome = read(tmp_path)
    assert [source.name for source in outcome.account.sources] == sorted(
        str(path) for path in tmp_path.rglob("*.gz")
    )
    assert outcome.counts == Counts(lines=8, headers=4, ok=4)
    assert len(find([f"{tmp_path}/**/*.gz"]).sources) == 4
    names = {source.name for source in find([f"{tmp_path}/**/*"]).sources}
    assert names == {str(path) for path in tmp_path.rglob("*.gz")}


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text(GOOD)
    os.symlink(file, tmp_path / "link.log")
    os.link(file, tmp_path / "hard.log")
    found = find([str(file), str(tmp_path), f"{tmp_path}/*.log", str(tmp_path / "link.log")])
    assert len(found.sources) == 1
    assert read(file, file, tmp_path, f"{tmp_path}/*").counts == Counts(lines=1, ok=1)


def test_unreadable_sources_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "good.log").write_text(GOOD)
    (tmp_path / "dangling.log").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself.log").symlink_to(tmp_path / "itself.log")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "text.log").write_text("Dear diary,\ntoday\n")
    os.mkfifo(tmp_path / "pipe")
    outcome = read(tmp_path, "/proc/self/mem", tmp_path / "missing.log", f"{tmp_path}/*.none")
    assert outcome.counts == Counts(lines=1, ok=1)
    lost = {Path(source.name).name: source.unreadable for source in outcome.account.unreadable}
    assert list(lost) == ["dangling.log", "itself.log", "text.log", "mem", "missing.log", "*.none"]
    assert all(reason and "\n" not in reason for reason in lost.values())
    assert "symbolic links" in lost["itself.log"]
    assert "--layout" in lost["text.log"]


def test_nothing_to_read_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for inputs, message in (
        ([], "no input: give files"),
        ([str(tmp_path / "empty")], "the directory holds no files"),
        ([str(tmp_path / "none.log")], "no such file or directory"),
        ([f"{tmp_path}/*.log"], "nothing matches this glob"),
    ):
        with pytest.raises(NoInputError, match=message):
            find(inputs)
    (tmp_path / "dangling.log").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NoInputError, match=r"dangling.log: no such file"):
        read(tmp_path / "dangling.log")


def test_a_given_layout_holds_where_no_header_stands(tmp_path: Path) -> None:
    layout = from_user("${dstaddr} ${srcaddr} ${bytes}")
    (tmp_path / "a.log").write_text("192.0.2.2 192.0.2.1 5\n")
    (tmp_path / "b.log").write_text("bytes srcaddr\n6 192.0.2.3\n")
    outcome = read(tmp_path, columns=("srcaddr", "bytes"), layout=layout)
    assert [tuple(found.values()) for found in outcome.rows] == [("192.0.2.1", 5), ("192.0.2.3", 6)]


def test_progress_moves_while_a_large_file_is_read(tmp_path):
    path = tmp_path / "large.log"
    path.write_text("srcaddr action\n" + "192.0.2.1 REJECT\n" * 2_500_000)
    heard = []
    tables = Reading(find([str(path)]), Wanted(("action",)), on_progress=heard.append)
    assert sum(table.num_rows for table in tables) == 2_500_000
    done = [how_far.done for how_far in heard]
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] == path.stat().st_size


@pytest.mark.parametrize("form", ["lines", "a small file", "JSON"])
def test_blocks_are_cut_at_lines_too(form, monkeypatch):
    data = f"{GOOD}\n".encode() + b"x\n" * 2_000_000
    if form == "lines":
        cut = list(blocks([data[:99], data[99:]]))
    elif form == "a small file":
        assert has_short_lines(data)
        assert not has_short_lines(f"{GOOD}\n".encode() * 500_000)
        cut = list(opened(Inflated("", iter([data]))).blocks)
    else:
        text = b"\n".join([json.dumps({"message": GOOD}).encode(), *[b'{"message":"x"}'] * 900_000])
        pieces = (text[start : start + 999_999] for start in range(0, len(text), 999_999))
        cut = list(opened(Inflated("", pieces)).blocks)
    assert max(block.text.count(b"\n") for block in cut) < 3 * MOST_LINES
    if form != "JSON":
        assert b"".join(block.text for block in cut) == data
