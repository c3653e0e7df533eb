"""One run of a job: what is new is read, what changed is summarised, what is closed is published.

Whatever happens on the way, the ledger knows what is done; the next run does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa

from flowlens.batch import upkeep
from flowlens.batch.faults import FAULTS, raise_if_machine, reason, set_aside_part
from flowlens.batch.job import Job
from flowlens.batch.journal import Journal, seconds_since
from flowlens.batch.notify import Courier, send
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.ownership import ForeignError, Output
from flowlens.batch.publishing import Publishing
from flowlens.batch.record import Record
from flowlens.batch.store.errors import DamagedError, LockedError
from flowlens.batch.store.ingest import BYTES, OBJECTS, Taken, take
from flowlens.batch.store.listing import News, grouped, listing, news, note_listed
from flowlens.batch.store.place import Store, refused, working
from flowlens.batch.summaries.daily import renew, summarise
from flowlens.batch.summaries.relations import require_askable
from flowlens.batch.watch.log import warned
from flowlens.batch.watch.quarantine import Quarantine
from flowlens.core.errors import ExitCode, FlowlensError, NoInputError
from flowlens.core.times import moment_text
from flowlens.inputs.store import Window
from flowlens.output.human import count, several
from flowlens.pipeline.load import Listener

NAMED = 3
"""Objects that a remark names."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, as the machine has it."""
    return datetime.now(UTC).replace(microsecond=0)


def run(
    job: Job,
    window: Window = (None, None),
    *,
    listener: Listener | None = None,
    clock: Clock = utc_now,
    warn: Callable[[str], None] = warned,
) -> Record:
    """Run a job; with a `window` its intervals are published anew, and no others.

    Of several things that couldn't be done the first is raised; `warn` hears of the others.

    Raises:
        LockedError: another run is at work on the store; this one has done nothing.
        FlowlensError: something couldn't be done; the next run does it.
    """
    return _Run(job, window, listener or Listener(), clock, warn).run()


class _Run:
    """A run; what it says of itself goes into its journal."""

    def __init__(
        self,
        job: Job,
        window: Window,
        listener: Listener,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        self._job = job
        self._window = window
        self._listener = listener
        self._clock = clock
        self._now = clock()
        self._journal = Journal(job, self._now, warn)
        self._record = self._journal.record
        self._remark = self._journal.remark
        self._problems = self._journal.problems
        self._quarantine = Quarantine(job.watch.quarantine)
        self._short: dict[str, int] = {}
        self._failed_days: dict[str, str] = {}

    def run(self) -> Record:
        """Do everything; at the end what couldn't be done is raised."""
        job, record = self._job, self._record
        self._journal.say("run started", job=job.name, flowlens=record.flowlens)
        try:
            require_askable(job.alerts)
            with working(job) as store:
                try:
                    job.output.mkdir(parents=True, exist_ok=True)
                    self._take_over(store)
                    self._work(store)
                    self._told(store)
                    self._journal.raise_problems()
                    self._journal.end(store, self._clock(), ExitCode.DONE, "")
                except BaseException as error:
                    problem = self._said(error)
                    self._journal.end(store, self._clock(), problem.exit_code, str(problem))
                    raise
        except OSError as error:
            raise refused(error, job.output) from error
        except FlowlensError as error:
            event = "another run is at work" if isinstance(error, LockedError) else "run failed"
            self._journal.say(event, error=str(error), exit_code=int(error.exit_code))
            raise
        return record

    def _take_over(self, store: Store) -> None:
        """Know what this job published before its store knew its runs; said once."""
        output = Output.of(self._job, store)
        if not store.ledger.about("outputs"):
            names = output.take_over()
            if names:
                self._journal.warn(
                    f"{output.directory}: {several(names)} taken over: what job {output.job!r} "
                    f"published before its store had the id {store.id}, or its ledger was made anew"
                )
        noted = upkeep.note_checksums(store)
        if noted:
            self._journal.warn(
                f"{store.directory}: taken over: {count(noted, 'part')} of a flowlens that wrote "
                "no checksums, which they have from now on"
            )

    def _told(self, store: Store) -> None:
        """See that the record of this run can be written, for what is there is this job's own."""
        try:
            Output.of(self._job, store).told()
        except ForeignError as error:
            if not self._problems:  # where another job publishes here, an interval says so
                self._problems.append(error)

    def _said(self, error: BaseException) -> FlowlensError:
        if isinstance(error, FlowlensError):
            return error
        if isinstance(error, OSError):
            return refused(error, self._job.output)
        if isinstance(error, KeyboardInterrupt):
            return _InterruptedError("interrupted; the next run goes on")
        return FlowlensError(f"{type(error).__name__}: {error}")

    def _work(self, store: Store) -> None:
        job = self._job
        with self._journal.timed("tidy"):
            self._problems += upkeep.tidy(store, job)
            self._heal(store)
        with self._journal.timed("list"):
            found = self._listed(store)
        with self._journal.timed("read"):
            self._read(store, found)
        with self._journal.timed("summarise"):
            if renew(store, job):
                self._remark("own networks or flowlens changed: all summaries are made anew")
            self._summarise(store)
        with self._journal.timed("compact"):
            self._compact(store)
        with self._journal.timed("publish"):
            Publishing(
                job,
                self._journal,
                self._listener,
                now=self._now,
                window=self._window,
                short=self._short,
                failed_days=self._failed_days,
            ).publish(store)
        with self._journal.timed("prune"):
            gone, foreign = upkeep.prune(store, job, self._now)
            self._record.pruned = len(gone)
            self._problems += foreign
        with self._journal.timed("alert"):
            self._alert(store)

    def _heal(self, store: Store) -> None:
        upkeep.resume(store, self._job, self._now)
        self._record.lost_parts = upkeep.heal(store)
        for path in self._record.lost_parts:
            self._remark(f"{path}: the part is gone or cut short; its objects are read again")

    def _listed(self, store: Store) -> News:
        found = listing(self._job, store.ledger, self._now, self._window)
        for lost in found.missing:
            self._record.missing.append(lost.name)
            self._journal.say("input missing", name=lost.name, why=lost.why)
            error = NoInputError if not found.objects else FlowlensError
            self._problems.append(error(f"{lost.name}: {lost.why}; all else is done"))
        for remark in found.remarks:
            self._remark(remark)
        new = news(self._job, store.ledger, found.objects)
        if new.moved:
            with store.ledger.change():
                store.ledger.rename(new.moved)
            self._journal.say(
                "moved", objects=[{"from": old, "to": name} for old, name, _ in new.moved]
            )
        if new.gone and not found.missing and self._window == (None, None):
            named = ", ".join(new.gone[:NAMED])
            self._remark(f"{len(new.gone):,} objects to be read again aren't there: {named}")
        record = self._record
        record.listed, record.new = len(found.objects), len(new.new)
        record.changed, record.again = len(new.changed), len(new.again)
        self._journal.say(
            "listed", objects=record.listed, new=record.new, changed=record.changed,
            again=record.again,
        )  # fmt: skip
        return new

    def _read(self, store: Store, found: News) -> None:
        taken = Taken()
        for group in grouped(found.objects, most=OBJECTS, bytes_at_most=BYTES):
            with self._quarantine.collecting() as held:
                try:
                    one = take(store, self._job, group, self._listener, held)
                except DamagedError as error:
                    # What else the damaged part held is read again by the next run.
                    set_aside_part(self._journal, store, self._job, error)
                    one = take(store, self._job, group, self._listener, held)
            counts = one.counts
            self._journal.say(
                "read", objects=len(group), lines=counts.lines, records=counts.records,
                malformed=counts.malformed, days=sorted(one.days),
            )  # fmt: skip
            taken.add(one)
        if taken.newest is not None:
            self._note_newest(store, taken.newest)
        counts = taken.counts
        self._record.records, self._record.malformed = counts.records, counts.malformed
        for entry in taken.entries:
            if entry.state != "read":
                self._record.unreadable.append(entry.name)
                self._journal.say(f"object {entry.state}", name=entry.name, why=entry.why)
        if self._window == (None, None) and not self._record.missing:
            note_listed(store.ledger, self._job, self._now)

    def _note_newest(self, store: Store, newest: datetime) -> None:
        """Note when the newest record ended; one from the future doesn't count as news for ever."""
        told = moment_text(min(newest, self._now))
        if told > store.ledger.about("newest"):
            with store.ledger.change():
                store.ledger.note("newest", told)

    def _summarise(self, store: Store) -> None:
        rows = store.ledger.rows("select day from days where changed = 1 order by day")
        self._short = upkeep.short(store)
        for day, records in self._short.items():
            self._remark(
                f"{day}: {records:,} records are gone with a part, and can't be read again; "
                "what is published of the day stays as it is"
            )
        pa.default_memory_pool().release_unused()  # what reading held, DuckDB needs now
        for (day,) in rows:
            if day in self._short:
                continue
            started = time.perf_counter()
            try:
                summarise(store, self._job, str(day), self._listener)
            except FAULTS as error:
                self._failed_day(store, str(day), error)
                continue
            self._journal.say("summarised", day=day, seconds=seconds_since(started))
            self._record.days.append(str(day))

    def _failed_day(self, store: Store, day: str, error: Exception) -> None:
        """Note that a day couldn't be summed up: its intervals can't be published."""
        raise_if_machine(error)
        self._record.failed_days.append(day)
        self._failed_days[day] = reason(self._journal, store, self._job, error)
        self._journal.say("not summarised", day=day, why=self._failed_days[day])

    def _compact(self, store: Store) -> None:
        try:
            self._record.compacted = upkeep.compact(store, self._job, self._now)
        except DamagedError as error:
            set_aside_part(self._journal, store, self._job, error)

    def _alert(self, store: Store) -> None:
        job = self._job
        courier = Courier(job.notify, directory=job.path.parent, access=job.aws.access)
        sent = send(Outbox(store.ledger.connection), courier, self._clock)
        self._record.alerts, self._record.alerts_pending = sent.delivered, sent.waiting
        for failure in sent.failures:
            self._journal.say("alert not delivered", why=failure)
            self._problems.append(FlowlensError(failure))


class _InterruptedError(FlowlensError):
    exit_code = ExitCode.INTERRUPTED
