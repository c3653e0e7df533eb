"""Times that can't be true: one absurd start neither stretches the span nor hides a gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from query_world import EPOCH, answer, flows

import flowlens as fl
from flowlens.answers.check import check as checks
from flowlens.answers.check.page import page as check_page
from flowlens.answers.report.limits import blind
from flowlens.output.formats import Format

Y1970, Y1975, Y2019, Y2100 = 0, 157_766_400, 1_546_300_800, 4_102_444_800
NOISY = [*range(0, 3600, 60), *range(7200, 10800, 60)]
"""Starts of an ENI's records, with an hour's silence between."""

GAP = "eni-a 3590 7200 60 60"


def line(eni: str, start: int, end: int) -> str:
    return f"2 1 {eni} 203.0.113.9 10.0.0.5 4000 22 6 1 40 {start} {end} REJECT OK"


def log(*more: tuple[str, int, int], starts: list[int] | None = None) -> list[str]:
    chosen = NOISY if starts is None else starts
    usual = [("eni-a", EPOCH + start, EPOCH + start + 50) for start in chosen]
    return [line(*one) for one in (*usual, *more)]


def table(lines: list[str]) -> list[str]:
    """The same as lines of `query_world`, whose times count from 2026."""
    rows = []
    for text in lines:
        words = text.split()
        times = [str(int(word) - EPOCH) for word in words[10:12]]
        rows.append(" ".join([*words[2:10], *times, *words[12:]]))
    return rows


ODD = {
    "1975": ([("eni-a", Y1975, Y1975 + 60)], [1]),
    "1975 until today": ([("eni-a", Y1975, EPOCH + 20_000)], [1]),
    "2100": ([("eni-a", Y2100, Y2100 + 60)], [1]),
    "another ENI's": ([("eni-b", Y1975, Y1975 + 60)], [1]),
    "several": (
        [
            ("eni-a", Y1970, Y1970),
            ("eni-b", Y1975, Y1975 + 60),
            ("eni-c", Y1975 + 500, Y1975 + 560),
            ("eni-a", Y2100, Y2100 + 60),
        ],
        [1, 2, 1],
    ),
    "none": ([], []),
    "until 2100": ([("eni-a", EPOCH + 60, Y2100)], []),
}


@pytest.mark.parametrize(("odd", "records"), ODD.values(), ids=ODD)
def test_odd_times_are_told_and_leave_gaps_and_span_as_they_are(
    odd: list[tuple[str, int, int]], records: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    path.write_text("\n".join(log(*odd)) + "\n")
    assert answer("gaps", flows("\n".join(table(log(*odd))))) == [GAP]
    told = fl.read(path).check()
    said = told.to_dict()
    assert [outlier["records"] for outlier in told.periods.to_list()] == records
    assert (said["first_seen"].timestamp(), said["last_seen"].timestamp()) == (  # type: ignore[attr-defined]
        EPOCH,
        EPOCH + 10_790,
    )
    assert said["overlong"] == (1 if any(end - start > 86_400 for _, start, end in odd) else 0)
    assert told.coverage_totals["missing_minutes"] == 60
    assert sum(told.coverage["records"].to_pylist()) == len(NOISY) + len(odd)
    text = check_page(told, Format.TABLE)
    assert ("Times that can't be true" in text) == bool(odd)
    report = fl.read(path).report()
    assert (report.first, report.last) == (said["first_seen"], said["last_seen"])
    assert report.timeline.bucket_seconds == 300
    assert len(report.timeline.reject) == 36
    assert ("outliers" in [note.kind for note in blind(report)]) == bool(odd)


def test_a_text_names_the_first_outliers(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("\n".join(log(*ODD["several"][0])) + "\n")
    assert str(fl.read(path).check().periods) == (
        "4 records start more than a year from all others (1 from 1970-01-01T00:00:00Z at eni-a, "
        "2 from 1975-01-01T00:00:00Z to 1975-01-01T00:08:20Z at eni-b and 1 more ENI, "
        "1 from 2100-01-01T00:00:00Z at eni-a): counted, but left out of the span and the gaps"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line("eni-a", Y1975 + at, Y1975 + at + 50) for at in NOISY], 0),  # all are old
        (log(("eni-a", Y2019, Y2019 + 50), starts=[0, 60]), 0),  # one of three
        (log(("eni-a", Y2019, Y2019 + 50), starts=[0, 60, 120]), 1),  # one of four
        (log(*[("eni-a", Y2019 + at, Y2019 + at + 50) for at in range(11)]), 0),  # 11 of 131
        (log(*[("eni-a", Y2019 + at, Y2019 + at + 50) for at in range(10)]), 10),
        (log(("eni-a", EPOCH - 366 * 86_400, EPOCH)), 0),  # a year and a day, and no more
        (log(("eni-a", EPOCH - 367 * 86_400, EPOCH)), 1),
        (log(starts=[]), 0),
    ],
)
def test_periods_of_some_size_or_near_each_other_hold_no_outliers(
    lines: list[str], expected: int
) -> None:
    rows = answer("periods", flows("\n".join(table(lines))))
    assert sum(int(row.split()[3]) for row in rows if row.endswith("True")) == expected
    assert sum(int(row.split()[3]) for row in rows) == len(lines)


@pytest.mark.parametrize(("usual", "outliers"), [(11_988, 1), (11_987, 0)])
def test_of_many_records_a_thousandth_may_be_outliers(usual: int, outliers: int) -> None:
    odd = [("eni-a", Y2019 + at, Y2019 + at + 9) for at in range(12)]
    rows = answer("periods", flows("\n".join(table(log(*odd, starts=list(range(usual)))))))
    assert sum(row.endswith("True") for row in rows) == outliers


def test_an_eni_keeps_its_first_record_unless_it_is_an_outlier() -> None:
    odd = log(("eni-a", Y1975, Y1975 + 60), ("eni-b", Y2100, Y2100 + 60))
    rows = [row.split() for row in answer("enis", flows("\n".join(table(odd))))]
    spans = {row[1]: (int(row[5]), int(row[6])) for row in rows}
    assert spans["eni-a"] == (0, 10_790)
    assert spans["eni-b"] == (Y2100 - EPOCH, Y2100 - EPOCH + 60)  # it has no other


def test_two_sizable_periods_are_covered_hour_by_hour(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    old = [("eni-a", Y2019 + at, Y2019 + at + 50) for at in NOISY]
    path.write_text("\n".join(log(*old)) + "\n")
    told = fl.read(path).check()
    hours = (EPOCH + 10_800 - Y2019) // 3600
    assert told.coverage_totals["eni_hours"] == hours > 50_000
    assert told.coverage_totals["missing_minutes"] == 60 * (hours - 4)
    assert told.cut == 0


def test_hours_past_the_last_one_shown_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    path.write_text("\n".join(log()) + "\n")
    monkeypatch.setattr(checks, "HOURS", 3)
    told = fl.read(path).check()
    assert told.cut == 1
    assert told.to_dict()["coverage"]["enis_cut"] == 1  # type: ignore[index]
    assert "Of 1 ENI the first" in check_page(told, Format.TABLE)
