"""The check: what was read, what was not and why, and what the log covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.core.counts import Account, SourceAccount
from flowlens.output.formats import Format
from flowlens.pipeline.run import Inputs, Listener, Question, answering, overlap_left
from flowlens.sql import catalog

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart


@dataclass(frozen=True, slots=True, repr=False)
class Check:
    """The account of a read, and its coverage: the named query's rows, by ENI and hour."""

    account: Account
    coverage: pa.Table

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
            "first_seen": self.account.first_seen,
            "last_seen": self.account.last_seen,
            "overlap": self.account.overlap and self.account.overlap.to_dict(),
            "coverage": self.coverage_totals,
            "sources": [_source(source) for source in self.account.sources],
        }


def check(inputs: Inputs, listener: Listener) -> Check:
    """Read everything, every page of Parquet too, and say what became of it.

    Raises:
        NoInputError: none of the sources could be read.
    """
    question = Question.named(catalog.find("coverage"))
    with answering(replace(inputs, every_page=True), [question], listener) as answers:
        table, account = answers.table(question), answers.account
    account.overlap = overlap_left(inputs)
    return Check(account=account, coverage=table)


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
