"""What `where` may say: a condition that each record answers alone.

Records pass in parts, in several threads, so whatever looks at more than one of them would be
answered of each part anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flowlens.core.errors import UsageError
from flowlens.sql.engine import Connection, sql_errors

_SELECT = "select 1 from flows where (\n{}\n)"

_BEYOND = {"SUBQUERY": "a subquery", "WINDOW": "a window function"}
"""Expressions that look at more than one record, by DuckDB's class."""


def require_condition(connection: Connection, where: str) -> None:
    """Accept a condition on one record; what DuckDB can't parse is left to whoever asks it.

    Raises:
        UsageError: it looks at other records too, or goes on behind its end.
    """
    with sql_errors():
        parsed = _parsed(connection, where)
        usual = _parsed(connection, "true")
        aggregates = _aggregates(connection)
    if parsed["error"]:
        return
    condition = _taken_out(parsed)
    _taken_out(usual)
    reason = "" if parsed == usual else "more than a condition"
    for node in _nodes(condition):
        reason = reason or _BEYOND.get(str(node.get("class")), "")
        name = str(node.get("function_name", "")).lower()
        if not reason and node.get("class") == "FUNCTION" and name in aggregates:
            reason = f"the aggregate {name.removesuffix('_star')}"
    if reason:
        text = " ".join(where.split())
        raise UsageError(
            f"--where {text}: {reason}; a condition is asked of each record alone: "
            "write flowlens sql 'SELECT … FROM flows WHERE …', which sees all of them"
        )


def _parsed(connection: Connection, where: str) -> dict[str, Any]:
    """DuckDB's tree of a SELECT with this condition."""
    given = {"sql": _SELECT.format(where)}
    ((text,),) = connection.execute("select json_serialize_sql($sql)", given).fetchall()
    try:
        tree: dict[str, Any] = json.loads(text)
    except RecursionError as error:
        raise UsageError(f"--where {where[:40]}…: nested too deeply; write it flatter") from error
    return tree


def _taken_out(parsed: dict[str, Any]) -> Any:
    """The condition, taken out of the tree; None where the statement is another one."""
    for statement in parsed["statements"]:
        return statement["node"].pop("where_clause", None)
    return None


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """The tree's parts, however deep, one after the other."""
    open_ = [tree]
    while open_:
        node = open_.pop()
        if isinstance(node, dict):
            yield node
            open_.extend(node.values())
        elif isinstance(node, list):
            open_.extend(node)


def _aggregates(connection: Connection) -> frozenset[str]:
    """Functions that are aggregates and nothing else."""
    rows = connection.execute(
        "select function_name from duckdb_functions() group by function_name "
        "having bool_and(function_type = 'aggregate')"
    ).fetchall()
    return frozenset(str(name).lower() for (name,) in rows)
