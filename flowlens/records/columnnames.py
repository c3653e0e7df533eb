"""Names of columns in CSV, JSON and Parquet tables, and what values are called there.

`data/names.csv` has the names that are nobody's but other people's tables', `data/words.csv` their
words for values; a newcomer who meets another adds a line there. Names are compared without regard
to case, `_`, `-` and blanks. Headers of text records know AWS's own names alone (`layouts`).
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from flowlens.core.errors import FlowlensError
from flowlens.records.fields import columns_by_token, fields

Sample = Callable[[str], Iterable[object]]
"""Some values of the column of this name."""

LONGEST = 255
"""Characters of an unknown column's name that are kept."""

ANCHORS = ("start_time", "interface_id", "action")
"""A flow-log record has one of these; what has none is a sum over records, or something else."""

GATEWAY_TYPE = "TransitGateway"
GATEWAY = ("resource_type", "tgw_id", "tgw_attachment_id")
"""Columns by which a transit gateway's record, which has no action, is known."""

_NAMED = 12
"""Columns that a message names."""


class NamesError(FlowlensError):
    """A table's columns can't be told apart, or are no flow log's; the message names them."""


def plain(name: str) -> str:
    """A name without what it isn't told by.

    >>> plain("Src_Addr"), plain("log status")
    ('srcaddr', 'logstatus')
    """
    return re.sub(r"[-_\s]", "", name).lower()


@cache
def _table() -> Mapping[str, tuple[str, str]]:
    """By plain name: the column, and which values alone make it that column."""
    text = files("flowlens").joinpath("data/names.csv").read_text(encoding="utf-8")
    others = {
        plain(row["name"]): (row["column"], row["where"])
        for row in csv.DictReader(text.splitlines())
    }
    return others | {plain(name): (column, "") for name, column in _exact().items()}


@cache
def _exact() -> Mapping[str, str]:
    """Names as AWS and flowlens write them."""
    return columns_by_token() | {column: column for column in fields()}


@cache
def words(column: str) -> Mapping[str, str]:
    """What values of a column are called, in lower case, and what a record has instead.

    >>> words("protocol")["udp"], words("action")["blocked"]
    ('17', 'REJECT')
    """
    text = files("flowlens").joinpath("data/words.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["word"]: row["value"] for row in rows if row["column"] == column}


def known(name: str) -> str | None:
    """The column that a name can be.

    >>> known("srcAddr"), known("Dest Port"), known("status"), known("count(*)")
    ('srcaddr', 'dstport', 'log_status', None)
    """
    found = _table().get(plain(name))
    return found[0] if found else None


def depends_on_values(name: str) -> bool:
    """Whether a name is a field's only where the values are."""
    return bool(_table().get(plain(name), ("", ""))[1])


def is_settled(name: str, column: str) -> bool:
    """Whether no later value can make another column of a name."""
    found, where = _table().get(plain(name), (column, ""))
    return not where or found == column


def own(name: str) -> str:
    """An unknown name as a column's.

    >>> own("x.y"), own("1st"), own("Größe")
    ('x_y', 'x_1st', 'größe')
    """
    text = re.sub(r"\W", "_", name.strip().lower())[:LONGEST]
    return text if text[:1].isalpha() else f"x_{text}"


def columns(
    names: Sequence[str], sample: Sample = lambda _: (), spell: Callable[[str], str] = own
) -> tuple[str, ...]:
    """The columns of a table with these names, in their order; unknown ones as `spell` has them.

    Where two names are one field, the one that is written as AWS or flowlens writes it has it, and
    the other stays a column of its own name.

    Raises:
        NamesError: neither is written so, or both are.

    >>> columns(["src_ip", "srcaddr", "note"])
    ('src_ip', 'srcaddr', 'note')
    """
    places = [_placed(name, sample) for name in names]
    for column, number in Counter(filter(None, places)).items():
        if number > 1:
            rivals = [index for index, place in enumerate(places) if place == column]
            exact = [index for index in rivals if _exact().get(names[index]) == column]
            if len(exact) != 1:
                listed = " and ".join(repr(names[index]) for index in rivals)
                token = fields()[column].token
                raise NamesError(f"the columns {listed} are one field, {token}; leave one out")
            for index in set(rivals) - set(exact):
                places[index] = None
    taken = {place for place in places if place} | set(fields())
    for index, place in enumerate(places):
        if place is None:
            free = places[index] = _free(spell(names[index]), taken)
            taken.add(free)
    return tuple(map(str, places))


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _placed(name: str, sample: Sample) -> str | None:
    column, where = _table().get(plain(name), (None, ""))
    if where:
        values = [text for value in sample(name) if (text := str(value or "").strip()) not in _NO]
        return column if values and all(map(_VALUES[where], values)) else None
    return column


_NO = ("", "-", "None")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_status(text: str) -> bool:
    return text.lower() in words("log_status")


_VALUES: Mapping[str, Callable[[str], bool]] = {"addresses": _is_address, "statuses": _is_status}


def is_record(names: Iterable[str]) -> bool:
    """Whether these are the names of a record's fields: at least two are known, and half of them.

    Both ends of a flow are enough among any number of others.

    >>> is_record(["srcAddr", "dstAddr", "start"]), is_record(["eventName", "region"])
    (True, False)
    """
    listed = [name for name in names if not name.startswith("@")]
    found = {column for name in listed if (column := known(name))}
    several = len(found) >= 2 and 2 * len(found) >= len(listed)
    return several or {"srcaddr", "dstaddr"} <= found or {"pkt_srcaddr", "pkt_dstaddr"} <= found


def holds_record(names: Iterable[str]) -> bool:
    """Whether a table with these names can hold records.

    >>> holds_record(["srcAddr", "dstPort", "start"]), holds_record(["srcAddr", "dstPort", "n"])
    (True, False)
    """
    listed = list(names)
    places = {place for name in listed if (place := known(name))}
    return is_record(listed) and not places.isdisjoint(ANCHORS) and not _summed(listed, places)


def _summed(names: Iterable[str], places: Iterable[str]) -> list[str]:
    """The columns by which a table is a sum over records, whatever it is grouped by.

    >>> _summed(["action", "count(*)"], ["action"]), _summed(["action", "Count"], ["action"])
    (['count(*)'], ['Count'])
    >>> _summed(["start", "srcaddr", "count"], ["start_time", "srcaddr"])
    []
    """
    listed = list(names)
    calls = [name for name in listed if _CALL.match(name)]
    # A record may carry somebody's number of that name; one without a time is no record then.
    if calls or not {"start_time", "end_time"}.isdisjoint(places):
        return calls
    return [name for name in listed if known(name) is None and _COUNTED.match(name)]


_CALL = re.compile(
    r"\s*(?:avg|bin|count|count_distinct|max|mean|median|min|pct|stddev|sum)\s*\(",
    re.IGNORECASE,
)
"""A column as Logs Insights and SQL name what nobody has named."""

_COUNTED = re.compile(
    r"(?:counts?|records|hits|total|sum|avg|mean|max|min|num)(?:[_ -].*)?$"
    r"|.*[_ -](?:count|sum|total|avg)$",
    re.IGNORECASE,
)
"""Names of counts and sums, as people and flowlens give them."""


def require_record(names: Sequence[str], places: Sequence[str]) -> None:
    """See that a table with these columns can hold records.

    Raises:
        NamesError: it has neither a start nor an interface nor an action, or it holds sums.
    """
    if set(ANCHORS).isdisjoint(places):
        raise NamesError(
            "no flow log: neither a start nor an interface nor an action is among the columns "
            f"{listed(names)}; a sum over records is no record"
        )
    sums = _summed(names, places)
    if sums:
        raise NamesError(
            f"no flow log: {listed(sums)} among the columns {listed(names)}; "
            "a sum over records is no record"
        )


def lacking(names: Sequence[str], places: Sequence[str]) -> str:
    """What a table of records has no column for, and which columns weren't understood; or empty.

    >>> lacking(["srcaddr", "destination", "start"], ["srcaddr", "destination", "start_time"])
    'no column is dstaddr or action; not understood: destination'
    """
    columns = set(places)
    missing = [
        field
        for field, others in (("srcaddr", "pkt_srcaddr"), ("dstaddr", "pkt_dstaddr"))
        if not {field, others} & columns
    ]
    if "action" not in columns and columns.isdisjoint(GATEWAY):
        missing.append("action")
    if not missing:
        return ""
    strange = [name for name, place in zip(names, places, strict=True) if place not in fields()]
    text = f"no column is {' or '.join(missing)}"
    return f"{text}; not understood: {listed(strange)}" if strange else text


def listed(names: Sequence[str]) -> str:
    """Names as a message shows them."""
    shown = ", ".join(_shown(name) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return shown + more


def _shown(name: str) -> str:
    text = name[:60]
    return text if text.isprintable() else repr(text)[1:-1]
