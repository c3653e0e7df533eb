"""What is published of an interval: a directory that appears whole, and is the same however often.

It is a function of the records up to the interval's end: not of the runs in which they came, nor of
the clock. Names by reverse DNS alone are as they were when it was asked for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flowlens.answers.report.gather import gather
from flowlens.answers.report.page import page
from flowlens.answers.scanners.result import with_names
from flowlens.answers.scanners.verdicts import COLUMNS as VERDICTS
from flowlens.batch import ownership
from flowlens.batch.job import Job
from flowlens.batch.notify.alerts import Firing, fire
from flowlens.batch.publish import mailpage
from flowlens.batch.publish.mail import mail
from flowlens.batch.publish.origin import Origin, origins, tells
from flowlens.batch.publish.outputs import ENDINGS, Output, Outputs
from flowlens.batch.store.errors import DamagedError
from flowlens.batch.store.place import Store
from flowlens.batch.summaries.daily import knowledge
from flowlens.batch.summaries.judging import NEW, Judged, judge, seen, states
from flowlens.batch.summaries.relations import Summaries, days_not_summed, summaries
from flowlens.batch.summaries.tables import COLUMNS as TABLES
from flowlens.batch.summaries.tables import table
from flowlens.core.errors import FlowlensError, UsageError
from flowlens.core.times import Interval, moment_text
from flowlens.core.version import version
from flowlens.inputs.find import Found
from flowlens.naming.lookup import NAMED, Naming
from flowlens.output.human import several
from flowlens.pipeline.load import Listener
from flowlens.pipeline.run import Inputs, Question, answering
from flowlens.records.filter import Filter
from flowlens.sql import catalog
from flowlens.sql.queryfile import Query

_OWN = ("run", "seconds")
"""What differs from run to run."""


@dataclass(frozen=True, slots=True)
class Published:
    """An interval with its files; `changed` tells whether they weren't there like that already."""

    interval: Interval
    directory: Path
    outputs: tuple[Output, ...]
    firings: tuple[Firing, ...]
    remarks: tuple[str, ...]
    problems: tuple[FlowlensError, ...]
    changed: bool


def publish(
    store: Store, job: Job, interval: Interval, naming: Naming | None, listener: Listener, run: str
) -> Published:
    """Publish an interval; its directory is swapped in, if that isn't there already.

    Before that the ledger notes the run, and that the hook is owed, for a run may end at any time.

    Raises:
        ForeignError: something is in its place that this job didn't publish.
        FlowlensError: a query can't be answered, a part is damaged.
        OSError: a file can't be written; what was published is as it was.
    """
    output = ownership.Output.of(job, store)
    place = job.output / interval.name
    known = output.published(interval.name)
    part = output.draft(interval.name, run)
    try:
        desk = _Desk(store, job, interval, naming, listener, Outputs(part))
        desk.write()
        about = {**output.claim(), **desk.about()}
        changed = known is None or not _is_there(place, known, about)
        if changed:
            _note(store, interval, run, owed=bool(job.hooks.published))
            output.put(part, interval.name, {"run": run, **about})
    finally:
        output.discard(part)
    outputs = tuple(desk.outputs.written)
    return Published(
        interval,
        place,
        outputs,
        tuple(desk.firings),
        tuple(desk.remarks),
        tuple(desk.problems),
        changed,
    )


def _note(store: Store, interval: Interval, run: str, *, owed: bool) -> None:
    with store.ledger.change():
        store.ledger.note_run(run)
        if owed:
            store.ledger.owe(interval.seconds, owed=True)


def owe(store: Store, interval: Interval, *, owed: bool) -> None:
    """Note whether the hook is yet to be told of an interval."""
    with store.ledger.change():
        store.ledger.owe(interval.seconds, owed=owed)


def withdraw(store: Store, job: Job, interval: Interval) -> bool:
    """Take back what is published of an interval that has no records any more; whether it had none.

    That happens where an object changed that held all of them.

    Raises:
        ForeignError: something is in its place that this job didn't publish.
    """
    if store.ledger.value("select exists(select 1 from touches where start = ?)", interval.seconds):
        return False
    ownership.Output.of(job, store).withdraw(interval.name)
    with store.ledger.change():
        store.ledger.connection.execute(
            "delete from intervals where start = ?", (interval.seconds,)
        )
    return True


class _Desk:
    """Where the files of one interval are made."""

    def __init__(
        self,
        store: Store,
        job: Job,
        interval: Interval,
        naming: Naming | None,
        listener: Listener,
        outputs: Outputs,
    ) -> None:
        self._store = store
        self._job = job
        self._interval = interval
        self._naming = naming
        self._listener = listener
        self.outputs = outputs
        self.firings: list[Firing] = []
        self.remarks: list[str] = []
        self.problems: list[FlowlensError] = []
        self._queries: dict[str, Query] = {}
        self._origins: list[Origin] = origins(store, interval)
        parts = store.ledger.parts(interval.day)
        hour = Filter(since=interval.start, until=interval.end)
        whole = interval.name == interval.day
        self._inputs = Inputs(
            Found((), store.sources(parts)),
            filter=Filter() if whole else hour,
            knowledge=knowledge(job),
        )

    def write(self) -> None:
        """Everything that the job wants."""
        job = self._job
        if job.queries:
            self._answers()
        if job.report:
            self._report()
        if not (job.scanners or job.mail or job.alerts or job.summaries):
            return
        judged = judge(self._store, job, self._interval)
        if judged.why:
            self.remarks.append(f"scanners: {judged.why}")
        if job.scanners:
            self._scanners(judged)
        if job.alerts or job.summaries or job.mail:
            not_summed = days_not_summed(self._store, job, self._interval)
            if not_summed:
                self.remarks.append(
                    f"{several(not_summed)} couldn't be summed up; totals and other summaries lack "
                    "that, or have it as it was before"
                )
            self._summaries(judged)

    def about(self) -> Mapping[str, object]:
        """What `run.json` says, apart from what differs from run to run."""
        queries = {
            name: hashlib.sha256(query.sql.encode()).hexdigest()
            for name, query in sorted(self._queries.items())
        }
        return {
            "flowlens": version(),
            "interval": self._interval.name,
            "start": moment_text(self._interval.start),
            "end": moment_text(self._interval.end),
            "records": sum(origin.records for origin in self._origins),
            "malformed": sum(origin.malformed for origin in self._origins),
            "queries": queries,
            "outputs": [output.to_dict() for output in self.outputs.written],
            "alerts": [firing.to_dict() for firing in self.firings],
            "remarks": self.remarks,
            "inputs": [origin.to_dict() for origin in self._origins],
        }

    def _answers(self) -> None:
        job = self._job
        own = catalog.load(job.query_files) if job.query_files else {}
        self._queries = {name: catalog.find(name, extra=own) for name in job.queries}
        questions = {
            name: Question.named(query, job.params.get(name, {}))
            for name, query in self._queries.items()
        }
        asked = list(questions.values())
        with answering(self._inputs, asked, self._listener) as answers:
            for name, question in questions.items():
                columns = self._queries[name].columns
                self.outputs.table(name, job.formats, answers.reader(question), columns)

    def _report(self) -> None:
        part = self._job.report
        assert part is not None
        earlier = states(self._store, self._interval, within=False)
        inputs = Inputs(
            self._inputs.found,
            filter=self._inputs.filter,
            knowledge=knowledge(self._job, earlier),
        )
        report = gather(
            inputs,
            self._listener,
            rows=part.rows,
            as_of=self._interval.end,
            naming=self._naming,
        )
        report = tells(report, self._job, self._interval, self._origins)
        for form in part.formats:
            self.outputs.text(f"report.{ENDINGS[form]}", page(report, form, width=None))

    def _scanners(self, judged: Judged) -> None:
        part = self._job.scanners
        assert part is not None
        rows, columns = judged.table, [*VERDICTS, NEW]
        if self._naming:
            rows, _ = with_names(rows, self._naming)
            columns = [*VERDICTS, NEW, *NAMED]
        self.outputs.table("scanners", part.formats, rows, columns)

    def _summaries(self, judged: Judged) -> None:
        job, interval = self._job, self._interval
        about = {
            "job": job.name,
            "start": moment_text(interval.start),
            "end": moment_text(interval.end),
        }
        with summaries(self._store, job, interval, judged) as relations:
            for name in job.summaries:
                self.outputs.table(name, job.formats, table(name, relations), TABLES[name])
            for alert in job.alerts:
                try:
                    self.firings += fire(alert, relations.ask, about)
                except UsageError as error:
                    # What is published doesn't hang on an alert that can't be asked.
                    self.problems.append(error)
            if job.mail:
                self._mail(judged, relations)

    def _mail(self, judged: Judged, relations: Summaries) -> None:
        job, interval = self._job, self._interval
        assert job.mail is not None
        before = self._before()
        tell = partial(
            mail,
            job.name,
            interval,
            job.mail,
            relations,
            judged,
            self.firings,
            self._origins,
            naming=self._naming,
            seen=partial(seen, self._store, interval),
            not_summed=days_not_summed(self._store, job, interval),
        )
        within = self._within(interval)
        try:
            told = tell((before, within))
        except FlowlensError:
            if before is None or not self._store.ledger.has_failed(before[0].seconds):
                raise
            # What can't be answered of one interval holds up no other.
            self.remarks.append(f"not compared with {before[0].name}: that can't be answered")
            told = tell((None, within))
        for form in job.mail.formats:
            name, write = _MAILS[form]
            self.outputs.text(name, write(told))

    def _within(self, interval: Interval) -> Inputs:
        """The records of an interval, with its ends as the window."""
        sources = self._store.sources(self._store.ledger.parts(interval.day))
        window = Filter(since=interval.start, until=interval.end)
        return Inputs(Found((f"job {self._job.name}",), sources), filter=window)

    def _before(self) -> tuple[Interval, Inputs] | None:
        """The last interval before this one that has records."""
        rows = self._store.ledger.rows(
            "select max(start) from touches where start < ?", self._interval.seconds
        )
        if rows[0][0] is None:
            return None
        interval = Interval.at(int(rows[0][0]), self._job.interval)
        try:
            within = self._within(interval)
        except DamagedError as error:
            # It holds up no other; once it is whole again, this one is published anew.
            self.problems.append(error)
            within = None
        if within is not None and within.found.sources:
            return interval, within
        if not self._store.ledger.is_pruned(interval.day):
            self.remarks.append(f"not compared with {interval.name}: records of it are lost")
        return None


_MAILS = {"text": ("mail.txt", mailpage.text), "html": ("mail.html", mailpage.html)}


def _is_there(place: Path, known: Mapping[str, object], about: Mapping[str, object]) -> bool:
    """Whether an interval has been published just like that, and its files are there."""
    sizes = {path.name: path.stat().st_size for path in place.iterdir()}
    rest = {name: value for name, value in known.items() if name not in _OWN}
    # The outputs are as we write them if the rest is what we would write.
    same: dict[str, Any] = json.loads(json.dumps(about))
    return rest == same and all(
        sizes.get(output["name"]) == output["bytes"] for output in same["outputs"]
    )
