"""OCSF: flow-log records as events of the class Network Activity, which Security Lake keeps.

`data/ocsf.csv` says where in an event each column stands: of several places the first that has a
value counts. What stands under `unmapped` keeps its own name. What OCSF can't say is null.

Source: the OCSF schema, class 4001, versions 1.0 to 1.5, and its public mapping of VPC flow logs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from flowlens.records.columnnames import known, words

CLASS = 4001
"""Network Activity."""

ACTIONS = {"traffic": "ACCEPT", "refuse": "REJECT", "refused": "REJECT"}
"""What an activity says of the action."""

_NOTHING = (None, "", "-", "None")


@cache
def places() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """By column: the paths at which its value may stand, in order."""
    text = files("flowlens").joinpath("data/ocsf.csv").read_text(encoding="utf-8")
    return {
        row["column"]: tuple(tuple(path.split(".")) for path in row["paths"].split())
        for row in csv.DictReader(text.splitlines())
    }


def is_event(keys: Iterable[str]) -> bool:
    """Whether these are the keys of an event about traffic between two endpoints.

    >>> is_event(["class_uid", "src_endpoint", "dst_endpoint", "time"])
    True
    """
    return {"class_uid", "src_endpoint", "dst_endpoint"} <= set(keys)


def flat(event: Mapping[str, object]) -> dict[str, object]:
    """An event as a row by the names of columns.

    >>> row = flat({"class_uid": 4001, "action": "Denied", "src_endpoint": {"ip": "192.0.2.1"}})
    >>> row["srcaddr"], row["action"], row["dstaddr"]
    ('192.0.2.1', 'REJECT', None)
    """
    row = {column: _first(event, paths) for column, paths in places().items()}
    status = str(row["log_status"]).upper()
    row["log_status"] = status if status.lower() in words("log_status") else None
    if not str(row["tcp_flags"]).isdigit():
        row["tcp_flags"] = None  # some say it in words
    quiet = row["log_status"] in ("NODATA", "SKIPDATA")
    row["action"] = None if quiet else _action(event)
    row["flow_direction"] = words("flow_direction").get(str(row["flow_direction"]).lower())
    others = event.get("unmapped")
    if isinstance(others, Mapping):
        for name, value in others.items():
            column = known(name) or name
            if row.get(column) is None:
                row[column] = value
    return row


def _action(event: Mapping[str, object]) -> str | None:
    for value in _values(event, places()["action"]):
        word = str(value).lower()
        if action := words("action").get(word) or ACTIONS.get(word):
            return action
    return None


def _first(event: Mapping[str, object], paths: tuple[tuple[str, ...], ...]) -> object:
    return next(_values(event, paths), None)


def _values(event: Mapping[str, object], paths: tuple[tuple[str, ...], ...]) -> Iterator[object]:
    for path in paths:
        value: object = event
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            value = value[0] if value else None
        if value not in _NOTHING:
            yield value
