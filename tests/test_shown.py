"""What shows itself in a notebook: tables with units, shares and meanings, and whole objects."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from commands import command

import flowlens as fl
from flowlens.answers.report.model import Report
from flowlens.answers.scanners.explanation import COLUMNS
from flowlens.answers.scanners.result import Scanners, Walk
from flowlens.output.formats import Format
from flowlens.output.html import first, html_table
from flowlens.output.markup import _percent
from flowlens.output.render import write
from flowlens.sql.queryfile import Column

DEMO = Path(__file__).parents[1] / "fixtures/demo"
SCANNER = "203.0.113.77"
HOSTILE = '<img src=x onerror="alert(1)">&\u202e\x1b[31m\'"'


class Page(HTMLParser):
    """The elements of a page with their attributes, and its cells as text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th", "caption", "small"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data.strip("\n")

    def titles(self) -> list[str]:
        return [
            attributes["title"] or "" for _, attributes in self.elements if "title" in attributes
        ]


def shown(data: pa.Table, *meanings: Column, limit: int = 20, total: int | None = None) -> Page:
    return Page(html_table(first(data, limit=limit, total=total), meanings))


@pytest.fixture(scope="module")
def flows() -> fl.Flows:
    return fl.read(DEMO)


@pytest.fixture(scope="module")
def report(flows: fl.Flows) -> Report:
    return flows.report(rows=3)


@pytest.fixture(scope="module")
def walk(flows: fl.Flows) -> Walk:
    scanners = flows.scanners()
    assert isinstance(scanners, Scanners)
    return scanners.explain(SCANNER)


def test_a_head_has_its_unit_beneath_and_its_meaning_on_hover():
    page = shown(
        pa.table({"minutes": [1], "gap": [1.5]}),
        Column("minutes", "bigint", "minutes", "without a record"),
        Column("gap", "double", "seconds", "the longest"),
    )
    assert page.texts == ["minutes", "gap", "seconds", "1", "1.5"]
    assert page.titles() == ["without a record", "the longest"]


def test_bars_are_shares_of_all_rows_also_of_those_that_are_not_shown():
    data = pa.table({"bytes": [1, 1, 1], "records": [50, 30, 920]})
    page = shown(data, limit=2)
    assert page.titles() == [
        "5.0% of the records of all 3 rows",
        "3.0% of the records of all 3 rows",
    ]
    assert "2 of 3" in page.texts


def test_bars_are_shares_of_the_largest_where_the_whole_is_not_known():
    page = shown(pa.table({"bytes": [50, 25]}), total=9)
    assert page.titles() == ["100.0% of the largest bytes here", "50.0% of the largest bytes here"]
    page = shown(pa.table({"hosts": [4, 1]}))
    assert page.titles()[1] == "25.0% of the largest hosts here"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([80, 443], pa.int32()),
        pa.array([-1.0, 2.0]),
        pa.array([1.0, float("inf")]),
        pa.array([1.0, float("nan")]),
        pa.array([0, 0]),
        pa.array([7, 7]),
        pa.array([None, 3]),
        pa.array(["1", "2"]),
    ],
)
def test_what_is_no_amount_to_compare_has_no_bars(column):
    name = "dstport" if column.type == pa.int32() else "n"
    assert "bar" not in str(shown(pa.table({name: column})).elements)


def test_what_is_known_to_have_no_unit_is_passed_over_for_what_has_one():
    data = pa.table({"step": [1, 2], "weight": [-1.0, 1.0], "evidence": [2.0, 4.0]})
    page = shown(data, *COLUMNS)
    assert page.titles()[-2:] == [
        "50.0% of the largest evidence here",
        "100.0% of the largest evidence here",
    ]


def test_the_main_amount_has_bars_or_none_has():
    assert "bar" not in str(shown(pa.table({"records": [7, 7], "bytes": [1, 2]})).elements)


@pytest.mark.parametrize("limit", [0, 1])
def test_sums_are_kept_however_the_rows_come(limit):
    data = pa.table({"records": [1, None, 2**62, 2**62], "packets": ["a", "b", "c", "d"]})
    pieces = pa.Table.from_batches(data.to_batches(max_chunksize=1), data.schema)
    assert first(pieces, limit=limit).sums == first(data, limit=limit).sums == {"records": 2.0**63}


def test_times_say_their_zone_in_the_head_and_texts_that_look_like_times_stay():
    instant = "2026-11-23T02:38:09Z"
    page = shown(
        pa.table(
            {
                "at": pa.array([1_795_401_489], pa.timestamp("s", "UTC")),
                "wall": pa.array([1_795_401_489], pa.timestamp("s")),
                "text": [instant],
            }
        )
    )
    assert page.texts == ["at", "UTC", "wall", "text", "2026-11-23 02:38:09",
                          "2026-11-23 02:38:09", instant]  # fmt: skip


def test_numbers_are_grouped_rounded_and_whole_on_hover():
    page = shown(pa.table({"x": [1234.56789, 0.25, 0.0000123, None], "port": [8080] * 4}))
    assert page.texts == ["x", "port", "1,234.568", "8080", "0.250", "8080", "1.23e-05", "8080",
                          "-", "8080"]  # fmt: skip
    assert page.titles()[0] == "100.0% of the largest x here"
    alone = shown(pa.table({"x": [1.23456789]}))
    assert (alone.texts[1], alone.titles()) == ("1.235", ["1.23456789"])


def test_null_is_dim_and_a_dash_is_a_text():
    page = shown(pa.table({"a": [None, "-"], "n": pa.array([None, 1])}))
    cells = [attributes.get("class") for tag, attributes in page.elements if tag == "td"]
    assert cells == ["none", "n none", None, "n"]


def test_lists_of_texts_read_as_such():
    data = pa.table({"why": [["a, b", "c"], [], None, ["x", None]]})
    assert shown(data).texts[1:] == ["a, b · c", "", "-", '["x", null]']


def test_no_rows_say_so_and_no_columns_too():
    assert shown(pa.table({"a": pa.array([], pa.int64())})).texts == ["no rows", "a"]
    assert shown(pa.table({})).texts == ["no rows"]


def test_columns_of_one_name_are_both_shown():
    data = pa.table([pa.array([1, 2]), pa.array([3, 4])], names=["records", "records"])
    assert shown(data).texts[:2] == ["records", "records_1"]


def test_a_long_name_is_whole_on_hover_and_cut_by_style():
    name = "a." * 127 + "b"
    page = html_table(first(pa.table({"name": [name]}), limit=20))
    assert Page(page).titles() == [name]
    assert "text-overflow: ellipsis" in page


def test_strangers_texts_are_texts_wherever_they_stand():
    data = pa.table({HOSTILE: [HOSTILE, HOSTILE * 20], "records": [1, 2], "l": [[HOSTILE]] * 2})
    meaning = Column(HOSTILE, "varchar", HOSTILE, HOSTILE)
    sink = io.BytesIO()
    write(data, Format.HTML, sink, meanings=[meaning], title=HOSTILE)
    text = sink.getvalue().decode()
    tags = {tag for tag, _ in Page(text).elements}
    assert not tags & {"img", "script", "a", "b"}
    names = {name for _, attributes in Page(text).elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href")]
    assert not re.search("[\u202e\x1b]", text)


def test_a_page_lets_nothing_load_and_stands_under_its_title(tmp_path):
    done = command("query", "rejected_by_port", DEMO, "-f", "html", "--limit", "3")
    text = done.stdout.decode()
    assert text.startswith("<!doctype html>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "<h3>Rejected traffic by protocol and destination port</h3>" in text
    assert "3 of 74" in text
    assert 'title="IANA protocol number"' in text
    for words in (("schema",), ("query",), ("sql", "select 1 as one", DEMO)):
        command(*words, "-f", "html", "-o", tmp_path / "x.html")
        assert (tmp_path / "x.html").read_text().endswith("</html>\n")


@pytest.mark.parametrize("words", [("check", DEMO), ("show", SCANNER, DEMO)])
def test_pages_of_several_tables_have_no_html(words):
    done = command(*words, "-f", "html")
    assert done.returncode == 2
    assert b"--format html: this command has table, markdown and json" in done.stderr


def test_flows_say_what_they_are_and_what_one_can_ask(flows):
    page = flows._repr_html_()
    assert "12 sources, 0.1 MB; filter: none" in page
    assert "fixtures/demo" in page
    for word in ("report()", "query(NAME)", "sql(SELECT)", "show(WHAT)", "scanners()", "check()"):
        assert word in page
        assert hasattr(flows, word.partition("(")[0])


def test_a_check_shows_the_sums_that_add_up_and_what_is_wrong(flows):
    page = Page(flows.check()._repr_html_())
    texts = page.texts
    for name, number in (("files", "12"), ("lines", "5,042"), ("malformed", "1")):
        assert texts[texts.index(name) + 1] == number
    assert "lines in gzip, v2, 14 fields, header; malformed: 1" in texts
    assert "minutes no record touches, inside its own span" in page.titles()


def test_a_report_shows_itself_as_text_and_as_tables_and_saves_by_ending(report, tmp_path):
    assert repr(report).startswith("flowlens report")
    page = report._repr_html_()
    assert "LOOK HERE FIRST" in repr(report)
    assert "Look here first" in page
    assert "REJECT 1,660 of 5,020" in page
    assert "47.7% of all records that this table is about" in page
    assert "<svg" not in page
    for ending, begins in ((".html", "<!doctype html>"), (".md", "# flowlens report"),
                           (".json", "{"), (".TXT", "flowlens report")):  # fmt: skip
        report.save(tmp_path / f"r{ending}")
        assert (tmp_path / f"r{ending}").read_text().lstrip().lower().startswith(begins)
    assert json.loads((tmp_path / "r.json").read_text())
    assert "<svg" in report.html()
    with pytest.raises(fl.FlowlensError, match=r"r\.pdf: a report is written as \.html, \.md"):
        report.save(tmp_path / "r.pdf")
    assert not (tmp_path / "r.pdf").exists()


def test_what_show_says_is_text_and_tables_with_meanings(flows):
    portrait = flows.show(SCANNER, rows=2)
    assert repr(portrait).startswith(f"{SCANNER}: 110 of 5,029 records")
    page = Page(portrait._repr_html_())
    assert "2 of 110" in page.texts
    assert "IANA protocol number" in page.titles()
    with pytest.raises(fl.FlowlensError, match="no address, CIDR, ENI or port"):
        flows.show("nobody")


def test_a_walk_shows_itself_and_has_its_bars_in_nats(walk):
    assert walk.title == f"Evidence on {SCANNER}"
    assert walk.arrow().column_names == [column.name for column in COLUMNS]
    alarms = [row["evidence"] for row in walk.arrow().to_pylist() if row["tier"] == "scanner"]
    assert min(alarms) >= walk.alarm > walk.likely > 0
    assert "evidence of the touch" in Page(walk._repr_html_()).titles()
    assert "session" in repr(walk)
    assert walk.chart().title == walk.title


def test_percents_of_what_is_there_are_never_none_and_of_a_part_never_all():
    assert [_percent(value) for value in (0.0, 0.049, 0.05, 99.949, 99.95, 100.0)] == [
        "0.0%", "<0.1%", "0.1%", "99.9%", ">99.9%", "100.0%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "accounts", "told"),
    [
        ("10.0.0.5", ("111122223333", "444455556666"), True),
        ("10.0.0.5", ("111122223333", "111122223333"), False),
        ("203.0.113.50", ("111122223333", "444455556666"), False),
        ("10.0.0.0/8", ("111122223333", "444455556666"), False),
        ("443", ("111122223333", "444455556666"), False),
    ],
)
def test_an_address_met_in_two_networks_is_said_to_be_two_hosts_perhaps(
    tmp_path: Path, what: str, accounts: tuple[str, str], told: bool
) -> None:
    ends = "203.0.113.50 10.0.0.5 51000 443 6 4 336 1764547200 1764547260 ACCEPT OK"
    log = tmp_path / "two.log"
    log.write_text("".join(f"2 {name} eni-a{n} {ends}\n" for n, name in enumerate(accounts)))
    shown = repr(fl.read(log).show(what))
    note = "met in 2 networks, in each of which it may be another host: 111122223333, 444455556666"
    assert (note in shown) == told
