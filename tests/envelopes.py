"""Writers of every envelope: records as text, in the forms in which AWS and its tools give them."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence

_CAMEL = """
    version accountId interfaceId srcAddr dstAddr srcPort dstPort protocol packets bytes start end
    action logStatus
"""
_SNAKE = """
    version account_id interface_id src_addr dst_addr src_port dst_port protocol packets bytes
    start end action log_status
"""
CAMEL, SNAKE = _CAMEL.split(), _SNAKE.split()
CONTROL = {
    "messageType": "CONTROL_MESSAGE",
    "owner": "CloudwatchLogs",
    "logGroup": "",
    "logStream": "",
    "subscriptionFilters": [],
    "logEvents": [
        {
            "id": "",
            "timestamp": 1,
            "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose.",
        }
    ],
}

Records = Sequence[str]


def _pages(records: Records, size: int = 7) -> Iterator[Records]:
    for start in range(0, len(records), size):
        yield records[start : start + size]


def events(records: Records, first: int = 0) -> list[dict[str, object]]:
    """Events as filter-log-events gives them."""
    return [
        {
            "logStreamName": "eni-0a1b2c3d-all",
            "timestamp": 1_418_530_010_000 + number,
            "message": text,
            "ingestionTime": 1_418_530_100_000,
            "eventId": str(31132629274945519779805322857203735586714454643391594505 + number),
        }
        for number, text in enumerate(records, first)
    ]


def payloads(records: Records) -> list[bytes]:
    """Payloads of a subscription, each compressed, a health check among them."""
    data = [
        {
            "messageType": "DATA_MESSAGE",
            "owner": "123456789012",
            "logGroup": "/vpc/flow",
            "logStream": "eni-0a1b2c3d-all",
            "subscriptionFilters": ["all"],
            "logEvents": [
                {"id": event["eventId"], "timestamp": 1, "message": event["message"]}
                for event in events(page, 7 * number)
            ],
        }
        for number, page in enumerate(_pages(records))
    ]
    return [json.dumps(item).encode() for item in (CONTROL, *data)]


def _base64(data: bytes) -> bytes:
    return base64.b64encode(gzip.compress(data, mtime=0))


def _tokens(record: str) -> list[str | None]:
    return [None if token == "-" else token for token in record.split(" ")]


def _typed(record: str) -> dict[str, object]:
    texts = ("account_id", "srcaddr")
    return {
        name: int(token) if token and token.isdigit() and name not in texts else token
        for name, token in zip(SNAKE, _tokens(record), strict=True)
    }


def _csv(header: Sequence[str], rows: Iterator[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def _lines(values: Iterator[object]) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


def _insights(rows: Iterator[list[tuple[str, str | None]]]) -> bytes:
    results = [
        [{"field": name, "value": value} for name, value in (("@timestamp", "2014-12-14"), *row)]
        for row in rows
    ]
    return json.dumps({"results": results, "status": "Complete"}).encode()


def _pretty(records: Records) -> bytes:
    pages = [
        {"events": page, "searchedLogStreams": [{"logStreamName": "x"}], "nextToken": "n"}
        for page in (events(part, 7 * number) for number, part in enumerate(_pages(records)))
    ]
    return "\n".join(json.dumps(page, indent=4) for page in pages).encode()


FORMS: dict[str, Callable[[Records], bytes]] = {
    "export lines": lambda records: "".join(
        f"2018-09-22T20:28:14.000Z {record}\n" for record in records
    ).encode(),
    "filter-log-events": lambda records: json.dumps(
        {"events": events(records), "searchedLogStreams": [{"a": 1}, {"b": 2}]}, indent=4
    ).encode(),
    "pages one after another": _pretty,
    "get-log-events": lambda records: json.dumps(
        {
            "events": [{"timestamp": 1, "message": text, "ingestionTime": 2} for text in records],
            "nextForwardToken": "f/1",
            "nextBackwardToken": "b/1",
        }
    ).encode(),
    "an event a line": lambda records: _lines(iter(events(records))),
    "an array of events": lambda records: json.dumps(events(records)).encode(),
    "console CSV": lambda records: _csv(
        ["timestamp", "message"], iter([1_418_530_010_000, text] for text in records)
    ),
    "console CSV, line ends within": lambda records: _csv(
        ["timestamp", "message"], iter([1_418_530_010_000, text + "\n"] for text in records)
    ),
    "Insights JSON of messages": lambda records: _insights(
        iter([("@message", text), ("@ptr", "x")] for text in records)
    ),
    "Insights JSON of fields": lambda records: _insights(
        iter(list(zip(CAMEL, _tokens(text), strict=True)) for text in records)
    ),
    "Insights CSV of messages": lambda records: _csv(
        ["@timestamp", "@message"], iter(["2014-12-14 04:06:50.000", text] for text in records)
    ),
    "Insights CSV of fields": lambda records: _csv(
        ["@timestamp", *CAMEL], iter(["2014-12-14 04:06", *_tokens(text)] for text in records)
    ),
    "subscription": lambda records: b"".join(payloads(records)),
    "subscription, gzip members": lambda records: b"".join(
        gzip.compress(item, mtime=0) for item in payloads(records)
    ),
    "subscription, gzip in gzip": lambda records: gzip.compress(
        b"".join(gzip.compress(item, mtime=0) for item in payloads(records)), mtime=0
    ),
    "subscription, base64 a line": lambda records: b"\n".join(map(_base64, payloads(records))),
    "subscription, base64 in a row": lambda records: b"".join(map(_base64, payloads(records))),
    "subscription, base64 wrapped": lambda records: base64.encodebytes(
        gzip.compress(b"".join(payloads(records)), mtime=0)
    ),
    "Lambda events": lambda records: _lines(
        {"awslogs": {"data": _base64(item).decode()}} for item in payloads(records)
    ),
    "Kinesis records": lambda records: json.dumps(
        {"Records": [{"kinesis": {"data": _base64(item).decode()}} for item in payloads(records)]}
    ).encode(),
    "straight to Firehose": lambda records: b"".join(
        json.dumps({"message": text}).encode() for text in records
    ),
    "records as objects": lambda records: _lines(map(_typed, records)),
}
"""Each gives the bytes of records in the default format."""

HEADED = frozenset(name for name in FORMS if "CSV" in name)
"""Forms whose first unit is a header."""

WITH_CONTROL = frozenset(
    name for name in FORMS if name.startswith(("subscription", "Lambda", "Kinesis"))
)
"""Forms with a health check among their payloads."""
