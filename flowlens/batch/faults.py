"""What may go wrong with one part, day or interval, and what is said and done about it."""

from __future__ import annotations

import errno

import pyarrow as pa

from flowlens.batch import upkeep
from flowlens.batch.job import Job
from flowlens.batch.journal import Journal
from flowlens.batch.store.errors import DamagedError, LedgerError, SummaryError
from flowlens.batch.store.place import DAMAGED, Store
from flowlens.core.errors import FlowlensError
from flowlens.sql.engine import DatabaseError

FAULTS = (FlowlensError, OSError, pa.ArrowException, DatabaseError)
"""What may be wrong with one interval, and with no other."""

_MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""What the system says where the next interval would fare no better."""


def raise_if_machine(error: Exception) -> None:
    """Raise what no other interval would be spared."""
    if isinstance(error, LedgerError) or (isinstance(error, OSError) and error.errno in _MACHINE):
        raise error


def reason(journal: Journal, store: Store, job: Job, error: Exception) -> str:
    """What is wrong in one line, with the way to heal it."""
    if isinstance(error, DamagedError):
        return _set_aside(journal, store, job, error)
    if isinstance(error, SummaryError):
        with store.ledger.change():
            store.ledger.change_days([error.day])
        return f"{error}; the next run makes it anew: flowlens batch run {job.path}"
    if isinstance(error, OSError):
        return f"{error.filename or job.output}: {error.strerror or error}"
    return str(error) if isinstance(error, FlowlensError) else f"{type(error).__name__}: {error}"


def set_aside_part(journal: Journal, store: Store, job: Job, error: DamagedError) -> None:
    """Set damaged parts aside, and let the run end with that."""
    journal.problems.append(FlowlensError(_set_aside(journal, store, job, error)))


def _set_aside(journal: Journal, store: Store, job: Job, error: DamagedError) -> str:
    """Forget damaged parts, so that the next run reads their objects again."""
    paths = upkeep.forget(store, error.parts)
    journal.say("damaged", parts=paths)
    return (
        f"{error} and set aside in {store.path(DAMAGED)}; its objects are read again by "
        f"flowlens batch run {job.path}"
    )
