"""The ledger: one SQLite file that knows which object was read, and into which parts.

What it says is true as soon as it is committed, and before that nothing has happened. Objects are
known by the keys of `batch.listing`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowlens.batch.store.database import connected, failures
from flowlens.batch.store.entries import OBJECT, Entry, Part, entry
from flowlens.batch.store.errors import LedgerError
from flowlens.core.directories import LEDGER
from flowlens.inputs.store import is_day, is_part, is_sha256

NAME = LEDGER


class Ledger:
    """The ledger of a store. Everything within `change` happens, or nothing of it."""

    def __init__(self, connection: sqlite3.Connection, place: Path) -> None:
        self.connection = connection
        self.place = place
        # To look at a ledger changes nothing in it.
        columns = connection.execute("select name from pragma_table_info('parts')").fetchall()
        sha256 = "sha256" if ("sha256",) in columns else "''"
        self._parts = f"select day, path, rows, bytes, {sha256} from parts"

    @contextmanager
    def change(self) -> Iterator[None]:
        """A transaction."""
        with failures(self.place):
            self.connection.execute("begin immediate")
            try:
                yield
                self.connection.execute("commit")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("rollback")
                raise

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""
        with failures(self.place):
            return self.connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: object) -> int:
        """The only number that a SELECT gives; 0 for null."""
        return int(self.rows(sql, *values)[0][0] or 0)

    def about(self, key: str) -> str:
        """What was noted under a key; an empty text if nothing was."""
        found = self.rows("select value from about where key = ?", key)
        return str(found[0][0]) if found else ""

    def note(self, key: str, value: str) -> None:
        """Note something, in place of what was noted before."""
        self.connection.execute(
            "insert into about values (?, ?) on conflict do update set value = excluded.value",
            (key, value),
        )

    def known(self) -> Iterator[tuple[str, int, str, bool]]:
        """Name, size, stamp and `again` of every object, by name."""
        with failures(self.place):
            yield from self.connection.execute(
                "select name, size, stamp, again from objects order by name"
            )

    def alike(self, stamp: str) -> list[tuple[str, int]]:
        """Names and sizes of the objects that were read with this stamp."""
        rows = self.rows("select name, size from objects where stamp = ? order by name", stamp)
        return [(str(name), int(size)) for name, size in rows]

    def again(self, prefix: str = "") -> list[str]:
        """What is to be read again: the rest of the names that begin so."""
        rows = self.rows(
            "select substr(name, length(?) + 1) from objects"
            " where again = 1 and substr(name, 1, length(?)) = ? order by name",
            *(prefix,) * 3,
        )
        return [str(name) for (name,) in rows]

    def first_again(self) -> int | None:
        """The earliest start of records of what is to be read again."""
        ((first,),) = self.rows(
            "select min(start) from touches join objects on objects.id = touches.object"
            " where again = 1"
        )
        return None if first is None else int(first)

    def rename(self, moved: Iterable[tuple[str, str, int]]) -> None:
        """Know objects by other names: old names with new ones, and their sizes now."""
        self.connection.executemany(
            "update objects set name = ?, size = ? where name = ?",
            ((new, size, old) for old, new, size in moved),
        )

    def retry(self, names: Iterable[str]) -> None:
        """Note that objects are to be read again; what is known of them stays."""
        self._given(names)
        self.connection.execute(
            "update objects set again = 1 where name in (select name from given)"
        )

    def with_records(self, names: Iterable[str]) -> set[str]:
        """Those of the objects that have records in the store."""
        with failures(self.place):
            self._given(names)
            rows = self.connection.execute(
                "select distinct name from objects join runs on runs.object = objects.id"
                " where name in (select name from given)"
            )
            return {str(name) for (name,) in rows}

    def holding(self, names: Iterable[str]) -> list[Part]:
        """The parts that hold records of the objects of these names."""
        with failures(self.place):
            self._given(names)
            found = self.connection.execute(
                "select distinct part from runs join objects on objects.id = runs.object"
                " where objects.name in (select name from given) order by part"
            ).fetchall()
        return [self._part(int(number)) for (number,) in found]

    def entries(self, part: Part) -> list[Entry]:
        """The objects of a part as the ledger knows them, without what they touch, by name."""
        listed = ", ".join(OBJECT)
        with failures(self.place):
            self._given(name for name, _ in part.runs)
            rows = self.connection.execute(
                f"select {listed} from objects where name in (select name from given) order by name"
            ).fetchall()
        return [entry(row) for row in rows]

    def parts(self, day: str | None = None) -> list[Part]:
        """The parts of a day, or all, without their runs, by day and path."""
        sql = f"{self._parts} where ? is null or day = ? order by day, path"
        return [self._checked(row) for row in self.rows(sql, day, day)]

    def with_runs(self, part: Part) -> Part:
        """The same part with its runs."""
        (row,) = self.rows("select id from parts where path = ?", part.path)
        return self._part(int(row[0]))

    def enter(
        self, entries: Sequence[Entry], parts: Sequence[Part], gone: Iterable[str] = ()
    ) -> None:
        """Enter objects and parts in place of older ones; `gone` are paths of parts that were."""
        execute = self.connection
        execute.executemany("delete from parts where path = ?", ((path,) for path in gone))
        self._given(entry.name for entry in entries)
        of_given = "(select id from objects where name in (select name from given))"
        self._touch(f"select start from touches where object in {of_given}")
        execute.execute(f"delete from touches where object in {of_given}")
        listed = ", ".join(OBJECT)
        changes = ", ".join(f"{name} = excluded.{name}" for name in OBJECT[1:])
        execute.executemany(
            f"insert into objects ({listed}) values ({', '.join('?' * len(OBJECT))})"
            f" on conflict (name) do update set {changes}",
            (entry.row for entry in entries),
        )
        execute.executemany(
            "insert into touches select id, ?, ? from objects where name = ?",
            (
                (start, records, entry.name)
                for entry in entries
                for start, records in entry.touches.items()
            ),
        )
        self._touch(f"select start from touches where object in {of_given}")
        for part in parts:
            self.put(part)

    def put(self, part: Part) -> None:
        """Enter a part of objects that have been entered."""
        self.connection.execute("delete from parts where path = ?", (part.path,))
        number = self.connection.execute(
            "insert into parts (day, path, rows, bytes, sha256) values (?, ?, ?, ?, ?)",
            (part.day, part.path, part.rows, part.bytes, part.sha256),
        ).lastrowid
        self.connection.executemany(
            "insert into runs select ?, ?, id, ? from objects where name = ?",
            ((number, place, rows, name) for place, (name, rows) in enumerate(part.runs)),
        )

    def exchange(self, old: Iterable[Part], new: Iterable[Part]) -> None:
        """Other parts in place of some, with the same records."""
        for part in old:
            self.connection.execute("delete from parts where path = ?", (part.path,))
        for part in new:
            self.put(part)

    def lose(self, part: Part, names: Iterable[str]) -> None:
        """Forget a part that is gone; the objects that had records in it are to be read again."""
        self.exchange([part], [])
        self.retry(names)

    def is_pruned(self, day: str) -> bool:
        """Whether the records of a day aren't kept any longer."""
        return bool(self.rows("select 1 from days where day = ? and pruned = 1", day))

    def prune(self, day: str) -> None:
        """Forget the parts of a day for good; its summaries stay what they are."""
        self.connection.execute("delete from parts where day = ?", (day,))
        self.connection.execute("update days set pruned = 1, changed = 0 where day = ?", (day,))

    def change_days(self, days: Iterable[str]) -> None:
        """Note that the summaries of these days are to be made anew."""
        self.connection.executemany(
            "insert into days (day) values (?) on conflict do update set changed = 1 - pruned",
            ((day,) for day in days),
        )

    def change_later(self, *, published: bool) -> None:
        """Note that whatever builds on a changed interval isn't true any more.

        Verdicts on all that comes after it, that is; and all that is `published` of that, if a job
        publishes anything that looks back.
        """
        self.connection.execute(
            "update intervals set changed = 0"
            " where date(start, 'unixepoch') in (select day from days where pruned = 1)"
        )
        first = "(select min(start) from intervals where changed = 1)"
        what = "judged = 0, changed = 1" if published else "judged = 0"
        self.connection.execute(f"update intervals set {what} where start >= {first}")

    def change_all(self, *, published: bool) -> None:
        """Note that all summaries are to be made anew, and what is `published` of them, if so."""
        self.connection.execute("update days set changed = 1 where pruned = 0")
        self.connection.execute(
            "update intervals set judged = 0, changed = max(changed, ?)", (published,)
        )

    def _touch(self, starts: str) -> None:
        self.connection.execute(
            f"insert into intervals (start) select distinct start from ({starts}) where true"
            " on conflict do update set changed = 1"
        )

    def _given(self, names: Iterable[str]) -> None:
        self.connection.execute("create temp table if not exists given (name text primary key)")
        self.connection.execute("delete from given")
        self.connection.executemany("insert or ignore into given values (?)", ((n,) for n in names))

    def _part(self, number: int) -> Part:
        (row,) = self.rows(f"{self._parts} where id = ?", number)
        runs = self.rows(
            "select name, runs.rows from runs join objects on objects.id = runs.object"
            " where part = ? order by place",
            number,
        )
        return self._checked(row, tuple((str(name), int(n)) for name, n in runs))

    def _checked(self, row: tuple[Any, ...], runs: tuple[tuple[str, int], ...] = ()) -> Part:
        """A row of parts, whose path is one that a store gives: it will be read, and removed.

        Raises:
            LedgerError: it is anything else.
        """
        day, path, rows, size, sha256 = row
        numbers = all(isinstance(number, int) and number >= 0 for number in (rows, size))
        if not (numbers and is_part(day, path) and (sha256 == "" or is_sha256(sha256))):
            raise self._strange(f"a part {path!r}")
        return Part(day, path, rows, size, sha256, runs)

    def note_sha256(self, part: Part, sha256: str) -> None:
        """Note the SHA-256 of a part that has none yet."""
        self.connection.execute("update parts set sha256 = ? where path = ?", (sha256, part.path))

    def knows_run(self, run: str) -> bool:
        """Whether a run published something from this store."""
        return bool(self.rows("select 1 from publishers where run = ?", run))

    def note_run(self, run: str) -> None:
        """Note that a run publishes something."""
        self.connection.execute("insert or ignore into publishers values (?)", (run,))

    def owe(self, start: int, *, owed: bool) -> None:
        """Note whether the hook is yet to be told of an interval."""
        self.connection.execute("update intervals set owed = ? where start = ?", (owed, start))

    def publish(self, start: int) -> bool:
        """Note that an interval is published; whether it couldn't be before."""
        ((changed,),) = self.rows("select changed from intervals where start = ?", start)
        self.connection.execute(
            "update intervals set changed = 0, published = 1 where start = ?", (start,)
        )
        return bool(changed == 2)

    def fail(self, start: int) -> None:
        """Note that an interval can't be made; it is tried again, and holds up no other."""
        self.connection.execute("update intervals set changed = 2 where start = ?", (start,))

    def has_failed(self, start: int) -> bool:
        """Whether an interval couldn't be made when that was tried last."""
        return bool(self.rows("select 1 from intervals where start = ? and changed = 2", start))

    def change_after(self, start: int, *, published: bool) -> None:
        """Note that what builds on an interval is to be made anew: that couldn't be made before."""
        what = "judged = 0, changed = 1" if published else "judged = 0"
        self.connection.execute(f"update intervals set {what} where start > ?", (start,))

    def require_sound(self, seconds: int) -> None:
        """See that nothing in it could lead out of the store, or to no interval of so many seconds.

        Raises:
            LedgerError: something does: nobody but a run writes such things, and no run did this.
        """
        for (name,) in self.rows(
            "select name from sqlite_master where type in ('trigger', 'view')"
        ):
            raise self._strange(f"a trigger or view {name!r}")
        self.parts()
        for (day,) in self.rows("select day from days"):
            if not is_day(day):
                raise self._strange(f"a day {day!r}")
        starts = self.rows(
            "select start from intervals"
            " where typeof(start) <> 'integer' or start < 0 or start >= ? or start % ? <> 0"
            " limit 1",
            _LAST,
            seconds,
        )
        ends = self.rows("select min(start), max(start) from touches")
        wrong = [start for start in ends[0] if start is not None and not _is_moment(start)]
        for start in (*(start for (start,) in starts), *wrong):
            raise self._strange(f"an interval that starts at {start!r}")

    def _strange(self, what: str) -> LedgerError:
        return LedgerError(
            f"{self.place}: has {what}, which no run wrote; flowlens batch rebuild JOB.toml makes "
            "it anew from the parts"
        )


_LAST = 253_402_300_800
"""The year 10000, in seconds since 1970."""


def _is_moment(start: object) -> bool:
    return isinstance(start, int) and 0 <= start < _LAST


@contextmanager
def opened(place: Path, *, create: bool = False) -> Iterator[Ledger]:
    """The ledger at a place; with `create` it is made if it isn't there.

    Raises:
        LedgerError: it isn't there, is damaged, or is locked by somebody else.
    """
    with connected(place, create=create) as connection:
        with failures(place):
            ledger = Ledger(connection, place)
        yield ledger


@contextmanager
def blank() -> Iterator[Ledger]:
    """The ledger of a store that isn't there yet; it is nowhere."""
    with opened(Path(":memory:"), create=True) as ledger:
        yield ledger
