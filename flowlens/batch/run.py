"""One run of a job: what is new is read, what changed is summarised, what is closed is published.

Whatever happens on the way, the ledger knows what is done; the next run does the rest.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pyarrow as pa

from flowlens.batch import jsonline, moments, upkeep
from flowlens.batch.due import due
from flowlens.batch.job import Job
from flowlens.batch.notify import Courier, commands, send
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.publish.interval import Published, owe, publish, withdraw
from flowlens.batch.record import Record
from flowlens.batch.store.errors import LockedError
from flowlens.batch.store.ingest import BYTES, OBJECTS, Taken, take
from flowlens.batch.store.listing import News, grouped, listing, news, note_listed
from flowlens.batch.store.place import Store, refused, working
from flowlens.batch.summaries.daily import renew, summarise
from flowlens.batch.summaries.relations import require_askable
from flowlens.batch.watch import metrics
from flowlens.batch.watch.log import Log
from flowlens.batch.watch.quarantine import Quarantine
from flowlens.errors import ExitCode, FlowlensError, NoInputError, UsageError
from flowlens.inflow import Listener
from flowlens.intervals import Interval
from flowlens.names import Naming, naming
from flowlens.rdns.settings import Mode
from flowlens.stored import Window
from flowlens.version import version

NAMES = "names.sqlite"
"""The names that reverse DNS gave, in the store."""

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
) -> Record:
    """Run a job; with a `window` its intervals are published anew, and no others.

    Raises:
        LockedError: another run is at work on the store; this one has done nothing.
        FlowlensError: something couldn't be done; the next run does it.
    """
    return _Run(job, window, listener or Listener(), clock).run()


class _Run:
    """A run; its record grows as it goes."""

    def __init__(self, job: Job, window: Window, listener: Listener, clock: Clock) -> None:
        self._job = job
        self._window = window
        self._listener = listener
        self._clock = clock
        self._now = clock()
        run = f"{self._now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.record = Record(run, job.name, version(), moments.text(self._now))
        self._log = Log(job.watch.log, run)
        self._quarantine = Quarantine(job.watch.quarantine)
        self._problems: list[FlowlensError] = []
        self._seconds: dict[str, float] = {}
        self._short: dict[str, int] = {}

    def run(self) -> Record:
        """Do everything; at the end what couldn't be done is raised."""
        job, record = self._job, self.record
        self._log.say("run started", job=job.name, flowlens=record.flowlens)
        try:
            require_askable(job.alerts)
            with working(job) as store:
                try:
                    job.output.mkdir(parents=True, exist_ok=True)
                    self._work(store)
                    self._raise()
                    self._ended(store, ExitCode.DONE, "")
                except BaseException as error:
                    problem = self._said(error)
                    self._ended(store, problem.exit_code, str(problem))
                    raise
        except OSError as error:
            raise refused(error, job.output) from error
        except FlowlensError as error:
            event = "another run is at work" if isinstance(error, LockedError) else "run failed"
            self._log.say(event, error=str(error), exit_code=int(error.exit_code))
            raise
        return record

    def _raise(self) -> None:
        """Raise what couldn't be done, if there is something: the first, and how many more."""
        if not self._problems:
            return
        first, *others = self._problems
        more = f" (and {len(others):,} more; the log has them all)" if others else ""
        raise type(first)(f"{first}{more}")

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
        with self._timed("tidy"):
            upkeep.tidy(store, job)
            self._heal(store)
        with self._timed("list"):
            found = self._listed(store)
        with self._timed("read"):
            self._read(store, found)
        with self._timed("summarise"):
            if renew(store, job):
                self._remark("own networks or flowlens changed: all summaries are made anew")
            self._summarise(store)
        with self._timed("compact"):
            self.record.compacted = upkeep.compact(store, job, self._now)
        with self._timed("publish"):
            self._publish(store)
        with self._timed("prune"):
            self.record.pruned = len(upkeep.prune(store, job, self._now))
        with self._timed("alert"):
            self._alert(store)

    def _heal(self, store: Store) -> None:
        upkeep.resume(store, self._job, self._now)
        self.record.lost_parts = upkeep.heal(store)
        for path in self.record.lost_parts:
            self._remark(f"{path}: the part is gone or cut short; its objects are read again")

    def _listed(self, store: Store) -> News:
        found = listing(self._job, store.ledger, self._now, self._window)
        for lost in found.missing:
            self.record.missing.append(lost.name)
            self._log.say("input missing", name=lost.name, why=lost.why)
            error = NoInputError if not found.objects else FlowlensError
            self._problems.append(error(f"{lost.name}: {lost.why}; all else is done"))
        new = news(self._job, store.ledger, found.objects)
        if new.moved:
            with store.ledger.change():
                store.ledger.rename(new.moved)
            self._log.say(
                "moved", objects=[{"from": old, "to": name} for old, name, _ in new.moved]
            )
        if new.gone and not found.missing and self._window == (None, None):
            named = ", ".join(new.gone[:NAMED])
            self._remark(f"{len(new.gone):,} objects to be read again aren't there: {named}")
        record = self.record
        record.listed, record.new = len(found.objects), len(new.new)
        record.changed, record.again = len(new.changed), len(new.again)
        self._log.say(
            "listed", objects=record.listed, new=record.new, changed=record.changed,
            again=record.again,
        )  # fmt: skip
        return new

    def _read(self, store: Store, found: News) -> None:
        taken = Taken()
        for group in grouped(found.objects, most=OBJECTS, bytes_at_most=BYTES):
            with self._quarantine.collecting() as held:
                one = take(store, self._job, group, self._listener, held)
            counts = one.counts
            self._log.say(
                "read", objects=len(group), lines=counts.lines, records=counts.records,
                malformed=counts.malformed, days=sorted(one.days),
            )  # fmt: skip
            taken.add(one)
        if taken.newest is not None:
            self._note_newest(store, taken.newest)
        counts = taken.counts
        self.record.records, self.record.malformed = counts.records, counts.malformed
        for entry in taken.entries:
            if entry.state != "read":
                self.record.unreadable.append(entry.name)
                self._log.say(f"object {entry.state}", name=entry.name, why=entry.why)
        if self._window == (None, None) and not self.record.missing:
            note_listed(store.ledger, self._job, self._now)

    def _note_newest(self, store: Store, newest: datetime) -> None:
        """Note when the newest record ended; one from the future doesn't count as news for ever."""
        told = moments.text(min(newest, self._now))
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
            with self._checked(store, str(day)):
                summarise(store, self._job, str(day), self._listener)
            self._log.say("summarised", day=day, seconds=_rounded(started))
            self.record.days.append(str(day))

    def _publish(self, store: Store) -> None:
        names = self._naming(store)
        for (start,) in store.ledger.rows("select start from intervals where owed = 1"):
            self._hook(store, Interval.at(int(start), self._job.interval))
        for interval in due(store, self._job, self._now, self._window):
            if interval.day in self._short:
                continue
            started = time.perf_counter()
            if withdraw(store, self._job, interval):
                self.record.withdrawn.append(interval.name)
                self._remark(f"{interval.name}: no records any more; taken back")
                continue
            try:
                with self._checked(store, interval.day):
                    published = publish(
                        store, self._job, interval, names, self._listener, self.record.run
                    )
            except UsageError as error:
                # What one interval's records can't answer holds up no other.
                self._log.say("not published", interval=interval.name, why=str(error))
                self._problems.append(UsageError(f"{interval.name}: {error}"))
                continue
            self._published(store, published, _rounded(started))

    @contextmanager
    def _checked(self, store: Store, day: str) -> Iterator[None]:
        """Where a day can't be read, see whether one of its parts is damaged, and forget that."""
        try:
            yield
        except FlowlensError as error:
            broken = upkeep.forget(store, upkeep.damaged(store, day))
            if not broken:
                raise
            raise FlowlensError(
                f"{store.path(broken[0])}: the part was damaged and is removed; the next run reads "
                "its objects again"
            ) from error

    def _published(self, store: Store, published: Published, seconds: float) -> None:
        """Note that an interval is published, and what is to be told of it."""
        interval = published.interval
        with store.ledger.change():
            store.ledger.connection.execute(
                "update intervals set changed = 0, published = 1 where start = ?",
                (interval.seconds,),
            )
            self._wanted(store, published.firings)
        which = self.record.published if published.changed else self.record.unchanged
        which.append(interval.name)
        for text in published.remarks:
            self._remark(f"{interval.name}: {text}")
        for error in published.problems:
            self._log.say("alert failed", interval=interval.name, why=str(error))
            self._problems.append(error)
        self._log.say(
            "published" if published.changed else "unchanged", interval=interval.name,
            outputs=len(published.outputs), alerts=len(published.firings), seconds=seconds,
        )  # fmt: skip
        if published.changed:
            self._hook(store, interval)

    def _wanted(self, store: Store, firings: Sequence[Firing]) -> None:
        outbox = Outbox(store.ledger.connection)
        alerts = {alert.name: alert for alert in self._job.alerts}
        for firing in firings:
            alert = alerts[firing.alert]
            for destination in alert.to:
                outbox.wanted(firing, alert, destination, self._now)

    def _alert(self, store: Store) -> None:
        job = self._job
        courier = Courier(job.notify, directory=job.path.parent, access=job.aws.access)
        sent = send(Outbox(store.ledger.connection), courier, self._clock)
        self.record.alerts, self.record.alerts_pending = sent.delivered, sent.waiting
        for failure in sent.failures:
            self._log.say("alert not delivered", why=failure)
            self._problems.append(FlowlensError(failure))

    def _hook(self, store: Store, interval: Interval) -> None:
        """Tell the hook of an interval; one that fails is told again at the next run."""
        hooks, directory = self._job.hooks, self._job.output / interval.name
        if not hooks.published or not directory.is_dir():
            return
        about = {"job": self._job.name, "directory": str(directory), "run": self.record.run}
        try:
            commands.run(
                [*hooks.published, str(directory)],
                jsonline.line(about).encode(),
                seconds=hooks.timeout.total_seconds(),
                directory=self._job.path.parent,
            )
            owe(store, interval, owed=False)
        except FlowlensError as error:
            self._log.say("hook failed", why=str(error))
            self._problems.append(FlowlensError(f"hook: {error}; all else is done"))

    def _naming(self, store: Store) -> Naming | None:
        rdns = self._job.rdns
        if rdns.mode is Mode.OFF and not rdns.names:
            return None
        return naming(
            str(rdns.mode), resolvers=rdns.resolvers, rate=rdns.rate, budget=rdns.budget,
            limit=rdns.limit, cache=store.path(NAMES), lists=rdns.names,
        )  # fmt: skip

    def _remark(self, text: str) -> None:
        self.record.remarks.append(text)
        self._log.say("remark", text=text)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = _rounded(started)

    def _ended(self, store: Store, code: ExitCode, error: str) -> None:
        """Write down how the run ended: its record, the metrics, the log."""
        record, ended = self.record, self._clock()
        record.ended, record.seconds = moments.text(ended), self._seconds
        record.exit_code, record.error = int(code), error
        self._log.say(
            "run ended", exit_code=int(code), records=record.records,
            published=len(record.published), nothing_new=record.nothing_new,
        )  # fmt: skip
        try:
            if code is ExitCode.DONE:
                with store.ledger.change():
                    store.ledger.note("succeeded", moments.text(ended))
            self._tell(store, code, ended)
            record.write(self._job.output)
        except (FlowlensError, OSError):
            # The error that is on its way says more.
            if code is ExitCode.DONE:
                raise

    def _tell(self, store: Store, code: ExitCode, ended: datetime) -> None:
        if self._job.watch.metrics is not None:
            total = (ended - self._now).total_seconds()
            figures = gauges(store, self._job, self.record, ended, seconds=total, code=code)
            metrics.write(self._job.watch.metrics, figures)


class _InterruptedError(FlowlensError):
    exit_code = ExitCode.INTERRUPTED


def gauges(
    store: Store, job: Job, record: Record, now: datetime, *, seconds: float, code: ExitCode
) -> metrics.Metrics:
    """The figures of a job, for Prometheus."""
    ledger = store.ledger
    objects, records, malformed = ledger.rows(
        "select count(*), sum(ok + nodata + skipdata), sum(malformed) from objects"
    )[0]
    newest = ledger.about("newest")
    succeeded = ledger.about("succeeded")
    return metrics.Metrics(
        job=job.name,
        records=records or 0,
        malformed=malformed or 0,
        objects=objects,
        objects_unreadable=ledger.value("select count(*) from objects where state = 'unreadable'"),
        lag_seconds=(
            max(0.0, (now - datetime.fromisoformat(newest)).total_seconds()) if newest else None
        ),
        run_duration_seconds=seconds,
        run_records=record.records,
        last_success_timestamp_seconds=(
            datetime.fromisoformat(succeeded).timestamp() if succeeded else None
        ),
        last_run_timestamp_seconds=now.timestamp(),
        last_run_exit_code=int(code),
        intervals_published=ledger.value("select sum(published) from intervals"),
        alerts_pending=record.alerts_pending,
    )


def _rounded(started: float) -> float:
    return round(time.perf_counter() - started, 3)
