"""JSON to units: whatever shape its values have, the events and the rows in them, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from flowlens.reading import ocsf
from flowlens.reading.blocks import PROOF_LINES, Block, NoLayoutError, blocks
from flowlens.reading.envelopes.jsonstream import Batch, Damage, Document, Event, Values
from flowlens.reading.envelopes.packed import DEEPEST, Payload, TooDeepError, is_payload
from flowlens.reading.envelopes.printed import Lines
from flowlens.reading.envelopes.rows import as_json
from flowlens.reading.envelopes.shapes import (
    Row,
    Shape,
    events,
    held,
    look,
    payloads,
    rows,
    runs,
    shape,
    text_of,
)
from flowlens.reading.envelopes.units import Units

Nested = Callable[[Iterable[str]], Iterable[Payload]]
"""Opens payloads in base64 to what they hold."""

_OF_EVENTS = (Shape.EVENT, Shape.PAGE, Shape.PAYLOAD)
_HOLD_RECORDS = (*_OF_EVENTS, Shape.RECORD, Shape.INSIGHTS, Shape.TEXT, Shape.OCSF)


_NO_VALUES = {
    Shape.PAGE: (Shape.OTHER, Shape.PACKED, Shape.EVENT),
    Shape.PACKED: (Shape.OTHER, Shape.PACKED),
}
"""What the array of such an object is expected to hold, or can't be read from it."""


@dataclass(slots=True)
class Events:
    """What a stream of JSON holds: its `kinds` of units, and what was put `aside`, by number."""

    values: Values | Lines
    nested: Nested
    kinds: dict[str, None] = field(default_factory=dict)
    aside: Counter[str] = field(default_factory=Counter)
    _units: Units = field(default_factory=Units)
    _depth: int = 0

    def blocks(self) -> Iterator[Block]:
        """The units as blocks of lines.

        Raises:
            NoLayoutError: nothing that the stream begins with holds records.
        """
        first: Batch | None = None
        strange = 0
        for batch in self.values:
            first = first or batch
            for block in self._batch(batch):
                if not self.kinds:
                    raise NoLayoutError(_strange(first))
                yield block
            strange += len(batch) if isinstance(batch, list) else 1
            if not self.kinds and strange > PROOF_LINES:
                break
        if first and not self.kinds:
            raise NoLayoutError(_strange(first))
        if self.values.broken and not self.kinds:
            raise NoLayoutError(f"{self.values.broken} before anything is a flow log")
        if self.values.passed and not self.kinds:
            raise NoLayoutError("JSON, but no flow log: an object without events or records")
        yield from self._units.end()

    def _batch(self, batch: Batch) -> Iterator[Block]:
        if isinstance(batch, Damage):
            self._units.fault("broken JSON", batch.text, batch.length)
            yield from self._units.due()
            return
        for kind, values in runs(batch):
            if kind is Shape.CONTROL:
                self.kinds[Shape.PAYLOAD] = None
                self.aside[kind] += len(values)
            elif kind in _HOLD_RECORDS and kind not in self.kinds and _has_records(kind, values):
                self.kinds[kind] = None
            if kind in _NO_VALUES and (arrays := _values_in(kind, values)):
                yield from self._arrays(arrays)
            elif kind in _OF_EVENTS:
                yield from self._events(kind, values)
            elif kind is Shape.RECORD:
                yield from self._units.rows(values)
            elif kind is Shape.OCSF:
                yield from self._ocsf(values)
            elif kind is Shape.INSIGHTS:
                yield from self._rows([row for value in values for row in rows(value)])
            elif kind is Shape.PACKED:
                yield from self._packed(values)
            elif kind is Shape.TEXT:
                yield from self._texts(values)
            elif kind is Shape.OTHER:
                for value in values:
                    self._units.fault(f"{kind}, {look(value)}", as_json(value))
                    yield from self._units.due()

    def _arrays(self, arrays: list[list[Any]]) -> Iterator[Block]:
        """The values of arrays within objects."""
        if self._depth == DEEPEST:
            raise TooDeepError
        self._depth += 1
        for array in arrays:
            yield from self._batch(array)
        self._depth -= 1

    def _ocsf(self, values: list[Any]) -> Iterator[Block]:
        """Events of Network Activity as rows; those of other classes are none."""
        for known, group in groupby(values, lambda event: event["class_uid"] == ocsf.CLASS):
            if known:
                yield from self._units.rows([ocsf.flat(event) for event in group])
                continue
            for event in group:
                detail = f"an OCSF event of class {str(event['class_uid'])[:20]}"
                self._units.fault(detail, as_json(event))
                yield from self._units.due()

    def _events(self, kind: Shape, values: list[Any]) -> Iterator[Block]:
        if kind is Shape.EVENT or type(values[0]) is Event:
            typed = isinstance(values[0], Event)
            yield from self._messages(values if typed else [e for v in values for e in events(v)])
            return
        found: list[Event] = []
        for value in values:
            some = events(value)
            if not some and kind is Shape.PAYLOAD:
                yield from self._messages(found)
                found = []
                self._units.fault("a DATA_MESSAGE without events", as_json(value))
            found += some
        yield from self._messages(found)

    def _messages(self, events: list[Event]) -> Iterator[Block]:
        texts = [event.message for event in events]
        if None not in texts:
            ids = [event.eventId or event.id for event in events]
            yield from self._units.messages(cast("list[str]", texts), ids)
            return
        for whole, group in groupby(events, lambda event: event.message is not None):
            if whole:
                yield from self._messages(list(group))
            else:
                for event in group:
                    self._units.fault("an event without a message", as_json(event))
                    yield from self._units.due()

    def _rows(self, found: list[Row]) -> Iterator[Block]:
        for kind, group in runs(found):
            if kind is Shape.EVENT:
                yield from self._messages([event for row in group for event in events(row)])
            elif kind is Shape.RECORD:
                yield from self._units.rows(group)
            else:
                for row in group:
                    self._units.fault(f"{Shape.OTHER}, {look(row)}", as_json(row))

    def _packed(self, values: list[Any]) -> Iterator[Block]:
        held: list[str] = []
        for value in values:
            parts = payloads(value)
            if not parts:
                # A shard had nothing new.
                self.kinds[Shape.PACKED] = None
            if None not in parts:
                held += cast("list[str]", parts)
                continue
            text = as_json(value)
            lacks = "a part without its payload" if any(parts) else f"{Shape.OTHER}, {look(value)}"
            for part in parts if any(parts) else [None]:
                if part is not None:
                    held.append(part)
                    continue
                yield from self._payloads(held)
                held = []
                self._units.fault(lacks, text)
        yield from self._payloads(held)

    def _payloads(self, texts: list[str]) -> Iterator[Block]:
        if self._depth == DEEPEST and texts:
            raise TooDeepError
        self._depth += 1
        for is_json, group in groupby(self.nested(texts), lambda payload: payload.is_json):
            taken: list[Payload] = []
            pieces = _pieces(group, taken)
            if is_json:
                held = Values(pieces)
                for batch in held:
                    yield from self._batch(batch)
                if held.broken:
                    self._units.fault(f"a payload in which {held.broken}", b"")
            else:
                for block in blocks(pieces):
                    self.kinds[Shape.PACKED] = None
                    text = block.text.removesuffix(b"\n").decode("utf-8", "surrogateescape")
                    yield from self._units.messages(text.split("\n"), [])
            for payload in taken:
                if payload.broken:
                    detail = f"a payload that can't be read whole: {payload.broken}"
                    self._units.fault(detail, payload.text.encode("utf-8", "replace"))
        self._depth -= 1

    def _texts(self, values: list[Any]) -> Iterator[Block]:
        """Texts that are a message each, or a payload."""
        texts = map(text_of, values)
        for is_packed, group in groupby(texts, is_payload):
            if is_packed:
                yield from self._payloads(list(group))
            else:
                yield from self._units.messages(list(group), [])


def _pieces(payloads: Iterable[Payload], taken: list[Payload]) -> Iterator[bytes]:
    """What payloads hold, each from a line of its own; those read to their end are `taken`."""
    for payload in payloads:
        taken.append(payload)
        last = b"\n"
        for piece in payload.pieces:
            last = piece[-1:] or last
            yield piece
        if last != b"\n":
            yield b"\n"


def holds_records(head: bytes) -> bool:
    """Whether content that begins so is JSON with records in it."""
    batch = next(iter(Values(iter([head]))), None)
    if batch is None or isinstance(batch, Damage):
        return False
    kinds = {kind for kind, _ in runs(batch)}
    return not kinds.isdisjoint((*_HOLD_RECORDS, Shape.CONTROL, Shape.PACKED))


def _values_in(kind: Shape, values: list[Any]) -> list[list[Any]]:
    """The values within objects that hold records where events or payloads are expected."""
    arrays = [held(value) for value in values if isinstance(value, dict)]
    told = (shape(one) for array in arrays for one in array)
    return arrays if any(inner not in _NO_VALUES[kind] for inner in told) else []


def _has_records(kind: Shape, values: list[Any]) -> bool:
    """Whether there is a record among values that should hold some, or nothing else either."""
    if kind in _OF_EVENTS:
        messages = [event.message for value in values for event in events(value)]
        return not messages or any(message is not None for message in messages)
    if kind is Shape.INSIGHTS:
        kinds = {shape(row) for value in values for row in rows(value)}
        return not kinds or not kinds.isdisjoint((Shape.EVENT, Shape.RECORD))
    if kind is Shape.OCSF:
        return any(value["class_uid"] == ocsf.CLASS for value in values)
    if kind is Shape.TEXT:
        return not all(is_payload(text_of(value)) for value in values)
    return True


def _strange(batch: Batch) -> str:
    if isinstance(batch, Damage):
        return "begins like JSON and is none"
    value = batch[0]
    if isinstance(value, Document) and value.results:
        value = rows(value)[0]
    if isinstance(value, Event):
        return "JSON, but no flow log: its events have no message"
    return f"JSON, but no flow log: {look(value)}"
