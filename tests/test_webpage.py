"""The report as a page, in a real browser: it works alone, from disk, and strangers do nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from browser import browser, opened  # noqa: F401  # a fixture
from commands import command
from nameserver import NameServer, Zone

import flowlens as fl
from flowlens.answers.report.html import vega
from flowlens.answers.report.page import page as written
from flowlens.naming.lookup import naming
from flowlens.output.formats import Format

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"
ATTACK = "<img/src=x/onerror=window.hacked=1>"
BREAKOUT = "</script><script>window.hacked=1</script>"
SIZES = {"desktop": 1280, "phone": 390}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    place = tmp_path_factory.mktemp("page") / "report.html"
    done = command("report", DEMO, "-q", "--format", "html", "-o", place)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return place


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Names by strangers, and an ENI and lines that nobody should have let through."""
    place = tmp_path_factory.mktemp("hostile")
    start = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
    lines = [
        f"2 123456789012 {BREAKOUT if port % 2 else ATTACK} 5.0.0.9 10.0.0.{host} 6000 {port} "
        f"6 1 40 {start + 60 * port} {start + 60 * port + 30} REJECT OK"
        for port in range(1, 13)
        for host in range(1, 4)
    ]
    (place / "a.log").write_text("\n".join([*lines, f"{BREAKOUT} \x1b[31m\u202e", ""]))
    name = dns.name.Name([b"<img src=x onerror=window.hacked=1>", b"example", b""])
    (place / "own.csv").write_text(f"cidr,tag\n5.0.0.9/32,{ATTACK}\n")
    with NameServer(Zone.of([("5.0.0.9", name)])) as server:
        how = naming(
            "on",
            resolvers=[server.address],
            cache=place / "cache.sqlite",
            lists=[place / "own.csv"],
        )
        report = fl.read(place / "a.log").report(rows=100, rdns=how)
    (place / "report.html").write_text(written(report, Format.HTML, width=None))
    return place / "report.html"


def until(page, holds):
    """Wait for what follows from what was done to a chart, which draws itself a little later."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    assert holds()


def test_it_opens_from_disk_alone_and_its_charts_are_live(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, heard):
        for figure in page.locator("figure.chart").all():
            figure.scroll_into_view_if_needed()
            figure.locator(".live svg").wait_for()
        assert page.locator("figure.chart").count() == 4
        assert heard.errors == []
        assert heard.requests == [demo.as_uri()]
        assert page.title().startswith("REJECT 1,660 of 5,020 records with traffic (33.1%)")


def test_a_chart_tells_more_on_hover(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, _):
        tiles = page.locator("#figure-tiles")
        tiles.scroll_into_view_if_needed()
        tiles.locator(".live svg").wait_for()
        tiles.locator("g.mark-rect path").first.hover(force=True)
        tip = page.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        assert re.search(r"ENI\s*eni-.*port\s*\S+.*REJECT records\s*[\d,]+", tip.inner_text(), re.S)


def test_the_time_of_a_chart_is_zoomed_with_shift_and_goes_back(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, heard):
        times = page.locator("#figure-times")
        times.scroll_into_view_if_needed()
        times.locator(".live svg").wait_for()
        labels = times.locator("g.role-axis-label text")
        whole = labels.all_inner_texts()
        times.locator(".live svg g.mark-rect").first.hover(force=True)
        page.mouse.wheel(0, -300)  # without Shift the page scrolls
        page.wait_for_timeout(200)
        assert labels.all_inner_texts() == whole
        times.locator(".live svg g.mark-rect").first.hover(force=True)
        page.keyboard.down("Shift")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Shift")
        until(page, lambda: labels.all_inner_texts() != whole)
        times.locator(".live svg g.mark-rect").first.dblclick(force=True)
        until(page, lambda: labels.all_inner_texts() == whole)
        assert heard.errors == []


def test_tables_are_sorted_and_searched(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, _):
        listing = page.locator(".listing", has=page.locator("h3", has_text="Rejected by port"))
        rows = listing.locator("tbody tr:visible")
        assert rows.count() == 15
        listing.get_by_role("button", name="sources").click()
        first = [row.inner_text().split("\t") for row in rows.all()][:3]
        counts = [int(cells[5]) for cells in first]
        assert counts == sorted(counts, reverse=True) == [94, 76, 75]
        listing.get_by_role("button", name="port", exact=True).click()
        assert [row.inner_text().split("\t")[0] for row in rows.all()][1:4] == [
            "22/tcp", "23/tcp", "445/tcp",
        ]  # fmt: skip
        listing.get_by_role("searchbox").fill("telnet")
        assert [row.inner_text().split("\t")[1] for row in rows.all()] == ["telnet"]
        listing.get_by_role("searchbox").fill("")
        listing.get_by_role("button", name="all 74").click()
        assert rows.count() == 74


def test_the_page_is_narrowed_to_an_eni_and_a_port(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, heard):
        tiles = page.locator("#figure-tiles")
        tiles.scroll_into_view_if_needed()
        tiles.locator(".live svg").wait_for()
        marks = tiles.locator("g.mark-rect path")
        every = marks.count()
        page.locator("select[name=eni]").select_option("eni-06b5c1d2e3f4a5b99a")
        page.locator("select[name=port]").select_option("5432/tcp")
        page.wait_for_function(
            "n => document.querySelectorAll('#figure-tiles g.mark-rect path').length < n", arg=every
        )
        assert marks.count() == 1
        listing = page.locator(".listing", has=page.locator("h3", has_text="by ENI and port"))
        rows = listing.locator("tbody tr:visible")
        assert [row.inner_text().split("\t")[:2] for row in rows.all()] == [
            ["eni-06b5c1d2e3f4a5b99a", "5432/tcp"]
        ]
        page.get_by_role("button", name="all of it").click()
        page.wait_for_function(
            "n => document.querySelectorAll('#figure-tiles g.mark-rect path').length === n",
            arg=every,
        )
        assert rows.count() > 1
        assert heard.errors == []


def test_what_strangers_wrote_is_text_and_does_nothing(browser, hostile):  # noqa: F811
    text = hostile.read_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    with opened(browser, hostile) as (page, heard):
        for figure in page.locator("figure.chart").all():
            figure.scroll_into_view_if_needed()
            figure.locator(".live svg").wait_for()
            figure.locator("path[role=graphics-symbol]").first.hover(force=True)
        page.locator("#vg-tooltip-element").wait_for(state="attached")
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 4
        shown = page.locator("body").inner_text()
        assert ATTACK in shown
        assert BREAKOUT in shown
        card = page.locator(".card").first.inner_text()
        assert r"hacked\0611\062.example" in card
        assert ATTACK in card
        assert heard.errors == []
        assert heard.dialogs == []
        assert heard.requests == [hostile.as_uri()]


def test_the_policy_stops_handlers_and_the_network(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, heard):
        page.evaluate(
            """() => {
                const place = document.createElement("div");
                place.innerHTML = '<img src="data:," onerror="window.hacked=1">';
                document.body.append(place);
                return fetch("http://127.0.0.1:9/").catch(() => {});
            }"""
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.hacked") is None
        assert any("inline event handler" in text for text in heard.errors)
        assert any("connect-src" in text or "default-src" in text for text in heard.errors)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_screen(browser, demo, size, scheme):  # noqa: F811
    with opened(browser, demo, width=SIZES[size], color_scheme=scheme) as (page, _):
        times = page.locator("#figure-times")
        times.scroll_into_view_if_needed()
        times.locator(".live svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size]
        ink, paper = (
            page.evaluate(f"getComputedStyle(document.body).{name}")
            for name in ("color", "backgroundColor")
        )
        brighter = sum(map(int, re.findall(r"\d+", ink))) > sum(map(int, re.findall(r"\d+", paper)))
        assert brighter == (scheme == "dark")


def test_without_scripts_there_are_pictures_and_whole_tables(browser, demo):  # noqa: F811
    with opened(browser, demo, java_script_enabled=False) as (page, heard):
        assert page.locator("figure.chart svg:visible").count() == 4
        listing = page.locator(".listing", has=page.locator("h3", has_text="Rejected by port"))
        assert listing.locator("tbody tr:visible").count() == 74
        assert not page.locator("form.narrow").is_visible()
        assert page.locator("details.sql").count() > 5
        assert heard.errors == []


def test_it_prints(browser, demo):  # noqa: F811
    with opened(browser, demo) as (page, _):
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_page_stays_small_and_says_how_it_was_made(demo):
    text = demo.read_text()
    assert text.startswith("<!doctype html>")
    assert len(text.encode()) < 3_000_000
    for name in ("rejected_by_eni_port", "refused_pairs"):
        assert f"SQL of {name}" in text
    assert "fixtures/demo" in text
    assert re.search(r"12 inputs [0-9a-f]{12}", text)


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (ROOT / "fixtures/report").glob("*.log"))
)
def test_a_log_with_little_in_it_is_a_page_as_well(name, browser, tmp_path):  # noqa: F811
    place = tmp_path / "a.html"
    done = command("report", ROOT / f"fixtures/report/{name}.log", "-f", "html", "-o", place)
    assert done.returncode == 0
    with opened(browser, place) as (page, heard):
        page.locator("html.ready").wait_for()
        assert heard.errors == []


def test_the_script_is_kept_whole_or_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = vega.script()
    (kept,) = tmp_path.glob("flowlens/vega-*.js")
    whole = kept.read_text()
    assert whole.endswith(made)
    monkeypatch.setattr(vega, "_keep", lambda *_: pytest.fail("it was there"))
    assert vega.script() == made
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for wrong in (whole[:-1], whole.replace("vega", "evil"), ""):
        kept.write_text(wrong)
        kept.chmod(0o600)
        assert vega._kept(kept) == ""
    kept.write_text(whole)
    kept.chmod(0o666)
    assert vega._kept(kept) == ""
