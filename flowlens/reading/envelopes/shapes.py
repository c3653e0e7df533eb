"""Shapes: what a JSON value of a delivery is, and the events or rows within it.

Sources: AWS, "FilterLogEvents", "GetLogEvents" and "GetQueryResults" in the CloudWatch Logs API
reference; "Log group-level subscription filters" in its user guide; "Publish flow logs to Amazon
Data Firehose" in the VPC user guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import Any

from flowlens.reading import ocsf
from flowlens.reading.envelopes.jsonstream import Document, Event, Pair
from flowlens.reading.envelopes.rows import as_json
from flowlens.records.columnnames import holds_record

Row = Mapping[str, object]


class Shape(StrEnum):
    """What a value is, by the name that a user sees."""

    EVENT = "events, one an object"
    PAGE = "pages of events"
    PAYLOAD = "subscription payloads"
    CONTROL = "control messages"
    INSIGHTS = "rows of Logs Insights"
    RECORD = "records, one an object"
    OCSF = "OCSF events"
    PACKED = "payloads in base64"
    TEXT = "messages as texts"
    OTHER = "JSON without a record"


def runs(batch: Sequence[Any]) -> Iterator[tuple[Shape, list[Any]]]:
    """The values of a batch by what they are, in order; batches of one kind are told at once."""
    kinds = {type(value) for value in batch}
    if kinds == {Document} and None not in [value.message for value in batch]:
        yield Shape.EVENT, list(batch)
    elif kinds == {Event}:
        yield Shape.PAGE, list(batch)
    elif kinds == {dict} and {_by_keys(keys) for keys in set(map(tuple, batch))} == {Shape.RECORD}:
        yield Shape.RECORD, list(batch)
    else:
        for kind, group in groupby(batch, shape):
            yield kind, list(group)


def shape(value: object) -> Shape:
    """What a value is, as it was decoded: typed, or plain."""
    if isinstance(value, Document):
        return _document(value)
    if isinstance(value, Event):
        return Shape.PAGE
    if isinstance(value, dict):
        found = _by_keys(tuple(value))
        if found is Shape.PAYLOAD and value.get("messageType") == "CONTROL_MESSAGE":
            return Shape.CONTROL
        key = _HOLDS.get(found)
        return Shape.OTHER if key and not isinstance(value.get(key, []), list) else found
    if isinstance(value, str) or text_of(value):
        return Shape.TEXT
    return Shape.INSIGHTS if _is_pairs(value) else Shape.OTHER


def text_of(value: Any) -> str:
    """The text that a value is, or the only one in a list of scalars; empty where there is none.

    >>> text_of("2 1234"), text_of([1795000000000, "2 1234"]), text_of(["a", "b"]), text_of([{}])
    ('2 1234', '2 1234', '', '')
    """
    if isinstance(value, str):
        return value
    scalars = isinstance(value, list) and not any(isinstance(one, list | dict) for one in value)
    texts = [one for one in value if isinstance(one, str)] if scalars else []
    return texts[0] if len(texts) == 1 else ""


def _document(value: Document) -> Shape:
    if value.messageType == "CONTROL_MESSAGE":
        return Shape.CONTROL
    if value.logEvents is not None:
        return Shape.PAYLOAD
    if value.events is not None:
        return Shape.PAGE
    return Shape.EVENT if value.results is None else Shape.INSIGHTS


_HOLDS = {Shape.PAGE: "events", Shape.PAYLOAD: "logEvents", Shape.INSIGHTS: "results"}


def _by_keys(keys: tuple[str, ...]) -> Shape:
    """What an object with these keys is; only what is short is remembered."""
    short = sum(map(len, keys)) <= _REMEMBERED
    return _told(keys) if short else _told.__wrapped__(keys)


_REMEMBERED = 4096
"""Characters of an object's keys."""


@lru_cache(1000)
def _told(keys: tuple[str, ...]) -> Shape:
    names = set(keys)
    if ocsf.is_event(keys):
        return Shape.OCSF
    if names & {"logEvents", "messageType"}:
        return Shape.PAYLOAD
    for found, key in _HOLDS.items():
        if key in names:
            return found
    if names & {"message", "@message"}:
        return Shape.EVENT
    if holds_record(keys):
        return Shape.RECORD
    packed = {"Records", "records", "awslogs", "kinesis", "data", "Data"}
    return Shape.PACKED if names & packed else Shape.OTHER


def events(value: Any) -> Sequence[Event]:
    """The events that a value is or holds; what is none stands as one without a message."""
    if isinstance(value, Document):
        found = value.logEvents if value.logEvents is not None else value.events
        return [value] if found is None else found
    if isinstance(value, Event):
        return [value]
    if isinstance(value, dict):
        held = value.get("logEvents", value.get("events"))
        if isinstance(held, list) or "messageType" in value:
            return [_event(item) for item in held] if isinstance(held, list) else []
    return [_event(value)]


def _event(value: Any) -> Event:
    if not isinstance(value, dict):
        return Event()
    message = value.get("message", value.get("@message"))
    if isinstance(message, dict):
        message = as_json(message).decode()
    identity = value.get("eventId", value.get("id"))
    return Event(
        message if isinstance(message, str) else None,
        identity if isinstance(identity, str) else None,
    )


def held(value: Mapping[str, Any]) -> list[Any]:
    """The values in the array of an object that holds some."""
    arrays = (value.get(key) for key in ("events", "Records", "records"))
    return next((array for array in arrays if isinstance(array, list)), [])


def rows(value: Any) -> list[Row]:
    """The rows of named values that a value is or holds; what is none is an empty one."""
    if isinstance(value, Document):
        return [{pair.field: pair.value for pair in row} for row in value.results or []]
    if isinstance(value, dict):
        held = value.get("results")
        return [row for item in held for row in rows(item)] if isinstance(held, list) else [value]
    if not _is_pairs(value):
        return [{}]
    if isinstance(value[0], Pair):
        return [{pair.field: pair.value for pair in value}]
    return [{pair["field"]: pair.get("value") for pair in value}]


def _is_pairs(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return isinstance(value[0], Pair) or all(
        isinstance(item, dict) and isinstance(item.get("field"), str) for item in value
    )


def payloads(value: Any) -> list[str | None]:
    """Payloads in base64, as Lambda, Kinesis and Firehose hand them on; None where one is missing.

    >>> payloads({"Records": [{"kinesis": {"data": "H4sI"}}, {"kinesis": {}}]})
    ['H4sI', None]
    """
    parts = value.get("Records", value.get("records"))
    return [_payload(part) for part in parts] if isinstance(parts, list) else [_payload(value)]


def _payload(value: Any) -> str | None:
    if isinstance(value, dict):
        for place in (value, value.get("awslogs"), value.get("kinesis")):
            for key in ("data", "Data"):
                if isinstance(place, dict) and isinstance(place.get(key), str):
                    return str(place[key])
    return None


def look(value: Any) -> str:
    """What a value that holds nothing known looks like, in few words."""
    if not isinstance(value, dict):
        return f"a {type(value).__name__}"
    names = ", ".join(repr(key)[1:-1][:40] for key in list(value)[:5])
    return f"with the keys {names}" if names else "an empty object"
