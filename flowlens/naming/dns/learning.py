"""Learning: from replies to answers. A name is held against its own addresses before it counts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

import dns.name

from flowlens.naming.dns import names
from flowlens.naming.dns.answers import Answer, Confirmation, Status
from flowlens.naming.dns.lifetimes import lifetime
from flowlens.naming.dns.questions import Question, Reply, forward, reverse

BATCH = 500
SECONDS = 1.0
"""Answers are kept at the latest when there are so many, or so long after the last ones were: what
a run loses that is killed."""

Address = IPv4Address | IPv6Address
_Name = tuple[dns.name.Name, int, bool]
"""A name, the family of the addresses it is asked for, and whether private servers are."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A name that an address has, not yet held against the name's own addresses."""

    address: Address
    name: dns.name.Name
    ttl: int


class Learning:
    """Hears replies, and makes an answer of those that belong together.

    `before` holds the expired answers, whose failures count on. `heard` gets every answer, `keep`
    gets them in batches: also what is left at the end of the block, however it ends.
    """

    def __init__(
        self,
        servers: str,
        before: Mapping[str, Answer],
        *,
        keep: Callable[[Sequence[Answer]], None],
        heard: Callable[[Answer], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._servers = servers
        self._before = before
        self._keep = keep
        self._heard = heard
        self._clock = clock
        self._addresses: dict[Question, Address] = {}
        self._claims: dict[_Name, list[_Claim]] = defaultdict(list)
        self._forward: dict[_Name, Reply] = {}
        self._unkept: list[Answer] = []
        self._kept = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for claims in self._claims.values():
            for claim in claims:
                self._settle(claim, Reply(Status.NOT_ASKED))
        self._keep(self._unkept)

    def question(self, address: Address, *, private: bool) -> Question:
        """The question for an address's name."""
        question = reverse(address, private=private)
        self._addresses[question] = address
        return question

    def finish(self, question: Question, reply: Reply) -> Iterable[Question]:
        """Hear how a question ended; what is to be asked because of it."""
        address = self._addresses.pop(question, None)
        if address is None:
            self._resolved(question, reply)
            return ()
        if reply.unfinished:
            self._heard(Answer(str(address), reply.status, asked=int(self._clock())))
            return ()
        if reply.status is not Status.OK:
            self._learn(address, reply.status, reply.ttl)
            return ()
        name = names.chosen(one for one in reply.records if isinstance(one, dns.name.Name))
        claim = _Claim(address, name, reply.ttl)
        if names.is_bogus(name):
            self._settle(claim, Reply(Status.NXDOMAIN, ttl=reply.ttl))
            return ()
        key = (name, address.version, question.private)
        if (known := self._forward.get(key)) is not None:
            self._settle(claim, known)
            return ()
        self._claims[key].append(claim)
        if len(self._claims[key]) > 1:
            return ()
        return (forward(name, version=address.version, private=question.private),)

    def _resolved(self, question: Question, reply: Reply) -> None:
        version = 4 if question.rdtype.name == "A" else 6
        key = (question.name, version, question.private)
        self._forward[key] = reply
        for claim in self._claims.pop(key):
            self._settle(claim, reply)

    def _settle(self, claim: _Claim, reply: Reply) -> None:
        """The answer for a name, as its own addresses have it."""
        confirmation = Confirmation.UNCONFIRMED
        if reply.status is Status.OK:
            there = any(ip_address(str(one)) == claim.address for one in reply.records)
            confirmation = Confirmation.CONFIRMED if there else Confirmation.CONTRADICTED
        self._learn(
            claim.address,
            Status.OK,
            claim.ttl,
            name=claim.name,
            forward=reply,
            confirmation=confirmation,
        )

    def _learn(
        self,
        address: Address,
        status: Status,
        ttl: int,
        *,
        name: dns.name.Name | None = None,
        forward: Reply | None = None,
        confirmation: Confirmation | None = None,
    ) -> None:
        """An answer is heard, and kept if servers were asked; it holds while all of it does."""
        key = str(address)
        if status in (Status.SKIPPED, Status.NOT_ASKED):
            self._heard(Answer(key, status))
            return
        failed = status.is_failure or (forward is not None and not forward.status.is_verdict)
        failures = self._before[key].failures + 1 if key in self._before else 1
        failures = failures if failed else 0
        holds = lifetime(status, ttl, failures)
        if forward is not None:
            holds = min(holds, lifetime(forward.status, forward.ttl, failures))
        clock = self._clock()
        now = int(clock)
        shown = names.shown(name) if name is not None else None
        servers = self._servers if failed else ""
        answer = Answer(key, status, shown, confirmation, now, now + holds, servers, failures)
        self._heard(answer)
        self._unkept.append(answer)
        # Clocks are set back as well.
        if len(self._unkept) >= BATCH or not 0 <= clock - self._kept < SECONDS:
            self._keep(self._unkept)
            self._unkept, self._kept = [], clock
