"""Whose the things in an output are: a job replaces and removes what it published, and no more.

The directory of an interval is the job's if its `run.json` names the job, its store's id, and a run
that the store knows; and of that directory only the files which `run.json` lists are. Links are
never followed: what is to be removed is opened as a directory first, and removed by its descriptor.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlens.batch.job import Job
from flowlens.batch.store.ledger import Ledger
from flowlens.batch.store.place import Store
from flowlens.core import atomic
from flowlens.core.errors import FlowlensError

RUN = "run.json"

DRAFT = "draft"
"""The key of a `run.json` in a directory that isn't whole yet."""

_LONGEST = 256 << 20
"""Bytes of a `run.json` that are read: one of a million objects. A longer one is nobody's."""

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

About = Mapping[str, Any]


class ForeignError(FlowlensError):
    """Something lies there that this job didn't make."""


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a job; `store` is the id of the job's store, whose ledger knows its runs."""

    directory: Path
    job: str
    store: str
    ledger: Ledger

    @classmethod
    def of(cls, job: Job, store: Store) -> Output:
        """The output of a job whose store is open."""
        return cls(job.output, job.name, store.id, store.ledger)

    def published(self, name: str) -> About | None:
        """The `run.json` of an interval's directory; None where there is no such directory.

        Raises:
            ForeignError: something is there that this job didn't publish.
        """
        place = self.directory / name
        try:
            status = place.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(status.st_mode):
            what = "a link" if stat.S_ISLNK(status.st_mode) else "no directory"
            raise ForeignError(f"{place}: is {what}, which this job didn't make; move it away")
        with _opened(place) as descriptor:
            names = sorted(os.listdir(descriptor))
            if not names:
                return None
            about = _about(descriptor)
            self._require_ours(place, about, names)
            assert about is not None
            _require_listed(place, descriptor, about, names)
        return about

    def is_ours(self, name: str) -> bool:
        """Whether an interval's directory is this job's, whatever else lies in it."""
        try:
            with _opened(self.directory / name) as descriptor:
                about = _about(descriptor)
        except OSError:
            return False
        return about is not None and not self._objection(about)

    def draft(self, name: str, run: str) -> Path:
        """A new directory beside an interval's, which tells whose it is from the beginning."""
        part = atomic.beside(self.directory / name, mark=self.store)
        part.mkdir()
        self._write(part / RUN, {"run": run, **self.claim(), DRAFT: True})
        return part

    def claim(self) -> About:
        """How a `run.json` tells whose it is."""
        return {"job": self.job, "store": self.store}

    def put(self, part: Path, name: str, about: About) -> None:
        """Put a draft in the place of an interval's directory; there is a half of neither.

        If it can't be put there, the old one is back.

        Raises:
            ForeignError: something is there that this job didn't publish.
        """
        self._write(part / RUN, about)
        for path in part.iterdir():
            atomic.sync(path)
        atomic.sync(part)
        place, old = self.directory / name, self._aside(name)
        try:
            os.replace(part, place)
        except BaseException:
            if old is not None:
                os.replace(old, place)
            raise
        atomic.sync(self.directory)
        if old is not None:
            self._remove(old)

    def withdraw(self, name: str) -> None:
        """Remove an interval's directory, if it is there, at once for whoever reads it.

        Raises:
            ForeignError: something is there that this job didn't publish.
        """
        old = self._aside(name)
        if old is not None:
            atomic.sync(self.directory)
            self._remove(old)

    def discard(self, part: Path) -> None:
        """Remove a draft, if it is still there."""
        # The next run sweeps what can't be removed now, and tells of it.
        with suppress(OSError, ForeignError):
            self._remove(part)

    def sweep(self) -> Iterator[ForeignError]:
        """Remove what killed runs of this job left; what can't be, for others' files are in it."""
        left = re.compile(rf"\..+-{self.store}-[0-9a-f]{{12}}\.part")
        for path in sorted(self.directory.iterdir()):
            if left.fullmatch(path.name):
                try:
                    self._remove(path)
                except ForeignError as error:
                    yield error

    def take_over(self) -> list[str]:
        """Know what this job published before its store kept account of that; the names.

        That is once: of a store without an id, or whose ledger was made anew.
        """
        found: dict[str, str] = {}
        for place in sorted(self.directory.iterdir()):
            with suppress(OSError), _opened(place) as descriptor:
                about = _about(descriptor) or {}
                run = about.get("run")
                if self._is_named(about) and isinstance(run, str) and _RUN_ID.fullmatch(run):
                    found[place.name] = run
        with self.ledger.change():
            for run in found.values():
                self.ledger.note_run(run)
            self.ledger.note("outputs", "known")
        return list(found)

    def told(self) -> About | None:
        """The `run.json` of the last run, if it is this job's own.

        Raises:
            ForeignError: it is somebody else's.
        """
        place = self.directory / RUN
        if not os.path.lexists(place):
            return None
        with _opened(self.directory, follow=True) as descriptor:
            about = _about(descriptor)
        if about is None or not self._is_named(about):
            whose = f"is of job {about['job']!r}" if about and "job" in about else "isn't ours"
            raise ForeignError(
                f"{place}: {whose}, and stays; give job {self.job!r} an output of its own"
            )
        return about

    def tell(self, about: About) -> None:
        """Write the `run.json` of a run.

        Raises:
            ForeignError: there is one that is somebody else's.
        """
        self.told()
        self._write(self.directory / RUN, about)

    def _write(self, place: Path, about: About) -> None:
        with atomic.replacing(place, mark=self.store) as part:
            part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    def _is_named(self, about: About) -> bool:
        """Whether it names this job; without a store's id it is of a flowlens that gave none."""
        return about.get("job") == self.job and about.get("store", self.store) == self.store

    def _objection(self, about: About) -> str:
        """Why a `run.json` isn't of this job; an empty text if it is."""
        if about.get("job") != self.job:
            return (
                f"is published by job {about.get('job')!r}; give {self.job!r} an output of its own"
            )
        if not self._is_named(about):
            return "is published from another store of this job; give each an output of its own"
        if not self.ledger.knows_run(str(about.get("run"))):
            return (
                "is published by a run that this store doesn't know, perhaps from a copy of it; "
                "give each copy an output of its own, or move the directory away"
            )
        return ""

    def _require_ours(self, place: Path, about: About | None, names: list[str]) -> None:
        if about is None:
            raise ForeignError(
                f"{place}: holds {names[0]}, which this job didn't publish, and no {RUN} that says "
                "whose it is; move it away"
            )
        objection = self._objection(about)
        if objection:
            raise ForeignError(f"{place}: {objection}")

    def _aside(self, name: str) -> Path | None:
        """Give an interval's directory another name, under which nobody looks for it."""
        if self.published(name) is None:
            return None
        place = self.directory / name
        old = atomic.beside(place, mark=self.store)
        os.replace(place, old)
        try:
            # Somebody may have put a file there meanwhile.
            with _opened(old) as descriptor:
                about, names = _about(descriptor), os.listdir(descriptor)
                self._require_ours(place, about, names)
                _require_listed(place, descriptor, about or {}, names)
        except BaseException:
            os.replace(old, place)
            raise
        return old

    def _remove(self, path: Path) -> None:
        """Remove what goes by a name that this job alone gives, and holds what it alone wrote."""
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            if stat.S_ISREG(status.st_mode):
                path.unlink()
            return
        with _opened(path) as descriptor:
            about, names = _about(descriptor), sorted(os.listdir(descriptor))
            ours = {name for name in names if name.startswith(f".{RUN}-{self.store}-")}
            if about is not None and self._is_named(about):
                ours |= set(names) if about.get(DRAFT) is True else _listed(about)
            _require_listed(path, descriptor, about or {}, names, ours)
            for name in sorted(names, key=lambda name: name == RUN):
                os.unlink(name, dir_fd=descriptor)
        path.rmdir()


@contextmanager
def _opened(place: Path, *, follow: bool = False) -> Iterator[int]:
    """The descriptor of a directory that is no link."""
    descriptor = os.open(place, _DIRECTORY & ~os.O_NOFOLLOW if follow else _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _about(directory: int) -> About | None:
    """The `run.json` in a directory; None where there is none that flowlens could have written."""
    try:
        descriptor = os.open(RUN, _FILE, dir_fd=directory)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            text = file.read(_LONGEST + 1)
        about = json.loads(text) if len(text) <= _LONGEST else None
    except (OSError, ValueError, RecursionError):
        return None
    return about if isinstance(about, dict) else None


def _listed(about: About) -> set[str]:
    """The files that a `run.json` lists, and itself."""
    outputs = about.get("outputs")
    rows = outputs if isinstance(outputs, list) else []
    names = {row.get("name") for row in rows if isinstance(row, dict)}
    return {RUN, *(name for name in names if isinstance(name, str))}


def _require_listed(
    place: Path, directory: int, about: About, names: list[str], ours: set[str] | None = None
) -> None:
    """See that a directory holds files that its `run.json` lists, and nothing else."""
    listed = _listed(about) if ours is None else ours
    for name in names:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if name not in listed or not stat.S_ISREG(status.st_mode):
            raise ForeignError(
                f"{place}: holds {name}, which this job didn't publish; move it away"
            )
