"""Which intervals are to be published now."""

from __future__ import annotations

from datetime import datetime

from flowlens.batch.job import Job
from flowlens.batch.store.place import Store
from flowlens.core.times import Interval
from flowlens.inputs.store import Window


def due(store: Store, job: Job, now: datetime, window: Window) -> list[Interval]:
    """The intervals to be published, by time: changed ones, or those of a window; closed ones."""
    rows = store.ledger.rows("select start, changed from intervals order by start")
    pruned = {day for (day,) in store.ledger.rows("select day from days where pruned = 1")}
    kept = job.retention.outputs
    found = []
    for start, changed in rows:
        interval = Interval.at(int(start), job.interval)
        if interval.end + job.lateness > now or interval.day in pruned:
            continue
        if kept is not None and interval.end + kept <= now:
            continue
        if window == (None, None):
            wanted = bool(changed) or not (job.output / interval.name).is_dir()
        else:
            since, until = window
            wanted = (since is None or interval.end > since) and (
                until is None or interval.start < until
            )
        if wanted:
            found.append(interval)
    return found
