"""Pace: so many queries a second, fewer when they get lost.

It never waits, for one loop sends, receives and keeps all deadlines; `aws.pace` blocks the thread
that calls, which is right there and would stop everything here.
"""

from __future__ import annotations

BURST = 0.05
"""What may be sent at once after a pause, in seconds' worth. 900 a second stay below the 1,024
packets that a VPC's resolver takes in any second."""

WINDOW = 200
"""Queries after which the share of lost ones is judged."""

LOSS = 0.05
"""The share of lost queries above which the rate is halved."""

SLOWEST = 10.0
"""Queries a second that are sent at least, unless fewer were asked for."""


class Pace:
    """A token bucket; times are seconds of one clock.

    A query is lost if its question was answered when it was sent again. One that is never answered
    says nothing: many reverse zones have no server that lives.
    """

    def __init__(self, rate: float, *, now: float) -> None:
        self.rate = rate
        self._slowest = min(rate, SLOWEST)
        self._tokens = 1.0
        self._filled = now
        self._judged_from = now
        self._answered = self._lost = 0

    def delay(self, now: float) -> float:
        """Seconds until the next query may go; 0 if it may go now."""
        deepest = max(1.0, self.rate * BURST)
        self._tokens = min(deepest, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        return max(0.0, (1.0 - self._tokens) / self.rate)

    def take(self) -> None:
        """Count a query that goes out; retries count as well."""
        self._tokens -= 1.0

    def answered(self, now: float, *, sent: float, lost: int) -> None:
        """Count an answer to a question that was first sent at `sent`, and what was lost of it.

        Questions from before the rate was last halved don't count against the new one.
        """
        if sent < self._judged_from:
            return
        self._answered += 1
        self._lost += lost
        total = self._answered + self._lost
        if total < WINDOW:
            return
        if self._lost > total * LOSS:
            self.rate = max(self._slowest, self.rate / 2)
            self._judged_from = now
        self._answered = self._lost = 0
