"""The cache: answers in an SQLite file, read and written in batches.

Whatever is wrong with the file costs a warning and never the run: one that is corrupt is moved
aside, one that can't be written is read, one of a newer flowlens or of another program is let
alone. SQLite's own locks keep two processes apart; with its rollback journal a file stays whole,
and can be read, where its directory can't be written.

A public address has one answer, whoever gives it. A private one has one a view: the resolvers that
were named for it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import batched
from pathlib import Path
from typing import Self

from flowlens.rdns.answers import Answer, Confirmation, Status

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

_SELECT = """
select
    address, status, name, confirmation, asked, expires, servers, failures
from answers
where view = ? and address in ({})
"""

_UPSERT = """
insert into answers
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set
    status = excluded.status,
    name = excluded.name,
    confirmation = excluded.confirmation,
    asked = excluded.asked,
    expires = excluded.expires,
    servers = excluded.servers,
    failures = excluded.failures
where excluded.asked >= asked
"""

_BATCH = 500
_STATUSES = {str(status): status for status in Status}
_CONFIRMATIONS = {str(one): one for one in Confirmation}
