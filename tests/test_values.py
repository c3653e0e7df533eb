"""JSON values in a stream: whatever the pieces, spaces and damage, none is lost or changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlens.reading.envelopes import jsonstream as module
from flowlens.reading.envelopes.jsonstream import Damage, Document, Event, Pair, Values

texts = st.text(st.sampled_from('a{}[]",:\\ \n\u00e9\ud800é😀0')) | st.sampled_from(
    ("}{", "},{", "]\n[", '"},{"', "\\", "\\u0000")
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
strange = st.dictionaries(texts.filter(lambda key: key not in _TYPED), plain, max_size=4)
events = st.fixed_dictionaries({"message": texts}, optional={"eventId": texts, "timestamp": plain})
pages = st.fixed_dictionaries(
    {"events": st.lists(events, max_size=5)}, optional={"nextToken": texts, "x": plain}
)
values = st.lists(st.one_of(strange, events, pages), min_size=1, max_size=8)
spaces = st.sampled_from(("", " ", "\n", "\r\n  ", "\n\n"))
_TYPED = {"message", "events", "logEvents", "results", "Records", "records", "messageType"}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(data: bytes, *, piece: int, held: int) -> tuple[list[Any], str]:
    """All values in order, arrays of pages opened, and how it broke off."""
    stream = Values(pieces(data, piece), held)
    found: list[Any] = []
    for batch in stream:
        if isinstance(batch, Damage):
            found.append(batch)
            continue
        for value in batch:
            found += opened(value)
    return found, stream.broken


def opened(value: Any) -> list[Any]:
    """A value as what it tells: messages for events, and itself for anything else."""
    if isinstance(value, Document) and value.events is not None:
        return [event.message for event in value.events]
    if isinstance(value, Event):
        return [value.message]
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        return [item["message"] for item in value["events"]]
    if isinstance(value, dict) and "message" in value:
        return [value["message"]]
    if isinstance(value, list) and value and isinstance(value[0], Pair):
        return [msgspec.to_builtins(value)]
    return [value]


@settings(max_examples=examples(200), deadline=None)
@given(values, spaces, st.booleans(), st.integers(1, 40), st.integers(1, 60), st.booleans())
def test_values_come_out_as_they_went_in(items, space, ascii_only, piece, held, indented):
    written = [
        json.dumps(item, ensure_ascii=ascii_only, indent=2 if indented else None) for item in items
    ]
    data = space.join(written).encode("utf-8", "surrogatepass")
    expected = [part for item in items for part in opened(item)]
    found, broken = read(data, piece=piece, held=held)
    assert broken == ""
    if b"\xed\xa0" not in data:  # which is no UTF-8, so the texts come out otherwise
        assert found == expected


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(events, min_size=1, max_size=9), st.integers(1, 40), st.integers(1, 60), st.data())
def test_a_page_of_any_length_that_breaks_off_gives_the_events_before(items, piece, held, data):
    page = json.dumps({"a": [{"b": 1}], "events": items, "c": [{}, {}]})
    end = data.draw(st.integers(0, len(page) - 1))
    found, broken = read(page[:end].encode(), piece=piece, held=held)
    messages = [item["message"] for item in items]
    begun = page.index('"events"') + len('"events": [')
    if end > begun and page[:end].strip():
        assert found == messages[: len(found)]
        assert broken
    whole = 0
    for count in range(len(items) + 1):
        if len(json.dumps({"a": [{"b": 1}], "events": items[:count]})) - 2 <= end:
            whole = count
    assert len(found) >= (whole if end > begun else 0)


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=80), st.integers(1, 20), st.integers(1, 40))
def test_any_bytes_end(data, piece, held):
    read(b"{" + data, piece=piece, held=held)
    read(b'{"events":[' + data, piece=piece, held=held)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(events, min_size=2, max_size=6), st.data())
def test_a_broken_line_costs_no_other(items, data):
    lines = [json.dumps(item) for item in items]
    place = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(1, len(lines[place]) - 1))
    good = [item["message"] for number, item in enumerate(items) if number != place]
    lines[place] = data.draw(st.sampled_from((lines[place][:cut], "x" * cut, "},", "{a}\n\n ,")))
    piece, held = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 60))
    found, _ = read("\n".join(lines).encode(), piece=piece, held=held)
    # An object within what is broken may come out by itself, but never as an event.
    assert [item for item in found if isinstance(item, str)] == good


def test_damage_whose_line_end_lies_between_two_stretches_costs_no_neighbour():
    for pad in range(30):
        data = b'{"message":"a"}\n' + pad * b"x" + b'\n\n ,\n{"message":"b"}\n{"message":"c"}'
        for held in range(1, 40):
            found, _ = read(data, piece=3, held=held)
            assert [item for item in found if isinstance(item, str)] == ["a", "b", "c"]


@pytest.mark.parametrize("held", [7, 60, 10_000])
def test_a_number_with_more_digits_than_python_reads_costs_no_neighbour(held):
    numbered = b'{"message":"b","timestamp":%s}' % (b"1" * 5000)
    page = b'{"events":[{"message":"a"},%s,{"message":"c"},{"mess' % numbered
    found, broken = read(page, piece=100, held=held)
    assert found == ["a", "b", "c"]
    assert broken


DAMAGED = {
    "every second object": b'{"message":"x"}{"message":x}\n',
    "objects that only begin": b"{abcdefghijklmnopqrs\n",
    "every second element": b'{"message":"x"},{"message":x},',
    "elements of several kinds": b'{"message":"x"},[1],7,',
}


@pytest.mark.parametrize("case", DAMAGED)
@pytest.mark.parametrize("start", [b'{"message":"x"}\n', b'{"events":[{"message":"x"},'])
def test_damage_all_over_is_passed_over_without_looking_again_and_again(case, start, monkeypatch):
    looked: list[int] = []

    def scan(text: str, at: int) -> tuple[Any, int]:
        looked.append(len(text))
        return json.JSONDecoder().raw_decode(text, at)

    class Counted:
        def __init__(self, pattern: re.Pattern[bytes]) -> None:
            self.pattern = pattern

        def __getattr__(self, name: str) -> Any:
            looked.append(len(data))
            return getattr(self.pattern, name)

    monkeypatch.setattr(module, "_scan", scan)
    monkeypatch.setattr(module, "_BETWEEN", Counted(module._BETWEEN))
    between = {key: Counted(pattern) for key, pattern in module._BETWEEN_ELEMENTS.items()}
    monkeypatch.setattr(module, "_BETWEEN_ELEMENTS", between)
    data = start + DAMAGED[case] * 7000
    read(data, piece=len(data), held=1 << 20)
    assert len([size for size in looked if size > len(data) // 2]) < 100
