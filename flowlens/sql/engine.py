"""DuckDB, opened so that a question can read flowlens's relations and nothing else.

No files, no network, no settings: a user's SQL, and hostile values within it, stay inside. What
does not fit into memory goes to a temporary directory, which is removed in every case.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from pathlib import Path

import duckdb

from flowlens.core.errors import FlowlensError, LateError, UsageError
from flowlens.core.interrupt import AGAIN, Deadline, halting
from flowlens.core.scratch import parent, scratch

STREAM_MEMORY, TABLE_MEMORY = "208MiB", "768MiB"
"""What DuckDB may hold before it spills: for one answer, and with a table of flows to join."""

PATIENCE = 5.0
"""Seconds to wait for what was interrupted; a function may take longer, and ends by itself."""

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error


@contextmanager
def engine(
    *,
    files: bool = False,
    paths: Sequence[str] = (),
    halted: threading.Event | None = None,
    timeout: float | None = None,
) -> Iterator[Connection]:
    """An empty database with flowlens's functions, that keeps the order of rows.

    It is a file in a temporary directory: what is loaded into it is compressed there, which makes
    a second question cheaper than memory would, and leaves memory to the answers.

    It can open the files named by `paths`, and nothing else. With `files` it can reach the file
    system, so no user's SQL may run in it.

    A signal that ends the run, and the end of `timeout` seconds, end what runs in it, also by its
    cursors (see `cursor`); `halted` is set for whoever feeds it.

    Raises:
        LateError: the block took longer than `timeout`.
        KeyboardInterrupt: a signal ended what ran in it.
        FlowlensError: there is no room for it.
    """
    deadline = Deadline(timeout)
    halted = halted or threading.Event()
    with scratch() as place:
        with sql_errors():
            connection = _connected(place)
        _CURSORS[connection] = cursors = [connection]

        def halt() -> None:
            halted.set()
            for one in list(cursors):
                # One may be closed meanwhile, and then runs nothing.
                with suppress(duckdb.Error):
                    one.interrupt()

        try:
            with halting(halt, deadline):
                with sql_errors():
                    _prepare(connection, files=files, paths=paths)
                yield connection
        except (KeyboardInterrupt, duckdb.InterruptException) as error:
            if timeout and deadline.passed:
                raise LateError(timeout) from error
            raise KeyboardInterrupt from error
        else:
            # What was halted may look as if it had ended.
            if timeout and deadline.passed:
                raise LateError(timeout)
        finally:
            del _CURSORS[connection]
            _close(cursors)


def _close(connections: list[Connection]) -> None:
    """Close a database; what still runs in it, in threads that nobody waits for, ends first."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            for one in reversed(connections):
                one.close()
            return
        except duckdb.Error:
            if time.monotonic() > until:
                return
        for one in connections:
            with suppress(duckdb.Error):
                one.interrupt()
        time.sleep(AGAIN)


_CURSORS: dict[Connection, list[Connection]] = {}
"""Of each database that is open: the connections in which something may run."""


def cursor(connection: Connection) -> Connection:
    """One more connection to a database, for a thread of its own; it ends when the first does."""
    made = connection.cursor()
    _CURSORS.get(connection, []).append(made)
    return made


def _connected(place: Path) -> Connection:
    return duckdb.connect(
        str(place / "flows.db"),
        config={
            "temp_directory": str(place / "spill"),
            "memory_limit": STREAM_MEMORY,
            "python_enable_replacements": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        },
    )


def _prepare(connection: Connection, *, files: bool, paths: Sequence[str]) -> None:
    connection.execute("set timezone = 'UTC'")
    _silence(connection)
    connection.execute(_macros())
    if paths:
        connection.execute("set allowed_paths = $paths", {"paths": list(paths)})
        connection.execute("set parquet_metadata_cache = true")
    if not files:
        connection.execute("set enable_external_access = false")


def _silence(connection: Connection) -> None:
    """See that DuckDB draws no bar of its own.

    In a kernel without ipywidgets it has none, and the setting can't even be set to that.
    """
    setting = "select current_setting('enable_progress_bar')"
    if connection.execute(setting).fetchall() != [(False,)]:
        connection.execute("set enable_progress_bar = false")


@cache
def _macros() -> str:
    return resources.files("flowlens").joinpath("data/macros.sql").read_text(encoding="utf-8")


def lock(connection: Connection) -> None:
    """Take away the settings; from here on a user's SQL may run."""
    connection.execute("set lock_configuration = true")


def require_select(connection: Connection, sql: str) -> None:
    """Accept exactly one statement, a SELECT.

    Raises:
        UsageError: it is anything else.
    """
    with sql_errors():
        statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UsageError(f"{len(statements)} statements where one SELECT is expected")
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = str(statements[0].type).rsplit(".", 1)[-1]
        raise UsageError(
            f"{kind} is not allowed; "
            "write one SELECT over flows, periods, enis, refusals and services"
        )


@contextmanager
def sql_errors(name: str = "") -> Iterator[None]:
    """Turn what DuckDB says of a SELECT into one line; `name` is that of the query, if it has one.

    Raises:
        UsageError: the SELECT is wrong, or a value in the data doesn't suit it.
        FlowlensError: the machine gave out: memory, the temporary directory's disk; or a number
            became larger than a column holds.
    """
    try:
        with _streamed():
            yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise _no_room(error) from error
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    except duckdb.Error as error:
        if _FULL in str(error):
            raise _no_room(error) from error
        if (large := _too_large(error)) is not None:
            query = f"query {name}: " if name else ""
            raise FlowlensError(f"{query}{large} {_TOO_LARGE}") from error
        raise UsageError(f"SQL: {_line(error)}") from error


_FULL = os.strerror(errno.ENOSPC)


def _no_room(error: Exception) -> FlowlensError:
    what = str(error).strip().partition("\n")[0]
    return FlowlensError(
        f"out of room in memory and in {parent()}: {what}; make room there, or set TMPDIR to "
        "another place"
    )


_TOO_LARGE = (
    "is larger than 2^63-1, the largest number that a column holds; ask about less with --since "
    "and --until or --eni, or leave the largest records out: "
    "--where 'greatest(packets, bytes) < 1000000000000'"
)
_CAST = re.compile(r"INT128 with value (-?\d+) (?:.*casting from source column (.+))?")
_SUMMED = re.compile(r"\b(?:packets|bytes)\w*")
_OVERFLOW = re.compile(r"Overflow (?:in|on) (?:HUGEINT )?(\w+)")


def _too_large(error: duckdb.Error) -> str | None:
    """What became larger than a column holds, if that is what an error says."""
    text = str(error)
    if isinstance(error, duckdb.ConversionException) and (cast := _CAST.search(text)):
        summed = _SUMMED.search(cast[2] or "")
        what = f"the sum of {summed[0]}" if summed else "a sum"
        return what if abs(int(cast[1])) >= 2**63 else None
    if isinstance(error, duckdb.OutOfRangeException) and (overflow := _OVERFLOW.search(text)):
        return f"the result of {overflow[1]}"
    return None


_BY_NAME = {
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "IO Error": duckdb.IOException,
    "INTERRUPT Error": duckdb.InterruptException,
    "Conversion Error": duckdb.ConversionException,
    "Out of Range Error": duckdb.OutOfRangeException,
}
"""DuckDB's errors by how their text begins, where more than the text matters."""
_NAMED = re.compile(r"([A-Za-z ]+ Error): ")


@contextmanager
def _streamed() -> Iterator[None]:
    """Turn an error behind the first batch, which Arrow passes on as text, into DuckDB's again."""
    try:
        yield
    except OSError as error:
        named = _NAMED.match(str(error)) if error.errno is None else None
        if named is None:
            raise
        raise _BY_NAME.get(named[1], duckdb.Error)(str(error)) from error


def _line(error: Exception) -> str:
    """A DuckDB message as one line; the excerpt with its arrow becomes `near …`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(kept)
