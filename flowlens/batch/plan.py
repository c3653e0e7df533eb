"""What a run would do now: nothing is read or changed, and no lock is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowlens.batch.due import due
from flowlens.batch.job import Job
from flowlens.batch.store.ledger import blank
from flowlens.batch.store.listing import Listing, News, listing, news
from flowlens.batch.store.place import looking
from flowlens.batch.summaries.relations import require_askable
from flowlens.batch.upkeep import lost
from flowlens.core.times import Interval
from flowlens.inputs.store import Window


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be read, and which known intervals would be published.

    Into which intervals the records of new objects go is known when they have been read.
    """

    listing: Listing
    news: News
    lost_parts: tuple[str, ...]
    days: tuple[str, ...]
    publish: tuple[str, ...]
    open: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The plan as one JSON object."""
        found = self.news
        return {
            "listed": len(self.listing.objects),
            "missing": [{"name": lost.name, "why": lost.why} for lost in self.listing.missing],
            "remarks": list(self.listing.remarks),
            "new": len(found.new),
            "changed": len(found.changed),
            "again": len(found.again),
            "moved": [{"from": old, "to": new} for old, new, _ in found.moved],
            "gone": list(found.gone),
            "bytes": sum(item.size for item in found.objects),
            "objects": [item.name for item in found.objects],
            "lost_parts": list(self.lost_parts),
            "days": list(self.days),
            "publish": list(self.publish),
            "open": list(self.open),
        }


def plan(job: Job, now: datetime, window: Window = (None, None)) -> Plan:
    """The plan of a run that would begin now.

    Raises:
        UsageError: the store is another job's, or an alert can't be asked.
        LedgerError: the ledger can't be used.
    """
    require_askable(job.alerts)
    with looking(job) as store:
        if store is None:
            with blank() as ledger:
                found = listing(job, ledger, now, window)
                return Plan(found, news(job, ledger, found.objects), (), (), (), ())
        found = listing(job, store.ledger, now, window)
        days = store.ledger.rows("select day from days where changed = 1 order by day")
        publish = due(store, job, now, window)
        changed = store.ledger.rows("select start from intervals where changed > 0 order by start")
        open_ones = [Interval.at(int(start), job.interval) for (start,) in changed]
        return Plan(
            found,
            news(job, store.ledger, found.objects),
            tuple(part.path for part in lost(store)),
            tuple(str(day) for (day,) in days),
            tuple(interval.name for interval in publish),
            tuple(i.name for i in open_ones if i.end + job.lateness > now),
        )
