"""The SQLite file of a ledger: opened, made, mended, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from flowlens.batch.notify.outbox import SCHEMA as OUTBOX
from flowlens.batch.store.errors import LedgerError

PATIENCE = 30.0
"""Seconds to wait while somebody else holds SQLite's lock, a backup perhaps."""


@contextmanager
def connected(place: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection to the file at a place; with `create` it is made if it isn't there.

    Raises:
        LedgerError: it isn't there, is damaged, or is locked by somebody else.
    """
    if not create and not place.exists():
        raise LedgerError(f"{place}: there is no ledger; flowlens batch rebuild JOB.toml makes it")
    with failures(place):
        connection = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None)
    try:
        with failures(place):
            connection.execute("pragma foreign_keys = on")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma trusted_schema = off")
            if create:
                script = resources.files("flowlens").joinpath("data/ledger.sql")
                connection.executescript(script.read_text(encoding="utf-8") + OUTBOX)
                _mend(connection)
            else:
                connection.execute("select count(*) from about").fetchall()
        yield connection
    finally:
        connection.close()


def _mend(connection: sqlite3.Connection) -> None:
    """Give a ledger of an earlier flowlens the columns that came later."""
    columns = connection.execute("select name from pragma_table_info('parts')").fetchall()
    if ("sha256",) not in columns:
        connection.execute("alter table parts add column sha256 text not null default ''")


@contextmanager
def failures(place: Path) -> Iterator[None]:
    """Say what SQLite says in one line, with what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            remedy = "another program holds it; try again when that is done"
        elif "full" in text:
            remedy = "make room and run again"
        elif "readonly" in text or "unable to open" in text:
            remedy = "get write permission for it and its directory"
        else:
            remedy = "run again; if it stays, flowlens batch rebuild JOB.toml makes it anew"
        raise LedgerError(f"{place}: {text}; {remedy}") from error
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"{place}: damaged ({error}); flowlens batch rebuild JOB.toml makes it anew "
            "from the parts"
        ) from error
