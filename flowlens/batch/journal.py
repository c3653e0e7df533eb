"""What a run says of itself: its record, its log, its metrics, and the problems it ends with."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from flowlens.batch.job import Job
from flowlens.batch.ownership import ForeignError, Output
from flowlens.batch.record import Record
from flowlens.batch.store.place import Store
from flowlens.batch.watch import metrics
from flowlens.batch.watch.log import Log
from flowlens.core.errors import ExitCode, FlowlensError
from flowlens.core.times import moment_text
from flowlens.core.version import version

SAID = 20
"""Problems that are said one by one."""


class Journal:
    """The journal of a run; its record grows as the run goes."""

    def __init__(self, job: Job, started: datetime, warn: Callable[[str], None]) -> None:
        self._job = job
        self._started = started
        self.warn = warn
        run = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.record = Record(run, job.name, version(), moment_text(started))
        self.say = Log(job.watch.log, run).say
        self.problems: list[FlowlensError] = []
        self._seconds: dict[str, float] = {}

    def remark(self, text: str) -> None:
        """Note something that a user should know, and that is no problem."""
        self.record.remarks.append(text)
        self.say("remark", text=text)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how many seconds a step takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = seconds_since(started)

    def raise_problems(self) -> None:
        """Raise what couldn't be done, if there is something: the first; the others are said."""
        if not self.problems:
            return
        first, *others = {str(problem): problem for problem in self.problems}.values()
        for other in others[:SAID]:
            self.warn(str(other))
        if len(others) > SAID:
            self.warn(f"and {len(others) - SAID:,} more; `log` under [watch] has them all")
        raise first

    def end(self, store: Store, ended: datetime, code: ExitCode, error: str) -> None:
        """Write down how the run ended: its record, the metrics, the log."""
        record = self.record
        record.ended, record.seconds = moment_text(ended), self._seconds
        record.exit_code, record.error = int(code), error
        self.say(
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
            total = (ended - self._started).total_seconds()
            figures = gauges(store, self._job, self.record, ended, seconds=total, code=code)
            metrics.write(self._job.watch.metrics, figures)


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


def seconds_since(started: float) -> float:
    """Seconds since a moment of `time.perf_counter`, as records have them."""
    return round(time.perf_counter() - started, 3)
