"""The check: what was read, what was not and why, and what the log covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from flowlens import named
from flowlens.accounting import Account, SourceAccount
from flowlens.pipeline import Inputs, Listener, Question, answering


@dataclass(frozen=True, slots=True)
class Check:
    """The account of a read, and its coverage: the named query's rows, by ENI and hour."""

    account: Account
    coverage: pa.Table

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
        total = self.account.total
        counts = asdict(total)
        reasons = counts.pop("reasons")
        return {
            "files": len(self.account.sources),
            "records": total.records,
            **counts,
            "truncated": len(self.account.truncated),
            "unreadable": len(self.account.unreadable),
            "reasons": dict(sorted(reasons.items())),
            "selected": self.account.selected,
            "first_seen": self.account.first_seen,
            "last_seen": self.account.last_seen,
            "coverage": self.coverage_totals,
            "sources": [_source(source) for source in self.account.sources],
        }


def check(inputs: Inputs, listener: Listener) -> Check:
    """Read everything, and say what became of it.

    Raises:
        NoInputError: none of the sources could be read.
    """
    question = Question.named(named.find("coverage"))
    with answering(inputs, [question], listener) as answers:
        return Check(account=answers.account, coverage=answers.table(question))


def _positive(column: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.greater(column, 0)).as_py() or 0)


def _source(source: SourceAccount) -> dict[str, object]:
    counts = asdict(source.counts)
    reasons = counts.pop("reasons")
    return {
        "name": source.name,
        "compression": source.compression or "none",
        "layout": source.layout,
        "records": source.counts.records,
        **counts,
        "reasons": dict(sorted(reasons.items())),
        "truncated": source.truncated,
        "unreadable": source.unreadable,
        "malformed_lines": [
            {"line": line.line, "reason": line.reason, "detail": line.detail, "text": line.text}
            for line in source.malformed
        ],
    }
