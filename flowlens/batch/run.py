"""One run of a job: what is new is read, what changed is summarised, what is closed is published.

Whatever happens on the way, the ledger knows what is done; the next run does the rest.
"""

from __future__ import annotations

import errno
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pyarrow as pa

from flowlens.batch import jsonline, upkeep
from flowlens.batch.due import due
from flowlens.batch.job import Job
from flowlens.batch.notify import Courier, commands, send
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.ownership import ForeignError, Output
from flowlens.batch.publish.interval import Published, owe, publish, withdraw
from flowlens.batch.record import Record
from flowlens.batch.store.errors import DamagedError, LedgerError, LockedError, SummaryError
from flowlens.batch.store.ingest import BYTES, OBJECTS, Taken, take
from flowlens.batch.store.listing import News, grouped, listing, news, note_listed
from flowlens.batch.store.place import DAMAGED, NAMES, Store, refused, working
from flowlens.batch.summaries.daily import renew, summarise
from flowlens.batch.summaries.relations import require_askable
from flowlens.batch.watch import metrics
from flowlens.batch.watch.log import Log, warned
from flowlens.batch.watch.quarantine import Quarantine
from flowlens.core.errors import ExitCode, FlowlensError, NoInputError
from flowlens.core.times import Interval, moment_text
from flowlens.core.version import version
from flowlens.inputs.store import Window
from flowlens.naming.dns.settings import Mode
from flowlens.naming.lookup import Naming, naming
from flowlens.output.human import count, several
from flowlens.pipeline.load import Listener
from flowlens.sql.engine import DatabaseError

NAMED = 3
"""Objects that a remark names."""

SAID = 20
"""Problems that are said one by one."""

FAULTS = (FlowlensError, OSError, pa.ArrowException, DatabaseError)
"""What may be wrong with one interval, and with no other."""

_MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""What the system says where the next interval would fare no better."""

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
    """A run; its record grows as it goes."""

    def __init__(
        self,
        job: Job,
        window: Window,
        listener: Listener,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        self._job = job
        self._warn = warn
        self._window = window
        self._listener = listener
        self._clock = clock
        self._now = clock()
        run = f"{self._now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.record = Record(run, job.name, version(), moment_text(self._now))
        self._log = Log(job.watch.log, run)
        self._quarantine = Quarantine(job.watch.quarantine)
        self._problems: list[FlowlensError] = []
        self._seconds: dict[str, float] = {}
        self._short: dict[str, int] = {}
        self._failed_days: dict[str, str] = {}
        self._recovered = False

    def run(self) -> Record:
        """Do everything; at the end what couldn't be done is raised."""
        job, record = self._job, self.record
        self._log.say("run started", job=job.name, flowlens=record.flowlens)
        try:
            require_askable(job.alerts)
            with working(job) as store:
                try:
                    job.output.mkdir(parents=True, exist_ok=True)
                    self._take_over(store)
                    self._work(store)
                    self._told(store)
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
        """Raise what couldn't be done, if there is something: the first; the others are said."""
        if not self._problems:
            return
        first, *others = {str(problem): problem for problem in self._problems}.values()
        for other in others[:SAID]:
            self._warn(str(other))
        if len(others) > SAID:
            self._warn(f"and {len(others) - SAID:,} more; `log` under [watch] has them all")
        raise first

    def _take_over(self, store: Store) -> None:
        """Know what this job published before its store knew its runs; said once."""
        output = Output.of(self._job, store)
        if not store.ledger.about("outputs"):
            names = output.take_over()
            if names:
                self._warn(
                    f"{output.directory}: {several(names)} taken over: what job {output.job!r} "
                    f"published before its store had the id {store.id}, or its ledger was made anew"
                )
        noted = upkeep.note_checksums(store)
        if noted:
            self._warn(
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
        with self._timed("tidy"):
            self._problems += upkeep.tidy(store, job)
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
            self._compact(store)
        with self._timed("publish"):
            self._publish(store)
        with self._timed("prune"):
            gone, foreign = upkeep.prune(store, job, self._now)
            self.record.pruned = len(gone)
            self._problems += foreign
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
                try:
                    one = take(store, self._job, group, self._listener, held)
                except DamagedError as error:
                    # What else the damaged part held is read again by the next run.
                    self._failed_part(store, error)
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
            self._log.say("summarised", day=day, seconds=_rounded(started))
            self.record.days.append(str(day))

    def _compact(self, store: Store) -> None:
        try:
            self.record.compacted = upkeep.compact(store, self._job, self._now)
        except DamagedError as error:
            self._failed_part(store, error)

    def _publish(self, store: Store) -> None:
        names = self._naming(store)
        for (start,) in store.ledger.rows("select start from intervals where owed = 1"):
            self._hook(store, Interval.at(int(start), self._job.interval))
        wanted = due(store, self._job, self._now, self._window)
        for interval in wanted:
            self._one(store, interval, names)
        for day in sorted(self._failed_days.keys() - {name[:10] for name in self.record.failed}):
            self._problems.append(FlowlensError(f"{day}: not summed up: {self._failed_days[day]}"))
        if self._recovered and self._window == (None, None):
            # What came after an interval that could be made at last stands on it, too.
            for interval in due(store, self._job, self._now, self._window):
                if interval not in wanted or interval.name in self.record.published:
                    self._one(store, interval, names)

    def _one(self, store: Store, interval: Interval, names: Naming | None) -> None:
        """Publish an interval; whatever is wrong with it holds up no other."""
        if interval.day in self._short:
            return
        started = time.perf_counter()
        try:
            if interval.day in self._failed_days:
                raise FlowlensError(self._failed_days[interval.day])
            if withdraw(store, self._job, interval):
                self.record.withdrawn.append(interval.name)
                self._remark(f"{interval.name}: no records any more; taken back")
                return
            published = publish(store, self._job, interval, names, self._listener, self.record.run)
        except FAULTS as error:
            self._failed(store, interval, error)
            return
        self._published(store, published, _rounded(started))

    def _failed(self, store: Store, interval: Interval, error: Exception) -> None:
        """Note that an interval couldn't be published: what is there stays, the next run tries."""
        _raise_if_machine(error)
        why = self._why(store, error)
        with store.ledger.change():
            store.ledger.fail(interval.seconds)
        self.record.failed.append(interval.name)
        self._log.say("not published", interval=interval.name, why=why)
        self._problems.append(FlowlensError(f"{interval.name}: not published: {why}"))

    def _failed_day(self, store: Store, day: str, error: Exception) -> None:
        """Note that a day couldn't be summed up: its intervals can't be published."""
        _raise_if_machine(error)
        self._failed_days[day] = self._why(store, error)
        self._log.say("not summarised", day=day, why=self._failed_days[day])

    def _why(self, store: Store, error: Exception) -> str:
        """What is wrong in one line, with the way to heal it."""
        if isinstance(error, DamagedError):
            return self._set_aside(store, error)
        if isinstance(error, SummaryError):
            with store.ledger.change():
                store.ledger.change_days([error.day])
            return f"{error}; the next run makes it anew: flowlens batch run {self._job.path}"
        if isinstance(error, OSError):
            return f"{error.filename or self._job.output}: {error.strerror or error}"
        return (
            str(error) if isinstance(error, FlowlensError) else f"{type(error).__name__}: {error}"
        )

    def _failed_part(self, store: Store, error: DamagedError) -> None:
        self._problems.append(FlowlensError(self._set_aside(store, error)))

    def _set_aside(self, store: Store, error: DamagedError) -> str:
        """Forget damaged parts, so that the next run reads their objects again."""
        paths = upkeep.forget(store, error.parts)
        self._log.say("damaged", parts=paths)
        return (
            f"{error} and set aside in {store.path(DAMAGED)}; its objects are read again by "
            f"flowlens batch run {self._job.path}"
        )

    def _published(self, store: Store, published: Published, seconds: float) -> None:
        """Note that an interval is published, and what is to be told of it."""
        interval = published.interval
        with store.ledger.change():
            if store.ledger.publish(interval.seconds):
                store.ledger.change_after(interval.seconds, published=self._job.looks_back)
                self._recovered = True
            self._wanted(store, published.firings)
        which = self.record.published if published.changed else self.record.unchanged
        which.append(interval.name)
        for text in published.remarks:
            self._remark(f"{interval.name}: {text}")
        for error in published.problems:
            if isinstance(error, DamagedError):
                self._failed_part(store, error)
                continue
            self._log.say("alert failed", interval=interval.name, why=str(error))
            self._problems.append(FlowlensError(f"{interval.name}: {error}"))
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
        record.ended, record.seconds = moment_text(ended), self._seconds
        record.exit_code, record.error = int(code), error
        self._log.say(
            "run ended", exit_code=int(code), records=record.records,
            published=len(record.published), nothing_new=record.nothing_new,
        )  # fmt: skip
        try:
            if code is ExitCode.DONE:
                with store.ledger.change():
                    store.ledger.note("succeeded", moment_text(ended))
            self._tell(store, code, ended)
            with suppress(ForeignError):  # it has been told of
                record.write(Output.of(self._job, store))
        except (FlowlensError, OSError):
            # The error that is on its way says more.
            if code is ExitCode.DONE:
                raise

    def _tell(self, store: Store, code: ExitCode, ended: datetime) -> None:
        if self._job.watch.metrics is not None:
            total = (ended - self._now).total_seconds()
            figures = gauges(store, self._job, self.record, ended, seconds=total, code=code)
            metrics.write(self._job.watch.metrics, figures)


def _raise_if_machine(error: Exception) -> None:
    """Raise what no other interval would be spared."""
    if isinstance(error, LedgerError) or (isinstance(error, OSError) and error.errno in _MACHINE):
        raise error


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
