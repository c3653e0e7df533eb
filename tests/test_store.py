"""The store of a job: every record once and known by its object, and readable by others."""

from __future__ import annotations

import csv
import doctest
import io
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import records
from commands import command
from job_place import Place, at, line, quiet
from reading import ALL, DEFAULT_HEADER, read

import flowlens as fl
from flowlens.batch import upkeep
from flowlens.batch.jobfile.loading import load
from flowlens.batch.store import drafts, ingest, listing, parts
from flowlens.batch.store.ledger import opened
from flowlens.batch.store.listing import key
from flowlens.batch.store.place import working
from flowlens.batch.summaries import rollups, sketches
from flowlens.batch.summaries.sketches import estimate, sketch, union
from flowlens.inputs.find import find
from flowlens.pipeline.stream import SOURCE, streaming
from flowlens.reading import blocks, decompress, fetch
from flowlens.reading.envelopes import detect
from flowlens.records.fields import fields

FORMS = Path(__file__).parents[1] / "fixtures/forms"

Row = dict[str, Any]

DECODED = {name for name, field in fields().items() if not field.token}


def told(rows: list[Row]) -> Counter[str]:
    """Rows by what they hold; a null says as much as a column that isn't there."""
    return Counter(
        json.dumps({name: cell for name, cell in row.items() if cell is not None}, default=str)
        for row in ({name: row[name] for name in sorted(row)} for row in rows)
    )


def held(here: Place) -> dict[str, list[Row]]:
    """The rows of the store's parts by the objects that they came from."""
    found: dict[str, list[Row]] = {}
    with opened(here.store / "ledger.sqlite") as ledger:
        for part in ledger.parts():
            path = here.store / part.path
            whole = ledger.with_runs(part)
            table = pq.read_table(path, partitioning=None)
            assert (part.rows, part.bytes) == (table.num_rows, path.stat().st_size)
            assert part.rows == sum(rows for _, rows in whole.runs)
            # What the file says of itself is what the ledger says.
            names = [entry.name for entry in parts.described(path)]
            assert [(names[place], rows) for place, rows in parts.runs(path)] == [*whole.runs]
            begin = 0
            for name, rows in whole.runs:
                found.setdefault(name, []).extend(table.slice(begin, rows).to_pylist())
                begin += rows
            days = {str(day) for day in pc.strftime(table["start_time"], "%Y-%m-%d").to_pylist()}
            assert days == {part.day} or part.day == "__HIVE_DEFAULT_PARTITION__"
    return found


def adds_up(here: Place) -> None:
    """Every object's rows are in the parts once, as its own; the ledger's numbers are theirs."""
    found = held(here)
    objects = here.ledger("select name, ok + nodata + skipdata, lines, headers, blanks, malformed, "
                          "repeats, id from objects order by name")  # fmt: skip
    by_key = {key(str(path), f"{here.directory}/"): path for path in files(here.directory / "logs")}
    for name, number, lines, *others, identity in objects:
        rows = found.pop(name, [])
        assert len(rows) == number, name
        assert lines == number + sum(others), name
        columns = {*ALL} - DECODED | {column for row in rows for column in row}
        assert told(rows) == told(own(by_key[name], columns)), name
        touched = here.ledger(f"select sum(records) from touches where object = {identity}")
        assert (touched[0][0] or 0) == sum(has_day(row) for row in rows), name
    assert found == {}
    there = {str(path.relative_to(here.store)) for path in here.store.glob("flows/*/*")}
    manifest = json.loads((here.store / "manifest.json").read_text())["parts"]
    assert {part["path"] for part in manifest} == there
    assert {path for (path,) in here.ledger("select path from parts")} == there


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def has_day(row: Row) -> bool:
    return row["start_time"] is not None and 1970 <= row["start_time"].year < 10_000


def own(path: Path, columns: set[str]) -> list[Row]:
    """The rows of a file read by itself."""
    if path.suffix == ".log":
        return read(path, columns=tuple(columns)).rows
    table = fl.read(path).sql("select * from flows").arrow()
    return table.drop_columns([n for n in table.column_names if n.endswith("_decoded")]).to_pylist()


@pytest.mark.parametrize("module", [listing, sketches])
def test_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def asked(*words: object) -> Any:
    """What a command answers as JSON."""
    done = command(*words, "--quiet", "-f", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store of every form that there is."""
    here = Place(tmp_path_factory.mktemp("forms"))
    shutil.copytree(FORMS, here.directory / "logs")
    here.job()
    here.run_at("26", (None, None))
    return here


def test_every_form_is_in_the_store_row_for_row(forms):
    adds_up(forms)
    expected = (FORMS.parent / "forms.csv").read_text().splitlines()[1:]
    assert len(forms.ledger("select * from objects where state = 'read'")) == len(expected)


def test_a_store_answers_as_its_inputs_do(forms):
    logs, store = forms.directory / "logs", forms.store
    for words in (("query", "enis"), ("query", "rejected_by_source"), ("query", "tgw_drops")):
        assert asked(*words, store) == asked(*words, logs) != []
    checked, expected = asked("check", store), asked("check", logs)
    for name in ("records", "ok", "nodata", "skipdata"):
        assert checked[name] == expected[name]
    report, expected = asked("report", store), asked("report", logs)
    for part in ("totals", "timeline", "sections", "look_first"):
        assert report[part] == expected[part], part


def test_a_store_on_a_walk_is_passed_over_and_named_it_is_read(forms):
    logs, above = asked("check", forms.directory / "logs"), asked("check", forms.directory)
    assert str(forms.store / "flowlens-store.json") in above["passed_over"]
    others = {"job.toml", "run.json", "rejected_by_port.csv"}
    files = [s for s in above["sources"] if Path(s["name"]).name not in others]
    assert len(files) == len(logs["sources"])
    assert not [s for s in above["sources"] if s["name"].startswith(str(forms.store))]


def test_others_read_the_same_numbers_from_the_flows(forms):
    place = f"{forms.store}/flows/*/*.parquet"
    sql = "select count(*), sum(bytes), sum(packets), count(distinct srcaddr) from"
    expected = tuple(fl.read(FORMS).sql(f"{sql} flows").arrow().to_pylist()[0].values())
    with duckdb.connect() as connection:
        relation = f"read_parquet('{place}', hive_partitioning = true, union_by_name = true)"
        assert connection.execute(f"{sql} {relation}").fetchone() == expected
        by_day = connection.execute(f"select day, count(*) from {relation} group by day").fetchall()
    frame = pl.scan_parquet(
        place, hive_partitioning=True, missing_columns="insert", extra_columns="ignore"
    )
    table = frame.select(
        pl.len(), pl.sum("bytes"), pl.sum("packets"), pl.col("srcaddr").drop_nulls().n_unique()
    ).collect()
    assert table.row(0) == expected
    counted = frame.group_by("day").len().collect().rows()
    assert {str(day): n for day, n in counted} == {str(day): n for day, n in by_day}


DAYS = {f"{day}.log": [line(f"{day}T10:00"), line(f"{day}T20:00")] for day in (20, 21, 22)}


def test_a_window_opens_no_part_of_another_day(here):
    for name, lines in DAYS.items():
        here.log(name, lines)
    here.job()
    here.run()
    for day in (20, 22):
        (path,) = here.store.glob(f"flows/day=2025-11-{day}/*")
        path.write_bytes(b"no Parquet")
    window = ("--since", "2025-11-21T12:00", "--until", "2025-11-22")
    told = asked("check", here.store, *window)
    assert (told["selected"], told["files"]) == (1, 1)
    done = command("check", here.store, "--strict")
    assert done.returncode == 1
    assert b"damaged, its SHA-256 isn't that in manifest.json" in done.stderr
    done = command("check", here.store, "--since", "2025-11-25")
    assert done.returncode == 3
    assert b"the store holds no records of that time" in done.stderr


def test_a_store_of_a_newer_version_or_a_damaged_manifest_is_one_line(here):
    here.log("a.log", DAYS["20.log"])
    here.job()
    here.run()
    manifest = here.store / "manifest.json"
    good = manifest.read_text()
    for text, words in (
        (good.replace('"store": 1', '"store": 2'), b"version 2"),
        ("{", b"damaged"),
    ):
        manifest.write_text(text)
        done = command("check", here.store)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert words in done.stderr
    here.run()
    assert asked("check", here.store)["records"] == 2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and row groups of a few rows, and few open at a time."""
    monkeypatch.setattr(parts, "ROW_GROUP", 3)
    monkeypatch.setattr(parts, "MOST_BYTES", 1)
    monkeypatch.setattr(drafts, "OPEN", 2)
    monkeypatch.setattr(drafts, "HELD", 5)
    monkeypatch.setattr(upkeep, "SMALL", 1 << 20)


def mixed(seed: int, rows: int) -> list[str]:
    """Records of three days in no order, each once."""
    return [
        line(
            at(str(20 + n * seed % 3)) + 977 * n % 86_400,
            src=f"192.0.2.{n % 7}",
            port=n,
            eni=f"eni-{seed}",
        )
        for n in range(rows)
    ]


@pytest.mark.parametrize("size", ["small", "usual"])
def test_a_changed_object_is_taken_out_of_the_parts_that_hold_many(here, request, size):
    if size == "small":
        request.getfixturevalue("small")
    for number in (1, 2, 4, 5):
        here.log(f"{number}.log", mixed(number, 12))
    here.job(queries="")
    here.run_at("20T12:00")
    adds_up(here)
    here.log("2.log", mixed(7, 5))
    here.log("4.log", [])
    assert here.run_at("20T13:00")["changed"] == 2
    adds_up(here)
    here.log("6.log", mixed(8, 9))
    ran = here.run_at("26")
    assert ran["compacted"] or size == "small"
    adds_up(here)
    here.log("1.log", mixed(11, 3))
    here.run_at("27")
    adds_up(here)


@pytest.fixture
def by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is large, and every line a block."""
    monkeypatch.setattr(fetch, "SMALL", 0)
    monkeypatch.setattr(decompress, "PIECE", 50)
    monkeypatch.setattr(blocks.blocks, "__defaults__", (1,))


def test_what_is_left_of_a_part_is_no_other_part(here, by_line, monkeypatch):
    monkeypatch.setattr(drafts, "OPEN", 2)
    monkeypatch.setattr(detect, "HEAD", 1)
    # The 20th's part is ended with three records of `a`, for two more days are open; a second part
    # of that day has as many of `a` again, and one of `b`.
    days = [20, 20, 20, 21, 22, 21, 21, 21, 21, 20, 20, 20]
    here.log("a.log", [line(f"{day}T10:00", port=n) for n, day in enumerate(days)])
    here.log("b.log", [line("20T10:00", port=99)])
    here.job(queries="")
    here.run_at("20T12:00")
    assert here.ledger("select rows from parts where day = '2025-11-20'") == [(3,), (4,)]
    here.log("b.log", [])
    here.run_at("20T13:00")
    adds_up(here)


def test_a_copy_of_a_file_whose_name_is_no_text_is_no_move(here):
    path = here.directory / "logs" / os.fsdecode(b"caf\xe9.log")
    path.parent.mkdir()
    path.write_text(f"{DEFAULT_HEADER}\n{line('20T07:00')}\n")
    here.job()
    here.run()
    shutil.copy2(path, path.with_name("copy.log"))
    told = here.run()
    assert (told["new"], told["records"]) == (1, 1)
    adds_up(here)


def test_compaction_keeps_every_row_and_whose_it_is(here):
    here.job()
    for number in (1, 2, 4):
        here.log(f"{number}.log", mixed(number, 12))
        here.run_at("20T12:00")
    before, rows = len(here.ledger("select * from parts")), held(here)
    assert before == 9
    ran = here.run_at("26")
    assert ran["compacted"] == ["2025-11-20", "2025-11-21", "2025-11-22"]
    assert len(here.ledger("select * from parts")) == 3
    runs = here.ledger("select part, name from runs join objects on objects.id = object "
                       "order by part, place")  # fmt: skip
    assert runs == sorted({*runs})
    adds_up(here)
    assert {name: told(some) for name, some in held(here).items()} == {
        name: told(some) for name, some in rows.items()
    }
    assert here.run_at("26")["compacted"] == []


V5 = records.layout(5)


def test_versions_in_one_group_and_a_header_midway_bring_all_their_columns(here):
    here.log("a.log", records.lines(records.flows(1), records.layout(2)[1:]),
             " ".join(records.layout(2)[1:]))  # fmt: skip
    here.log("b.log", records.lines(records.flows(2, 5), V5), " ".join(V5))
    later = ["a-field-of-2031", *V5]
    here.log("c.log", [
        *records.lines(records.flows(3), records.layout(2)),
        " ".join(later),
        *records.lines([{**r, "a-field-of-2031": "new"} for r in records.flows(4, 5)], later),
    ], " ".join(records.layout(2)))  # fmt: skip
    here.job(queries="")
    ran = here.run()
    assert (ran["records"], ran["malformed"]) == (96, 0)
    adds_up(here)
    text = "select count(*) as n from flows where tcp_flags is not null"
    assert asked("sql", text, here.store) == asked("sql", text, here.directory / "logs") != []
    text = "select a_field_of_2031, count(*) as n from flows group by 1 order by 1"
    assert asked("sql", text, here.store)[0] == {"a_field_of_2031": "new", "n": 24}


def test_columns_that_are_found_late_are_in_the_parts(here, monkeypatch):
    monkeypatch.setattr(ingest, "PEEKED", 1)
    here.log("a.log", records.lines(records.flows(1), records.layout(2)),
             " ".join(records.layout(2)))  # fmt: skip
    here.log("b.log", records.lines(records.flows(2, 5), V5), " ".join(V5))
    here.job(queries="")
    here.run()
    adds_up(here)
    (path,) = here.store.glob("flows/*/*")
    assert "pkt_srcaddr" in pq.read_schema(path).names


def test_records_without_a_start_or_with_an_absurd_one_are_kept(here):
    odd = [line(number) for number in (0, 2**31, 9_999_999_999_900)]
    here.log("a.log", [*odd, line("20T10:00"), odd[0].replace(" 0 30 ", " - - ")])
    here.log("b.log", ["192.0.2.1 REJECT"], "srcaddr action")
    table = pa.table({
        "srcaddr": ["192.0.2.9"] * 5,
        "action": ["REJECT"] * 5,
        "start": pa.array([-1, -(10**11), 10**12, at("20"), None], pa.timestamp("s", "UTC")),
    })  # fmt: skip
    pq.write_table(table, here.directory / "logs/c.parquet")
    here.job()
    ran = here.run()
    assert (ran["records"], ran["malformed"]) == (6, 5)
    adds_up(here)
    parts = dict(here.ledger("select day, rows from parts"))
    assert parts == {
        "1970-01-01": 1, "2038-01-19": 1, "2025-11-20": 2, "2286-11-20": 1,
        "__HIVE_DEFAULT_PARTITION__": 1,
    }  # fmt: skip
    assert asked("check", here.store)["records"] == 6
    window = ("--since", "2025-11-20", "--until", "2025-11-21")
    assert asked("check", here.store, *window)["files"] == 1
    here.log("b.log", ["192.0.2.2 REJECT", "192.0.2.3 REJECT"], "srcaddr action")
    here.run()
    adds_up(here)


NAMES = [b"caf\xe9.log", b"caf%E9.log", b"a\nb.log", b"x,\"'.log", "日本.log".encode()]


def test_objects_are_known_whatever_their_names_are(here):
    directory = here.directory / "logs"
    directory.mkdir()
    for number, name in enumerate(NAMES):
        path = os.path.join(os.fsencode(directory), name)
        with open(path, "wb") as file:
            file.write(f"{DEFAULT_HEADER}\n{line('20T10:00', port=number)}\n".encode())
    here.job()
    ran = here.run()
    assert (ran["new"], ran["records"]) == (len(NAMES), len(NAMES))
    assert len(here.ledger("select * from objects")) == len(NAMES)
    adds_up(here)
    assert here.run()["nothing_new"]
    names = [item["name"] for item in here.told("2025-11-20")["inputs"]]
    assert len({*names}) == len(NAMES)
    assert b"\na\nb" not in here.batch("plan").stdout
    with open(os.path.join(os.fsencode(directory), NAMES[0]), "ab") as file:
        file.write(f"{line('20T11:00', port=99)}\n".encode())
    assert here.run()["changed"] == 1
    shutil.copy2(os.path.join(os.fsencode(directory), NAMES[0]), directory / "copied.log")
    assert here.run()["new"] == 1
    adds_up(here)


def test_a_part_that_was_deleted_or_cut_is_read_again(here):
    for name, lines in DAYS.items():
        here.log(name, lines)
    here.job()
    here.run()
    (gone,) = here.store.glob("flows/day=2025-11-20/*")
    (cut,) = here.store.glob("flows/day=2025-11-21/*")
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-9])
    assert len(json.loads(here.batch("plan", "-f", "json").stdout)["lost_parts"]) == 2
    before = here.published()
    ran = here.run()
    assert (len(ran["lost_parts"]), ran["again"], ran["records"]) == (2, 2, 4)
    assert here.published() == before
    adds_up(here)
    assert here.run()["nothing_new"]


def test_a_rebuilt_ledger_knows_every_row(here, small):
    for number in (1, 2, 4):
        here.log(f"{number}.log", mixed(number, 12))
        here.job(queries="")
        here.run_at("20T12:00")
    before = here.ledger("select name, start, records from touches join objects on id = object "
                         "order by name, start")  # fmt: skip
    (here.store / "ledger.sqlite").write_bytes(b"no database at all" * 100)
    done = here.batch("run", code=1)
    assert b"damaged" in done.stderr
    assert done.stderr.count(b"\n") == 1
    here.batch("rebuild")
    adds_up(here)
    assert before == here.ledger("select name, start, records from touches join objects on id = "
                                 "object order by name, start")  # fmt: skip


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store whose day has many sources, of which some come back from hour to hour."""
    here = Place(tmp_path_factory.mktemp("rolled"))
    here.log("a.log", [
        line(at("20") + 3600 * (n % 5) + n % 3600, src=f"198.51.{n % 1700 // 250}.{n % 250}",
             port=(22, 443, 40_000)[n % 3], packets=n % 9 + 1, size=40 + n % 99,
             action=("ACCEPT", "REJECT")[n % 2], eni=f"eni-{n % 2}")
        for n in range(5000)
    ])  # fmt: skip
    here.log("b.log", [quiet("20T07:00", "NODATA"), quiet("20T07:00", "SKIPDATA")])
    here.job()
    here.run()
    return here


def rollup(store, level, name):
    place = store / f"rollups/{level}/{name}/day=2025-11-20/rollup.parquet"
    return pq.read_table(place, partitioning=None)


@pytest.mark.parametrize("level", rollups.LEVELS)
def test_rollups_are_sql_over_the_records(rolled, level):
    unit = {"hours": "hour", "days": "day"}[level]
    start = f"date_trunc('{unit}', start_time at time zone 'UTC') at time zone 'UTC'"
    flows = fl.read(rolled.directory / "logs")
    expected = flows.sql(f"""
        select {start} as start_time, account_id, interface_id, action, protocol,
            case when dstport < 32768 then dstport end as port,
            count(*) filter (where log_status = 'OK') as records,
            coalesce(sum(packets), 0)::bigint as packets, coalesce(sum(bytes), 0)::bigint as bytes,
            count(*) filter (where log_status = 'NODATA') as nodata,
            count(*) filter (where log_status = 'SKIPDATA') as skipdata,
            min(start_time) as first_seen, max(end_time) as last_seen
        from flows group by all order by 1, 2, 3, 4, 5, 6""").arrow()
    found = rollup(rolled.store, level, "records")
    assert found.schema.names == expected.schema.names
    assert found.to_pylist() == expected.to_pylist()
    sizes = rollup(rolled.store, level, "sizes")
    assert pc.sum(sizes["records"]).as_py() == 5000
    for row in sizes.filter(pc.equal(sizes["action"], "REJECT")).slice(0, 20).to_pylist():
        least, most = 1.02 ** (row["bucket"] - 1), 1.02 ** row["bucket"]
        assert flows.sql(f"""
            select count(*) as n from flows
            where action = 'REJECT' and {start} = '{row["start_time"]}'
            and bytes > {least} and bytes <= {most + 1e-9}
        """).arrow()["n"].to_pylist() == [row["records"]]


def test_the_sketches_of_hours_together_are_the_days(rolled):
    hours, days = (
        rollup(rolled.store, level, "sources").to_pylist() for level in ("hours", "days")
    )
    names = ("grouped", "account_id", "interface_id", "action", "protocol", "port")
    flows = fl.read(rolled.directory / "logs")
    assert {row["grouped"] for row in days} == {"all", "eni", "port"}
    for row in days:
        same = [h for h in hours if all(h[name] == row[name] for name in names)]
        assert len(same) == 5
        assert union(h["sketch"] for h in same) == row["sketch"]
        assert estimate(h["sketch"] for h in same) == row["sources"]
        where = {"eni": f"interface_id = '{row['interface_id']}'", "all": "true",
                 "port": f"(case when dstport < 32768 then dstport end) is not distinct from "
                         f"{row['port'] or 'null'}"}[row["grouped"]]  # fmt: skip
        exact = flows.sql(
            f"select count(distinct srcaddr) as n from flows where action = '{row['action']}' "
            f"and {where}"
        ).arrow()["n"][0].as_py()  # fmt: skip
        assert abs(row["sources"] - exact) <= 0.05 * exact


def test_a_sketch_is_exact_where_there_are_few_and_the_same_in_any_order():
    values = [f"192.0.2.{n}" for n in range(200)]
    assert estimate([sketch(values)]) == 200
    assert sketch(reversed(values)) == sketch(values)
    halves = [sketch(values[:120]), sketch(values[80:])]
    assert estimate(halves) == 200
    many = [f"10.0.{n // 250}.{n % 250}" for n in range(50_000)]
    assert estimate([sketch(many)]) == pytest.approx(len({*many}), rel=0.05)


def streamed(paths: list[Path]) -> dict[str, list[Row]]:
    """The rows that a stream gives, by the name of the source that it gives them."""
    found = find([str(path) for path in paths])
    columns = ("srcaddr", "dstport", "start_time", "tcp_flags", "interface_id")
    rows: dict[str, list[Row]] = {}
    with streaming(found, columns) as stream:
        for table in stream:
            for row in table.to_pylist():
                rows.setdefault(found.sources[row.pop(SOURCE)].name, []).append(row)
        counts = {s.name: s.counts.records for s in stream.account.sources if s.counts.records}
    assert {name: len(some) for name, some in rows.items()} == counts
    return rows


def alone(path: Path) -> list[Row]:
    listed = "srcaddr, dstport, start_time, tcp_flags, interface_id"
    return fl.read(path).sql(f"select {listed} from flows").arrow().to_pylist()


def right(paths: list[Path]) -> None:
    rows = streamed(paths)
    for path in paths:
        assert told(rows.pop(str(path), [])) == told(alone(path)), path
    assert rows == {}


def test_a_stream_gives_each_row_its_source_whatever_envelope_it_is_in(by_line):
    right([*sorted((FORMS / "cloudwatch").iterdir()), *sorted((FORMS / "firehose").iterdir()),
           FORMS / "parquet/flowlens/flows.parquet"])  # fmt: skip


@pytest.mark.parametrize("size", ["in groups", "in blocks"])
def test_a_stream_gives_each_row_its_source_where_layouts_are_mixed(here, request, size):
    if size == "in blocks":
        request.getfixturevalue("by_line")
    two, five = records.layout(2), V5
    for number in range(1, 7):
        layout, other = (two, five) if number % 2 else (five, two)
        later = records.lines(records.flows(number + 10, 5), other)
        here.log(f"{number}.log", [
            *records.lines(records.flows(number, 5), layout),
            *(["malformed"] * number),
            *([" ".join(other), *later] * (number > 3)),
        ], " ".join(layout))  # fmt: skip
    here.log("0.log", [])
    parquet = here.directory / "logs/9.parquet"
    pq.write_table(pa.table({"srcaddr": ["192.0.2.9"], "action": ["REJECT"], "start": [at("20")]}),
                   parquet)  # fmt: skip
    right(sorted((here.directory / "logs").iterdir()))


def test_a_store_that_is_made_twice_from_the_same_objects_has_the_same_parts(here, tmp_path):
    other = Place(tmp_path / "other")
    for place in (here, other):
        for name, lines in DAYS.items():
            os.utime(place.log(name, lines), (1, 1))
        place.job(queries="")
        place.run()
    made = [
        {path.relative_to(place.store): path.read_bytes() for path in files(place.store / top)}
        for place in (here, other)
        for top in ("flows", "rollups")
    ]
    assert made[:2] == made[2:]
    assert len(made[0]) == 3


def test_the_query_of_a_window_is_that_of_the_originals(here):
    for name, lines in DAYS.items():
        here.log(name, lines)
    here.job()
    here.run()
    window = ("--since", "2025-11-20T15:00", "--until", "2025-11-22T12:00", "-f", "csv", "--quiet")
    answers = [
        command("query", "rejected_by_port", place, *window).stdout
        for place in (here.store, here.directory / "logs")
    ]
    assert answers[0] == answers[1]
    (row,) = csv.DictReader(io.StringIO(answers[0].decode()))
    assert row["records"] == "4"


def test_a_run_keeps_nothing_that_no_part_of_it_needs(here):
    for name, lines in DAYS.items():
        here.log(name, lines)
    here.job()
    here.run()
    mark = here.told()["store"]
    stray = f"{'0f' * 10}.parquet"
    (here.store / "flows/day=2025-11-20/.x-0123456789ab.part").write_bytes(b"half")
    (here.store / "flows/day=2025-11-20" / stray).write_bytes(b"nobody's")
    (here.directory / f"out/.2025-11-20-{mark}-0123456789ab.part").mkdir()
    here.run()
    with working(load(here.file)) as store:
        assert len(store.ledger.parts()) == 3
    names = {path.name for path in here.directory.rglob("*")}
    assert not [name for name in names if name.endswith(".part") or name == stray]
