"""How a job stands: what its store holds, how its last run went, what waits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from flowlens.batch.job import Job
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.ownership import ForeignError, Output
from flowlens.batch.store.entries import COUNTED
from flowlens.batch.store.place import Store, is_busy, looking
from flowlens.core.times import Interval

MOST = 10
"""Objects that are named of those that can't be read."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a job stands. Times are ISO 8601, UTC; without a store there are no numbers."""

    job: str
    store: str
    running: bool
    objects: int
    records: int
    counts: dict[str, int]
    unreadable: list[tuple[str, str]]
    problems: int
    parts: int
    bytes: int
    first: str | None
    last: str | None
    intervals: int
    published: int
    due: list[str]
    open: list[str]
    alerts_pending: int
    succeeded: str | None
    last_run: dict[str, object] | None

    def to_dict(self) -> dict[str, object]:
        """The status as one JSON object."""
        told = asdict(self)
        told["unreadable"] = [{"name": name, "why": why} for name, why in self.unreadable]
        return told


def status(job: Job, now: datetime) -> Status:
    """How a job stands now.

    Raises:
        UsageError: the store is another job's.
        LedgerError: the ledger can't be used.
    """
    with looking(job) as store:
        return _status(job, store, now)


def _status(job: Job, store: Store | None, now: datetime) -> Status:
    if store is None:
        return Status(
            job.name, str(job.store), is_busy(job), 0, 0, {}, [], 0, 0, 0, None, None, 0, 0, [], [],
            0, None, None,
        )  # fmt: skip
    ledger = store.ledger
    listed = ", ".join(f"sum({name})" for name in COUNTED)
    objects, *sums = ledger.rows(f"select count(*), {listed} from objects")[0]
    counts = dict(zip(COUNTED, (int(value or 0) for value in sums), strict=True))
    bad = "from objects where state <> 'read'"
    parts, size = ledger.rows("select count(*), sum(bytes) from parts")[0]
    first, last = ledger.rows("select min(start), max(start) from touches")[0]
    changed = ledger.rows("select start from intervals where changed > 0 order by start")
    waiting = [Interval.at(int(start), job.interval) for (start,) in changed]
    return Status(
        job=job.name,
        store=str(job.store),
        running=is_busy(job),
        objects=objects,
        records=counts["ok"] + counts["nodata"] + counts["skipdata"],
        counts=counts,
        unreadable=[
            (str(name), f"{state}: {why}")
            for name, state, why in ledger.rows(
                f"select name, state, why {bad} order by name limit ?", MOST
            )
        ],
        problems=ledger.value(f"select count(*) {bad}"),
        parts=parts,
        bytes=size or 0,
        first=None if first is None else Interval.at(int(first), job.interval).name,
        last=None if last is None else Interval.at(int(last), job.interval).name,
        intervals=ledger.value("select count(*) from intervals"),
        published=ledger.value("select sum(published) from intervals"),
        due=[each.name for each in waiting if each.end + job.lateness <= now],
        open=[each.name for each in waiting if each.end + job.lateness > now],
        alerts_pending=len(Outbox(ledger.connection).pending()),
        succeeded=ledger.about("succeeded") or None,
        last_run=_last_run(job, store),
    )


def _last_run(job: Job, store: Store) -> dict[str, object] | None:
    try:
        about = Output.of(job, store).told()
    except (OSError, ForeignError):
        return None
    return dict(about) if about else None
