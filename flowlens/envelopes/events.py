"""JSON to units: CloudWatch's pages and payloads, Logs Insights' rows, objects that are records.

Shapes: AWS, "FilterLogEvents", "GetLogEvents" and "GetQueryResults" in the CloudWatch Logs API
reference; "Log group-level subscription filters" in its user guide; "Publish flow logs to Amazon
Data Firehose" in the VPC user guide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

import msgspec

from flowlens.blocks import Block, NoLayoutError
from flowlens.envelopes.rows import is_record, pairs
from flowlens.envelopes.units import Row, Units
from flowlens.envelopes.values import Batch, Damage, Document, Event, Values

CONTROL = "control messages"

Nested = Callable[[Iterable[str]], Iterable[bytes]]
"""Opens payloads in base64 to the pieces of JSON that they hold."""


@dataclass(slots=True)
class Events:
    """What a stream of JSON holds: its `kinds` of units, and what was put `aside`, by number."""

    values: Values
    nested: Nested
    kinds: dict[str, None] = field(default_factory=dict)
    aside: Counter[str] = field(default_factory=Counter)
    _units: Units = field(default_factory=Units)

    def blocks(self) -> Iterator[Block]:
        """The units as blocks of lines.

        Raises:
            NoLayoutError: nothing that the stream begins with holds records.
        """
        for batch in self.values:
            yield from self._batch(batch)
            if not self.kinds:
                raise NoLayoutError(_strange(batch))
        yield from self._units.end()

    def _batch(self, batch: Batch) -> Iterator[Block]:
        if isinstance(batch, Damage):
            self._units.fault("broken JSON", batch.text, batch.length)
        elif isinstance(batch[0], Document):
            yield from self._documents(cast("list[Document]", batch))
        elif isinstance(batch[0], Event):
            yield from self._events(batch, "pages of events")
        else:
            yield from self._anything(batch)

    def _documents(self, documents: list[Document]) -> Iterator[Block]:
        for plain, group in groupby(documents, _is_plain):
            if plain:
                yield from self._events(list(group), "events, one an object")
                continue
            for document in group:
                if document.messageType == "CONTROL_MESSAGE":
                    self.aside[CONTROL] += 1
                    self.kinds["subscription payloads"] = None
                elif document.logEvents is not None:
                    yield from self._events(document.logEvents, "subscription payloads")
                    if not document.logEvents:
                        self._units.fault("a DATA_MESSAGE without events", _text(document))
                elif document.events is not None:
                    yield from self._events(document.events, "pages of events")

    def _events(self, events: Iterable[Event], kind: str) -> Iterator[Block]:
        self.kinds[kind] = None
        for whole, group in groupby(events, lambda event: event.message is not None):
            if whole:
                found = list(group)
                texts = [event.message for event in found if event.message is not None]
                yield from self._units.messages(texts, [one.eventId or one.id for one in found])
            else:
                for event in group:
                    self._units.fault("an event without a message", _text(event))

    def _anything(self, values: Iterable[Any], *, name: str = "") -> Iterator[Block]:
        for kind, group in groupby(values, _kind):
            if kind is _message:
                events = [event for value in group if (event := _message(value))]
                yield from self._events(events, name or "events, one an object")
            elif kind is _row:
                self.kinds[name or "records, one an object"] = None
                yield from self._units.rows(list(map(_row, group)))
            elif kind is pairs:
                rows = [row for value in group if (row := pairs(value))]
                yield from self._anything(rows, name="rows of Logs Insights")
            elif kind is _payloads:
                payloads = [payload for value in group for payload in _payloads(value)]
                for batch in Values(self.nested(payloads)):
                    yield from self._batch(batch)
            elif kind is _parts:
                for value in group:
                    yield from self._pages(value)
            else:
                for value in group:
                    self._units.fault(f"JSON without a record, {_look(value)}", _text(value))

    def _pages(self, value: Mapping[str, Any]) -> Iterator[Block]:
        """An object that some oddity keeps from being read as a page at once."""
        if value.get("messageType") == "CONTROL_MESSAGE":
            self.aside[CONTROL] += 1
            self.kinds["subscription payloads"] = None
            return
        parts = _parts(value) or []
        if parts is value.get("results"):
            self.kinds["rows of Logs Insights"] = None
        elif parts:
            self.kinds["pages of events"] = None
        else:
            self.kinds["subscription payloads"] = None
            self._units.fault("a DATA_MESSAGE without events", _text(value))
        yield from self._anything(parts)


def _is_plain(document: Document) -> bool:
    return document.message is not None and document.logEvents is None and document.events is None


def _kind(value: Any) -> Callable[[Any], Any] | None:
    """What a value is, as the function that takes what counts out of it; None if it is nothing."""
    return next((kind for kind in (_message, _parts, _payloads, pairs, _row) if kind(value)), None)


def _message(value: Any) -> Event | None:
    if not isinstance(value, dict):
        return None
    message = value.get("message", value.get("@message"))
    identity = value.get("eventId", value.get("id"))
    if not isinstance(message, str):
        return None
    return Event(message=message, eventId=identity if isinstance(identity, str) else None)


def _parts(value: Any) -> list[Any] | None:
    """The values within a page; an empty list counts where the page says what it is."""
    if not isinstance(value, dict):
        return None
    for key in ("events", "logEvents", "results"):
        if isinstance(value.get(key), list):
            return value[key] or _Empty()
    return _Empty() if value.get("messageType") in ("DATA_MESSAGE", "CONTROL_MESSAGE") else None


class _Empty(list[Any]):
    """No parts, and yet a page."""

    def __bool__(self) -> bool:
        return True


def _payloads(value: Any) -> list[str]:
    """Payloads in base64, as Lambda, Kinesis and Firehose hand them on."""
    if not isinstance(value, dict):
        return []
    parts = value.get("Records") or value.get("records")
    if isinstance(parts, list):
        return [payload for part in parts for payload in _payloads(part)]
    for place in (value, value.get("awslogs"), value.get("kinesis")):
        if isinstance(place, dict) and isinstance(place.get("data"), str):
            return [place["data"]]
    return []


def _row(value: Any) -> Row:
    if not isinstance(value, dict) or not is_record(value):
        return {}
    return {key: item for key, item in value.items() if not key.startswith("@")}


def _text(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return ascii(value)[:4096].encode()


def _look(value: Any) -> str:
    if not isinstance(value, dict):
        return f"a {type(value).__name__}"
    names = ", ".join(repr(key)[1:-1][:40] for key in list(value)[:5])
    return f"with the keys {names}" if names else "an empty object"


def _strange(batch: Batch) -> str:
    if isinstance(batch, Damage):
        return "begins like JSON and is none"
    return f"JSON, but no flow log: {_look(batch[0])}"
