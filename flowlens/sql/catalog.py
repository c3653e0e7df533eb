"""Named queries: one SELECT a file, found by name, bound to values, ordered by what they read.

What a header looks like is in `headers`; what runs the SQL knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from flowlens.core.errors import UsageError, nearest
from flowlens.records.fields import fields
from flowlens.sql.parameters import Param, typed
from flowlens.sql.queryfile import RELATIONS, Column, Query, parse

__all__ = [
    "RELATIONS",
    "Column",
    "Param",
    "Query",
    "bind",
    "comparing",
    "find",
    "load",
    "order",
    "require",
    "shipped",
]

GATEWAY = {
    "version", "account_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start_time", "end_time", "log_status", "type", "tcp_flags", "region",
    "flow_direction", "pkt_src_aws_service", "pkt_dst_aws_service",
}  # fmt: skip
"""Columns of VPC records that transit gateway records have, too (AWS, "Transit Gateway Flow Log
records"); those they have alone are the fields of version 6."""


STEPS = ("scans", "rollups")
"""Directories of queries that are no answers for themselves: the detector's, and what a store keeps
of records."""


def load(directory: Path) -> dict[str, Query]:
    """The queries of a directory by name, sorted.

    Raises:
        UsageError: the directory cannot be read, or a file breaks the rules.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory; --queries takes one with *.sql files")
    queries = {}
    for path in sorted(directory.glob("*.sql")):
        try:
            if not path.is_file():
                raise UsageError(f"{path}: no regular file; a query is a text file")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not readable as UTF-8 text ({error})") from error
        queries[path.stem] = parse(text, path=path)
    return queries


@cache
def shipped() -> Mapping[str, Query]:
    """flowlens's own queries by name: the wheel's, or in a checkout those at its top level."""
    place = _place()
    steps = {name: query for folder in STEPS for name, query in load(place / folder).items()}
    return MappingProxyType({**load(place), **steps})


@cache
def comparing() -> Mapping[str, Query]:
    """The queries in changes/ by name: what each side of a comparison gives, and what changed.

    They can't be asked of one input alone, so `find` doesn't know them.
    """
    return MappingProxyType(load(_place() / "changes"))


def _place() -> Path:
    packaged = Path(str(files("flowlens") / "queries"))
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "queries"


def find(name: str, *, extra: Mapping[str, Query] | None = None) -> Query:
    """The query of a name; the user's own (`extra`) come first.

    Raises:
        UsageError: there is no such query; it lists the nearest names.
    """
    known = {**shipped(), **(extra or {})}
    if name not in known:
        raise UsageError(f"no query {name!r}; {nearest(name, known)}")
    return known[name]


def bind(query: Query, given: Mapping[str, str]) -> dict[str, object]:
    """Values for all of a query's parameters: those given, else the defaults.

    Raises:
        UsageError: a parameter is unknown, or a value does not fit its type.
    """
    known = {param.name: param for param in query.params}
    for name in given:
        if name not in known:
            raise UsageError(f"{query.name} has no parameter {name!r}; {nearest(name, known)}")
    return {
        name: typed(param, given.get(name, param.default), place=query.name)
        for name, param in known.items()
    }


def require(query: Query, columns: Collection[str]) -> None:
    """See that the inputs have what a query needs; `columns` are those of all their layouts.

    Raises:
        UsageError: none of them has a field that it needs; it says how a flow log gets it.
    """
    known = fields()
    missing = [known[name] for name in query.needs if name not in columns]
    if not missing:
        return
    tokens = [field.token for field in missing]
    several = len(tokens) > 1
    listed = f"{', '.join(tokens[:-1])} and {tokens[-1]}" if several else tokens[0]
    wanted = " ".join(f"${{{token}}}" for token in tokens)
    gateway = any(known[name].version == 6 for name in columns if name in known)
    if not gateway and all(field.version == 6 for field in missing):
        way = (
            f"transit gateway records alone hold {'them' if several else 'it'} "
            "(aws ec2 create-flow-logs --resource-type TransitGateway)"
        )
    elif gateway and any(field.version != 6 and field.column not in GATEWAY for field in missing):
        way = f"transit gateway records can't; give VPC flow logs whose format holds {wanted}"
    else:
        way = (
            f"create the flow log with a custom format that holds {wanted} "
            "(aws ec2 create-flow-logs --log-format '…')"
        )
    raise UsageError(f"{query.name} needs {listed}, which no input has: {way}")


def order(queries: Iterable[Query]) -> list[Query]:
    """The relations that must be materialised before `queries` run, each after what it reads.

    >>> [query.name for query in order([find("refused_by_class")])]
    ['enis', 'own', 'refusals']
    """
    first: dict[str, Query] = {}

    def visit(query: Query) -> None:
        for relation in query.reads:
            source = shipped().get(relation)
            if source and relation not in first and relation != query.name:
                visit(source)
                first[relation] = source

    for query in queries:
        visit(query)
    return list(first.values())
