"""What each command of `flowlens batch` does."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flowlens.batch.job import Job
from flowlens.batch.jobfile.loading import load
from flowlens.batch.plan import plan
from flowlens.batch.rebuilding import rebuild
from flowlens.batch.record import Record
from flowlens.batch.run import run
from flowlens.batch.status import status
from flowlens.batch.store.place import working
from flowlens.batch.upkeep import prune
from flowlens.core.errors import UsageError
from flowlens.core.escape import terminal
from flowlens.core.interrupt import interruptible
from flowlens.core.times import moment, span
from flowlens.inputs.store import Window
from flowlens.output.formats import Format
from flowlens.output.human import count, several
from flowlens.output.page import json_text
from flowlens.output.progress import Bar
from flowlens.pipeline.load import Listener


def run_job(
    file: Path, since: str | None, until: str | None, lookback: str | None, *, quiet: bool
) -> None:
    """`flowlens batch run JOB.toml`."""
    job = _job(file, lookback)
    window = _window(since, until)
    bar = Bar() if not quiet and sys.stderr is not None and sys.stderr.isatty() else None
    with interruptible() as stop:
        try:
            update = bar.update if bar else None
            record = run(job, window, listener=Listener(None, update, stop.is_set))
        finally:
            if bar:
                bar.stop()
    if not quiet:
        for line in said(record, job):
            _say(line)


def run_plan(
    file: Path, since: str | None, until: str | None, lookback: str | None, format: Format
) -> None:
    """`flowlens batch plan JOB.toml`."""
    from flowlens.batch.pages import plan_text

    job = _job(file, lookback)
    found = plan(job, datetime.now(UTC), _window(since, until))
    _print(json_text(found.to_dict()) if format is Format.JSON else plan_text(found))


def run_status(file: Path, format: Format) -> None:
    """`flowlens batch status JOB.toml`."""
    from flowlens.batch.pages import status_text

    found = status(load(file), datetime.now(UTC))
    _print(json_text(found.to_dict()) if format is Format.JSON else status_text(found))


def run_prune(file: Path, *, really: bool, quiet: bool) -> None:
    """`flowlens batch prune JOB.toml`."""
    job = load(file)
    with working(job) as store:
        gone, foreign = prune(store, job, datetime.now(UTC), really=really)
    for path in gone if not really else []:
        _print(f"{terminal(str(path))}\n")
    if not quiet:
        _say(f"{count(len(gone), 'file or directory', 'files and directories')} "
             f"{'removed' if really else 'would be removed'}")  # fmt: skip
    for error in foreign[1:]:
        _say(str(error))
    for error in foreign[:1]:
        raise error


def run_rebuild(file: Path, *, quiet: bool) -> None:
    """`flowlens batch rebuild JOB.toml`."""
    objects, parts, lost = rebuild(load(file))
    if not quiet:
        _say(f"a ledger of {count(objects, 'object')} in {count(parts, 'part')}; the next run "
             "makes all summaries anew, and reads what is in no part")  # fmt: skip
        for path in lost:
            _say(f"{path}: can't be used; the next run reads its objects again")


def said(record: Record, job: Job) -> list[str]:
    """What a run did, in a few lines."""
    read = record.new + record.changed + record.again
    lines = []
    if record.nothing_new:
        same = count(len(record.unchanged), "interval")
        lines.append(f"nothing new{f'; {same} as published' if record.unchanged else ''}")
    else:
        took = f"{count(read, 'object')} read, {count(record.records, 'record')}"
        published = several(record.published) or "nothing"
        lines.append(f"{took if read else 'nothing to read'}; published: {published}")
    if record.malformed:
        place = job.watch.quarantine or "`quarantine` under [watch]"
        keeps = "has" if job.watch.quarantine else "would keep"
        aside = f"{count(record.malformed, 'line')} malformed and put aside"
        lines.append(f"{aside}; {place} {keeps} them")
    if record.unreadable:
        lines.append(
            f"not read whole: {several(record.unreadable)}; flowlens batch status says why"
        )
    return [*lines, *record.remarks]


def _job(file: Path, lookback: str | None) -> Job:
    job = load(file)
    if lookback is None:
        return job
    length = span(lookback)
    if not length:
        raise UsageError(f"--lookback {lookback}: no span; write 2d or 12h")
    return replace(job, lookback=length)


def _window(since: str | None, until: str | None) -> Window:
    now = datetime.now(UTC)
    window = moment(since, "--since", now), moment(until, "--until", now)
    if window[0] and window[1] and window[0] >= window[1]:
        raise UsageError(f"--since {since} is not before --until {until}")
    return window


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(line: str) -> None:
    if sys.stderr is not None:
        print(f"flowlens: {terminal(line)}", file=sys.stderr)
