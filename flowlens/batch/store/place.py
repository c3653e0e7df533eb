"""The store of a job: where everything in it lies, whose it is, and who is at work on it.

flowlens-store.json     whose store this is, and how its contents are laid out
ledger.sqlite           what was read, and where it is
manifest.json           the parts that count, for readers
flows/day=2026-11-23/   records that start on that day, in parts
rollups/…               what is made of them, by hour and by day
state/…                 the scan detector's state, and whom it knew at the end of each interval
damaged/                parts whose bytes changed, and which count no longer
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flowlens.batch.job import DAY, Job
from flowlens.batch.store.entries import Part
from flowlens.batch.store.errors import DamagedError, LedgerError, LockedError
from flowlens.batch.store.ledger import NAME, Ledger, opened
from flowlens.core import atomic
from flowlens.core.directories import MANIFEST, MARK
from flowlens.core.errors import FlowlensError, UsageError
from flowlens.inputs.find import Source
from flowlens.inputs.store import VERSION, described, sha256_of

LOCK = "lock"

NAMES = "names.sqlite"
"""The names that reverse DNS gave."""

DIRECTORIES = ("flows", "rollups", "state")

DAMAGED = "damaged"
"""The directory of parts that aren't what was written: their objects may be gone by now."""

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Store:
    """A store that is open; `ledger` is its memory, `id` is no other store's.

    `sound` are the paths of parts that were found to be what was written, in this run.
    """

    directory: Path
    ledger: Ledger
    id: str
    sound: set[str] = field(default_factory=set, compare=False)

    def sources(self, parts: Iterable[Part]) -> tuple[Source, ...]:
        """Parts as sources of a read, each of them as it was written.

        Raises:
            DamagedError: one isn't.
        """
        parts = list(parts)
        self.require_sound(parts)
        return tuple(Source(str(self.directory / part.path), part.bytes) for part in parts)

    def require_sound(self, parts: Iterable[Part]) -> None:
        """See that parts are as they were written.

        Raises:
            DamagedError: one isn't.
        """
        damaged = self.damaged(parts)
        if damaged:
            raise DamagedError(f"{self.path(damaged[0].path)}: the part is damaged", damaged)

    def damaged(self, parts: Iterable[Part]) -> list[Part]:
        """Those of the parts that aren't as they were written; each is looked at once a run."""
        found = []
        for part in parts:
            if part.path in self.sound:
                continue
            if sha256_of(self.path(part.path)) == part.sha256 != "":
                self.sound.add(part.path)
            else:
                found.append(part)
        return found

    def path(self, *names: str) -> Path:
        """A place in the store."""
        return self.directory.joinpath(*names)

    def publish(self) -> None:
        """Tell readers which parts count."""
        rows = [
            {
                "path": part.path,
                "day": part.day,
                "rows": part.rows,
                "bytes": part.bytes,
                **({"sha256": part.sha256} if part.sha256 else {}),
            }
            for part in self.ledger.parts()
        ]
        content = json.dumps({"store": VERSION, "parts": rows}, indent=1).encode()
        place = self.path(MANIFEST)
        if not place.is_file() or place.read_bytes() != content:
            with atomic.replacing(place) as part:
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
            require_no_links(directory)
            _require_ledger(job)
            with opened(directory / NAME, create=True) as ledger:
                ledger.require_sound(_seconds(job))
                yield Store(directory, ledger, _identified(job, ledger))
    except OSError as error:
        raise refused(error, directory) from error


def set_aside(directory: Path, part: Path) -> None:
    """Put a part, if it is there, where it counts no longer."""
    if os.path.lexists(part):
        aside = directory / DAMAGED / f"{part.parent.name.removeprefix('day=')}-{part.name}"
        aside.parent.mkdir(exist_ok=True)
        os.replace(part, aside)


def _identified(job: Job, ledger: Ledger) -> str:
    """The id of a store; one that is new, or is too old to have one, gets it now.

    It stands in the mark and in the ledger, so that the loss of either changes nothing.

    Raises:
        UsageError: these are of different stores.
    """
    mark = job.store / MARK
    there = str(described(mark).get("id", "")) if mark.exists() else ""
    noted = ledger.about("store")
    if there and noted and there != noted:
        raise UsageError(
            f"{job.store / NAME}: the ledger of another store ({noted}, and {MARK} says {there}); "
            f"put its own back, or remove it and flowlens batch rebuild {job.path} makes it anew"
        )
    known = there or noted or secrets.token_hex(8)
    if not _ID.fullmatch(known):
        raise UsageError(f"{mark if there else job.store / NAME}: {known!r} is no id of a store")
    if not noted:
        with ledger.change():
            ledger.note("store", known)
    if not there:
        with atomic.replacing(mark) as part:
            part.write_text(json.dumps({**_about(job), "id": known}) + "\n", encoding="utf-8")
    return known


def require_no_links(directory: Path) -> None:
    """See that nothing in a store is a link: what is removed or replaced behind one isn't its own.

    Raises:
        FlowlensError: something is.
    """
    top = (*DIRECTORIES, MARK, MANIFEST, NAME, NAMES, LOCK)
    places = [directory / name for name in top]
    while places:
        place = places.pop()
        if place.is_symlink():
            raise FlowlensError(
                f"{place}: is a link; a store holds none, put what it leads to here"
            )
        if place.name in top and place.name not in DIRECTORIES:
            continue
        if not place.is_dir():
            continue
        with os.scandir(place) as entries:
            # Of files that are no links nothing more is to be known.
            places += [Path(e.path) for e in entries if e.is_symlink() or e.is_dir()]


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
            require_no_links(job.store)
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
        ledger.require_sound(_seconds(job))
        yield Store(job.store, ledger, ledger.about("store"))


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


def _seconds(job: Job) -> int:
    return int(job.interval.total_seconds())


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
        known = {MARK, MANIFEST, NAME, NAMES, LOCK, DAMAGED, *DIRECTORIES}
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
