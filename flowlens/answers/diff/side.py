"""One side of a comparison: read once, and kept by source, port and ENI in tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from flowlens.core.counts import Account
from flowlens.pipeline.run import Answers, Inputs, Listener, Question, answering
from flowlens.sql import catalog
from flowlens.sql.engine import Connection, sql_errors

MEMORY = "512MiB"
"""What DuckDB may hold of a side, and of both when they are compared; the rest goes to the disk."""

WHOLE = 0.95
"""The data fills an interval if it reaches over so much of it."""

_SUMS = {"sources": "source_sums", "enis": "eni_sums", "inbound": "inbound_sums"}
"""What each side gives besides its ports, by the query."""

TOTALS = ("records", "accepted", "rejected", "bytes", "sources", "enis")
"""The totals of a side that are compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side: what it was read from, the time that it spans, and its totals.

    `start` and `end` are the window's, as far as the data reaches; without one, those of the data.
    `records` have traffic; those of transit gateways are neither accepted nor rejected. `skipdata`
    are intervals in which records were lost.
    """

    inputs: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    account: Account
    records: int
    accepted: int
    rejected: int
    bytes: int
    sources: int
    enis: int
    skipdata: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        if self.start is None or self.end is None:
            return 0
        return max(1, round((self.end - self.start).total_seconds()))

    def to_dict(self) -> dict[str, object]:
        """The side as a JSON object; times are datetimes."""
        return {
            "inputs": list(self.inputs),
            "start": self.start,
            "end": self.end,
            "seconds": self.seconds,
            **{name: getattr(self, name) for name in TOTALS},
            "skipdata": self.skipdata,
        }


def read_side(connection: Connection, name: str, inputs: Inputs, listener: Listener) -> Side:
    """Read one side into the tables `sources_NAME`, `ports_NAME`, `enis_NAME`, `inbound_NAME`."""
    known = catalog.comparing()
    queries = {kind: known[query] for kind, query in _SUMS.items()}
    queries["ports"] = catalog.find("rejected_by_port")
    # What a log can't tell is empty; the rest is still worth comparing.
    questions = {
        kind: replace(Question.named(query), query=None) for kind, query in queries.items()
    }
    totals = replace(Question.named(catalog.find("action_totals")), query=None)
    asked = [totals, *questions.values()]
    with answering(inputs, asked, listener, memory=MEMORY) as answers:
        actions = {row["action"]: row for row in answers.table(totals).to_pylist()}
        for kind, question in questions.items():
            _keep(connection, f"{kind}_{name}", answers, question)
        account = answers.account
    sources = _row(
        connection, f"select count(distinct srcaddr) from sources_{name} where sent > 0"
    )[0]
    enis, skipdata, first, last = _row(
        connection,
        "select count(interface_id), coalesce(sum(skipdata), 0), min(first_seen), max(last_seen) "
        f"from enis_{name}",
    )
    start, end = _span(inputs, account, first, last)
    return Side(
        inputs=inputs.found.inputs,
        start=start,
        end=end,
        account=account,
        records=sum(row["records"] for row in actions.values()),
        accepted=actions.get("ACCEPT", {}).get("records", 0),
        rejected=actions.get("REJECT", {}).get("records", 0),
        bytes=sum(row["bytes"] or 0 for row in actions.values()),
        sources=sources,
        enis=enis,
        skipdata=int(skipdata),
    )


def _keep(connection: Connection, name: str, answers: Answers, question: Question) -> None:
    """Make a table of an answer, a batch at a time: Ctrl-C is seen between them."""
    reader = answers.reader(question)
    verb = f"create table {name} as from given"
    for batch in _batches(reader):
        connection.register("given", batch)
        with sql_errors():
            connection.execute(verb)
        connection.unregister("given")
        verb = f"insert into {name} from given"


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The batches as tables; one without rows first, which tells the columns."""
    yield pa.Table.from_batches([], reader.schema)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _row(connection: Connection, sql: str) -> tuple[Any, ...]:
    with sql_errors():
        (row,) = connection.execute(sql).fetchall()
    return tuple(row)


def _span(
    inputs: Inputs, account: Account, first: datetime | None, last: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """What a side spans: its window, or the part of it that the data reaches over.

    `first` and `last` are those of the side's own records, for want of a window.
    """
    start, end = inputs.filter.since or first, inputs.filter.until or last
    seen = account.first_seen or first, account.last_seen or last
    if start is None or end is None or seen[0] is None or seen[1] is None:
        return start, end
    reached = max(start, seen[0]), min(end, seen[1])
    if reached[0] < reached[1] and (reached[1] - reached[0]) < WHOLE * (end - start):
        return reached
    return start, end
