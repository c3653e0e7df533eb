"""DuckDB, opened so that a question can read flowlens's relations and nothing else.

No files, no network, no settings: a user's SQL, and hostile values within it, stay inside. What
does not fit into memory goes to a temporary directory, which is removed in every case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any

import duckdb
import pyarrow as pa

from flowlens.columns import arrow_schema
from flowlens.errors import FlowlensError, UsageError
from flowlens.fields import Kind, field_of
from flowlens.scratch import scratch

MEMORY_LIMIT = "768MiB"
"""What DuckDB may hold in memory before it spills."""

Connection = duckdb.DuckDBPyConnection


@contextmanager
def engine(*, ordered: bool = True) -> Iterator[Connection]:
    """An empty database in memory, with flowlens's functions; `locked` shuts it off.

    `ordered` keeps the order of rows where the SQL sets none.
    """
    with scratch() as place:
        connection = duckdb.connect(
            ":memory:",
            config={
                "temp_directory": str(place / "spill"),
                "memory_limit": MEMORY_LIMIT,
                "preserve_insertion_order": ordered,
                "python_enable_replacements": False,
                "autoload_known_extensions": False,
                "autoinstall_known_extensions": False,
            },
        )
        try:
            connection.execute("set timezone = 'UTC'")
            connection.execute(_macros())
            yield connection
        finally:
            connection.close()


@cache
def _macros() -> str:
    return files("flowlens").joinpath("data/macros.sql").read_text(encoding="utf-8")


def lock(connection: Connection) -> None:
    """Take away files, network and settings; from here on a user's SQL may run."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a SELECT needs of `flows`.

    `scans` counts how often its plan reads them. Rows whose text has none of `literals` can't
    matter to it, if there are any.
    """

    columns: tuple[str, ...]
    scans: int
    literals: tuple[str, ...] = ()


def needs(
    sql: str,
    parameters: Mapping[str, object],
    *,
    columns: tuple[str, ...],
    relations: Mapping[str, pa.Schema],
) -> Needs:
    """What a SELECT needs of a `flows` that has `columns`, by DuckDB's own plan for it.

    Raises:
        UsageError: the text is no single SELECT, or DuckDB can't make a plan for it.
    """
    with engine() as connection:
        connection.execute("set disabled_optimizers = 'statistics_propagation,empty_result_pullup'")
        connection.register("flows", arrow_schema(columns).empty_table())
        for name, schema in relations.items():
            connection.register("planned", schema.empty_table())
            connection.execute(f'create table "{name}" as from planned')
            connection.unregister("planned")
        lock(connection)
        require_select(connection, sql)
        with sql_errors():
            rows = connection.execute(f"explain (format json) {sql}", dict(parameters)).fetchall()
    plan = json.loads(rows[0][1])
    scans = list(_scans(plan, None))
    wanted = {name for names, _ in scans for name in names}
    literals = _literals(scans[0][1]) if len(scans) == 1 else ()
    return Needs(tuple(name for name in columns if name in wanted), len(scans), literals)


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
        raise UsageError(f"{kind} is not allowed; write one SELECT over flows, enis and services")


@contextmanager
def sql_errors() -> Iterator[None]:
    """Turn what DuckDB says of a SELECT into one line.

    Raises:
        UsageError: the SELECT is wrong, or a value in the data doesn't suit it.
        FlowlensError: the machine gave out: memory, the temporary directory's disk.
    """
    try:
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
        raise UsageError(f"SQL: {_line(error)}") from error


def _line(error: Exception) -> str:
    """A DuckDB message as one line; the excerpt with its arrow becomes `near …`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(kept)


def _scans(plan: Any, parent: Any) -> Iterator[tuple[list[str], str]]:
    """The columns of each scan of `flows` in a plan, and the filter right above it."""
    for node in plan if isinstance(plan, list) else [plan]:
        if node["name"] == "PYTHON_ARROW_SCAN":
            columns = node["extra_info"].get("Projections", [])
            above = parent if parent is not None and parent["name"] == "FILTER" else None
            expression = above["extra_info"].get("Expression", "") if above else ""
            yield [columns] if isinstance(columns, str) else columns, str(expression)
        for child in node["children"]:
            yield from _scans(child, node)


_EQUALITY = re.compile(r"\(*(\w+) = '([!-&(-~]+)'\)*")


def _literals(expression: str) -> tuple[str, ...]:
    """Texts that a record's line must hold to pass a filter: those its columns must equal.

    Only the parts of an outermost conjunction are looked at; from anything else nothing is
    concluded. `log_status` is left out, for it is filled in where the text lacks it.

    >>> _literals("((bytes > 3) AND (action = 'REJECT'))")
    ('REJECT',)
    >>> _literals("((action = 'REJECT') OR (bytes > 3))")
    ()
    """
    found = [_EQUALITY.fullmatch(part) for part in _conjuncts(expression)]
    texts = [match for match in found if match and _is_text(match[1])]
    return tuple(match[2] for match in texts)


def _conjuncts(expression: str) -> Iterator[str]:
    """The parts of an outermost conjunction as DuckDB writes it.

    >>> list(_conjuncts("((a = ' AND ') AND ((b) IS NULL))"))
    ["(a = ' AND ')", '((b) IS NULL)']
    """
    bare = re.sub("'[^']*'", lambda text: "x" * len(text[0]), expression)
    depths = list(accumulate((char == "(") - (char == ")") for char in bare))
    wrapped = int(bare.startswith("(") and 0 not in depths[:-1])
    start = wrapped
    for joint in re.finditer(" AND ", bare):
        if depths[joint.start()] == wrapped:
            yield expression[start : joint.start()]
            start = joint.end()
    yield expression[start : len(expression) - wrapped]


def _is_text(column: str) -> bool:
    kinds = (Kind.TEXT, Kind.ADDRESS, Kind.ACTION)
    return column != "log_status" and field_of(column).kind in kinds
