"""What a SELECT needs of `flows`, found out before anything is read: columns, scans, literals.

DuckDB says it: the plan is made over empty relations, and holds the columns of each scan and the
filter above it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pyarrow as pa

from flowlens.records.fields import Kind, field_of
from flowlens.records.table import arrow_schema
from flowlens.sql.engine import Connection, require_select, sql_errors


@dataclass(frozen=True, slots=True)
class Needs:
    """What a SELECT needs of `flows`.

    `scans` counts how often its plan reads them. Rows whose text has none of `literals` can't
    matter to it, if there are any.
    """

    columns: tuple[str, ...]
    scans: int
    literals: tuple[str, ...] = ()


class Planner:
    """Makes plans over empty relations in a database."""

    def __init__(self, connection: Connection, columns: tuple[str, ...]) -> None:
        self._connection = connection
        self.columns = columns

    def needs(self, sql: str, parameters: Mapping[str, object]) -> Needs:
        """What a SELECT needs of a `flows` that has the planner's columns.

        Raises:
            UsageError: the text is no single SELECT, or DuckDB can't make a plan for it.
        """
        require_select(self._connection, sql)
        with sql_errors():
            explained = self._connection.execute(f"explain (format json) {sql}", dict(parameters))
            plan = json.loads(explained.fetchall()[0][1])
        scans = list(_scans(plan, None))
        wanted = {name for names, _ in scans for name in names}
        literals = _literals(scans[0][1]) if len(scans) == 1 else ()
        columns = tuple(name for name in self.columns if name in wanted)
        return Needs(columns, len(scans), literals)


@contextmanager
def planning(
    connection: Connection, *, columns: tuple[str, ...], relations: Mapping[str, pa.Schema]
) -> Iterator[Planner]:
    """A planner over `flows` and other relations, all of them empty, and gone afterwards."""
    # An empty table's statistics would let the plan leave out whatever is joined to it.
    connection.execute("set disabled_optimizers = 'statistics_propagation,empty_result_pullup'")
    connection.register("flows", pa.Table.from_batches([], arrow_schema(columns)))
    for name, schema in relations.items():
        connection.register("planned", pa.Table.from_batches([], schema))
        connection.execute(f'create table "{name}" as from planned')
        connection.unregister("planned")
    try:
        yield Planner(connection, columns)
    finally:
        for name in relations:
            connection.execute(f'drop table "{name}"')
        connection.unregister("flows")
        connection.execute("reset disabled_optimizers")


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
