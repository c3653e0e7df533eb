"""DuckDB, opened so that a question can read flowlens's relations and nothing else.

No files, no network, no settings: a user's SQL, and hostile values within it, stay inside. What
does not fit into memory goes to a temporary directory, which is removed in every case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources

import duckdb

from flowlens.errors import FlowlensError, UsageError
from flowlens.scratch import scratch

STREAM_MEMORY, TABLE_MEMORY = "208MiB", "768MiB"
"""What DuckDB may hold before it spills: for one answer, and with a table of flows to join."""

Connection = duckdb.DuckDBPyConnection


@contextmanager
def engine(*, files: bool = False, paths: Sequence[str] = ()) -> Iterator[Connection]:
    """An empty database with flowlens's functions, that keeps the order of rows.

    It is a file in a temporary directory: what is loaded into it is compressed there, which makes
    a second question cheaper than memory would, and leaves memory to the answers.

    It can open the files named by `paths`, and nothing else. With `files` it can reach the file
    system, so no user's SQL may run in it.
    """
    with scratch() as place:
        with sql_errors():
            connection = duckdb.connect(
                str(place / "flows.db"),
                config={
                    "temp_directory": str(place / "spill"),
                    "memory_limit": STREAM_MEMORY,
                    "python_enable_replacements": False,
                    "autoload_known_extensions": False,
                    "autoinstall_known_extensions": False,
                },
            )
        try:
            connection.execute("set timezone = 'UTC'")
            _silence(connection)
            connection.execute(_macros())
            if paths:
                connection.execute("set allowed_paths = $paths", {"paths": list(paths)})
                connection.execute("set parquet_metadata_cache = true")
            if not files:
                connection.execute("set enable_external_access = false")
            yield connection
        finally:
            connection.close()


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
            f"{kind} is not allowed; write one SELECT over flows, enis, refusals and services"
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
        raise FlowlensError(f"out of room: {_line(error)}; TMPDIR says where to spill") from error
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise
    except duckdb.Error as error:
        if (large := _too_large(error)) is not None:
            query = f"query {name}: " if name else ""
            raise FlowlensError(f"{query}{large} {_TOO_LARGE}") from error
        raise UsageError(f"SQL: {_line(error)}") from error


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
