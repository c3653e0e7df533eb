"""The page of the scanners: what stands on it, that it fits, and what it says it can't know.

The golden pages are written anew by `FLOWLENS_GOLDEN=write pytest tests/test_scanners_page.py`;
read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from scan_world import scanners, write
from test_scans_reasons import refused, served

import flowlens as fl
from flowlens.answers.scanners.page import text
from flowlens.answers.scanners.result import Scanners

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "scanners"
OWN = [line + " flow_direction=ingress" for line in refused("10.0.1.99", 9, first=40)] + [
    "eni-99 10.0.1.99 203.0.113.9 45000 99 6 1 40 1 40 REJECT OK tcp_flags=2"
]
WAVE = [line for n in range(4) for line in refused(f"198.51.100.{n}", 2, first=2 * n + 1)]


@pytest.fixture(scope="module")
def demo() -> Scanners:
    return fl.read(ROOT / "fixtures/demo").scanners()


def golden(name: str, page: str) -> None:
    path = GOLDEN / name
    if os.environ.get("FLOWLENS_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8")


def screen(found: Scanners, width: int | None = None, limit: int = 10) -> str:
    return text(found, "fixtures/demo", limit=limit, width=width)


def made(path: Path, lines: list[str], **options: Any) -> str:
    """The page on these records in one line of words; the tiers that are listed unless told."""
    page = screen(scanners(path, lines, **{"tier": None, **options}))
    return " ".join(page.split())


def answering(source: str, *, answers: int = 1, at: int = 100) -> list[str]:
    """A scanner of nine hosts that then had a session with so many others."""
    lines = refused(source, 9)
    for n in range(answers):
        ends = f"{at + n} {at + 40 + n} ACCEPT OK"
        lines += [
            f"eni-1{n:02} {source} 10.0.2.{n} 45000 22 6 9 3600 {ends} tcp_flags=3",
            f"eni-1{n:02} 10.0.2.{n} {source} 22 45000 6 9 {8100 + n} {ends} tcp_flags=19",
        ]
    return lines


@pytest.mark.parametrize(("name", "width"), [("demo.txt", None), ("demo-140.txt", 140)])
def test_the_page_is_the_golden_one(demo: Scanners, name: str, width: int | None) -> None:
    golden(name, screen(demo, width))


def test_the_page_of_all_tiers_is_the_golden_one() -> None:
    found = fl.read(ROOT / "fixtures/demo").scanners(tier="all")
    page = screen(found, limit=0)
    # Of many that are alike the first ones will do.
    golden("demo-all.txt", "\n".join([*page.split("\n")[:60], "…", *page.split("\n")[-60:]]))


@pytest.mark.parametrize("width", [None, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_room(demo: Scanners, width: int | None) -> None:
    for line in screen(demo, width, limit=0).splitlines():
        assert cell_len(line) <= min(width or 80, 140), line


def test_long_and_wide_words_of_strangers_fit_as_well(tmp_path: Path) -> None:
    sources = [f"2001:db8:1111:2222:3333:4444:5555:{n}666" for n in range(3)]
    lines = []
    for source in sources:
        for n in range(1, 10):
            ends = f"{n} 40 REJECT OK tcp_flags=2"
            lines.append(f"eni-0123456789abcdef{n} {source} fd00::{n} 45000 23 6 1 40 {ends}")
        ends = "50 90 ACCEPT OK"
        host = "fd00:1111:2222:3333:4444:5555:6666:7777"
        lines += [
            f"eni-0123456789abcdef0 {source} {host} 45000 3389 6 9 3600 {ends} tcp_flags=3",
            f"eni-0123456789abcdef0 {host} {source} 3389 45000 6 9 8100 {ends} tcp_flags=19",
        ]
    (tmp_path / "allow.txt").write_text(
        f"{sources[0]} 扫描器{'每周运行一次' * 20}\n"
        f"{sources[1]} https://wiki.example/{'x' * 100}\n",
        encoding="utf-8",
    )
    found = scanners(tmp_path, lines, tier="scanner", allow=tmp_path / "allow.txt")
    for width in (None, 60, 80, 120, 140):
        page = text(found, "s3://" + "bucket/" * 30, limit=10, width=width)
        for line in page.splitlines():
            assert cell_len(line) <= min(width or 80, 140), line
        assert "2001:db8" in page
        assert "(allowed)" in page
        assert "扫描器" in page
    assert sources[0] in page
    assert "3389/tcp RDP" in page


def test_text_of_strangers_does_nothing_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "allow.txt").write_text("203.0.113.9 mine \x1b[31m\u202e\x07\n", encoding="utf-8")
    found = scanners(tmp_path, refused("203.0.113.9", 9), allow=tmp_path / "allow.txt")
    for page in (text(found, "a\x1b[2J\u202e", limit=9, width=None), repr(found)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e]", page)
    assert "ALLOWED: mine \\x1b[31m\\u202e\\x07" in " ".join(
        text(found, "a", limit=9, width=None).split()
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (refused("203.0.113.9", 9), "logs: no touch accepted: sessions, if there were any, aren't"),
        (served("203.0.113.9", 3), "logs: every touch accepted: refusals, if there were any, aren"),
        (refused("203.0.113.9", 9) + served("203.0.113.8", 3), "logs: ALL ·"),
        (["eni-1 203.0.113.8 10.0.1.1 443 50001 6 1 40 20 40 REJECT OK tcp_flags=18"],
         "logs: nobody opened anything"),
        (["eni-1 - - - - - - - 0 60 - NODATA"], "logs: nobody opened anything"),
    ],
)  # fmt: skip
def test_what_the_log_shows_is_said_of_what_was_read(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    assert said in made(tmp_path, lines)


def test_logs_of_rejects_alone_are_said_to_be_some_or_all(tmp_path: Path) -> None:
    long = {"parameters": {"rejects_records": 5}}
    assert "logs: rejects alone, sessions can't be seen ·" in made(
        tmp_path, refused("203.0.113.9", 9, first=1) + ["eni-1 203.0.113.9 10.0.1.1 1 2 6 1 40 "
        f"{n} 40 REJECT OK tcp_flags=2" for n in range(9)],
        parameters={"rejects_records": 1},
    )  # fmt: skip
    many = [f"eni-9 203.0.113.7 10.0.1.9 1 {n} 6 1 40 1 40 REJECT OK tcp_flags=2" for n in range(9)]
    page = made(tmp_path, many + served("203.0.113.8", 3) + refused("203.0.113.5", 2), **long)
    assert "logs: some of rejects alone, sessions can't be seen there" in page


def test_an_input_without_traffic_has_a_page(tmp_path: Path) -> None:
    page = made(tmp_path, ["eni-1 - - - - - - - 0 60 - NODATA"])
    assert "no traffic 0 sources: 0 scanners, 0 likely, 0 probes (not judged)" in page
    assert "no source is scanner or likely by the evidence all of it: --tier all" in page


def test_what_answered_is_named_ten_at_most_and_all_with_limit_0(tmp_path: Path) -> None:
    found = scanners(tmp_path, answering("203.0.113.9", answers=13))

    def answers(limit: int) -> list[str]:
        block = screen(found, 100, limit=limit).split("\n\n")[1].splitlines()
        assert block[0] == "ANSWERED: read these first"
        return block[1:]

    ten, every = answers(1), answers(0)
    assert ten[10:] == [" 3 more: --limit 0"]
    assert ten[:10] == every[:10]
    assert len(every) == 13
    first = "203.0.113.9 eni-112 10.0.2.12 22/tcp SSH 00:01 3.6 kB in 8.1 kB out"
    assert " ".join(every[0].split()) == first


def test_what_answered_an_allowed_source_is_marked(tmp_path: Path) -> None:
    lines = answering("203.0.113.9") + answering("203.0.113.8")
    (tmp_path / "allow.txt").write_text("203.0.113.9 weekly\n")
    page = screen(scanners(tmp_path, lines, allow=tmp_path / "allow.txt"), 100)
    block = page.split("\n\n")[1].splitlines()[1:]
    assert {line.split()[0]: "(allowed)" in line for line in block} == {
        "203.0.113.9": True,
        "203.0.113.8": False,
    }
    assert "(allowed)" not in screen(scanners(tmp_path, lines), 100)


def test_our_own_scanner_is_named_as_such_and_has_no_coverage(tmp_path: Path) -> None:
    found = scanners(tmp_path, OWN + WAVE, tier="scanner")
    page = screen(found)
    (own,) = (line for line in page.splitlines() if line.startswith(" 10.0.1.99"))
    (wave,) = (line for line in page.splitlines() if line.startswith(" 198.51.100.0/24"))
    assert own.split()[-3:] == ["10", "2", "███··"]
    assert wave.split()[-3] == "8/8"
    assert page.count("one of our own") == 1
    assert "one of our own: bar 17.8; 9 in a sweep" in " ".join(page.split())


def test_the_report_shows_our_own_scanner_too(tmp_path: Path) -> None:
    from flowlens.answers.report.page import page
    from flowlens.output.formats import Format

    report = fl.read(write(tmp_path / "flows.log", OWN)).report()
    for format in (Format.TABLE, Format.MARKDOWN, Format.JSON):
        shown = page(report, format, width=140)
        assert "10.0.1.99" in shown
        assert not re.search(r"\b9/\d", shown)


def test_probes_have_a_block_of_their_own_by_port(tmp_path: Path) -> None:
    lines = refused("203.0.113.1", 2, port=22) + refused("203.0.113.2", 1, port=22)
    for port in range(100, 106):
        lines += refused("203.0.113.3" if port < 103 else "203.0.113.4", 1, port=port)
    page = screen(scanners(tmp_path, lines, tier=None))
    block = next(part for part in page.split("\n\n") if part.startswith("PROBES"))
    assert block.splitlines() == [
        "PROBES: too few touches to judge; never accused",
        " 22/tcp SSH  2 sources  3 records",
        " 100/tcp      1 source   1 record",
        " 101/tcp      1 source   1 record",
        " 102/tcp      1 source   1 record",
        " 103/tcp      1 source   1 record",
        " 2 more ports: flowlens query probes",
    ]
    assert "PROBES" not in screen(scanners(tmp_path, refused("203.0.113.9", 9)))


def test_the_end_breaks_between_its_commands_alone(demo: Scanners) -> None:
    for width in (40, 60, 80, 140):
        end = screen(demo, width).rstrip("\n").split("\n\n")[-1]
        parts = [part for line in end.splitlines() for part in line.rstrip(" ·").split(" · ")]
        assert parts == [
            "63 more: --limit 0",
            "step by step: --explain 192.0.2.0/24",
            "all of it: --tier all --format json",
        ]


def test_new_sources_are_marked_where_earlier_states_are_given(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = write(tmp_path / "before" / "a.log", refused("203.0.113.9", 1))
    state = tmp_path / "monday"
    fl.read(before).scanners(save_state=state).arrow()
    lines = [*refused("203.0.113.9", 9, at=90), *refused("203.0.113.8", 9), *WAVE]
    page = screen(scanners(tmp_path, lines, tier=None, states=state))
    since = {line.split()[0]: line.split()[1] for line in page.splitlines() if "█" in line}
    assert since == {"203.0.113.8": "NEW", "198.51.100.0/24": "NEW", "203.0.113.9": "00:00"}


def test_a_wave_at_a_port_is_told_with_what_was_usual(tmp_path: Path) -> None:
    day = 86_400
    lines = []
    for number in range(4):
        some = 25 if number == 3 else 1
        for n in range(some):
            lines += refused(f"203.0.{n}.9", 1, port=8545, at=number * day)
    found = scanners(tmp_path, lines)
    block = next(p for p in screen(found).split("\n\n") if p.startswith("PORT CAMPAIGNS"))
    said = " ".join(block.split("\n", 1)[1].split())
    assert said.startswith("2026-01-04 8545/tcp")
    assert said.endswith("25 sources; 1 a day in the 3 days before")


def test_the_page_lists_by_evidence_then_by_address(demo: Scanners) -> None:
    rows = demo.arrow().to_pylist()
    assert [(-row["evidence"], row["srcaddr"]) for row in rows] == sorted(
        (-row["evidence"], row["srcaddr"]) for row in rows
    )
    shown = [line.split()[0] for line in screen(demo, limit=5).splitlines() if "█" in line]
    assert shown == [row["srcaddr"] for row in rows[:5]]


def test_scanners_show_themselves_with_the_meaning_of_each_column(demo: Scanners) -> None:
    assert "203.0.113.77" in repr(demo)
    page = demo._repr_html_()
    assert page.startswith('<div class="flowlens">')
    assert "what the walk reached" in page
    assert len(demo) == demo.polars().height == 73


def test_a_notebook_runs_nothing_of_what_strangers_wrote(tmp_path: Path) -> None:
    (tmp_path / "allow.txt").write_text("203.0.113.9 <img/src=x onerror=alert(1)>\u202e\n", "utf-8")
    found = scanners(tmp_path, refused("203.0.113.9", 9), allow=tmp_path / "allow.txt")
    page = found._repr_html_()
    assert "&lt;img/src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "\u202e" not in page
