"""A part of what `flowlens batch run` does, in a process of its own: `batch_step.py STEP JOB.toml`.

none        opens the store
rollups     makes the rollups of its day, beside
state       makes the scan detector's state of that day, beside
summaries   makes the summaries that a job publishes, as of the last interval
taken       reads the inputs into a new store, one object after the other
compacted   the same; then parts are put together, and the day's summaries made
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from flowlens.answers.scanners import detection
from flowlens.answers.scanners.verdicts import SCHEMA
from flowlens.batch import upkeep
from flowlens.batch.jobfile.loading import load
from flowlens.batch.store.ingest import take
from flowlens.batch.store.listing import listing
from flowlens.batch.store.place import working
from flowlens.batch.summaries import daily as summaries
from flowlens.batch.summaries import relations, rollups, tables
from flowlens.batch.summaries.judging import PORTS, Judged
from flowlens.core.times import Interval
from flowlens.inputs.find import Found
from flowlens.pipeline.load import Listener
from flowlens.pipeline.run import Inputs, answering


def made(store, job, questions, write):
    """Answer questions about the store's day, and write what is made of them beside the store."""
    parts = store.ledger.parts()
    (day,) = {part.day for part in parts}
    inputs = Inputs(Found((), store.sources(parts)), knowledge=summaries.knowledge(job))
    with (
        answering(inputs, questions, Listener(), memory=summaries.MEMORY) as answers,
        tempfile.TemporaryDirectory(dir=store.directory.parent) as place,
    ):
        write(answers, Path(place), day)


def roll(store, job):
    """Make rollups."""
    made(store, job, rollups.questions(), rollups.write)


def remember(store, job):
    """Make the detector's state."""

    def write(answers, place, day):
        summaries._remember(answers, job, place / day)

    made(store, job, [detection.remembered()], write)


def summarise(store, job):
    """Make all tables of summaries."""
    last = Interval.at(store.ledger.value("select max(start) from intervals"), job.interval)
    judged = Judged(SCHEMA.empty_table(), PORTS.empty_table(), 0)
    with relations.summaries(store, job, last, judged) as asked:
        for name in tables.COLUMNS:
            assert tables.table(name, asked).num_rows


def taken(store, job):
    """Read each object by itself."""
    now = datetime.now(UTC)
    for item in listing(job, store.ledger, now).objects:
        take(store, job, [item], Listener())


def compacted(store, job):
    """Read, put together, summarise."""
    taken(store, job)
    (day,) = upkeep.compact(store, job, datetime.now(UTC))
    summaries.summarise(store, job, day, Listener())
    upkeep.tidy(store, job)


STEPS = {
    "none": lambda store, job: None,
    "rollups": roll,
    "state": remember,
    "summaries": summarise,
    "taken": taken,
    "compacted": compacted,
}


def main(what: str, path: str) -> None:
    """Take a step."""
    job = load(Path(path))
    with working(job) as store:
        STEPS[what](store, job)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
