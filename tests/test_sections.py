"""Lines of one layout are taken together, and what stands there often costs no more than once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from reading import DEFAULT_HEADER, GOOD, read

from flowlens.core.counts import Counts
from flowlens.records import parser
from flowlens.records.buffers import Buffer, Segment
from flowlens.records.layouts import from_header
from flowlens.records.sections import FEW, by_layout

OTHER = "srcaddr dstaddr bytes start end action"
RECORD = "192.0.2.7 192.0.2.2 5 1418530010 1418530070 REJECT"
CHANGES = 4000


def sections(lines: list[str]) -> tuple[list[int], int]:
    """How many lines the sections have, and how many lines are judged alone."""
    buffer = Buffer(from_header(DEFAULT_HEADER), "\n".join(lines).encode(), (Segment(0),))
    found = by_layout(pl.Series(lines), buffer)
    return [len(section.lines) for section in found.sections], len(found.scattered)


def test_a_change_of_layout_costs_no_section_however_often_it_comes():
    assert sections([DEFAULT_HEADER, GOOD, OTHER, RECORD] * CHANGES) == ([2 * CHANGES] * 2, 0)
    assert sections([f"srcaddr dstaddr field-{n}" for n in range(CHANGES)]) == ([], CHANGES)
    assert sections([GOOD] * FEW + [OTHER, RECORD]) == ([FEW], 2)


@pytest.mark.parametrize("times", [3, FEW // 2 - 1, FEW, CHANGES])
def test_rows_stay_in_the_order_of_their_lines_however_often_the_layout_changes(times, tmp_path):
    lines = [DEFAULT_HEADER, GOOD, "x", OTHER, RECORD, "", "srcaddr odd", "192.0.2.9 7"] * times
    (tmp_path / "a.log").write_text("\n".join(lines) + "\n")
    found = read(tmp_path, columns=("srcaddr", "log_status", "bytes", "odd"))
    assert [tuple(row.values()) for row in found.rows] == [
        ("192.0.2.1", "OK", 4249, None),
        ("192.0.2.7", "OK", 5, None),
        ("192.0.2.9", "OK", None, "7"),
    ] * times
    reasons = {"field_count": times}
    assert found.counts == Counts(
        lines=8 * times, headers=3 * times, blanks=times, malformed=times, ok=3 * times,
        reasons=found.counts.reasons,
    )  # fmt: skip
    assert found.counts.reasons == reasons
    assert [line.line for line in found.malformed] == list(range(3, 8 * times, 8))
    some = read(tmp_path, columns=("srcaddr",), literals=("192.0.2.7",))
    assert [row["srcaddr"] for row in some.rows] == ["192.0.2.7"] * times


def test_each_file_of_many_begins_with_its_own_layout(tmp_path):
    for number in range(50):
        text = f"{DEFAULT_HEADER}\n{GOOD}\n{OTHER}\n{RECORD}\nsrcaddr f{number}\n192.0.2.9 1\n"
        (tmp_path / f"{number:03}.log").write_text(text)
    found = read(tmp_path, columns=("srcaddr",))
    assert [row["srcaddr"][-1] for row in found.rows] == ["1", "7", "9"] * 50
    assert found.counts == Counts(lines=300, headers=150, ok=150)


def test_a_malformed_line_that_comes_again_and_again_is_judged_once(monkeypatch, tmp_path: Path):
    judged = []
    judge = parser.judge
    monkeypatch.setattr(parser, "judge", lambda *a: judged.append(a) or judge(*a))
    bad = [b"2 x", b"2 \xe9", b"2 \xea"]
    lines = [GOOD.encode(), *(line for _ in range(CHANGES) for line in (bad[0], b"")), *bad[1:]]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines))
    found = read(tmp_path)
    assert (found.counts.malformed, found.counts.blanks) == (CHANGES + 2, CHANGES)
    assert [line.line for line in found.malformed[:3]] == [2, 4, 6]
    assert [line.detail for line in found.malformed[-2:]] == ["byte 0xe9", "byte 0xea"]
    assert [line.text for line in found.malformed[-2:]] == ["2 \\xe9", "2 \\xea"]
    assert len(judged) == 3
