"""When the records are from, and which start so far from all others that it can't be true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from flowlens.output.human import count
from flowlens.output.page import moment
from flowlens.pipeline.run import Question
from flowlens.sql import catalog

NAMED = 3
"""Outliers that a text names; JSON has them all."""


def question() -> Question:
    """The rows of the relation `periods`, which other questions read too."""
    query = catalog.find("periods")
    columns = ", ".join(column.name for column in query.columns)
    select = f"select {columns} from periods order by first_start"
    return Question(select, {}, (*catalog.order([query]), query))


@dataclass(frozen=True, slots=True)
class Outlier:
    """Records that start so far from all others: `interface_id` is the first of their ENIs."""

    first_start: datetime
    last_start: datetime
    records: int
    enis: int
    interface_id: str | None

    def __str__(self) -> str:
        until = f" to {moment(self.last_start)}" if self.last_start != self.first_start else ""
        several = f" and {count(self.enis - 1, 'more ENI')}" if self.enis > 1 else ""
        eni = f" at {self.interface_id}{several}" if self.interface_id else ""
        return f"{self.records:,} from {moment(self.first_start)}{until}{eni}"


@dataclass(frozen=True, slots=True)
class Periods:
    """The span of the records but the outliers; `overlong` last more than a day."""

    first: datetime | None
    last: datetime | None
    outliers: tuple[Outlier, ...]
    overlong: int

    def __str__(self) -> str:
        """Both, each in a sentence; nothing where there are none."""
        texts = []
        if self.outliers:
            every = sum(outlier.records for outlier in self.outliers)
            starts = "record starts" if every == 1 else "records start"
            named = ", ".join(map(str, self.outliers[:NAMED]))
            rest = len(self.outliers) - NAMED
            more = f", and {count(rest, 'more period')}" if rest > 0 else ""
            texts.append(
                f"{every:,} {starts} more than a year from all others ({named}{more}): "
                "counted, but left out of the span and the gaps"
            )
        if self.overlong:
            last = "record lasts" if self.overlong == 1 else "records last"
            texts.append(
                f"{self.overlong:,} {last} more than a day: only the start counts for span and gaps"
            )
        return "; ".join(texts)

    def holds(self, bucket: datetime | None, seconds: int) -> bool:
        """Whether a bucket of so many seconds has a part in the span."""
        if bucket is None or self.first is None:
            return True
        end = bucket + timedelta(seconds=seconds)
        return end > self.first and (self.last is None or bucket <= self.last)

    def to_list(self) -> list[dict[str, object]]:
        """The outliers as JSON has them."""
        return [
            {
                "first_start": outlier.first_start,
                "last_start": outlier.last_start,
                "records": outlier.records,
                "enis": outlier.enis,
                "interface_id": outlier.interface_id,
            }
            for outlier in self.outliers
        ]


def periods(table: pa.Table) -> Periods:
    """What the answer to `question` says."""
    rows = table.to_pylist()
    likely = [row for row in rows if not row["outlier"]]
    ends = [row["last_end"] for row in likely if row["last_end"] is not None]
    return Periods(
        first=min((row["first_start"] for row in likely), default=None),
        last=max(ends, default=None),
        outliers=tuple(
            Outlier(*(row[name] for name in Outlier.__slots__)) for row in rows if row["outlier"]
        ),
        overlong=sum(row["overlong"] for row in rows),
    )
