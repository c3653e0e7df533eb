"""Findings about the log itself: what is missing from the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from flowlens.answers.report.model import Finding, Report
from flowlens.answers.report.rules import Rule, finding
from flowlens.answers.report.words import clock
from flowlens.output.human import count


def skipdata(report: Report, rule: Rule) -> Iterator[Finding]:
    """Where records were lost."""
    lost = report.parts.get("coverage.skipdata")
    if lost is None or lost.sums.get("skipdata", 0) < rule.least:
        return
    number, enis = lost.sums["skipdata"], lost.distinct["interface_id"]
    row = lost.top[0]
    text = (
        f"{number:,} SKIPDATA on {count(enis, 'ENI')} in {count(lost.rows, 'ENI-hour')}, most on "
        f"{row['interface_id']} from {clock(row['hour'], report)}: totals there are lower bounds"
    )
    facts = {"skipdata": number, "enis": enis, "eni_hours": lost.rows}
    yield finding(rule, text, None, facts)


def gaps(report: Report, rule: Rule) -> Iterator[Finding]:
    """The longest silence of an ENI."""
    gaps = report.sections["gaps"]
    few = gaps.sums.get("minutes", 0) < rule.least
    if few or not report.log.judged or not report.log.nodata:
        return
    row, enis = gaps.top[0], gaps.distinct["interface_id"]
    text = (
        f"{row['interface_id']} is silent from {clock(row['gap_start'], report)} to "
        f"{clock(row['gap_end'], report)}, the longest of {count(gaps.rows, 'gap')}"
    )
    facts = {"gaps": gaps.rows, "enis": enis, "minutes": gaps.sums["minutes"]}
    yield finding(rule, text, None, facts)


def inputs(report: Report, rule: Rule) -> Iterator[Finding]:
    """Inputs that could not be read, or not to their end."""
    read = report.read
    kinds = {
        "unreadable": read.unreadable,
        "truncated": read.truncated,
    }
    if sum(kind.count for kind in kinds.values()) < rule.least:
        return
    parts = [
        f"{kind.count:,} {name} ({kind.first[0][0]}{', …' if kind.count > 1 else ''})"
        for name, kind in kinds.items()
        if kind.count
    ]
    facts = {name: kind.count for name, kind in kinds.items()}
    text = f"{', '.join(parts)}: their records are not, or not all, in these numbers"
    yield finding(rule, text, None, facts)
