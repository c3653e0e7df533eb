"""Zones: what one name server answers for is asked a few questions at a time, or given up.

A zone is a reverse /24 or /48, or the domain that a name stands in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from flowlens.rdns.questions import Question

PATIENCE = 3
"""Time-outs of queries in a zone without one answer of any kind after which it counts as dead."""


@dataclass(slots=True)
class _Zone:
    in_flight: int = 0
    timeouts: int = 0
    heard: bool = False
    parked: deque[Question] = field(default_factory=deque)

    @property
    def is_dead(self) -> bool:
        return not self.heard and self.timeouts >= PATIENCE


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
        """A query got no answer in time."""
        self._zones[question.zone].timeouts += 1

    def is_dead(self, question: Question) -> bool:
        """Whether its zone has been given up in this run."""
        zone = self._zones.get(question.zone)
        return zone is not None and zone.is_dead
