"""What can be wrong with a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowlens.core.errors import ExitCode, FlowlensError

if TYPE_CHECKING:
    from flowlens.batch.store.entries import Part


class LockedError(FlowlensError):
    """Another run is at work on the store."""

    exit_code = ExitCode.LOCKED


class DamagedError(FlowlensError):
    """Parts of the store aren't what was written."""

    def __init__(self, text: str, parts: Sequence[Part]) -> None:
        super().__init__(text)
        self.parts = parts


class SummaryError(FlowlensError):
    """What was made of the records of a day can't be read."""

    def __init__(self, text: str, day: str) -> None:
        super().__init__(text)
        self.day = day


class LedgerError(FlowlensError):
    """The ledger can't be used: it is damaged, locked by somebody else, or on a full disk."""
