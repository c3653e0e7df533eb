"""Zones: what one name server answers for is asked a few questions at a time, or given up.

A zone is a reverse /24 or /48, or the registrable domain that a name stands in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from flowlens.naming.dns.questions import Question

PATIENCE = 3
"""Time-outs in a zone without one answer of any kind after which it counts as dead; they have to be
those of several questions, for one name alone may have servers of its own."""


@dataclass(slots=True)
class _Zone:
    in_flight: int = 0
    timeouts: list[Question] = field(default_factory=list)
    heard: bool = False
    parked: deque[Question] = field(default_factory=deque)

    @property
    def is_dead(self) -> bool:
        if self.heard or len(self.timeouts) < PATIENCE:
            return False
        return any(one is not self.timeouts[0] for one in self.timeouts)


class Zones:
    """What is in flight, waits, and was heard, zone by zone."""

    def __init__(self) -> None:
        self._zones: dict[Hashable, _Zone] = {}

    def admit(self, question: Question) -> bool:
        """Whether the question may be asked now; otherwise it is parked until one is done."""
        zone = self._zones.setdefault(question.zone, _Zone())
        if zone.in_flight >= question.at_once:
            zone.parked.append(question)
            return False
        zone.in_flight += 1
        return True

    def done(self, question: Question) -> Question | None:
        """The question is out of flight; the one that takes its place, already admitted."""
        zone = self._zones[question.zone]
        if zone.parked:
            return zone.parked.popleft()
        zone.in_flight -= 1
        return None

    def heard(self, question: Question) -> None:
        """An answer of any kind came: SERVFAIL, REFUSED and NXDOMAIN are answers."""
        self._zones[question.zone].heard = True

    def timed_out(self, question: Question) -> None:
        """A query got no answer in time, and its question none from any server in turn."""
        self._zones[question.zone].timeouts.append(question)

    def is_dead(self, question: Question) -> bool:
        """Whether its zone has been given up in this run."""
        zone = self._zones.get(question.zone)
        return zone is not None and zone.is_dead
