"""The portable core: which SQL a named query may use, so that it says the same on Spark.

An allow-list over DuckDB's own syntax tree (`json_serialize_sql`): what is not named here is not
allowed. DESIGN.md, "Named queries", says what the core is and SCALE.md why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

FUNCTIONS = {
    "count_star": {0},
    "count": {1},
    "sum": {1},
    "min": {1},
    "max": {1},
    "epoch": {1},
    "floor": {1},
    "ceil": {1},
    "ln": {1},
    "to_timestamp": {1},
    "split_part": {3},
    "least": {2},
    "greatest": {2},
    "~~": {2},
    "!~~": {2},
    "+": {2},
    "-": {1, 2},
    "*": {2},
    "/": {2},
    "%": {2},
    "&": {2},
    "||": {2},
}
"""Functions and operators by name, with the numbers of arguments they may have."""

WINDOWS = {"row_number", "count", "sum", "min", "max"}

EXPRESSIONS = {
    "CASE_EXPR",
    "COLUMN_REF",
    "COMPARE_BETWEEN",
    "COMPARE_DISTINCT_FROM",
    "COMPARE_EQUAL",
    "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_IN",
    "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_NOTEQUAL",
    "COMPARE_NOT_DISTINCT_FROM",
    "COMPARE_NOT_IN",
    "CONJUNCTION_AND",
    "CONJUNCTION_OR",
    "FUNCTION",
    "OPERATOR_CAST",
    "OPERATOR_COALESCE",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_IS_NULL",
    "OPERATOR_NOT",
    "STAR",
    "TYPE",
    "VALUE_CONSTANT",
    "VALUE_PARAMETER",
    "WINDOW_AGGREGATE",
    "WINDOW_ROW_NUMBER",
}

TABLES = {"BASE_TABLE", "EXPRESSION_LIST", "JOIN", "SUBQUERY"}
NODES = {"SELECT_NODE", "SET_OPERATION_NODE"}
MODIFIERS = {"DISTINCT_MODIFIER", "LIMIT_MODIFIER", "ORDER_MODIFIER"}
JOINS = {"INNER", "LEFT"}
CASTS = {"BIGINT", "INTEGER"}
GENERATED = 2**64 - 1
"""`query_location` of a node that the parser made itself, such as the star of `values`."""


def tree(sql: str) -> dict[str, Any]:
    """The syntax tree of one select."""
    (row,) = duckdb.execute("select json_serialize_sql($sql)", {"sql": sql}).fetchall()
    parsed = json.loads(row[0])
    if parsed["error"]:
        raise ValueError(parsed["error_message"])
    assert len(parsed["statements"]) == 1
    return dict(parsed["statements"][0]["node"])


def nodes(item: Any, parents: tuple[dict[str, Any], ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each node of a tree with its parents, nearest first."""
    if isinstance(item, dict):
        yield item, parents
        for value in item.values():
            yield from nodes(value, (item, *parents))
    elif isinstance(item, list):
        for value in item:
            yield from nodes(value, parents)


def tables(sql: str) -> list[str]:
    """Names of the relations a select reads, once for each time it reads them, without CTEs."""
    found, ctes = [], set()
    for node, _ in nodes(tree(sql)):
        if node.get("type") == "BASE_TABLE":
            found.append(node["table_name"])
        ctes |= {entry["key"] for entry in (node.get("cte_map") or {}).get("map", [])}
    return [name for name in found if name not in ctes]


def outside(sql: str) -> list[str]:
    """What a select uses that is outside the portable core; empty where all is well."""
    found = set()
    try:
        for node, parents in nodes(tree(sql)):
            found |= set(_faults(node, parents))
    except ValueError as error:
        return [str(error)]
    code = re.sub(r"--[^\n]*|'[^']*'", "", sql).lower()
    found |= {word for word in ("lateral", "natural", "asof") if re.search(rf"\b{word}\b", code)}
    return sorted(found)


def _faults(node: dict[str, Any], parents: tuple[dict[str, Any], ...]) -> Iterator[str]:
    kind = str(node.get("type"))
    if "class" in node and node["class"] is not None:
        yield from _expression_faults(node, parents)
    elif "modifiers" in node:
        yield from _select_faults(node)
    elif "ref_type" in node or kind in TABLES or kind.endswith(("FUNCTION", "PIVOT")):
        if kind not in TABLES:
            yield f"table {kind}"
        if kind == "JOIN" and (
            node["ref_type"] not in {"REGULAR", "CROSS"} or node["join_type"] not in JOINS
        ):
            yield f"join {node['ref_type']} {node['join_type']}"
        if node.get("sample") or node.get("at_clause"):
            yield "sample or time travel"


def _select_faults(node: dict[str, Any]) -> Iterator[str]:
    if node["type"] not in NODES:
        yield f"node {node['type']}"
    for modifier in node["modifiers"]:
        if modifier["type"] not in MODIFIERS or modifier.get("distinct_on_targets"):
            yield f"modifier {modifier['type']}"
        if modifier.get("limit_type") == "PERCENTAGE":
            yield "limit of per cent"
        for term in modifier.get("orders", []):
            if term["expression"]["class"] in {"CONSTANT", "STAR"}:
                yield "order by position or all"
    if node.get("qualify"):
        yield "qualify"
    if node.get("sample"):
        yield "sample"
    if node.get("aggregate_handling", "STANDARD_HANDLING") != "STANDARD_HANDLING":
        yield "group by all"
    if len(node.get("group_sets") or []) > 1:
        yield "grouping sets"
    if any(term["class"] == "CONSTANT" for term in node.get("group_expressions") or []):
        yield "group by position"
    if node["type"] == "SET_OPERATION_NODE" and node.get("setop_type") != "UNION":
        yield f"set operation {node.get('setop_type')}"
    if node.get("from_table", {}).get("type") == "EMPTY":
        yield "select without from"


def _expression_faults(node: dict[str, Any], parents: tuple[dict[str, Any], ...]) -> Iterator[str]:
    kind = node["type"]
    parent: dict[str, Any] = next((above for above in parents if "class" in above), {})
    if kind not in EXPRESSIONS:
        yield f"expression {kind}"
    if kind == "STAR" and node["query_location"] != GENERATED:
        yield "star"
    if kind == "OPERATOR_CAST" and (node["try_cast"] or _target(node) not in CASTS):
        yield f"cast to {_target(node)}"
    if kind == "FUNCTION":
        yield from _function_faults(node, parent)
    if kind.startswith("WINDOW") and node["function_name"] not in WINDOWS:
        yield f"window {node['function_name']}"


def _function_faults(node: dict[str, Any], parent: dict[str, Any]) -> Iterator[str]:
    name = node["function_name"]
    arguments = node.get("children") or node.get("arguments") or []
    if name not in FUNCTIONS:
        yield f"function {name}"
    elif len(arguments) not in FUNCTIONS[name]:
        yield f"function {name} of {len(arguments)}"
    if node.get("distinct") and name != "count":
        yield f"{name}(distinct)"
    if (node.get("order_bys") or {}).get("orders"):
        yield f"{name}(… order by …)"
    to_bigint = parent.get("type") == "OPERATOR_CAST" and _target(parent) == "BIGINT"
    if name in {"epoch", "floor", "ceil"} and not to_bigint:
        yield f"{name} outside cast(… as bigint)"
    if name == "/" and parent.get("function_name") not in {"floor", "ceil"}:
        yield "/ outside cast(floor(… / …) as bigint)"


def _target(cast: dict[str, Any]) -> str:
    return str(cast["type_expr"]["type_name"]).upper()
