"""The lookup: which addresses are asked about, what is known already, and what is learned.

The cache first; then the addresses, most important first, up to the limit; then each name's own
addresses, that it may be confirmed. What is learned is kept batch by batch, also when the run is
interrupted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from ipaddress import ip_address

from flowlens.core.cidrs import Address
from flowlens.core.errors import UsageError
from flowlens.core.listfile import shortened
from flowlens.naming.dns.addresses import read
from flowlens.naming.dns.answers import Answer, Status
from flowlens.naming.dns.cache import Cache, default_place
from flowlens.naming.dns.learning import Learning
from flowlens.naming.dns.network import Network
from flowlens.naming.dns.resolver import Resolver
from flowlens.naming.dns.servers import servers, system
from flowlens.naming.dns.settings import Listener, Mode, Settings
from flowlens.naming.dns.special import Reach, reach

BLOCK = 1000
"""Addresses of like importance, that are asked about in hashed order: neighbours are apart."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was asked, of whom, and when; `asked` and `cached` count addresses."""

    asked: int
    cached: int
    of: str
    began: datetime
    seconds: float
    statuses: Counter[Status]
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line, such as `asked 41 of 127.0.0.1:5353, 3 from cache, 2 timeout`."""
        asked = f"asked {self.asked:,} of {self.of}" if self.of else "asked nobody"
        others = [
            f"{number:,} {status}"
            for status, number in self.statuses.items()
            if not status.is_verdict and number
        ]
        when = f"{self.began:%Y-%m-%dT%H:%M:%SZ}"
        return ", ".join([f"{when}: {asked}", f"{self.cached:,} from cache", *others])


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answers by address as given, in that order, and what they come from."""

    answers: dict[str, Answer]
    summary: Summary


def lookup(
    addresses: Iterable[str | Address],
    settings: Settings,
    *,
    resolver: Resolver | None = None,
    listener: Listener | None = None,
) -> Lookup:
    """Find out the names of the addresses, most important first.

    With a `resolver` of one's own, answers are only kept where `settings` names a cache.

    Raises:
        UsageError: one is no address, a server can't be, or the system has none.
    """
    began = time.time()
    listener = listener or Listener()
    keys: dict[str, str] = {}
    packed: dict[str, bytes] = {}
    for given in addresses:
        try:
            text, key, value = read(given)
        except ValueError as error:
            raise UsageError(f"{shortened(str(given))}: {error}") from None
        keys[text], packed[key] = key, value
    own = resolver is not None
    if resolver is None and settings.mode is Mode.ON:
        resolver = _network(settings, listener)
    remarks: list[str] = []
    run = _Run(settings, resolver, listener, int(began))
    with ExitStack() as stack:
        cache = None
        if settings.mode is not Mode.OFF and (settings.cache or not own):
            place = settings.cache or default_place()
            cache = stack.enter_context(Cache(place, warn=remarks.append))
        run.answer(packed, cache)
    found = dict(zip(keys, map(run.answers.__getitem__, keys.values()), strict=True))
    found.update((a, found[a]._replace(address=a)) for a, key in keys.items() if a != key)
    if resolver is not None:
        remarks += resolver.remarks
    summary = Summary(
        run.asked,
        run.cached,
        resolver.name if resolver is not None else "",
        datetime.fromtimestamp(began, UTC),
        time.time() - began,
        Counter(answer.status for answer in found.values()),
        tuple(remarks),
    )
    return Lookup(found, summary)


@dataclass(slots=True)
class _Run:
    settings: Settings
    resolver: Resolver | None
    listener: Listener
    now: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: int = 0
    cached: int = 0

    def answer(self, packed: Mapping[str, bytes], cache: Cache | None) -> None:
        """An answer for every address, as good as the settings allow."""
        by_resolver = self.resolver is not None and self.resolver.has_private
        has_private = by_resolver or bool(self.settings.private)
        own = f"private {', '.join(self.settings.private)}"
        views: dict[str, list[str]] = {"": [], own: []}
        for key, value in packed.items():
            kind = reach(value)
            if kind is Reach.PUBLIC:
                views[""].append(key)
            elif kind is Reach.PRIVATE and has_private:
                views[own].append(key)
            else:
                self.answers[key] = Answer(key, Status.PRIVATE)
        before: dict[str, Answer] = {}
        of = self.resolver.name if self.resolver else ""
        for view, members in views.items():
            known = cache.read(members, view=view) if cache and members else {}
            self.answers.update(known)
            self.cached += len(known)
            for key, answer in known.items():
                if not answer.holds(self.now, servers=of or answer.servers):
                    before[key] = self.answers.pop(key)
        self.cached -= len(before)
        wanted = [key for key in packed if key not in self.answers]
        self.answers.update((key, Answer(key, Status.NOT_ASKED)) for key in wanted)
        if self.resolver is not None and self.settings.mode is Mode.ON:
            chosen = wanted[: self.settings.limit]
            self._ask(self.resolver, chosen, before, cache, own, frozenset(views[own]))

    def _ask(
        self,
        resolver: Resolver,
        chosen: Sequence[str],
        before: Mapping[str, Answer],
        cache: Cache | None,
        own: str,
        private: frozenset[str],
    ) -> None:
        """Ask about the chosen addresses; the answers on private ones are kept as `own`."""

        def keep(learned: Sequence[Answer]) -> None:
            if cache is not None:
                cache.write(answer for answer in learned if answer.address not in private)
                cache.write((a for a in learned if a.address in private), view=own)

        def heard(answer: Answer) -> None:
            self.answers[answer.address] = answer
            self.asked += answer.asked is not None
            done = self.listener.on_progress
            if done is not None:
                done(self.asked, len(chosen))

        with Learning(resolver.name, before, keep=keep, heard=heard) as learning:
            asked = (
                learning.question(ip_address(key), private=key in private)
                for key in _hashed(chosen)
            )
            resolver.ask(asked, learning.finish)


def _network(settings: Settings, listener: Listener) -> Resolver:
    public = servers(settings.resolvers) or system()
    private = servers(settings.private, option="--rdns-private")
    return Network(
        public,
        private=private,
        rate=settings.rate,
        timeout=settings.timeout,
        budget=settings.budget,
        stop=listener.stop,
    )


def _hashed(keys: Sequence[str]) -> Iterator[str]:
    """The addresses block by block, in each in the order of their hashes."""
    for start in range(0, len(keys), BLOCK):
        block = keys[start : start + BLOCK]
        yield from sorted(block, key=lambda key: blake2b(key.encode(), digest_size=8).digest())
