"""The header of a named query: what the query takes, reads and gives.

Comment lines at the top of the file: a description up to an empty one, then

    -- reads: flows, services
    -- as: view
    -- needs: action, dstport
    -- param: limit bigint = 0 | rows | rows to give; 0 gives all
    -- column: records bigint | records | flow-log records with traffic

`as: view` makes the relation of that name a view: cheap to ask anew, too large to keep.
`needs` names the fields of the inputs, by column, without which there is no answer: all of them are
needed, and what an answer is merely better with isn't named. A query that needs none has no such
line. The file's name is the query's name. Nothing here runs SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from flowlens.core.errors import UsageError, nearest
from flowlens.records.fields import fields
from flowlens.sql.parameters import Param, typed

RELATIONS = ("flows", "periods", "enis", "refusals", "services")
"""What anybody's SQL may read; all but `flows` and `services` are named queries."""

DETECTOR = (
    "own", "declared", "evidence", "networks", "sides", "exchanges", "returned",
    "namesakes", "passed", "contacts",
    "touched", "served", "targets", "visits", "trials", "walk", "judged", "sources",
)  # fmt: skip
"""What a query may read besides: the steps on the way to who is scanning, named queries but for
`declared` (addresses that the user calls own), `evidence` (one row of numbers) and `networks`."""

COMPARED = (
    "sources_before", "sources_after", "ports_before", "ports_after", "enis_before", "enis_after",
    "inbound_before", "inbound_after",
)  # fmt: skip
"""What a comparison reads: what its two sides gave."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = "bigint|integer|double|varchar|boolean|timestamptz"
_PARAM = re.compile(rf"([a-z]\w*) ({_TYPE}) = ([^|]*)\|([^|]*)\|(.+)")
_COLUMN = re.compile(rf"([a-z]\w*) ({_TYPE}) \|([^|]*)\|(.+)")
# Texts, with escapes where they begin with an E; names; comments; texts between dollars.
_QUOTED = (
    r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/"
    r"|\$(?P<tag>[a-zA-Z_]*)\$.*?\$(?P=tag)\$"
)
_TOKEN = re.compile(rf"{_QUOTED}|(?P<token>\$\w+|\w[\w$]*|;)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the result; `unit` is empty where there is none."""

    name: str
    type: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Query:
    """A named query; `reads` are relations, `needs` columns of `flows`, all in the file's order."""

    name: str
    description: str
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    params: tuple[Param, ...]
    columns: tuple[Column, ...]
    sql: str
    path: Path
    view: bool = False


def parse(text: str, *, path: Path) -> Query:
    """The query that a file's text holds.

    Raises:
        UsageError: header or statement break the rules; it names the file and the line.
    """
    if not _NAME.fullmatch(path.stem):
        raise UsageError(f"{path}: name the file in lower case, like rejected_by_port.sql")
    header = [line[2:].strip() for line in _header_lines(text)]
    end = header.index("") if "" in header else len(header)
    reads: list[str] = []
    needs: list[str] = []
    params: list[Param] = []
    columns: list[Column] = []
    view = False
    for number, content in enumerate(header[end:], end + 1):
        place = f"{path}:{number}"
        key, _, value = content.partition(":")
        if key == "reads":
            reads += [_relation(name.strip(), place=place) for name in value.split(",")]
        elif key == "needs":
            needs += [_field(name.strip(), place=place) for name in value.split(",")]
        elif (key, value.strip()) == ("as", "view"):
            view = True
        elif key == "param":
            params.append(_param(value.strip(), place=place))
        elif key == "column":
            columns.append(_column(value.strip(), place=place))
        elif content:
            raise UsageError(
                f"{place}: {content!r} is none of reads:, as: view, needs:, param:, column:"
            )
    query = Query(
        name=path.stem,
        description=" ".join(header[:end]),
        reads=tuple(reads),
        needs=tuple(needs),
        params=tuple(params),
        columns=tuple(columns),
        sql=text,
        path=path,
        view=view,
    )
    _check_header(query)
    _check_statement(query, line=len(header) + 1)
    return query


def _header_lines(text: str) -> list[str]:
    lines = text.splitlines()
    return lines[: next((n for n, line in enumerate(lines) if line[:2] != "--"), len(lines))]


def _check_header(query: Query) -> None:
    place = f"{query.path}:1"
    if not query.description:
        raise UsageError(f"{place}: no description; say in the first comment lines what it answers")
    if not query.reads:
        raise UsageError(f"{place}: no reads: line; name what it reads: {', '.join(RELATIONS)}")
    if not query.columns:
        raise UsageError(f"{place}: no column: line; each column of the result needs one")
    if "limit" not in {param.name for param in query.params}:
        raise UsageError(
            f"{place}: no parameter limit; add `-- param: limit bigint = 0 | rows | …`"
        )
    for noun, names in (
        ("field", list(query.needs)),
        ("parameter", [param.name for param in query.params]),
        ("column", [column.name for column in query.columns]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"{place}: {noun} {name!r} stands there twice; remove one")


def _tokens(sql: str) -> list[str]:
    """Words, parameters and semicolons, without what stands in quotes and comments."""
    return [match["token"] for match in _TOKEN.finditer(sql) if match["token"]]


def parameters_of(sql: str) -> list[str]:
    """The names of a statement's parameters, each once.

    >>> parameters_of("select '$a', $b, $c -- $d\\n from x where $b > $$ $e $$")
    ['b', 'c']
    """
    return list(dict.fromkeys(token[1:] for token in _tokens(sql) if token[0] == "$"))


def _check_statement(query: Query, *, line: int) -> None:
    place = f"{query.path}:{line}"
    tokens = [token.lower() for token in _tokens(query.sql)]
    if not tokens or tokens[0] not in ("select", "with"):
        raise UsageError(f"{place}: no select; a named query is one select statement")
    if ";" in tokens[:-1]:
        raise UsageError(f"{place}: more than one statement; a named query is one select")
    if tokens[-1] == ";":
        raise UsageError(f"{place}: remove the semicolon at the end; a named query is one select")
    used = {token[1:] for token in tokens if token[0] == "$"}
    declared = {param.name for param in query.params}
    for name in sorted(used - declared):
        raise UsageError(f"{place}: ${name} has no param: line; {nearest(name, declared)}")
    for name in sorted(declared - used):
        raise UsageError(f"{place}: parameter {name!r} is declared and not used; write ${name}")


def _relation(name: str, *, place: str) -> str:
    known = (*RELATIONS, *DETECTOR, *COMPARED)
    if name not in known:
        raise UsageError(f"{place}: no relation {name!r} to read; {nearest(name, known)}")
    return name


def _field(name: str, *, place: str) -> str:
    known = fields()
    if name not in known:
        raise UsageError(f"{place}: no field {name!r} to need; {nearest(name, known)}")
    return name


def _param(value: str, *, place: str) -> Param:
    match = _PARAM.fullmatch(value)
    if not match:
        raise UsageError(f"{place}: {value!r} is not `name type = default | unit | meaning`")
    name, kind, default, unit, meaning = (part.strip() for part in match.groups())
    param = Param(name=name, type=kind, default=default, unit=unit, meaning=meaning)
    typed(param, default, place=place)
    return param


def _column(value: str, *, place: str) -> Column:
    match = _COLUMN.fullmatch(value)
    if not match:
        raise UsageError(f"{place}: {value!r} is not `name type | unit | meaning`")
    name, kind, unit, meaning = (part.strip() for part in match.groups())
    return Column(name=name, type=kind, unit=unit, meaning=meaning)
