"""What a store keeps of the records of a day: rollups, and the state of the scan detector.

Each is a function of the records alone, and made anew from all of them when late ones come: so it
doesn't matter in which runs they came, nor whether one was killed on the way.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

from flowlens.answers.scanners import detection
from flowlens.batch.job import DAY, Job
from flowlens.batch.store.place import Store
from flowlens.batch.summaries import rollups
from flowlens.core import atomic
from flowlens.core.times import Interval, epoch_seconds, interval_start
from flowlens.inputs.find import Found
from flowlens.inputs.store import UNDATED
from flowlens.pipeline import scan_state
from flowlens.pipeline.evidence import Evidence
from flowlens.pipeline.load import Listener
from flowlens.pipeline.reference import Knowledge
from flowlens.pipeline.run import Answers, Inputs, answering
from flowlens.records.filter import Filter
from flowlens.sql import catalog

STATE = "state"

MEMORY = "320MiB"
"""What DuckDB may hold while it makes them, before it spills."""


_INTERVAL = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?")


def knowledge(job: Job, earlier: tuple[scan_state.State, ...] = ()) -> Knowledge:
    """What the detector knows beside the records."""
    own = job.scanners.own if job.scanners else ()
    return Knowledge(own=own, evidence=Evidence(), earlier=earlier)


def state_of(store: Store, interval: Interval) -> Path:
    """Where the state of an interval is."""
    return store.path(STATE, interval.name)


def intervals_of(store: Store, job: Job, day: str) -> list[Interval]:
    """The intervals of a day that have records."""
    if day == UNDATED:
        return []
    first = epoch_seconds(interval_start(day))
    rows = store.ledger.rows(
        "select distinct start from touches where start >= ? and start < ? + 86400 order by start",
        first,
        first,
    )
    return [Interval.at(int(start), job.interval) for (start,) in rows]


def summarise(store: Store, job: Job, day: str, listener: Listener) -> None:
    """Make all summaries of a day anew.

    Raises:
        OSError: a file can't be written; they are made at the next run.
    """
    starts = intervals_of(store, job, day)
    parts = store.ledger.parts(day)
    _forget(store, day, starts, has_parts=bool(parts))
    if day != UNDATED and parts:
        inputs = Inputs(Found((), store.sources(parts)), knowledge=knowledge(job), steady=True)
        whole = job.interval == DAY
        asked = [*rollups.questions(), *([detection.remembered()] if whole else [])]
        with answering(inputs, asked, listener, memory=MEMORY) as answers:
            rollups.write(answers, store.directory, day)
            if whole:
                _remember(answers, job, state_of(store, starts[0]))
        for interval in [] if whole else starts:
            hour = Filter(since=interval.start, until=interval.end)
            within = replace(inputs, filter=hour)
            with answering(within, [detection.remembered()], listener, memory=MEMORY) as answers:
                _remember(answers, job, state_of(store, interval))
    with store.ledger.change():
        store.ledger.connection.execute("update days set changed = 0 where day = ?", (day,))


def _forget(store: Store, day: str, starts: list[Interval], *, has_parts: bool) -> None:
    """Remove what was made of records that are no more: an object changed, and they were in it."""
    if not has_parts:
        for place in rollups.places(store.directory, day):
            atomic.discard(place)
    kept = {interval.name for interval in starts} if has_parts else set()
    for place in store.path(STATE).glob(f"{day}*"):
        if place.name not in kept and _INTERVAL.fullmatch(place.name):
            atomic.discard(place)


def renew(store: Store, job: Job) -> bool:
    """See that all summaries are made anew if they would be made otherwise today; whether so."""
    queries = [
        *rollups.QUERIES,
        "exchanges",
        *(query.name for query in detection.remembered().relations),
    ]
    text = "\n".join(catalog.find(name).sql for name in queries)
    about = [
        scan_state.VERSION,
        hashlib.sha256(text.encode()).hexdigest(),
        sorted(knowledge(job).own),
    ]
    made, now = store.ledger.about("summaries"), json.dumps(about)
    if made == now:
        return False
    with store.ledger.change():
        store.ledger.note("summaries", now)
        if made:
            store.ledger.change_all(published=job.looks_back)
    return bool(made)


def _remember(answers: Answers, job: Job, place: Path) -> None:
    known = knowledge(job)
    part = atomic.beside(place)
    try:
        scan_state.save(
            lambda name: answers.reader(detection.remembered()), known.evidence, known.own, part
        )
        atomic.swap(part, place)
    finally:
        atomic.discard(part)
