"""The seam between what is to be asked and who answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from flowlens.naming.dns.questions import Question, Reply

Finish = Callable[[Question, Reply], Iterable[Question]]
"""Hears how a question ended; what it gives is asked next, before what is still waiting."""


class Resolver(Protocol):
    """Whoever answers questions: name servers, or a file."""

    @property
    def name(self) -> str:
        """What the answers come from, for the line that says of whom was asked."""

    @property
    def has_private(self) -> bool:
        """Whether private addresses may be asked about."""

    def ask(self, asked: Iterable[Question], finish: Finish) -> None:
        """Ask each question, in this order as far as it can be kept, until all have ended.

        A question that the run has no time for ends as not_asked, or never.
        """

    @property
    def remarks(self) -> Sequence[str]:
        """What a user should hear of the last run, a line each."""
