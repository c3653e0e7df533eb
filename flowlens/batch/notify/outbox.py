"""The outbox: which alerts are to be delivered, and which were, in tables of the ledger.

An alert is noted here along with the interval that it fires for, and ticked off once it has been
delivered. A crash between delivery and tick delivers it again, never loses it. What was noted for
an interval isn't noted for it again, however often that is published; nor for one that ends less
than the alert's `every` later. Only the time of the intervals counts there, not the clock: a run
that catches up on a week says the same as seven runs would have said.

Nothing is begun or committed here: the ledger's transactions hold, or SQLite's own for a statement.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowlens.batch.job import Alert
from flowlens.batch.notify.alerts import Firing
from flowlens.core.times import epoch_seconds, from_epoch

SCHEMA = """
create table if not exists outbox (
    id integer primary key,
    destination text not null,
    alert text not null,
    row text not null,
    job text not null,
    start_time integer not null,
    end_time integer not null,
    value text not null,
    message text not null,
    expires integer not null,
    delivered integer,
    unique (destination, alert, row, end_time)
);
create index if not exists outbox_pending on outbox (id) where delivered is null;
"""
"""Times are seconds since 1970; `delivered` is null as long as it isn't."""

_NOTED = """
select 1
from outbox
where destination = :destination
    and alert = :alert
    and row = :row
    and (end_time = :end or (end_time > :end - :every and end_time < :end))
"""

_NOTE = """
insert into outbox (
    destination, alert, row, job, start_time, end_time, value, message, expires
)
values (:destination, :alert, :row, :job, :start, :end, :value, :message, :expires)
"""

_PENDING = """
select id, destination, alert, job, start_time, end_time, value, message, row
from outbox
where delivered is null
    and expires < :limit
order by id
"""

_FOREVER = 2**62
"""A time that no clock reaches."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A firing that is yet to be delivered to a destination."""

    id: int
    destination: str
    firing: Firing


class Outbox:
    """The alerts in a ledger; its tables are those of `SCHEMA`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def wanted(self, firing: Firing, alert: Alert, destination: str, now: datetime) -> bool:
        """Note a firing as pending, unless it is a repetition or too old; whether it was noted."""
        end = epoch_seconds(firing.end)
        expires = min(end + _seconds(alert.max_age), _FOREVER)
        if expires < epoch_seconds(now):
            return False
        values = {
            "destination": destination,
            "alert": firing.alert,
            "row": firing.row,
            "job": firing.job,
            "start": epoch_seconds(firing.start),
            "end": end,
            "every": _seconds(alert.every),
            "value": json.dumps(firing.value),
            "message": firing.message,
            "expires": expires,
        }
        if self._connection.execute(_NOTED, values).fetchone():
            return False
        del values["every"]
        self._connection.execute(_NOTE, values)
        return True

    def pending(self) -> list[Pending]:
        """What is yet to be delivered, as it was noted."""
        return self._pending(_FOREVER + 1)

    def _pending(self, limit: int) -> list[Pending]:
        """What is yet to be delivered, and is of no use to anybody after `limit`."""
        return [
            Pending(
                number,
                destination,
                Firing(
                    alert=alert,
                    job=job,
                    start=from_epoch(start),
                    end=from_epoch(end),
                    value=json.loads(value),
                    message=message,
                    row=row,
                ),
            )
            for number, destination, alert, job, start, end, value, message, row in (
                self._connection.execute(_PENDING, {"limit": limit})
            )
        ]

    def delivered(self, number: int, at: datetime) -> None:
        """Tick off what has been delivered."""
        self._connection.execute(
            "update outbox set delivered = ? where id = ?", (epoch_seconds(at), number)
        )

    def give_up(self, now: datetime) -> list[Pending]:
        """Forget what has become too old to be of use to anybody, and give it back."""
        limit = epoch_seconds(now)
        old = self._pending(limit)
        self._connection.execute(
            "delete from outbox where delivered is null and expires < ?", (limit,)
        )
        return old

    def forget(self, before: datetime) -> int:
        """Forget what was delivered for intervals that ended before; how many these were.

        Publishing such an interval once more repeats its alerts, if their `max_age` lets them.
        """
        cursor = self._connection.execute(
            "delete from outbox where delivered is not null and end_time < ?",
            (epoch_seconds(before),),
        )
        return cursor.rowcount


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
