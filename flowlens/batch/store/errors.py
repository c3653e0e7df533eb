"""What can be wrong with a store."""

from __future__ import annotations

from flowlens.errors import ExitCode, FlowlensError


class LockedError(FlowlensError):
    """Another run is at work on the store."""

    exit_code = ExitCode.LOCKED


class LedgerError(FlowlensError):
    """The ledger can't be used: it is damaged, locked by somebody else, or on a full disk."""
