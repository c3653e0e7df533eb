"""A card for each of the first scanners: who, how, since when, and why that is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowlens.answers.report.html.sparks import spark
from flowlens.answers.report.model import Report
from flowlens.answers.report.scanning import Scanning
from flowlens.answers.report.words import clock
from flowlens.output.human import amount, count, coverage, port_service


@dataclass(frozen=True, slots=True)
class Card:
    """One source or network; `facts` are names with what they are, `points` its touches."""

    source: str
    tier: str
    who: str
    sure: int
    facts: Sequence[tuple[str, str]]
    answered: Sequence[str]
    reasons: Sequence[str]
    points: Sequence[tuple[float, float]]
    caption: str


def cards(report: Report) -> list[Card]:
    """The sources whose touches were kept, most evidence first."""
    found = report.scanning
    if found is None:
        return []
    touches: dict[str, list[Mapping[str, Any]]] = {}
    for row in found.touches.to_pylist():
        touches.setdefault(row["srcaddr"], []).append(row)
    return [
        _card(report, found, row, touches.get(row["srcaddr"], []))
        for row in found.verdicts.slice(0, len(touches)).to_pylist()
    ]


def _card(
    report: Report, found: Scanning, row: Mapping[str, Any], touches: Sequence[Mapping[str, Any]]
) -> Card:
    facts = [
        ("shape", ", ".join(part for part in (row["shape"], row["pace"]) if part)),
        ("hosts", coverage(row["hosts"], row["exposed"])),
        ("ports", f"{row['ports']:,}"),
        ("most at", ", ".join(row["top_ports"] or ())),
        ("seen", f"{clock(row['first_seen'], report)} to {clock(row['last_seen'], report)}"),
        ("records", "" if row["records"] is None else f"{row['records']:,}"),
    ]
    if row["members"] is not None:
        facts.insert(0, ("as one", f"{row['members']:,} addresses"))
    who = found.who(row["srcaddr"])
    return Card(
        source=row["srcaddr"],
        tier=row["tier"],
        who="" if who == "-" else who,
        sure=row["sure"] or 0,
        facts=[(name, text) for name, text in facts if text],
        answered=[
            f"{answer['interface_id'] or answer['dstaddr']} "
            f"{port_service(answer['protocol'], answer['dstport'])} answered at "
            f"{clock(answer['answered_first'], report)}, {amount(answer['bytes_out'])} out"
            for answer in found.answers
            if answer["srcaddr"] == row["srcaddr"]
        ],
        reasons=row["reasons"],
        points=spark(touches),
        caption=_caption(report, row, touches),
    )


def _caption(report: Report, row: Mapping[str, Any], touches: Sequence[Mapping[str, Any]]) -> str:
    """What the points are; the first touches alone where there are many."""
    if not touches:
        return ""
    first, last = (clock(touches[place]["first_seen"], report) for place in (0, -1))
    shown = count(len(touches), "touch", "touches")
    if len(touches) < row["contacts"]:
        shown = f"the first {len(touches):,} of {row['contacts']:,} touches"
    return f"{shown}, {first} to {last}, a row for each host"
