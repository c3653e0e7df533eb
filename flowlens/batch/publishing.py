"""The publishing of a run: every interval that is due, each by itself, and who is told of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from flowlens.batch import jsonline
from flowlens.batch.due import due
from flowlens.batch.faults import FAULTS, raise_if_machine, reason, set_aside_part
from flowlens.batch.job import Job
from flowlens.batch.journal import Journal, seconds_since
from flowlens.batch.notify import commands
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.publish.interval import Published, owe, publish, withdraw
from flowlens.batch.store.errors import DamagedError
from flowlens.batch.store.place import NAMES, Store
from flowlens.core.errors import FlowlensError
from flowlens.core.times import Interval
from flowlens.inputs.store import Window
from flowlens.naming.dns.settings import Mode
from flowlens.naming.lookup import Naming, naming
from flowlens.pipeline.load import Listener


class Publishing:
    """Publishes what is due at a moment.

    `short` are days that lost records, `failed_days` those that couldn't be summed up, each with
    why: their intervals stay as they are.
    """

    def __init__(
        self,
        job: Job,
        journal: Journal,
        listener: Listener,
        *,
        now: datetime,
        window: Window,
        short: Mapping[str, int],
        failed_days: Mapping[str, str],
    ) -> None:
        self._job = job
        self._journal = journal
        self._record = journal.record
        self._remark = journal.remark
        self._problems = journal.problems
        self._listener = listener
        self._now = now
        self._window = window
        self._short = short
        self._failed_days = failed_days
        self._recovered = False

    def publish(self, store: Store) -> None:
        """Publish all intervals that are due; hooks that a killed run owed come first."""
        names = self._naming(store)
        for (start,) in store.ledger.rows("select start from intervals where owed = 1"):
            self._hook(store, Interval.at(int(start), self._job.interval))
        wanted = due(store, self._job, self._now, self._window)
        for interval in wanted:
            self._one(store, interval, names)
        for day in sorted(self._failed_days.keys() - {name[:10] for name in self._record.failed}):
            self._problems.append(FlowlensError(f"{day}: not summed up: {self._failed_days[day]}"))
        if self._recovered and self._window == (None, None):
            # What came after an interval that could be made at last stands on it, too.
            for interval in due(store, self._job, self._now, self._window):
                if interval not in wanted or interval.name in self._record.published:
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
                self._record.withdrawn.append(interval.name)
                self._remark(f"{interval.name}: no records any more; taken back")
                return
            published = publish(store, self._job, interval, names, self._listener, self._record.run)
        except FAULTS as error:
            self._failed(store, interval, error)
            return
        self._published(store, published, seconds_since(started))

    def _failed(self, store: Store, interval: Interval, error: Exception) -> None:
        """Note that an interval couldn't be published: what is there stays, the next run tries."""
        raise_if_machine(error)
        why = reason(self._journal, store, self._job, error)
        with store.ledger.change():
            store.ledger.fail(interval.seconds)
        self._record.failed.append(interval.name)
        self._journal.say("not published", interval=interval.name, why=why)
        self._problems.append(FlowlensError(f"{interval.name}: not published: {why}"))

    def _published(self, store: Store, published: Published, seconds: float) -> None:
        """Note that an interval is published, and what is to be told of it."""
        interval = published.interval
        with store.ledger.change():
            if store.ledger.publish(interval.seconds):
                store.ledger.change_after(interval.seconds, published=self._job.looks_back)
                self._recovered = True
            self._wanted(store, published.firings)
        which = self._record.published if published.changed else self._record.unchanged
        which.append(interval.name)
        for text in published.remarks:
            self._remark(f"{interval.name}: {text}")
        for error in published.problems:
            if isinstance(error, DamagedError):
                set_aside_part(self._journal, store, self._job, error)
                continue
            self._journal.say("alert failed", interval=interval.name, why=str(error))
            self._problems.append(FlowlensError(f"{interval.name}: {error}"))
        self._journal.say(
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

    def _hook(self, store: Store, interval: Interval) -> None:
        """Tell the hook of an interval; one that fails is told again at the next run."""
        hooks, directory = self._job.hooks, self._job.output / interval.name
        if not hooks.published or not directory.is_dir():
            return
        about = {"job": self._job.name, "directory": str(directory), "run": self._record.run}
        try:
            commands.run(
                [*hooks.published, str(directory)],
                jsonline.line(about).encode(),
                seconds=hooks.timeout.total_seconds(),
                directory=self._job.path.parent,
            )
            owe(store, interval, owed=False)
        except FlowlensError as error:
            self._journal.say("hook failed", why=str(error))
            self._problems.append(FlowlensError(f"hook: {error}; all else is done"))

    def _naming(self, store: Store) -> Naming | None:
        rdns = self._job.rdns
        if rdns.mode is Mode.OFF and not rdns.names:
            return None
        return naming(
            str(rdns.mode), resolvers=rdns.resolvers, rate=rdns.rate, budget=rdns.budget,
            limit=rdns.limit, cache=store.path(NAMES), lists=rdns.names,
        )  # fmt: skip
