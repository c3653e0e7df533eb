"""The cache: answers in an SQLite file, read and written in batches.

Whatever is wrong with the file costs a warning and never the run: one that is corrupt is moved
aside, one that can't be written is read, one of a newer flowlens or of another program is let
alone. It is made, and tidied, when there is something to keep. SQLite's own locks keep two
processes apart; with its rollback journal a file stays whole, and can be read, while another one
writes and where its directory can't be written. Who wrote a row isn't known: one that no flowlens
would have written is left out, and makes room for the next.

A public address has one answer, whoever gives it. A private one has one a view: the resolvers that
were named for it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from flowlens.core import directories
from flowlens.core.errors import UsageError
from flowlens.naming.dns.answers import LONGEST, Answer, Confirmation, Status
from flowlens.naming.dns.names import are_shown, is_shown

VERSION = 1
"""Of the table below; kept as the file's `user_version`."""

KIND = 0x666C7264
"""`flrd`: the file's `application_id`."""

BUSY = 5.0
"""Seconds to wait for another process."""

KEPT = 30 * 86_400
"""Seconds that an answer is kept after it expired: it tells how often asking has failed."""

_TABLE = """
create table if not exists answers (
    address text not null,
    view text not null,
    status text not null,
    name text,
    confirmation text,
    asked integer not null,
    expires integer not null,
    servers text not null,
    failures integer not null,
    primary key (address, view)
) without rowid
"""

_MOST_FAILURES = 1 << 31

_TEXTS = ", ".join(f"'{one}'" for one in Status if one.is_verdict or one.is_failure)
_WHETHER = ", ".join(f"'{one}'" for one in Confirmation)
_SELECT = f"""
select
    address, status, name, confirmation, asked, expires, servers, failures
from json_each(?)
cross join answers on address = value and view = ?
where typeof(asked) = 'integer'
    and typeof(expires) = 'integer'
    and asked <= expires + {LONGEST}
    and typeof(failures) = 'integer'
    and failures between 0 and {_MOST_FAILURES}
    and typeof(servers) = 'text'
    and typeof(name) in ('text', 'null')
    and status in ({_TEXTS})
    and (confirmation is null or confirmation in ({_WHETHER}))
    and (status = 'ok') = (name is not null)
    and (status = 'ok') = (confirmation is not null)
"""
"""Rows that make sense, but for the form of their names."""

_UPSERT = """
insert into answers
values (
    :address, :view, :status, :name, :confirmation, :asked, :expires, :servers, :failures
)
on conflict do update set
    status = excluded.status,
    name = excluded.name,
    confirmation = excluded.confirmation,
    asked = excluded.asked,
    expires = excluded.expires,
    servers = excluded.servers,
    failures = excluded.failures
where typeof(asked) != 'integer'
    or asked not between excluded.asked + 1 and excluded.asked + :longest
"""
"""A row that was asked for later stays, unless it is of a time that can't be."""

_TIDY = "delete from answers where expires < :before or typeof(expires) != 'integer'"

_BATCH = 10_000
_STATUSES = {str(one): one for one in Status}
_CONFIRMATIONS: dict[str | None, Confirmation | None] = {
    None: None,
    **{str(one): one for one in Confirmation},
}


Row = tuple[str, str, str | None, str | None, int, int, str, int]


class UnusableError(Exception):
    """The file is no cache of ours, or none that can be used; the message says why."""


def default_place() -> Path:
    """Where the cache lies unless told otherwise.

    Raises:
        UsageError: there is no home directory.
    """
    try:
        return directories.cache() / "rdns.sqlite"
    except RuntimeError as error:
        raise UsageError("no home directory for the cache; name one with --rdns-cache") from error


class Cache:
    """The answers in the file at `path`; `warn` hears what is wrong with it, a line each."""

    def __init__(self, path: Path, *, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._connection: sqlite3.Connection | None = None
        self._readable = False
        self._writable = True
        self._tidied = False

    def __enter__(self) -> Self:
        self._guarded(self._open)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self, addresses: Sequence[str], *, view: str = "") -> dict[str, Answer]:
        """What is known of the addresses, expired or not; a row that makes no sense is left out."""
        found: dict[str, Answer] = {}
        # In the table's own order, neighbours lie on one page.
        ordered = sorted(addresses)

        def select() -> None:
            for start in range(0, len(ordered) if self._readable else 0, _BATCH):
                assert self._connection is not None
                values = (json.dumps(ordered[start : start + _BATCH]), view)
                try:
                    found.update(_answers(self._connection.execute(_SELECT, values).fetchall()))
                except sqlite3.OperationalError as error:
                    if "decode" not in str(error):
                        raise
                    # Text that isn't UTF-8; it makes no sense, and costs nobody else's row.
                    self._connection.text_factory = partial(str, encoding="utf-8", errors="replace")
                    found.update(_answers(self._connection.execute(_SELECT, values).fetchall()))

        self._guarded(select)
        return found

    def write(self, answers: Iterable[Answer], *, view: str = "") -> None:
        """Keep answers, all or none; one that was asked for later stays."""
        rows = [_row(answer, view) for answer in answers]

        def upsert() -> None:
            if self._connection is None:
                self._make()
            assert self._connection is not None
            with self._connection:
                self._connection.execute("begin immediate")
                self._prepare()
                self._connection.executemany(_UPSERT, rows)

        if rows and self._writable:
            self._guarded(upsert)

    def _open(self) -> None:
        """Open the file if there is one.

        Raises:
            UnusableError: it is none of ours.
        """
        if not self._path.exists():
            return
        self._writable = os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)
        if not self._writable:
            self._warn(f"{self._path}: can't be written; names are read from it, and not kept")
        self._connect("rw" if self._writable else "ro")

    def _make(self) -> None:
        """Make the file, and its directory.

        Raises:
            UnusableError: there can't be one, or one of others has been made since.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableError(f"can't be made: {error.strerror}") from error
        self._connect("rwc")

    def _connect(self, mode: str) -> None:
        self._connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY,
            isolation_level=None,
        )
        version, kind, tables = self._connection.execute(
            "select user_version, application_id, (select count(*) from sqlite_schema) "
            "from pragma_user_version, pragma_application_id"
        ).fetchone()
        if tables and kind != KIND:
            raise UnusableError("is another program's file")
        if version > VERSION:
            raise UnusableError("was written by a newer flowlens")
        self._readable = bool(tables)

    def _prepare(self) -> None:
        """Before the first write: make the table if there is none, drop what expired long ago."""
        assert self._connection is not None
        if self._tidied:
            return
        if not self._readable:
            self._connection.execute(_TABLE)
            self._connection.execute(f"pragma application_id = {KIND}")
            self._connection.execute(f"pragma user_version = {VERSION}")
        self._connection.execute(_TIDY, {"before": int(time.time()) - KEPT})
        self._readable = self._tidied = True

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do the work; where the file is at fault, go on with a new one, or without any."""
        try:
            work()
        except UnusableError as error:
            self._give_up(f"{error}; it is left alone, and names are not kept")
        except sqlite3.OperationalError as error:
            self._give_up(f"{error}; names are not kept")
        except sqlite3.DatabaseError as error:
            self._renew(error)

    def _give_up(self, why: str) -> None:
        self.__exit__()
        self._readable = self._writable = False
        self._warn(f"{self._path}: {why}; name another with --rdns-cache")

    def _renew(self, error: sqlite3.DatabaseError) -> None:
        """Move a corrupt file aside; a new one is made when there is something to keep."""
        self.__exit__()
        self._readable = self._tidied = False
        aside = self._path.with_name(f"{self._path.name}.corrupt-{int(time.time())}")
        try:
            self._path.replace(aside)
        except OSError:
            self._give_up(f"{error}; names are not kept")
        else:
            self._warn(f"{self._path}: {error}; moved to {aside.name}, for a new one")


def _answers(rows: Sequence[Row]) -> dict[str, Answer]:
    """The answers in rows of `_SELECT`, by address; of those whose name has its safe form."""
    if not are_shown([name for _, _, name, *_ in rows if name is not None]):
        rows = [row for row in rows if row[2] is None or is_shown(row[2])]
    return {
        address: Answer(
            address,
            _STATUSES[status],
            name,
            _CONFIRMATIONS[whether],
            asked,
            expires,
            servers,
            failed,
        )
        for address, status, name, whether, asked, expires, servers, failed in rows
    }


def _row(answer: Answer, view: str) -> dict[str, object]:
    """The values of `_UPSERT`."""
    row = answer._asdict() | {"view": view, "longest": LONGEST, "status": str(answer.status)}
    if answer.confirmation is not None:
        row["confirmation"] = str(answer.confirmation)
    return row
