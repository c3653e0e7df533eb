"""The morning mail: what an interval brought, beside the one before it and the week before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pyarrow.compute as pc

from flowlens.batch.job import MailPart
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.publish.origin import Origin
from flowlens.batch.summaries.judging import NEW, Judged
from flowlens.batch.summaries.relations import Summaries
from flowlens.diff import Difference, compare
from flowlens.identity import describe
from flowlens.intervals import Interval
from flowlens.names import Naming
from flowlens.pipeline import Inputs

WEEK = 7
"""Intervals whose median an interval is held against: a week of days."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail tells. `usual` are medians of the `WEEK` intervals before, None without any.

    `scanners` are the first of the `new` ones, `who` what is known of their names. `difference` is
    to the interval `before`; None at the first.
    """

    job: str
    interval: Interval
    before: Interval | None
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
) -> Mail:
    """Gather it; `sides` are the interval before, with its records, and these of this one."""
    rows: list[Row] = relations.table(
        f"select * from intervals order by start_time desc limit {WEEK + 1}"
    ).to_pylist()
    week = rows[1:]
    scans = judged.table.filter(pc.equal(judged.table["tier"], "scanner"))
    new = scans.filter(scans[NEW.name])
    told = sorted(new.to_pylist(), key=lambda row: not row["answered"])
    shown = told[: part.rows or None]
    alone = [row["srcaddr"] for row in shown if row["members"] is None]
    named = naming.look_up(alone).who if naming else {}
    earlier, now = sides
    return Mail(
        job=job,
        interval=interval,
        before=earlier[0] if earlier else None,
        totals=rows[0] if rows else {},
        usual={name: median(row[name] for row in week) for name in _USUAL} if week else None,
        firings=firings,
        why=judged.why,
        scanners=shown,
        new=new.num_rows,
        listed=scans.num_rows,
        answered=sum(bool(row["answered"]) for row in told),
        who={address: describe(identity) for address, identity in named.items()},
        difference=compare(earlier[1], now, rows=part.rows) if earlier else None,
        origins=origins,
    )


_USUAL = ("records", "rejected", "sources", "new_scanners")
