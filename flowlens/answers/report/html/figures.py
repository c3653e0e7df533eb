"""The charts of the page: each as a picture for all, and as a specification for a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from flowlens.answers.report.limits import blind
from flowlens.answers.report.model import Report
from flowlens.answers.report.words import clock
from flowlens.charts import activity, drawing, shapes, silences
from flowlens.charts.looks import bare
from flowlens.charts.rows import OTHERS
from flowlens.output.human import count, length

TILE = 38
"""Pixels across a tile, for its number."""

_ID = re.compile(r'(?<=\bid=")|(?<=url\(#)|(?<=href="#)')


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title and what is to be known of it; `name` is unique on the page.

    `least` is how narrow it may become, in pixels; where there is less room it is scrolled.
    """

    name: str
    title: str
    notes: Sequence[str]
    spec: Mapping[str, Any]
    svg: str
    least: int = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """All charts; `datasets` hold the data that several of them name.

    `enis` and `ports` are what the charts can be narrowed to.
    """

    over_time: tuple[Figure, ...]
    scanners: tuple[Figure, ...]
    silences: tuple[Figure, ...]
    datasets: Mapping[str, Sequence[Any]]
    enis: Sequence[str]
    ports: Sequence[str]

    def __iter__(self) -> Iterator[Figure]:
        yield from (*self.over_time, *self.scanners, *self.silences)


def figures(report: Report) -> Figures:
    """The charts that the report has something to show in.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    known = activity.rows(report.activity, report.timeline.bucket_seconds)
    datasets = activity.datasets(known)
    over_time = []
    if known.height:
        notes = [
            f"Records by their start, {length(report.timeline.bucket_seconds)} a bar.",
            _step(report),
        ]
        over_time.append(_figure("times", "Over time", notes, activity.times(known), datasets))
    if report.totals.reject:
        notes = [
            "Rejected records by ENI and port, those with most; a stronger tile has more. "
            "Choosing a tile narrows the page to it."
        ]
        tiles = _figure("tiles", "By ENI and port", notes, activity.tiles(known), datasets)
        over_time.append(replace(tiles, least=TILE * len(activity.names(known, "port"))))
    refused = known.filter(known["action"] == "REJECT") if known.height else known
    return Figures(
        tuple(over_time),
        tuple(_scanners(report)),
        tuple(_silences(report)),
        datasets,
        _named(activity.names(refused, "eni")),
        _named(activity.names(refused, "port")),
    )


def _named(names: Sequence[str]) -> list[str]:
    return [name for name in names if name != OTHERS]


def _step(report: Report) -> str:
    step = report.timeline.step
    if step is None:
        return ""
    at = clock(report.timeline.at(step.first), report)
    return f"REJECT steps up at {at}, from {step.before:,.0f} to {step.after:,.0f} a bar."


def _scanners(report: Report) -> Iterator[Figure]:
    found = report.scanning
    if found is None or not found.verdicts.num_rows:
        return
    spec = shapes.shapes(found.verdicts, "Scanners")
    yield _figure("shapes", "Hosts and ports of those that scan", spec["title"]["subtitle"], spec)


def _silences(report: Report) -> Iterator[Figure]:
    section = report.sections["gaps"]
    if not section.rows or not any(note.kind == "gaps" for note in blind(report)):
        return
    spec = silences.gaps(pa.Table.from_pylist([dict(row) for row in section.top]), "Gaps")
    notes = list(spec["title"]["subtitle"])
    if section.others:
        notes.append(f"{count(len(section.top), 'gap')} of {section.rows:,}.")
    yield _figure("gaps", "Where the log is silent", notes, spec)


def _figure(
    name: str,
    title: str,
    notes: Sequence[str],
    spec: Mapping[str, Any],
    datasets: Mapping[str, Sequence[Any]] | None = None,
) -> Figure:
    plain = bare(spec)
    # The picture is described as a whole: a text for each of its marks would be most of the page.
    still = plain | {"config": {**plain["config"], "aria": False}}
    picture = drawing.svg(still | {"datasets": datasets} if datasets else still)
    return Figure(
        name, title, [note for note in notes if note], plain, _ID.sub(f"{name}-", picture)
    )
