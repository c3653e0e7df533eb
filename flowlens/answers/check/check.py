"""The check: what was read, what was not and why, and what the log covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.check.periods import Periods, periods, question
from flowlens.core.counts import Account, SourceAccount
from flowlens.output.formats import Format
from flowlens.pipeline.run import Inputs, Listener, Question, answering, overlap_left
from flowlens.sql import catalog

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart

HOURS = 1_000_000
"""Hours of an ENI, from its first, after which the query `coverage` ends."""


@dataclass(frozen=True, slots=True, repr=False)
class Check:
    """The account of a read, and its coverage: the named query's rows, by ENI and hour.

    `periods` tell the span and the outliers of its times.
    """

    account: Account
    coverage: pa.Table
    periods: Periods

    def __repr__(self) -> str:
        total = self.account.total
        return (
            f"Check of {len(self.account.sources):,} files: {total.lines:,} lines = "
            f"{total.records:,} records + {total.headers:,} headers + {total.blanks:,} blanks + "
            f"{total.malformed:,} malformed + {total.repeats:,} repeats"
        )

    def _repr_html_(self) -> str:
        from flowlens.answers.check.page import page

        return page(self, Format.HTML)

    def chart(self) -> Chart:
        """Where the log is silent or lost records, by ENI and hour."""
        from flowlens.charts.picking import chart_of

        return chart_of(self.coverage, "Coverage: records by ENI and hour")

    @property
    def coverage_totals(self) -> dict[str, int]:
        """ENIs, ENI-hours, those with SKIPDATA or a missing minute, and the minutes missing."""
        table = self.coverage
        return {
            "enis": pc.count_distinct(table["interface_id"]).as_py(),
            "eni_hours": table.num_rows,
            "skipdata_hours": _positive(table["skipdata"]),
            "incomplete_hours": _positive(table["missing_minutes"]),
            "missing_minutes": pc.sum(table["missing_minutes"]).as_py() or 0,
        }

    @property
    def cut(self) -> int:
        """ENIs whose span has more hours than the coverage gives."""
        if self.coverage.num_rows < HOURS:
            return 0
        counts = pc.value_counts(self.coverage["interface_id"]).field("counts")
        return int(pc.sum(pc.greater_equal(counts, HOURS)).as_py() or 0)

    def to_dict(self) -> dict[str, object]:
        """The check as one JSON object; times are datetimes."""
        return {
            "files": len(self.account.sources),
            **self.account.total.to_dict(),
            "truncated": len(self.account.truncated),
            "lost": self.account.lost,
            "unreadable": len(self.account.unreadable),
            "passed_over": list(self.account.passed_over),
            "selected": self.account.selected,
            "first_seen": self.periods.first,
            "last_seen": self.periods.last,
            "outliers": self.periods.to_list(),
            "overlong": self.periods.overlong,
            "overlap": self.account.overlap and self.account.overlap.to_dict(),
            "coverage": {**self.coverage_totals, "enis_cut": self.cut},
            "sources": [_source(source) for source in self.account.sources],
        }


def check(inputs: Inputs, listener: Listener) -> Check:
    """Read everything, every page of Parquet too, and say what became of it.

    Raises:
        NoInputError: none of the sources could be read.
    """
    hours, times = Question.named(catalog.find("coverage")), question()
    with answering(replace(inputs, every_page=True), [hours, times], listener) as answers:
        table, span = answers.table(hours), periods(answers.table(times))
        account = answers.account
    account.overlap = overlap_left(inputs)
    return Check(account=account, coverage=table, periods=span)


def _positive(column: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.greater(column, 0)).as_py() or 0)


def _source(source: SourceAccount) -> dict[str, object]:
    return {
        "name": source.name,
        "compression": source.compression or "none",
        "envelope": source.envelope,
        "layout": source.layout,
        "lacking": source.lacking if source.counts.ok else "",
        **source.counts.to_dict(),
        "aside": dict(source.aside),
        "truncated": source.truncated,
        "lost": source.lost,
        "unreadable": source.unreadable,
        "malformed_lines": [
            {"line": line.line, "reason": line.reason, "detail": line.detail, "text": line.text}
            for line in source.malformed
        ],
    }
