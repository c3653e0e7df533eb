"""The morning mail: what an interval brought, beside the one before it and the week before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.diff.diff import Difference, compare
from flowlens.batch.job import MailPart
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.publish.origin import Origin
from flowlens.batch.summaries.judging import NEW, Judged
from flowlens.batch.summaries.relations import Summaries
from flowlens.core.times import Interval
from flowlens.naming.lookup import Naming
from flowlens.naming.who import describe
from flowlens.pipeline.run import Inputs

WEEK = 7
"""Intervals whose median an interval is held against: a week of days."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail tells. `usual` are medians of the `WEEK` intervals before, None without any.

    `scanners` are the first of the `new` ones, `who` what is known of their names. `difference` is
    to the interval `before`; None at the first. Its new sources are those that the store hasn't
    seen since the interval `since`; None where only the interval before can tell.
    """

    job: str
    interval: Interval
    before: Interval | None
    since: Interval | None
    totals: Row
    usual: Mapping[str, float] | None
    firings: Sequence[Firing]
    why: str
    scanners: Sequence[Row]
    new: int
    listed: int
    answered: int
    who: Mapping[str, str]
    difference: Difference | None
    origins: Sequence[Origin]
    not_summed: Sequence[str]


def mail(
    job: str,
    interval: Interval,
    part: MailPart,
    relations: Summaries,
    judged: Judged,
    firings: Sequence[Firing],
    origins: Sequence[Origin],
    sides: tuple[tuple[Interval, Inputs] | None, Inputs],
    naming: Naming | None,
    seen: Callable[[], tuple[Interval, pa.ChunkedArray] | None],
    not_summed: Sequence[str],
) -> Mail:
    """Gather it; `sides` are the interval before, with its records, and these of this one.

    `seen` are the addresses of all intervals before, as far as there is a state of them.
    `not_summed` are days that couldn't be summed up.
    """
    rows: list[Row] = relations.table(
        f"select * from intervals order by start_time desc limit {WEEK + 1}"
    ).to_pylist()
    scans = judged.table.filter(pc.equal(judged.table["tier"], "scanner"))
    new = scans.filter(scans[NEW.name])
    told = sorted(new.to_pylist(), key=lambda row: not row["answered"])
    shown = told[: part.rows or None]
    alone = [row["srcaddr"] for row in shown if row["members"] is None]
    named = naming.look_up(alone).who if naming else {}
    earlier, now = sides
    known = seen() if earlier else None
    difference = None
    if earlier:
        addresses = known[1] if known else None
        difference = compare(earlier[1], now, rows=part.rows, seen=addresses)
    return Mail(
        job=job,
        interval=interval,
        before=earlier[0] if earlier else None,
        since=known[0] if known else None,
        totals=rows[0] if rows else {},
        usual=_usual(rows[1:]),
        firings=firings,
        why=judged.why,
        scanners=shown,
        new=new.num_rows,
        listed=scans.num_rows,
        answered=sum(bool(row["answered"]) for row in told),
        who={address: describe(identity) for address, identity in named.items()},
        difference=difference,
        origins=origins,
        not_summed=not_summed,
    )


def _usual(week: Sequence[Row]) -> Mapping[str, float] | None:
    """The medians of a week; an interval that couldn't be summed up or judged tells less."""
    known = {name: [row[name] for row in week if row[name] is not None] for name in _USUAL}
    medians = {name: median(values) for name, values in known.items() if values}
    return medians if "rejected" in medians else None


_USUAL = ("records", "rejected", "sources", "new_scanners")
