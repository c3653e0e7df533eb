"""Asking: what is in flight, what is tried again, and which verdict a question ends with."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from flowlens.naming.dns import questions
from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.pace import Pace
from flowlens.naming.dns.questions import Question, Reply
from flowlens.naming.dns.replies import read
from flowlens.naming.dns.resolver import Finish
from flowlens.naming.dns.transport import Arrival, Query, Transport
from flowlens.naming.dns.zones import Zones

TRIES = 3
"""Queries for one question that may time out, more only where more servers are in turn. With 1 %
lost, one question in a million ends so."""

IN_FLIGHT = 500
"""Questions in flight at a time, whatever the rate: servers have buffers, too."""

PATIENCE = 15.0
"""Seconds without an answer of any kind, in which `SILENT` queries timed out, after which the
servers count as dead."""

SILENT = 20

FALLBACK = 10
"""Time-outs in a row after which a server is out of turn: not asked while another one is in."""

_WAIT = 0.2
"""The longest wait in seconds, so that a wish to stop is heard."""


@dataclass(slots=True, eq=False)
class _Case:
    """A question being asked: how it is asked next, and what is known so far.

    `target` is what is asked for: the question, or the end of the aliases that it led to, which
    hold for `holds` seconds.
    """

    question: Question
    server: int
    target: Question
    began: float | None = None
    over_tcp: bool = False
    edns: bool = True
    failure: Reply | None = None
    holds: int | None = None
    out: list[Query] = field(default_factory=list)
    expired: list[Query] = field(default_factory=list)
    ended: bool = False


class Asking:
    """One run over a transport. `routes` gives the servers of a question, the first one first."""

    def __init__(
        self,
        transport: Transport,
        pace: Pace,
        finish: Finish,
        *,
        routes: Callable[[Question], Sequence[int]],
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._pace = pace
        self._finish = finish
        self._routes = routes
        self._clock = clock
        self._zones = Zones()
        self._source: Iterator[Question] = iter(())
        self._next: deque[Question] = deque()
        self._admitted: deque[Question] = deque()
        self._again: deque[_Case] = deque()
        self._cases: dict[Query, _Case] = {}
        self._in_flight: dict[_Case, None] = {}
        self._unheard: Counter[int] = Counter()
        self._silent = 0
        self._heard = clock()
        self.sent = self.answered = 0
        self.gave_up = False

    def ask(self, asked: Iterable[Question], is_over: Callable[[], bool]) -> None:
        """Ask until every question has ended or the run is over, or until all servers are dead."""
        self._source = iter(asked)
        while not (is_over() or self.gave_up):
            wait = self._send()
            if not self._in_flight:
                if wait is None:
                    break
            elif (deadline := self._transport.next_deadline()) is not None:
                wait = min(wait or _WAIT, deadline - self._clock())
            now = self._clock()
            for arrival in self._transport.receive(max(0.0, min(wait or _WAIT, _WAIT)), now=now):
                self._take(arrival)
            for query in self._transport.expired(self._clock()):
                self._lose(query)
        for case in list(self._in_flight):
            unfinished = Reply(Status.TIMEOUT, unfinished=not case.expired)
            self._end(case, case.failure or unfinished)

    def _send(self) -> float | None:
        """Send what may go; seconds until more may, None when only answers can bring more."""
        while self._again or len(self._in_flight) < IN_FLIGHT:
            now = self._clock()
            if (delay := self._pace.delay(now)) > 0:
                return delay
            case = self._case()
            if case is None:
                return None
            self._pace.take()
            send = self._transport.send_stream if case.over_tcp else self._transport.send
            query = send(case.target.wire, case.server, now=now, edns=case.edns)
            self.sent += 1
            case.began = now if case.began is None else case.began
            case.out.append(query)
            self._cases[query] = case
        return None

    def _case(self) -> _Case | None:
        """What is to be sent next: what was tried before, what follows from answers, the rest."""
        while self._again:
            case = self._again.popleft()
            if not case.ended:
                return case
        question = self._question()
        if question is None:
            return None
        case = _Case(question, self._in_turn(question)[0], question)
        self._in_flight[case] = None
        return case

    def _question(self) -> Question | None:
        """The next question that its zone has room for; those of dead zones end here."""
        if self._admitted:
            return self._admitted.popleft()
        while True:
            question = self._next.popleft() if self._next else next(self._source, None)
            if question is None:
                return None
            if self._zones.is_dead(question):
                self._next.extend(self._finish(question, Reply(Status.SKIPPED)))
            elif self._zones.admit(question):
                return question

    def _take(self, arrival: Arrival) -> None:
        """An answer has come: the verdict, or a reason to ask in another way or elsewhere."""
        query, wire = arrival.query, arrival.wire
        if query.closed:
            return
        if wire is None:
            self._lose(query)
            return
        case = self._cases[query]
        now = self._heard = self._clock()
        self._silent = self._unheard[query.server] = 0
        self.answered += 1
        self._zones.heard(case.question)
        self._close(query)
        if questions.is_truncated(wire) and not query.by_tcp:
            if not case.over_tcp:
                case.over_tcp, case.server = True, query.server
                self._again.append(case)
        elif questions.is_format_error(wire) and case.edns:
            case.edns, case.server = False, query.server
            self._again.append(case)
        else:
            reply = read(wire, case.target)
            if reply.status.is_failure and case.failure is None and self._elsewhere(case, reply):
                case.failure = reply
                self._again.append(case)
            elif reply.alias is not None and case.holds is None:
                self._follow(case, query.server, reply)
            else:
                # A server that is out of turn is down; that says nothing of the rate.
                lost = sum(one is not query and self._is_up(one.server) for one in case.expired)
                self._pace.answered(now, sent=case.began or now, lost=lost)
                if case.holds is not None:
                    reply = replace(reply, ttl=min(reply.ttl, case.holds))
                self._end(case, reply)

    def _elsewhere(self, case: _Case, reply: Reply) -> bool:
        """Move on to the next server; False where asking the same one again is of no use."""
        before = case.server
        self._move(case)
        return case.server != before or reply.status is not Status.REFUSED

    def _follow(self, case: _Case, server: int, reply: Reply) -> None:
        """Ask for the end of the aliases, once: whoever answers doesn't do so by itself."""
        assert reply.alias is not None
        for query in list(case.out):
            self._close(query)
        case.target, case.holds = questions.renamed(case.question, reply.alias), reply.ttl
        case.server = server
        self._again.append(case)

    def _move(self, case: _Case) -> None:
        """On to the next server in turn, which may be the same one."""
        routes = self._routes(case.question)
        at = routes.index(case.server) + 1
        others = [*routes[at:], *routes[:at]]
        case.server = next(filter(self._is_up, others), others[0])

    def _is_up(self, server: int) -> bool:
        return self._unheard[server] < FALLBACK

    def _in_turn(self, question: Question) -> Sequence[int]:
        """The servers that may be asked the question: all if none of them answers."""
        routes = self._routes(question)
        return [server for server in routes if self._is_up(server)] or routes

    def _lose(self, query: Query) -> None:
        """A query timed out or failed: the next try, or the end.

        By UDP its answer is still welcome, as long as the question hasn't ended. By TCP it was
        the server's own answer that led there: it isn't silent.
        """
        case = self._cases[query]
        case.expired.append(query)
        if query.by_tcp:
            self._close(query)
        else:
            self._unheard[query.server] += 1
            self._silent += 1
        if self._silent >= SILENT and self._clock() - self._heard > PATIENCE:
            self.gave_up = True
        asked = {one.server for one in case.expired}
        everywhere = asked.issuperset(self._in_turn(case.question))
        if everywhere:
            self._zones.timed_out(case.question)
        if self._zones.is_dead(case.question) or (everywhere and len(case.expired) >= TRIES):
            self._end(case, case.failure or Reply(Status.TIMEOUT))
        else:
            self._move(case)
            self._again.append(case)

    def _close(self, query: Query) -> None:
        self._transport.forget(query)
        self._cases.pop(query).out.remove(query)

    def _end(self, case: _Case, reply: Reply) -> None:
        case.ended = True
        for query in list(case.out):
            self._close(query)
        del self._in_flight[case]
        self._next.extend(self._finish(case.question, reply))
        released = self._zones.done(case.question)
        while released is not None and self._zones.is_dead(released):
            self._next.extend(self._finish(released, Reply(Status.SKIPPED)))
            released = self._zones.done(released)
        if released is not None:
            self._admitted.append(released)
