"""Charts: each answer has the picture that suits it, and nothing is lost in it or breaks it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import altair
import polars as pl
import pyarrow as pa
import pytest
from commands import command

import flowlens as fl
from flowlens.answers.scanners.explanation import SCHEMA
from flowlens.charts import activity, probes
from flowlens.charts.chart import MIME, Chart
from flowlens.charts.picking import chart_of
from flowlens.charts.walk import walk
from flowlens.sql import catalog

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"
START = datetime(2026, 11, 23, 2, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)></script>\x1b[31m\u202e&'\""

# What the demo has fields for; the others' charts are drawn from tables made by hand.
DRAWN = [
    name
    for name in sorted(catalog.shipped())
    if catalog.find(name).path.parent.name not in catalog.STEPS
    and not {"instance_id", "subnet_id", "traffic_path", "pkt_srcaddr", "tcp_flags"}
    & set(catalog.find(name).needs)
    and not any(need.startswith(("packets_lost", "pkt_")) for need in catalog.find(name).needs)
]


def moments(count: int, every: timedelta, start: datetime = START) -> list[datetime]:
    return [start + every * place for place in range(count)]


def data(chart: Chart) -> list[dict]:
    """All rows of data in a specification, wherever they stand."""

    def found(spec: object) -> list[dict]:
        if isinstance(spec, dict):
            own = (
                spec.get("data", {}).get("values", []) if isinstance(spec.get("data"), dict) else []
            )
            return own + [row for key, part in spec.items() if key != "data" for row in found(part)]
        return [row for part in spec for row in found(part)] if isinstance(spec, list) else []

    return found(dict(chart.spec))


def is_sound(chart: Chart) -> str:
    """See that altair takes it, that it is drawn, and that its SVG is well formed; the SVG."""
    altair.Chart.from_dict(dict(chart.spec))
    text = chart.svg()
    ET.fromstring(text)
    assert chart.title
    return text


@pytest.fixture(scope="module")
def flows():
    return fl.read(DEMO)


@pytest.mark.parametrize("name", DRAWN)
def test_every_query_has_a_chart(flows, name):
    result = flows.query(name)
    text = is_sound(result.chart())
    assert result.title.split()[0] in text


def test_an_answer_without_rows_is_a_picture_that_says_so():
    empty = fl.read(ROOT / "fixtures/report/header_only.log").query("rejected_by_port")
    assert ">no rows<" in is_sound(empty.chart())


def test_a_timeline_has_a_panel_for_each_action_and_keeps_every_record(flows):
    table = flows.query("timeline", bucket_seconds=60).arrow()
    rows = data(chart_of(table, "t"))
    assert {row["action"] for row in rows} == {"ACCEPT", "REJECT"}
    assert sum(row["records"] for row in rows) == 5020
    assert {row["to"] - row["from"] for row in rows} == {60_000}


def test_a_long_timeline_is_drawn_in_fewer_buckets_and_keeps_every_record():
    times = moments(40_000, timedelta(minutes=1))
    table = pa.table(
        {
            "bucket": pa.array(times, pa.timestamp("us", "UTC")),
            "action": ["REJECT"] * len(times),
            "records": [3] * len(times),
        }
    )
    rows = data(chart_of(table, "t"))
    assert len(rows) <= 361
    assert sum(row["records"] for row in rows) == 120_000


@pytest.mark.parametrize("year", [1970, 2100])
def test_one_bucket_of_any_year_is_a_bar(year):
    at = datetime(year, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "bucket": pa.array([at], pa.timestamp("us", "UTC")),
            "action": pa.array([None], pa.string()),
            "records": [7],
        }
    )
    text = is_sound(chart_of(table, "t"))
    assert f"{year}-01-01 UTC" in text
    assert "no action" in text


def test_ten_thousand_enis_stay_a_picture_and_add_up():
    size = 10_000
    table = pa.table(
        {
            "interface_id": [f"eni-{place:017x}" for place in range(size)],
            "protocol": pa.array([6] * size, pa.int32()),
            "dstport": pa.array([place % 5000 for place in range(size)], pa.int32()),
            "records": list(range(size)),
        }
    )
    chart = chart_of(table, "Rejected traffic by ENI and port")
    rows = data(chart)
    assert len(rows) <= 25 * 25
    assert sum(row["amount"] for row in rows) == sum(range(size))
    text = is_sound(chart)
    assert "9,976 others" in text
    assert "the 24 largest of 10,000" in text
    assert len(text) < 300_000


def test_bars_show_the_largest_and_put_the_others_together():
    size = 1000
    table = pa.table({"srcaddr": [f"192.0.2.{n}" for n in range(size)], "records": range(size)})
    rows = data(chart_of(table, "t"))
    assert [row["amount"] for row in rows[:2]] == [999, 998]
    assert rows[-1] == {
        "name": "975 others", "amount": sum(range(975)), "rest": True, "label": "975 others",
    }  # fmt: skip


@pytest.mark.parametrize(
    "columns",
    [
        {"srcaddr": pa.string(), "records": pa.int64()},
        {"bucket": pa.timestamp("us", "UTC"), "action": pa.string(), "records": pa.int64()},
        {"interface_id": pa.string(), "protocol": pa.int32(), "dstport": pa.int32(),
         "records": pa.int64()},
        {"srcaddr": pa.string(), "dstaddr": pa.string(), "bytes": pa.int64()},
        {"seen": pa.timestamp("us", "UTC"), "what": pa.string(), "bytes": pa.float64()},
        {"interface_id": pa.string(), "hour": pa.timestamp("us", "UTC"), "records": pa.int64(),
         "nodata": pa.int64(), "skipdata": pa.int64(), "missing_minutes": pa.int64()},
        {"interface_id": pa.string(), "gap_start": pa.timestamp("us", "UTC"),
         "gap_end": pa.timestamp("us", "UTC"), "minutes": pa.int64()},
        {"srcaddr": pa.string(), "tier": pa.string(), "shape": pa.string(), "hosts": pa.int64(),
         "ports": pa.int64(), "records": pa.int64()},
    ],
    ids=lambda columns: " ".join(columns),
)  # fmt: skip
def test_nothing_but_nulls_is_drawn_without_an_error(columns):
    table = pa.table({name: pa.nulls(3, kind) for name, kind in columns.items()})
    is_sound(chart_of(table, "t"))


def test_names_of_strangers_do_nothing_and_long_ones_stay_apart():
    names = [HOSTILE, "x" * 255, "x" * 254, None]
    table = pa.table({"vpc.id[0]": names, "records": [4, 3, 2, 1]})
    chart = chart_of(table, HOSTILE)
    text = is_sound(chart)
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len({row["label"] for row in data(chart)}) == 4


def test_sql_of_ones_own_is_drawn_by_the_kinds_of_its_columns(flows):
    by_time = flows.sql(
        "select to_timestamp(epoch(start_time)::bigint // 600 * 600) as at, action, "
        "sum(bytes)::bigint as bytes from flows group by 1, 2 order by 1, 2"
    ).chart()
    assert "line" in json.dumps(by_time.spec["mark"])
    is_sound(by_time)
    counted = flows.sql("select dstport, count(*) as n from flows group by dstport order by n")
    assert data(counted.chart())[0]["amount"] > 1
    assert counted.chart().title == "n by port"
    with pytest.raises(fl.FlowlensError, match=r"^no chart: no column is an amount \(srcaddr\)"):
        flows.sql("select srcaddr from flows").chart()


@pytest.mark.parametrize(
    "columns",
    [
        "[1, 2] as l, 1::hugeint as h",
        "interval 1 day as i, 1.5::decimal(10, 2) as x",
        "{'a': 1} as s, time '10:00' as t, true as b, 'nan'::double as n, 'inf'::double as f",
        "date '2026-11-23' as d, uuid() as u, 'ab'::blob as b, -5 as neg",
        "null as nothing, 9223372036854775807 as big",
    ],
)
def test_a_column_of_any_kind_is_drawn(flows, columns):
    is_sound(flows.sql(f"select {columns} from services limit 3").chart())


def test_a_walk_shows_its_bars_and_long_ones_are_thinned():
    size = 10_000
    rows = [
        {
            "step": n + 1,
            "first_seen": START + timedelta(seconds=n),
            "interface_id": "eni-1",
            "dstaddr": "10.0.0.1",
            "service": "23/tcp telnet",
            "outcome": "refused, nobody is served there",
            "weight": 3.14,
            "fading": 0.0,
            "evidence": 3.14 * (n + 1),
            "tier": "scanner",
        }
        for n in range(size)
    ]
    for count in (1, size):
        chart = Chart(walk(pa.Table.from_pylist(rows[:count], SCHEMA), "w", alarm=11.5, likely=4.6))
        text = is_sound(chart)
        assert "alarm 11.5" in text
        assert "likely 4.6" in text
    steps = [row["step"] for row in data(chart) if "step" in row]
    assert steps[:200] == list(range(1, 201))
    assert steps[-1] == size
    assert len(steps) <= 601


@pytest.mark.parametrize(("hosts", "ports"), [(1, 1), (1, 3000), (3000, 1)])
def test_the_shape_of_a_scan_is_seen_and_a_large_one_is_no_blot(hosts, ports):
    size = hosts * ports
    table = pa.table(
        {
            "first_seen": pa.array(moments(size, timedelta(seconds=7)), pa.timestamp("us", "UTC")),
            "dstaddr": [f"10.0.{n % hosts // 256}.{n % hosts % 256}" for n in range(size)],
            "protocol": pa.array([6] * size, pa.int32()),
            "dstport": pa.array([n % ports for n in range(size)], pa.int32()),
            "action": ["REJECT"] * size,
            "records": [1] * size,
        }
    )
    chart = Chart(probes.probes(table, "p", host="dstaddr"))
    text = is_sound(chart)
    assert (f"{hosts:,} destinations, in order" in text) == (hosts > 30)
    assert (f"{ports:,} ports, in order" in text) == (ports > 30)
    rows = data(chart)
    assert sum(row["records"] for row in rows) == 2 * size
    assert len(rows) < 1100


@pytest.mark.parametrize(
    ("what", "noun", "marks"),
    [("203.0.113.77", "What", 1), ("22", "Who", 2), ("198.18.0.1", "", 0)],
)
def test_what_is_shown_has_a_chart_of_who_touched_what(flows, what, noun, marks):
    chart = flows.show(what).chart()
    text = is_sound(chart)
    assert chart.title.startswith(noun)
    assert (">no rows<" in text) == (marks == 0)
    if marks == 1:  # its own records alone, and none of the answers to it
        assert sum(row["records"] for row in data(chart)) == 2 * 109


def test_shapes_of_many_sources_are_few_marks_that_count_them_all():
    size = 10_000
    table = pa.table(
        {
            "srcaddr": [f"2001:db8::{n:x}" for n in range(size)],
            "tier": ["scanner"] * size,
            "shape": [("horizontal", "vertical", None)[n % 3] for n in range(size)],
            "hosts": [1 + n % 1000 for n in range(size)],
            "ports": [1 + n % 7 for n in range(size)],
            "records": [1] * size,
        }
    )
    rows = data(chart_of(table, "s"))
    assert sum(row["sources"] for row in rows) == size
    assert len(rows) < 600


def test_activity_keeps_every_record_under_the_names_of_the_tables(flows):
    table = flows.query("activity", bucket_seconds=60, enis=3, ports=2).arrow()
    rows = activity.rows(table, 60)
    assert rows["records"].sum() == 5020
    assert activity.names(rows, "port") == ["5432/tcp", "23/tcp", "others"]
    assert len(activity.names(rows, "eni")) == 4
    refused = rows.filter(pl.col("action") == "REJECT")["records"].sum()
    assert refused == flows.query("action_totals").polars()["records"][1]


def test_a_chart_is_kept_as_png_or_svg_by_its_ending(flows, tmp_path):
    chart = flows.query("rejected_by_port").chart()
    chart.save(tmp_path / "a.PNG")
    chart.save(tmp_path / "a.svg")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    with pytest.raises(fl.FlowlensError, match=r"a\.gif: a chart is written as \.png or \.svg"):
        chart.save(tmp_path / "a.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "a.svg"]


def test_jupyter_gets_what_it_draws_itself_and_a_picture(flows):
    chart = flows.query("rejected_by_port").chart()
    shown = chart._repr_mimebundle_()
    assert shown[MIME]["$schema"].endswith("v5.json")
    assert shown["image/svg+xml"].startswith("<svg")
    assert "Rejected traffic" in shown["text/plain"]
    assert isinstance(chart.altair, altair.TopLevelMixin)


def test_without_the_extra_one_line_says_what_to_install(flows, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(fl.FlowlensError, match=r"pip install altair jinja2 vl-convert-python"):
        flows.query("rejected_by_port").chart().svg()
    for arguments in (
        ("query", "timeline", DEMO, "-o", tmp_path / "a.png"),
        ("report", DEMO, "--format", "html", "-o", tmp_path / "a.html"),
    ):
        done = command(*arguments)
        assert done.returncode == 2
        assert b"pip install altair jinja2 vl-convert-python" in done.stderr
        assert done.stderr.count(b"\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "rejected_by_eni_port", DEMO),
        ("sql", "select dstport, count(*) as n from flows group by dstport", DEMO),
        ("check", DEMO),
        ("report", DEMO),
        ("show", "203.0.113.77", DEMO),
        ("scanners", DEMO),
        ("scanners", DEMO, "--explain", "203.0.113.77"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_writes_a_picture_where_the_output_is_named_so(arguments, tmp_path):
    place = tmp_path / "chart.svg"
    done = command(*arguments, "-q", "-o", place)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    ET.fromstring(place.read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "rejected_by_port", DEMO),
        ("sql", "select dstport, count(*) as n from flows group by all order by all", DEMO),
        ("scanners", DEMO, "--tier", "all"),
        ("scanners", DEMO, "--explain", "192.0.2.0/24"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_limit_counts_for_the_picture_too(arguments, tmp_path):
    place = tmp_path / "chart.svg"
    assert command(*arguments, "-q", "--limit", "3", "-o", place).returncode == 0
    few = place.read_text()
    assert command(*arguments, "-q", "-o", place).returncode == 0
    assert len(few) < len(place.read_text()) * 0.9


def test_a_chart_of_the_first_rows_says_of_how_many(flows):
    result = flows.query("rejected_by_port")
    chart = result.chart(limit=3)
    assert [row["amount"] for row in data(chart)] == result.arrow()["records"].to_pylist()[:3]
    assert chart.title.endswith(f": the first 3 of {len(result)} rows")
    for whole in (None, 0, len(result)):
        assert result.chart(limit=whole).title == result.title


def test_a_picture_and_another_format_are_not_both_to_be_had(tmp_path):
    done = command("query", "timeline", DEMO, "-f", "csv", "-o", tmp_path / "a.png")
    assert done.returncode == 2
    assert b"--format csv is another thing" in done.stderr
