"""Objects of S3 as files: small ones by one request, ahead of time; large ones piece by piece.

Memory stays flat: at most 64 MiB of small objects wait to be opened, and a large one that is read
from its beginning holds four pieces.
"""

from __future__ import annotations

import io
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.errors import HOPELESS, Fault, Kind, fault, foreign

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WHOLE = 8 << 20
"""An object up to this size comes by one request; bytes."""

PIECE = 8 << 20
"""What a request brings of a larger object; bytes."""

FIRST = 1 << 20
"""The first piece, which may be all that anybody looks at; bytes."""

AHEAD = 3
"""Pieces of a large object under way behind the one that is read."""

HELD = 64 << 20
"""Small objects fetched ahead and not yet opened; bytes."""

THREADS = 16

_CHUNK = 256 << 10
_BREAKS = 4
_UNREACHED = 3


class Store:
    """Fetches objects, a few at once, whoever asks; sleeps between attempts by `sleep`."""

    def __init__(self, clients: Clients, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = clients.client("s3")
        self._access = clients.access
        self._sleep = sleep
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="flowlens-s3")
        self._lock = threading.Lock()
        self._held = 0
        self._unreached: Counter[str] = Counter()
        self._hopeless: dict[str, str] = {}

    def get(self, item: S3Object, start: int, stop: int) -> bytes:
        """The bytes of an object from `start` up to `stop`.

        A body that breaks off is asked for again from there on. Where nothing more can come from a
        bucket, because credentials have expired or it can't be reached, nothing more is asked.

        Raises:
            OSError: one line.
        """
        chunks: list[bytes] = []
        position = start
        for attempt in range(_BREAKS + 1):
            body = self._body(item, position, stop)
            broken = "it ends early"
            try:
                while chunk := body.read(_CHUNK):
                    chunks.append(chunk)
                    position += len(chunk)
            except foreign() as error:
                broken = fault(error, self._access).text
            finally:
                body.close()
            if position == stop:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            if position > stop:
                raise OSError("AWS sends more than was asked for; check --endpoint-url")
            if attempt < _BREAKS:
                self._sleep(0.1 * 2**attempt)
        raise OSError(f"at byte {position:,} of {item.size:,}: {broken}")

    def soon(self, item: S3Object, start: int, stop: int) -> Future[bytes]:
        """The same in the background."""
        return self._pool.submit(self.get, item, start, stop)

    def reserve(self, size: int) -> bool:
        """Whether there is room for so many bytes ahead of time; if so, they count as held."""
        with self._lock:
            room = self._held + size <= HELD
            self._held += size if room else 0
            return room

    def release(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self._held -= size

    def _body(self, item: S3Object, position: int, stop: int) -> Any:
        if item.bucket in self._hopeless:
            raise OSError(self._hopeless[item.bucket])
        asked: dict[str, str] = dict(self._access.payer)
        if item.etag:
            asked["IfMatch"] = item.etag
        part = (position, stop) != (0, item.size)
        if part:
            asked["Range"] = f"bytes={position}-{stop - 1}"
        try:
            answer = self._client.get_object(Bucket=item.bucket, Key=item.key, **asked)
        except foreign() as error:
            found = fault(error, self._access)
            self._despair(item.bucket, found)
            raise OSError(found.text) from error
        self._unreached.pop(item.bucket, None)
        if part and "ContentRange" not in answer:
            answer["Body"].close()
            raise OSError("the endpoint doesn't give parts of objects; check --endpoint-url")
        return answer["Body"]

    def _despair(self, bucket: str, found: Fault) -> None:
        """Note what makes any further request to a bucket useless."""
        if found.kind is Kind.UNREACHABLE:
            self._unreached[bucket] += 1
        if found.kind in HOPELESS or self._unreached[bucket] >= _UNREACHED:
            self._hopeless[bucket] = found.text


class S3Object:
    """An object as it was listed; `etag` makes sure that it is that one which is read."""

    __slots__ = ("_future", "_store", "bucket", "etag", "key", "size")

    def __init__(self, store: Store, bucket: str, key: str, size: int, etag: str) -> None:
        self.bucket = bucket
        self.key = key
        self.size = size
        self.etag = etag
        self._store = store
        self._future: Future[bytes] | None = None

    def ahead(self) -> None:
        """Start to fetch a small object, if there is room for it."""
        if 0 < self.size <= WHOLE and self._future is None and self._store.reserve(self.size):
            self._future = self._store.soon(self, 0, self.size)

    def open(self) -> BinaryIO:
        """The object as a seekable file.

        Raises:
            OSError: one line; while reading, too.
        """
        if self.size > WHOLE:
            return cast("BinaryIO", Ranged(self._store, self))
        if not self.size:
            return io.BytesIO()
        future, self._future = self._future, None
        if future is None:
            return io.BytesIO(self._store.get(self, 0, self.size))
        try:
            return io.BytesIO(future.result())
        finally:
            self._store.release(self.size)


class Ranged(io.RawIOBase):
    """A large object: read from its beginning it comes in pieces, a few under way; else as asked.

    A read gives all the bytes that it asks for, up to the end.
    """

    def __init__(self, store: Store, item: S3Object) -> None:
        super().__init__()
        self._store = store
        self._item = item
        self._position = 0
        self._streamed = 0
        self._asked = 0
        self._piece = memoryview(b"")
        self._coming: deque[Future[bytes]] = deque()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position; bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._item.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readall(self) -> bytes:
        """All from the position on."""
        return self.read(max(0, self._item.size - self._position)) or b""

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer, as far as the object goes."""
        view = memoryview(buffer).cast("B")
        want = min(len(view), self._item.size - self._position)
        if want <= 0:
            return 0
        if self._position == self._streamed:
            self._fill(view[:want])
        else:
            view[:want] = self._store.get(self._item, self._position, self._position + want)
        self._position += want
        return want

    def close(self) -> None:
        """Let go of what is under way."""
        for future in self._coming:
            future.cancel()
        self._coming.clear()
        self._piece = memoryview(b"")
        super().close()

    def _fill(self, view: memoryview) -> None:
        done = 0
        while done < len(view):
            if not self._piece:
                self._piece = memoryview(self._next())
            part = self._piece[: len(view) - done]
            view[done : done + len(part)] = part
            self._piece = self._piece[len(part) :]
            done += len(part)
        self._streamed += done

    def _next(self) -> bytes:
        """The next piece in a row; after a failure the row is over, and parts come as asked."""
        try:
            if not self._asked:
                self._asked = min(FIRST, self._item.size)
                return self._store.get(self._item, 0, self._asked)
            while len(self._coming) <= AHEAD and self._asked < self._item.size:
                stop = min(self._asked + PIECE, self._item.size)
                self._coming.append(self._store.soon(self._item, self._asked, stop))
                self._asked = stop
            return self._coming.popleft().result()
        except OSError:
            self._streamed = -1
            raise
