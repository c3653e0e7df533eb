"""What a report holds: plain data, ready for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from flowlens.answers.report.scanning import Scanning
from flowlens.core.counts import Account
from flowlens.core.errors import UsageError
from flowlens.output.formats import Format

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """The head of an answer, or of a part of it, with what all its rows add up to.

    `sums` holds totals by column, `distinct` numbers of different values by column; `least` and
    `most` are extremes by column.
    """

    rows: int
    top: tuple[Row, ...]
    sums: Mapping[str, int]
    distinct: Mapping[str, int]
    least: Mapping[str, Any]
    most: Mapping[str, Any]

    @property
    def records(self) -> int:
        """Sum of `records` over all rows; 0 for an answer without that column."""
        return self.sums.get("records", 0)

    @property
    def others(self) -> int:
        """Rows that are not in `top`."""
        return self.rows - len(self.top)

    @property
    def other_records(self) -> int:
        """Records of the rows that are not in `top`."""
        shown: int = sum(row["records"] for row in self.top)
        return self.records - shown


@dataclass(frozen=True, slots=True)
class Named:
    """So many sources of one kind; the first few by name, each with the reason."""

    count: int
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: lines = records + headers + blanks + malformed + repeats, over all files.

    `selected` counts the records that passed window and filter, None where there were none.
    """

    files: int
    lines: int
    records: int
    headers: int
    blanks: int
    malformed: int
    repeats: int
    ok: int
    nodata: int
    skipdata: int
    reasons: Mapping[str, int]
    truncated: Named
    unreadable: Named
    selected: int | None
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Log:
    """What the log captures, by number of ENIs, and what is missing from it.

    `judged` is false where the filter leaves out records by their content: what the log captures
    and where it is silent can't be told then. `unproven` counts ENIs whose own address the records
    don't prove. `no_eni` are records with traffic that name no ENI and are no transit gateway's,
    `nodata` and `skipdata` all of their kind; of those that passed the filter.
    """

    judged: bool
    enis: int
    capture: Mapping[str, int]
    aggregation: Mapping[int, int]
    unproven: int
    no_eni: int
    nodata: int
    skipdata: int

    @property
    def rejects_only(self) -> bool:
        """Whether every ENI's log holds rejects alone."""
        return self.judged and 0 < self.enis == self.capture.get("rejects", 0)


@dataclass(frozen=True, slots=True)
class Totals:
    """Records with traffic by action; `other` have none, `gateway` of them a transit gateway's."""

    accept: int
    reject: int
    other: int
    gateway: int

    @property
    def records(self) -> int:
        """All records with traffic."""
        return self.acted + self.other

    @property
    def acted(self) -> int:
        """Those that were accepted or refused: what a share of the refused is a share of."""
        return self.accept + self.reject


@dataclass(frozen=True, slots=True)
class Step:
    """Where rejects step up: at the start of bucket `first`, until `last` (excluded)."""

    first: int
    last: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Records by bucket and action, without holes between the first and the last bucket."""

    bucket_seconds: int
    start: datetime | None
    reject: tuple[int, ...]
    accept: tuple[int, ...]
    other: tuple[int, ...]
    step: Step | None

    def at(self, bucket: int) -> datetime:
        """Start of a bucket."""
        assert self.start is not None
        return self.start + timedelta(seconds=bucket * self.bucket_seconds)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at first: one line, and the numbers behind it."""

    kind: str
    label: str
    text: str
    records: int | None
    facts: Row
    urgent: bool


@dataclass(frozen=True, slots=True)
class Made:
    """How the report was made; `inputs_hash` is over the sources' names and sizes."""

    version: str
    as_of: datetime
    window: str
    filter: str
    inputs: str
    inputs_hash: str


_ENDINGS = {
    ".html": Format.HTML,
    ".md": Format.MARKDOWN,
    ".json": Format.JSON,
    ".txt": Format.TABLE,
}


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """Everything a report shows. `sections` by query; `parts` by `query.part`.

    `first` and `last` span the records that passed the filter, but for outliers, of which
    `odd_times` tells. `activity` is the answer of the
    query of that name, by the timeline's buckets. `scanning` is None where the filter
    leaves out records by their content, or the log can't show who was turned away.
    """

    read: Read
    log: Log
    totals: Totals
    timeline: Timeline
    sections: Mapping[str, Section]
    parts: Mapping[str, Section]
    look_first: tuple[Finding, ...]
    made: Made
    account: Account
    first: datetime | None
    last: datetime | None
    odd_times: str
    activity: pa.Table
    scanning: Scanning | None = None

    def html(self) -> str:
        """The whole report as one page, with charts; it needs no network.

        Raises:
            UsageError: the extra `plot` isn't installed.
        """
        from flowlens.answers.report.page import page

        return page(self, Format.HTML, width=None)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the report as HTML, Markdown, JSON or text, by the path's ending.

        Raises:
            UsageError: another ending, a place that can't be written to, or HTML without the extra
                `plot`.
        """
        from flowlens.answers.report.page import page
        from flowlens.output.sink import open_sink

        place = Path(path)
        kind = _ENDINGS.get(place.suffix.lower())
        if kind is None:
            raise UsageError(f"{place}: a report is written as {', '.join(_ENDINGS)}")
        text = page(self, kind, width=None)
        with open_sink(place) as sink:
            sink.write(text.encode())

    def __repr__(self) -> str:
        from flowlens.answers.report.page import page

        return page(self, Format.TABLE, width=None).rstrip("\n")

    def _repr_html_(self) -> str:
        from flowlens.answers.report.notebook import fragment

        return fragment(self)

    def chart(self) -> Chart:
        """Records over time, a panel for each action."""
        from flowlens.charts.picking import chart_of

        names = ["bucket", "action", "records"]
        sums = self.activity.group_by(names[:2]).aggregate([("records", "sum")])
        return chart_of(sums.rename_columns(names), "Records over time, by action")
