"""The forms in which records arrive: from their lines to the bytes of a file, a piece at a time.

Sizes of pages and payloads are those of full ones: a page of FilterLogEvents ends at 1 MB.
"""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from time import gmtime, strftime
from typing import TypeVar

import msgspec

from benchmarks.datasets import LEVEL
from benchmarks.traffic import COLUMNS

PAGE, PAYLOAD = 8_000, 500
"""Events in a page of the API, and in a payload of a subscription."""

_AT_ONCE = 1_000
_FIRST_ID = 31132629274945519779805322857203735586714454643391594505
_START = COLUMNS.index("start")
_TEXTS = ("account-id", "interface-id", "srcaddr", "dstaddr", "action", "log-status")
_CAMEL = (
    *("version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort"),
    *("protocol", "packets", "bytes", "start", "end", "action", "logStatus"),
)

Lines = Iterable[str]
Form = Callable[[Lines], Iterator[bytes]]
Value = TypeVar("Value")
_json = msgspec.json.encode


def text(lines: Lines) -> Iterator[bytes]:
    """Lines as they are."""
    for some in _batches(lines, _AT_ONCE):
        yield ("\n".join(some) + "\n").encode()


def export(lines: Lines) -> Iterator[bytes]:
    """An export task's lines: a time before each record."""
    return text(f"{_stamp(_start(line))}.000Z {line}" for line in lines)


def pages(lines: Lines) -> Iterator[bytes]:
    """What `filter-log-events` answers, page after page, without a needless blank."""
    for page in _batches(_events(lines), PAGE):
        yield _json({"events": page, "searchedLogStreams": [], "nextToken": "Bxkq6kVGFtq2y"})


def pretty(lines: Lines) -> Iterator[bytes]:
    """One document with all events, as `aws logs filter-log-events` prints it."""
    above, below = b'{\n    "events": [\n', b"\n    ]\n}"
    between = above
    for page in _batches(_events(lines), PAGE):
        document = msgspec.json.format(_json({"events": page}), indent=4)
        yield between + document.removeprefix(above).removesuffix(below)
        between = b",\n"
    yield b'\n    ],\n    "searchedLogStreams": []\n}\n'


def events(lines: Lines) -> Iterator[bytes]:
    """An event a line."""
    for event in _events(lines):
        yield _json(event) + b"\n"


def payloads(lines: Lines) -> Iterator[bytes]:
    """A subscription's payloads, with nothing between them."""
    for page in _batches(_events(lines), PAYLOAD):
        yield _json(
            {
                "messageType": "DATA_MESSAGE",
                "owner": "123456789012",
                "logGroup": "/vpc/flow",
                "logStream": page[0]["logStreamName"],
                "subscriptionFilters": ["all"],
                "logEvents": [
                    {"id": one["eventId"], "timestamp": one["timestamp"], "message": one["message"]}
                    for one in page
                ],
            }
        )


def members(lines: Lines) -> Iterator[bytes]:
    """The same payloads, each a gzip member."""
    return (gzip.compress(payload, LEVEL, mtime=0) for payload in payloads(lines))


def encoded(lines: Lines) -> Iterator[bytes]:
    """The same members, each a line of base64."""
    return (base64.b64encode(member) + b"\n" for member in members(lines))


def firehose(lines: Lines) -> Iterator[bytes]:
    """A record an object, as a flow log that goes straight to Firehose leaves them."""
    return (_json({"message": line}) for line in lines)


def structured(lines: Lines) -> Iterator[bytes]:
    """An object a line with the fields by name, numbers as such."""
    for values in _fields(lines):
        yield _json(dict(zip(_NAMES, values, strict=True))) + b"\n"


def insights(lines: Lines) -> Iterator[bytes]:
    """The fields in rows of pairs, as Logs Insights answers."""
    yield b'{"results":['
    between = b""
    for line in lines:
        pairs = zip(_CAMEL, line.split(" "), strict=True)
        yield between + _json([{"field": name, "value": value} for name, value in pairs])
        between = b","
    yield b'],"status":"Complete"}'


def console(lines: Lines) -> Iterator[bytes]:
    """The console's CSV of events."""
    rows = (f"{_start(line)}000,{line}" for line in lines)
    return text(_before("timestamp,message", rows))


def rows(lines: Lines) -> Iterator[bytes]:
    """The CSV of fields that Logs Insights exports."""
    return text(_before(",".join(_CAMEL), (line.replace(" ", ",") for line in lines)))


def parquet(lines: Lines) -> Iterator[bytes]:
    """Parquet as AWS delivers it: names with `_`, INT32 and INT64, gzip inside."""
    import polars as pl
    import pyarrow.parquet as pq

    wide = ("packets", "bytes", "start", "end")
    numbers = {name: pl.Int64() if name in wide else pl.Int32() for name in COLUMNS}
    read = pl.read_csv(
        io.BytesIO(b"".join(text(lines))),
        has_header=False,
        separator=" ",
        quote_char=None,
        null_values="-",
        schema={name: pl.String() if name in _TEXTS else numbers[name] for name in COLUMNS},
    )
    table = read.to_arrow().rename_columns(list(_NAMES))
    out = io.BytesIO()
    pq.write_table(table, out, compression="gzip", store_schema=False)
    yield out.getvalue()


FORMS: dict[str, Form] = {
    form.__name__: form
    for form in (
        *(export, pages, pretty, events, payloads, firehose, structured),
        *(members, encoded, insights, rows, console, parquet),
    )
}
"""Every form by its name."""

_NAMES = tuple(name.replace("-", "_") for name in COLUMNS)


def _events(lines: Lines) -> Iterator[dict[str, object]]:
    """Events as FilterLogEvents gives them."""
    for number, line in enumerate(lines):
        time = _start(line) * 1000
        yield {
            "logStreamName": f"{line.split(' ', 3)[2]}-all",
            "timestamp": time,
            "message": line,
            "ingestionTime": time + 90_000,
            "eventId": str(_FIRST_ID + number),
        }


def _fields(lines: Lines) -> Iterator[list[object]]:
    """The values of each line; null, a number or a text."""
    is_text = [name in _TEXTS for name in COLUMNS]
    for line in lines:
        yield [
            None if token == "-" else token if kept else int(token)
            for token, kept in zip(line.split(" "), is_text, strict=True)
        ]


def _start(line: str) -> int:
    return int(line.split(" ")[_START])


@lru_cache(10_000)
def _stamp(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def _before(first: str, rest: Lines) -> Iterator[str]:
    yield first
    yield from rest


def _batches(values: Iterable[Value], size: int) -> Iterator[list[Value]]:
    iterator = iter(values)
    while some := list(islice(iterator, size)):
        yield some
