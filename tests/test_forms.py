"""Every form at once: each file of fixtures/forms is recognised, and what they give adds up."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import envelopes
import make_forms
import parquetfiles
import pyarrow.parquet as pq
import pytest
import records

import flowlens as fl
from flowlens.cli.main import main
from flowlens.reading.decompress import inflate
from flowlens.reading.envelopes.detect import opened
from flowlens.records.fields import columns_by_token

FIXTURES = Path(__file__).parents[1] / "fixtures"
DIRECTORY = FIXTURES / "forms"
COMPRESSED = (".gz", ".zst", ".bz2", ".b64")
PARTS = sorted(path.name for path in DIRECTORY.iterdir())
GATEWAY, NEWEST = "_fl-00000000000000005_", "_fl-0000000000000000d_"
GATEWAYS = (GATEWAY, "text/transit_gateway.log")
EXPECTED = list(csv.DictReader(io.StringIO((FIXTURES / "forms.csv").read_text())))
PLACES = [row["file"] for row in EXPECTED]


def files() -> dict[str, Path]:
    """Every file by its place below the directory."""
    found = (path for path in sorted(DIRECTORY.rglob("*")) if path.is_file())
    return {str(path.relative_to(DIRECTORY)): path for path in found}


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What a command prints as JSON."""
    assert main([*map(str, arguments), "--format", "json", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


def held(place: str, data: bytes) -> object:
    """What a file holds that has compressed data in it: other compressors give other bytes."""
    if data.startswith(b"PAR1"):
        return pq.read_table(io.BytesIO(data))
    if place.startswith("subscription/") or place.endswith(COMPRESSED):
        return b"".join(block.text for block in opened(inflate(io.BytesIO(data))).blocks)
    return data


def test_the_script_makes_what_is_there():
    made = make_forms.forms()
    assert set(made) == set(files())
    for place, path in files().items():
        assert held(place, made[place]) == held(place, path.read_bytes()), place


def test_every_form_that_can_be_written_is_there():
    assert {*make_forms.ENVELOPES, *make_forms.LATER, "export lines"} == set(envelopes.FORMS)
    writers = Path(make_forms.__file__).read_text()
    assert [form for form in parquetfiles.FORMS if f'"{form}"' not in writers] == []


def test_check_recognises_each(capsys):
    told = answer(capsys, "check", DIRECTORY)
    rows = [
        {
            "file": str(Path(source["name"]).relative_to(DIRECTORY)),
            **{name: source[name] for name in ("compression", "envelope", "layout")},
            **{name: str(source[name]) for name in ("lines", "headers", "repeats")},
            "aside": " ".join(f"{number} {what}" for what, number in source["aside"].items()),
        }
        for source in told["sources"]
    ]
    assert rows == EXPECTED
    assert told["passed_over"] == [str(DIRECTORY / "export/aws-logs-write-test")]


def test_the_whole_adds_up(capsys):
    told = answer(capsys, "check", DIRECTORY)
    sources = told["sources"]
    assert told["files"] == len(sources) == len(make_forms.FILES)
    for source in sources:
        assert (source["ok"], source["nodata"], source["skipdata"]) == (22, 1, 1)
        assert (source["malformed"], source["truncated"], source["unreadable"]) == (0, "", "")
    for name in ("lines", "records", "headers", "blanks", "malformed", "repeats"):
        assert told[name] == sum(source[name] for source in sources), name
    parts = ("records", "headers", "blanks", "malformed", "repeats")
    assert told["lines"] == sum(told[name] for name in parts)


def test_the_same_ids_in_two_files_are_no_repeats(capsys):
    names = [DIRECTORY / "cloudwatch" / name for name in ("events.json", "events.jsonl")]
    ids = [set(path.read_text().split('"eventId": "')[1:]) for path in names]
    assert {text[:56] for text in ids[0]} == {text[:56] for text in ids[1]}
    told = answer(capsys, "check", *names)
    assert (told["records"], told["repeats"]) == (48, 0)


NAMES = records.layout(2)[1:]
READ = """
    select
        account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes,
        epoch(start_time)::bigint as start_time, epoch(end_time)::bigint as end_time, action,
        log_status
    from flows
"""


@pytest.fixture(scope="module")
def read() -> dict[str, list[dict[str, Any]]]:
    """The rows of each file, read alone: the default fields but the version."""
    return {place: fl.read(DIRECTORY / place).sql(READ).arrow().to_pylist() for place in PLACES}


def test_every_file_gives_the_records_that_were_written_into_it(read):
    for number, place in enumerate(make_forms.places(), 1):
        found = records.transit if any(name in place for name in GATEWAYS) else records.flows
        rows = [
            " ".join("-" if value is None else str(value) for value in row.values())
            for row in read[place]
        ]
        assert sorted(rows) == sorted(records.lines(found(number), NAMES)), place


def test_every_field_has_its_value():
    for place, layout, written in (
        (NEWEST, records.layout(11), records.flows(13, 11)),
        (GATEWAY, records.TRANSIT_GATEWAY, records.transit(5)),
    ):
        columns = [columns_by_token()[name] for name in layout]
        listed = ", ".join(
            f"epoch({name})::bigint" if name.endswith("_time") else name for name in columns
        )
        (path,) = (path for name, path in files().items() if place in name)
        found = fl.read(path).sql(f"select {listed} from flows").arrow()
        rows = [
            " ".join("-" if value is None else str(value) for value in row)
            for row in zip(*(column.to_pylist() for column in found.columns), strict=True)
        ]
        assert sorted(rows) == sorted(records.lines(written, layout))
        assert 24 not in [column.null_count for column in found.columns]


def test_tags_are_decoded_and_what_is_unknown_is_kept():
    sql = """
        select distinct instance_tag_decoded, instance_tag_2_decoded, interface_tag_decoded
        from flows where instance_tag is not null
    """
    rows = fl.read(DIRECTORY).sql(sql).arrow().to_pylist()
    assert [tuple(row.values()) for row in rows] == [("Größe XL", "web & API", "100%")]
    rows = fl.read(DIRECTORY).sql("select field_of_2031, count(*) from flows group by 1 order by 1")
    assert [tuple(row.values()) for row in rows.arrow().to_pylist()] == [("new", 24), (None, 1368)]


def test_the_totals_of_the_report_are_the_sum_over_single_files(capsys, read):
    sums: dict[str, Counter[str]] = {}
    sources: dict[str, set[str]] = {}
    enis: dict[str, set[str]] = {}
    for row in (row for rows in read.values() for row in rows if row["log_status"] == "OK"):
        action = row["action"]
        numbers = {"records": 1, "packets": row["packets"], "bytes": row["bytes"]}
        sums.setdefault(action, Counter()).update(numbers)
        sources.setdefault(action, set()).add(row["srcaddr"])
        enis.setdefault(action, set()).add(row["interface_id"])
    whole = answer(capsys, "report", DIRECTORY)
    assert {row.pop("action"): row for row in whole["sections"]["action_totals"]["top"]} == {
        action: {
            **sums[action],
            "sources": len(sources[action]),
            "enis": len(enis[action] - {None}),
        }
        for action in sums
    }


KEYS = {
    "action_totals": ("action",),
    "enis": ("account_id", "interface_id"),
    "rejected_by_eni_port": ("interface_id", "protocol", "dstport"),
    "rejected_by_port": ("protocol", "dstport"),
    "rejected_by_source": ("srcaddr",),
    "refused_by_class": ("class", "protocol", "dstport"),
    "refused_pairs": ("class", "srcaddr", "dstaddr", "protocol", "dstport"),
}
SUMS = ("records", "packets", "bytes", "enis")


def numbers(value: Mapping[str, Any], path: str = "") -> Counter[str]:
    """The whole numbers in an object, by their path."""
    found: Counter[str] = Counter()
    for key, item in value.items():
        if isinstance(item, dict):
            found += numbers(item, f"{path}{key}.")
        elif isinstance(item, int) and not isinstance(item, bool):
            found[f"{path}{key}"] = item
    return found


def added(reports: Iterable[Mapping[str, Any]]) -> dict[str, Counter[Any]]:
    """What can be added up in reports, and of the rest only which sources there are."""
    sums: dict[str, Counter[Any]] = {}
    for report in reports:
        for part in ("read", "log", "totals"):
            sums.setdefault(part, Counter()).update(numbers(report[part]))
        for bar in report["timeline"]["buckets"]:
            named = {(bar["bucket"], name): bar[name] for name in ("reject", "accept", "no_action")}
            sums.setdefault("timeline", Counter()).update(named)
        for section, keys in KEYS.items():
            for row in report["sections"][section]["top"]:
                key = tuple(row[name] for name in keys)
                named = {(*key, name): row[name] for name in SUMS if name in row}
                sums.setdefault(section, Counter()).update(named)
    return {name: +counter for name, counter in sums.items()}


def test_a_report_over_all_is_the_sum_of_its_parts(capsys):
    whole = answer(capsys, "report", DIRECTORY, "--limit", 0)
    parts = [answer(capsys, "report", DIRECTORY / part, "--limit", 0) for part in PARTS]
    assert added(parts) == added([whole])
    assert whole["totals"]["records"] == 22 * len(make_forms.FILES)
    assert whole["read"]["first_seen"] == min(part["read"]["first_seen"] for part in parts)
    assert whole["read"]["last_seen"] == max(part["read"]["last_seen"] for part in parts)


def test_what_is_converted_gives_the_same_report(capsys, tmp_path):
    inputs = [DIRECTORY / place for place in PLACES]
    before = answer(capsys, "report", *inputs, "--limit", 0)
    assert main(["convert", *map(str, inputs), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    after = answer(capsys, "report", tmp_path / "out", "--limit", 0)
    for report in (before, after):
        del report["log"]["cannot_show"]  # repeats among it, which were dropped before
    for part in ("log", "totals", "timeline", "look_first", "sections"):
        assert before[part] == after[part], part


def test_what_a_file_is_its_content_tells_and_not_its_name(capsys, tmp_path):
    for number, place in enumerate(PLACES):
        shutil.copy(DIRECTORY / place, tmp_path / f"{number:03}")
    sources = answer(capsys, "check", tmp_path)["sources"]
    names = ("compression", "envelope", "layout")
    told = [{name: source[name] for name in names} for source in sources]
    assert told == [{name: row[name] for name in names} for row in EXPECTED]
