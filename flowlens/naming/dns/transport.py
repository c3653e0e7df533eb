"""Transport: queries out and answers in, over a few sockets, without a task or timer per query.

Sockets are connected, so what comes from another address never arrives. An answer is taken if its
id is that of a query out on its socket and it repeats the question; all else is counted and
ignored. A query is open from sending until its answer, its time-out, or until nobody wants it.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from flowlens.naming.dns import questions
from flowlens.naming.dns.servers import Server
from flowlens.naming.dns.streams import Stream

SOCKETS = 4
"""UDP sockets for each server; an answer made up by a stranger has to guess the port as well."""

STREAMS = 4
"""TCP connections at a time."""

_RECEIVE_BUFFER = 4 << 20
_DATAGRAM = 4096
_BATCH = 64
_random = random.SystemRandom()


@dataclass(slots=True, eq=False)
class Query:
    """A question sent to one server once, and when that times out."""

    question: bytes
    server: int
    sent: float = 0.0
    deadline: float = 0.0
    key: tuple[int, int] | None = None
    """Socket and id, as long as it is open."""
    by_tcp: bool = False
    stream: Stream | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came for a query; no bytes if it is lost for certain."""

    query: Query
    wire: bytes | None


class Transport:
    """Sockets to some servers. `timeout` is in seconds from sending, on the caller's clock."""

    def __init__(self, servers: Sequence[Server], *, timeout: float) -> None:
        self._servers = servers
        self._timeout = timeout
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._homes: list[list[int]] = []
        self._open: dict[tuple[int, int], Query] = {}
        self._deadlines: deque[Query] = deque()
        self._waiting: deque[tuple[Query, bytes]] = deque()
        self._streams = 0
        self.ignored = 0
        self.faults: dict[int, str] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            for number, server in enumerate(self._servers):
                self._homes.append([])
                for _ in range(SOCKETS):
                    self._connect(number, server)
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def send(self, question: bytes, server: int, *, now: float, edns: bool) -> Query:
        """Send a question by UDP. Where that fails the query is lost, as on the way."""
        query = Query(question, server, now, now + self._timeout)
        self._deadlines.append(query)
        if not self._homes[server]:
            return query
        query.key = self._free_key(self._homes[server])
        home, identity = query.key
        self._open[query.key] = query
        wire = questions.message(identity, question, edns=edns)
        try:
            self._sockets[home].send(wire)
        except ConnectionRefusedError as error:
            # Linux reports what became of an earlier packet, and doesn't send this one.
            self._fault(server, error)
            with contextlib.suppress(OSError):
                self._sockets[home].send(wire)
        except OSError as error:
            self._fault(server, error)
        return query

    def _free_key(self, homes: Sequence[int]) -> tuple[int, int]:
        """One of the sockets and an id, by chance; one call of the system for both."""
        while True:
            chance = _random.getrandbits(32)
            key = (homes[(chance >> 16) % len(homes)], chance & 0xFFFF)
            if key not in self._open:
                return key

    def send_stream(self, question: bytes, server: int, *, now: float, edns: bool) -> Query:
        """Send a question by TCP, at once or when a connection is free; its time begins then."""
        query = Query(question, server, by_tcp=True)
        wire = questions.message(_random.getrandbits(16), question, edns=edns)
        self._waiting.append((query, wire))
        self._open_streams(now)
        return query

    def forget(self, query: Query) -> None:
        """Nobody wants the answer any more."""
        query.closed = True
        if query.key is not None:
            del self._open[query.key]
            query.key = None
        if query.stream is not None:
            self._selector.unregister(query.stream.socket)
            query.stream.socket.close()
            query.stream = None
            self._streams -= 1

    def next_deadline(self) -> float | None:
        """When the next query times out."""
        while self._deadlines and self._deadlines[0].closed:
            self._deadlines.popleft()
        return self._deadlines[0].deadline if self._deadlines else None

    def expired(self, now: float) -> Iterator[Query]:
        """Queries that have timed out; they stay open until they are forgotten.

        A late answer to a question that is out again is as good as any.
        """
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            yield self._deadlines.popleft()

    def receive(self, seconds: float, *, now: float) -> Iterator[Arrival]:
        """Wait so long at most for what comes, and give it out."""
        self._open_streams(now)
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, int):
                yield from self._datagrams(key.data)
            elif not key.data.closed:
                yield from self._step(key.data)

    def _connect(self, number: int, server: Server) -> None:
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        try:
            made = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            self._fault(number, error)
            return
        made.setblocking(False)
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        try:
            made.connect((server.host, server.port))
        except OSError as error:
            made.close()
            self._fault(number, error)
            return
        self._homes[number].append(len(self._sockets))
        self._selector.register(made, selectors.EVENT_READ, len(self._sockets))
        self._sockets.append(made)

    def _fault(self, server: int, error: OSError) -> None:
        self.faults[server] = error.strerror or str(error)

    def _datagrams(self, home: int) -> Iterator[Arrival]:
        for _ in range(_BATCH):
            try:
                wire = self._sockets[home].recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                server = next(n for n, homes in enumerate(self._homes) if home in homes)
                self._fault(server, error)
                continue
            query = self._open.get((home, int.from_bytes(wire[:2], "big")))
            if query is None or not questions.answers(wire, query.question):
                self.ignored += 1
            else:
                yield Arrival(query, wire)

    def _open_streams(self, now: float) -> None:
        while self._waiting and self._streams < STREAMS:
            query, wire = self._waiting.popleft()
            if query.closed:
                continue
            query.sent, query.deadline = now, now + self._timeout
            self._deadlines.append(query)
            try:
                query.stream = Stream(self._servers[query.server], wire)
            except OSError as error:
                self._fault(query.server, error)
                continue
            self._streams += 1
            self._selector.register(query.stream.socket, query.stream.events, query)

    def _step(self, query: Query) -> Iterator[Arrival]:
        stream = query.stream
        assert stream is not None
        try:
            wire = stream.step()
        except OSError as error:
            self._fault(query.server, error)
            yield Arrival(query, None)
            return
        if wire is None:
            self._selector.modify(stream.socket, stream.events, query)
        else:
            right = wire[:2] == stream.identity and questions.answers(wire, query.question)
            self.ignored += not right
            yield Arrival(query, wire if right else None)
