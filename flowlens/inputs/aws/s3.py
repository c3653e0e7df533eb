"""Objects behind `s3://bucket/prefix`: found by AWS's layouts where they are, listed whole else.

Nothing outside of a layout is left out. Folders are looked at a few at once; above the layouts as
long as they are few, and plainly listed from there on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from flowlens.core.errors import EmptyInputError, NoInputError
from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.errors import NOT_AWS, explained, foreign
from flowlens.inputs.aws.objects import S3Object, Store
from flowlens.inputs.aws.paths import Choice, Place, Step, flow_log, place
from flowlens.inputs.find import Remote, Source

SCHEME = "s3://"

BREADTH = 100
"""More folders than this in one above the layouts, and it is listed whole."""

LOOKS = 300
"""Folders looked at above the layouts; what is left is listed whole."""

THREADS = 16

_NAMED = 5

Listed = Callable[[int], None]
"""Is told how many objects were listed so far."""


@dataclass(slots=True)
class Seen:
    """What was passed over below a prefix, so that it can be named where there is nothing else."""

    services: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    days: set[tuple[int, ...]] = field(default_factory=set)
    hidden: int = 0

    def leave(self, at: Place, why: str) -> None:
        """Note a place that isn't wanted."""
        if why == "service" and at.service:
            self.services.add(at.service)
        elif why == "account" and at.account:
            self.accounts.add(at.account)
        elif why == "region" and at.region:
            self.regions.add(at.region)
        elif why == "days":
            self.days.add(at.dates)

    def __str__(self) -> str:
        parts = []
        if self.days:
            ends = ["-".join(f"{number:02}" for number in end(self.days)) for end in (min, max)]
            parts.append(f"flow logs of other days, {' to '.join(dict.fromkeys(ends))}")
        for noun, names in (
            ("flow logs of other accounts", self.accounts),
            ("flow logs of other regions", self.regions),
            ("what other services delivered", self.services),
        ):
            if names:
                parts.append(f"{noun}, {_few(names)}")
        if self.hidden:
            parts.append(f"hidden objects, {self.hidden:,}")
        return "; ".join(parts)


class Bucket:
    """Lists what is below a prefix of a bucket."""

    def __init__(
        self, clients: Clients, store: Store, name: str, choice: Choice, listed: Listed
    ) -> None:
        self._client = clients.client("s3")
        self._access = clients.access
        self._store = store
        self._name = name
        self._choice = choice
        self._listed = listed
        self._lock = threading.Lock()
        self._looks = 0
        self._folder = ""
        self.seen = Seen()

    def objects(self, prefix: str) -> list[S3Object]:
        """The objects below a prefix that are wanted, by key.

        A prefix that doesn't end with `/` is an object, or a folder, or else the beginning of
        their names.

        Raises:
            NoInputError: the bucket can't be listed.
        """
        self._folder = prefix[: prefix.rfind("/") + 1]
        given = place(prefix if prefix.endswith("/") else f"{prefix}/").service
        if given is not None:
            self._choice = replace(self._choice, services=self._choice.services | {given})
        with explained(self._access, NoInputError):
            found, roots = self._roots(prefix)
            pool = ThreadPoolExecutor(THREADS, thread_name_prefix="flowlens-list")
            try:
                for objects in self._walk(pool, roots):
                    found += objects
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return sorted(found, key=lambda item: item.key)

    def beside(self, prefix: str) -> list[str]:
        """Names of what stands where a prefix leads nowhere; the first few, if it may be seen."""
        with suppress(NoInputError, *foreign()):
            while prefix:
                above = prefix.rstrip("/").rpartition("/")[0]
                prefix = f"{above}/" if above else ""
                page = self._page(prefix, Delimiter="/", MaxKeys=_NAMED)
                names = [*_folders(page), *(item["Key"] for item in page.get("Contents", ()))]
                if names:
                    return names
        return []

    def _roots(self, prefix: str) -> tuple[list[S3Object], list[str]]:
        if not prefix or prefix.endswith("/"):
            return [], [prefix]
        exact = self._page(prefix, MaxKeys=1).get("Contents", ())
        found = [self._object(item) for item in exact if item["Key"] == prefix]
        folder = self._page(f"{prefix}/", MaxKeys=1).get("Contents", ())
        return found, [f"{prefix}/"] if folder else [] if found else [prefix]

    def _walk(self, pool: ThreadPoolExecutor, roots: Sequence[str]) -> Iterator[list[S3Object]]:
        under_way: set[Future[tuple[list[S3Object], list[str]]]] = set()
        folders: Sequence[str] = roots
        while True:
            for folder in folders:
                at = place(folder)
                step = self._choice.step(at)
                if step is Step.LEAVE:
                    self._leave(at, self._choice.misfit(at))
                elif step is Step.WHOLE or not (at.within or self._may_look()):
                    under_way.add(pool.submit(self._whole, folder))
                else:
                    under_way.add(pool.submit(self._look, folder, at.within))
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            folders = []
            for future in done:
                objects, more = future.result()
                folders = [*folders, *more]
                yield objects

    def _may_look(self) -> bool:
        self._looks += 1
        return self._looks <= LOOKS

    def _look(self, folder: str, within: bool) -> tuple[list[S3Object], list[str]]:
        """The objects and folders right in a folder; all below it where there are too many."""
        objects: list[S3Object] = []
        folders: list[str] = []
        for page in self._pages(folder, Delimiter="/"):
            folders += _folders(page)
            if not within and len(folders) > BREADTH:
                return self._whole(folder)
            objects += self._wanted(page)
        self._listed(len(objects))
        return objects, folders

    def _whole(self, folder: str) -> tuple[list[S3Object], list[str]]:
        """All objects below a folder that are wanted by their keys."""
        objects: list[S3Object] = []
        for page in self._pages(folder):
            wanted = self._wanted(page)
            self._listed(len(wanted))
            objects += wanted
        return objects, []

    def _wanted(self, page: dict[str, Any]) -> list[S3Object]:
        objects: list[S3Object] = []
        judged, misfit = "", ""
        for item in page.get("Contents", ()):
            key = item["Key"]
            if key.endswith("/") and not item["Size"]:
                continue
            if any(map(_is_hidden, key.removeprefix(self._folder).split("/"))):
                with self._lock:
                    self.seen.hidden += 1
                continue
            folder = key[: key.rfind("/") + 1]
            if folder != judged:
                at = place(folder)
                judged, misfit = folder, self._choice.misfit(at)
                if misfit:
                    self._leave(at, misfit)
            if not misfit:
                objects.append(self._object(item))
        return objects

    def _leave(self, at: Place, why: str) -> None:
        with self._lock:
            self.seen.leave(at, why)

    def _object(self, item: dict[str, Any]) -> S3Object:
        return S3Object(self._store, self._name, item["Key"], item["Size"], item.get("ETag", ""))

    def _pages(self, prefix: str, **asked: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self._page(prefix, **asked)
            yield page
            token = page.get("NextContinuationToken")
            if not token or token == asked.get("ContinuationToken"):
                return
            asked["ContinuationToken"] = token

    def _page(self, prefix: str, **asked: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._client.list_objects_v2(
            Bucket=self._name, Prefix=prefix, **asked, **self._access.payer
        )
        if "IsTruncated" not in page:
            raise NoInputError(NOT_AWS)
        return page


def lister(clients: Clients, choice: Choice, told: Listed) -> Remote:
    """Lists inputs that begin with `s3://`; one pool fetches the objects of all of them."""
    store: Store | None = None
    count = 0
    lock = threading.Lock()

    def more(number: int) -> None:
        nonlocal count
        with lock:
            count += number
            told(count)

    def sources(name: str) -> Iterator[Source]:
        nonlocal store
        bucket_name, _, prefix = name.removeprefix(SCHEME).partition("/")
        if not bucket_name:
            raise NoInputError(f"{name}: names no bucket; write s3://BUCKET/PREFIX")
        told(count)
        store = store or Store(clients)
        bucket = Bucket(clients, store, bucket_name, choice, more)
        objects = bucket.objects(prefix)
        if not objects:
            raise EmptyInputError(_nothing(bucket, prefix, choice), there=bool(str(bucket.seen)))
        yield from map(_source, objects)

    return sources


def _source(item: S3Object) -> Source:
    flow = flow_log(item.key)
    return Source(
        f"{SCHEME}{item.bucket}/{item.key}",
        item.size,
        item.open,
        ahead=item.ahead,
        stamp=item.etag,
        kind=f"{SCHEME}{item.bucket}/{flow}" if flow else "",
    )


def _nothing(bucket: Bucket, prefix: str, choice: Choice) -> str:
    """Why no object is there to read, by what was seen."""
    seen = str(bucket.seen)
    if seen:
        asked = "".join(
            f" {noun} {value}"
            for noun, value in (
                ("of account", " or ".join(choice.accounts)),
                ("of region", choice.region),
            )
            if value
        )
        asked += " for these days, with one more on each side," if choice.windowed else ""
        return f"no flow logs{asked} are there; it holds {seen}"
    beside = bucket.beside(prefix)
    if beside:
        return f"nothing is there; the bucket has {_few(beside)}"
    return "the bucket holds no objects"


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in (".", "..")


def _few(names: Sequence[str] | set[str]) -> str:
    """The first names, and how many more."""
    every = sorted(names)
    more = f" and {len(every) - _NAMED:,} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _folders(page: dict[str, Any]) -> list[str]:
    return [item["Prefix"] for item in page.get("CommonPrefixes", ())]
