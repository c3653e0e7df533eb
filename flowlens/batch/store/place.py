"""The store of a job: where everything in it lies, whose it is, and who is at work on it.

flowlens-store.json     whose store this is, and how its contents are laid out
ledger.sqlite           what was read, and where it is
manifest.json           the parts that count, for readers
flows/day=2026-11-23/   records that start on that day, in parts
rollups/…               what is made of them, by hour and by day
state/…                 the scan detector's state, and whom it knew at the end of each interval
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowlens.batch.job import DAY, Job
from flowlens.batch.store import files
from flowlens.batch.store.errors import LedgerError, LockedError
from flowlens.batch.store.ledger import NAME, Ledger, Part, opened
from flowlens.errors import FlowlensError, UsageError
from flowlens.sources import Source
from flowlens.stored import MANIFEST, MARK, VERSION, described

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Store:
    """A store that is open; `ledger` is its memory."""

    directory: Path
    ledger: Ledger

    def sources(self, parts: list[Part]) -> tuple[Source, ...]:
        """Parts as sources of a read."""
        return tuple(Source(str(self.directory / part.path), part.bytes) for part in parts)

    def path(self, *names: str) -> Path:
        """A place in the store."""
        return self.directory.joinpath(*names)

    def publish(self) -> None:
        """Tell readers which parts count."""
        rows = [
            {"path": part.path, "day": part.day, "rows": part.rows, "bytes": part.bytes}
            for part in self.ledger.parts()
        ]
        content = json.dumps({"store": VERSION, "parts": rows}, indent=1).encode()
        place = self.path(MANIFEST)
        if not place.exists() or place.read_bytes() != content:
            with files.replacing(place) as part:
                part.write_bytes(content)


@contextmanager
def working(job: Job) -> Iterator[Store]:
    """The job's store, for this run alone; it is made if it isn't there.

    Raises:
        LockedError: another run is at work on it.
        UsageError: it is another job's, or one of a newer flowlens; there is no place for it.
        LedgerError: the ledger can't be used.
    """
    directory = job.store
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _require_ours(job, fresh=True)
        with _locked(directory):
            mark = directory / MARK
            if not mark.exists():
                with files.replacing(mark) as part:
                    part.write_text(json.dumps(_about(job)) + "\n", encoding="utf-8")
            _require_ledger(job)
            with opened(directory / NAME, create=True) as ledger:
                yield Store(directory, ledger)
    except OSError as error:
        raise refused(error, directory) from error


@contextmanager
def locked(job: Job) -> Iterator[None]:
    """The job's store for this process alone, whatever has become of its ledger.

    Raises:
        LockedError: a run is at work on it.
        UsageError: there is no store, or it is another job's.
    """
    if not (job.store / MARK).exists():
        raise UsageError(f"{job.store}: no store; flowlens batch run {job.path} makes one")
    _require_ours(job, fresh=False)
    try:
        with _locked(job.store):
            yield
    except OSError as error:
        raise refused(error, job.store) from error


@contextmanager
def looking(job: Job) -> Iterator[Store | None]:
    """The job's store to look at, whoever is at work on it; None if there is none yet.

    Raises:
        UsageError: it is another job's, or one of a newer flowlens.
        LedgerError: the ledger can't be used.
    """
    _require_ours(job, fresh=True)
    _require_ledger(job)
    if not (job.store / MARK).exists() or not _has_ledger(job):
        yield None
        return
    with opened(job.store / NAME) as ledger:
        yield Store(job.store, ledger)


def is_busy(job: Job) -> bool:
    """Whether a run is at work on the job's store."""
    try:
        descriptor = os.open(job.store / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the store's lock; the kernel lets go of it when the process ends, however that is."""
    descriptor = os.open(directory / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"{directory}: another run is at work on it; it goes on") from error
        yield
    finally:
        os.close(descriptor)


def _about(job: Job) -> dict[str, object]:
    interval = "1d" if job.interval == DAY else "1h"
    return {"store": VERSION, "job": job.name, "interval": interval}


def _require_ours(job: Job, *, fresh: bool) -> None:
    """See that a store is this job's; with `fresh` a directory that is empty will do.

    Raises:
        UsageError: it isn't.
    """
    place = job.store / MARK
    if fresh and not place.exists():
        known = {MARK, MANIFEST, NAME, LOCK, "flows", "rollups", "state"}
        names = os.listdir(job.store) if job.store.is_dir() else []
        strange = [name for name in sorted(names) if name not in known and name[:1] != "."]
        if strange:
            raise UsageError(
                f"{job.store}: no store, and not empty ({strange[0]}); name a directory of its own"
            )
        return
    about = described(place)
    for name, ours in _about(job).items():
        if about.get(name) != ours:
            raise UsageError(
                f"{job.store}: the store of another job ({name} {about.get(name)!r}, here "
                f"{ours!r}); name another directory in {job.path}"
            )


def _require_ledger(job: Job) -> None:
    """See that there is a ledger, if there are parts: without one they'd be taken for leftovers.

    Raises:
        LedgerError: there is none, or an empty file.
    """
    if not _has_ledger(job) and next((job.store / "flows").glob("*/*.parquet"), None):
        raise LedgerError(
            f"{job.store / NAME}: the ledger is gone and parts are there; "
            f"flowlens batch rebuild {job.path} makes it anew from them"
        )


def _has_ledger(job: Job) -> bool:
    place = job.store / NAME
    return place.exists() and place.stat().st_size > 0


def refused(error: OSError, place: Path) -> FlowlensError:
    """An error of the file system in one line; the next run heals what it left."""
    where = error.filename or place
    return FlowlensError(
        f"{where}: {error.strerror or error}; the store is whole, and the next run goes on"
    )
