"""What a job's inputs hold now, object by object, and what of it is new.

Local directories are listed whole every time. Of S3 the folders of the last days are, from some
time before the last run on. A log group of CloudWatch has no objects: each hour of it stands for
one, and is read anew until no record of it can be late any more.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

from flowlens.batch.job import DAY, HOUR, Job
from flowlens.batch.store.ledger import Ledger
from flowlens.core.errors import NoInputError
from flowlens.core.times import from_epoch, interval_start, moment_text
from flowlens.inputs.aws import remotes
from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.cloudwatch import SCHEME as GROUPS
from flowlens.inputs.aws.cloudwatch import windows
from flowlens.inputs.aws.paths import place
from flowlens.inputs.find import Found, Missing, Source, find
from flowlens.inputs.store import Window
from flowlens.records.filter import Filter
from flowlens.records.layouts import from_user

_PACKED = ("gz", "zst", "bz2")

SETTLED = "settled"
"""The stamp of an hour of CloudWatch that no record comes to any more."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object as it is listed; `name` is how the ledger knows it.

    Only records of `window` count: everything, but for an hour of CloudWatch.
    """

    name: str
    source: Source
    window: Window = (None, None)

    @property
    def size(self) -> int:
        """Bytes; 0 where only reading tells."""
        return self.source.size or 0

    @property
    def stamp(self) -> str:
        """What changes when the content does."""
        return self.source.stamp


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects by name, each once, and the inputs that can't be listed.

    `remarks` are what a user should know of the inputs: a store that was passed over, for example.
    """

    objects: tuple[Object, ...]
    missing: tuple[Missing, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Objects that the ledger doesn't know, those it knows otherwise, and those to try again.

    `moved` are files that it knows by another name, which is gone: old names, new ones and sizes.
    `gone` are names of objects that should be read again and aren't there any more.
    """

    new: tuple[Object, ...]
    changed: tuple[Object, ...]
    again: tuple[Object, ...]
    moved: tuple[tuple[str, str, int], ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def objects(self) -> list[Object]:
        """All of them, by name."""
        return sorted((*self.new, *self.changed, *self.again), key=lambda item: item.name)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A million objects hold no garbage; looking for some takes longer than listing them."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_uncollected()
def listing(job: Job, ledger: Ledger, now: datetime, window: Window = (None, None)) -> Listing:
    """List the inputs of a job; `window` is what a user asks to be listed again.

    Raises:
        UsageError: AWS is wanted and can't be asked at all.
    """
    since = window[0] or _since(job, ledger, now)
    places = remotes(
        job.aws.access(), Filter(since=since, until=window[1]), layout_given=bool(job.layout)
    )
    groups = [name for name in job.inputs if name.startswith(GROUPS)]
    others = [name for name in job.inputs if not name.startswith(GROUPS)]
    found = find(others, remote=places, may_be_empty=True) if others else Found((), ())
    missing = list(found.missing)
    base = os.path.join(job.path.parent, "")
    objects = {name: Object(name, s) for s in found.sources for name in [key(s.name, base)]}
    for name in groups:
        try:
            objects |= {item.name: item for item in _hours(job, ledger, name, now, window)}
        except NoInputError as error:
            missing.append(Missing(name, str(error).removeprefix(f"{name}: ")))
    if ledger.value("select count(*) from objects"):
        # Nothing there at the first run is a mistake; later on there is just nothing new.
        missing = [lost for lost in missing if not lost.empty]
    ordered = tuple(objects[name] for name in sorted(objects))
    return Listing(ordered, tuple(missing), found.remarks)


def news(job: Job, ledger: Ledger, objects: Sequence[Object]) -> News:
    """What is new of the objects, which come by name."""
    new: list[Object] = []
    changed: list[Object] = []
    again: list[Object] = []
    gone: list[str] = []
    listed = iter(objects)
    item = next(listed, None)
    for name, size, stamp, retry in ledger.known():
        while item is not None and item.name < name:
            new.append(item)
            item = next(listed, None)
        if item is None or item.name != name:
            if retry:
                gone.append(name)
            continue
        if (size, stamp) != (item.size, item.stamp):
            changed.append(item)
        elif retry:
            again.append(item)
        item = next(listed, None)
    if item is not None:
        new += [item, *listed]
    moved = _moved(job.path.parent, ledger, new)
    really = tuple(item for item in new if item.name not in moved)
    others = tuple((moved[item.name], item.name, item.size) for item in new if item.name in moved)
    return News(really, tuple(changed), tuple(again), others, tuple(gone))


def _moved(base: Path, ledger: Ledger, new: Sequence[Object]) -> dict[str, str]:
    """The new files that were known by another name, which is gone: new names with old ones.

    A file that is moved keeps its size, and its time to the nanosecond. One that is compressed or
    unpacked where it lies keeps its time and all of its name but the ending.
    """
    found: dict[str, str] = {}
    for item in new:
        if item.source.opener is None and item.stamp:
            for old, size in ledger.alike(item.stamp):
                same = size == item.size or _bare(old) == _bare(item.name)
                if same and old not in found.values() and not os.path.lexists(path_of(old, base)):
                    found[item.name] = old
                    break
    return found


def _bare(name: str) -> str:
    """A name without the ending that tells of a compression.

    >>> _bare("logs/a.log.gz"), _bare("logs/a.log")
    ('logs/a.log', 'logs/a.log')
    """
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending in _PACKED else name


def _since(job: Job, ledger: Ledger, now: datetime) -> datetime | None:
    """From when on folders of S3 are listed: all of them at the first run.

    What has to be read again lies where its records were; or, if it never gave any, where its name
    says.
    """
    last = ledger.about("listed")
    if not last:
        return None
    since = min(now, datetime.fromisoformat(last)) - job.lookback
    first = ledger.first_again()
    records = [] if first is None else [from_epoch(first) - DAY]
    folders = [
        datetime.combine(days[0], datetime.min.time(), UTC)
        for name in ledger.again()
        for days in [place(name).days]
        if days
    ]
    return min([since, *records, *folders])


def _hours(job: Job, ledger: Ledger, name: str, now: datetime, window: Window) -> Iterator[Object]:
    """The hours of a log group, from the first that isn't settled on, or is to be read again.

    Raises:
        NoInputError: there is no such group, it can't be asked, or its records have no start.
    """
    since = window[0] or now - job.lookback
    if window[0] is None:
        open_since = ledger.about(f"open {name}")
        again = [interval_start(hour) for hour in ledger.again(f"{name}#")]
        since = min([since, *again, *([datetime.fromisoformat(open_since)] if open_since else [])])
    start = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = min(window[1] or now, now)
    starts = [start + count * HOUR for count in range(max(0, -((start - end) // HOUR)))]
    layout = from_user(job.layout) if job.layout else None
    clients = Clients(job.aws.access())
    for begin, source in zip(starts, windows(clients, name, starts, layout, now), strict=True):
        if source.layout and "start_time" not in source.layout.columns:
            raise NoInputError(
                f"{name}: its records have no start, by which a job tells hours apart; "
                "add ${start} to the flow log's format"
            )
        ended = begin + HOUR
        settled = ended + job.lateness <= now
        stamp = SETTLED if settled else f"as of {now:%Y-%m-%dT%H:%M:%S.%fZ}"
        hour = Source(source.name, None, source.opener, layout=source.layout, stamp=stamp)
        yield Object(source.name, hour, (begin, ended))


def note_listed(ledger: Ledger, job: Job, now: datetime) -> None:
    """Note that everything listed until now has been read: the next run begins to list there."""
    with ledger.change():
        ledger.note("listed", moment_text(now))
        for name in job.inputs:
            if name.startswith(GROUPS):
                ledger.note(f"open {name}", moment_text(now - job.lateness - HOUR))


def key(name: str, base: str) -> str:
    r"""How the ledger knows an object: a path is told from the job file's directory, if below it.

    `base` is that directory, with a `/` at its end. A path that is no UTF-8 is percent-encoded, and
    marked with what no path begins with.

    >>> key("/jobs/logs/a.log", "/jobs/"), key("s3://b/a.log", "/jobs/")
    ('logs/a.log', 's3://b/a.log')
    >>> key("/jobs/caf\udce9%.log", "/jobs/")
    './/caf%E9%25.log'
    """
    name = name.removeprefix(base)
    if name.isascii() or not any(map(_is_odd, name)):
        return name
    return _ODD + "".join(_encoded(c) if c == "%" or _is_odd(c) else c for c in name)


def path_of(key: str, base: Path) -> Path:
    r"""The path of a file that the ledger knows by a key.

    >>> path_of("logs/a.log", Path("/jobs")), path_of(".//caf%E9%25.log", Path("/jobs"))
    (PosixPath('/jobs/logs/a.log'), PosixPath('/jobs/caf\udce9%.log'))
    """
    if key.startswith(_ODD):
        return base / os.fsdecode(unquote_to_bytes(key.removeprefix(_ODD)))
    return base / key


_ODD = ".//"


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(character))


def _is_odd(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def grouped(objects: Sequence[Object], *, most: int, bytes_at_most: int) -> Iterator[list[Object]]:
    """Objects in groups that are read together, in their order.

    Hours of CloudWatch come alone, for only a part of what they give counts.
    """
    group: list[Object] = []
    size = 0
    for item in objects:
        alone = item.window != (None, None)
        if group and (alone or size + item.size > bytes_at_most or len(group) >= most):
            yield group
            group, size = [], 0
        group.append(item)
        size += item.size
        if alone:
            yield group
            group, size = [], 0
    if group:
        yield group
