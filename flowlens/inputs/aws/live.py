"""Events behind `cloudwatch:LOG-GROUP[:STREAM-PREFIX]`, read live by FilterLogEvents.

The API allows few calls: they are paced, and a source says beforehand when there is too much for
it. What a source gives is JSON text, page for page as the API answers; pages of neighbouring
windows overlap, so events in it repeat.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.errors import NOT_AWS, explained
from flowlens.inputs.aws.pace import Pace

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RATE = 4.0
"""Calls a second; the API takes 5 for an account and region, and others call it too."""

MOST = 10_000
"""Events that a page can hold; the API stops at about 1 MB, too."""

WINDOW = timedelta(hours=1)
"""What is asked for at once; more, where there is little."""

WIDEST = timedelta(days=7)

OVERLAP = timedelta(minutes=5)
"""How far a window reaches back into the one before: events turn up late."""

MARGIN = timedelta(minutes=15)
"""An event's time is near its record's start, which alone decides; asked for on each side."""

_KEYS = ("logStreamName", "timestamp", "message", "ingestionTime", "eventId")
_FEW = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """What is read of a log group: streams by the beginning of their names, and a span of time.

    Both ends are inclusive, as the API has it; `since` None asks for all before `until` at once.
    """

    name: str
    streams: str
    since: datetime | None
    until: datetime


class Pages(io.RawIOBase):
    """The pages of a log group as one stream of JSON text, fetched as it is read."""

    def __init__(self, clients: Clients, group: Group, pace: Pace) -> None:
        super().__init__()
        self._text = _text(clients, group, pace)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """What is left of a page, or the next one; as much as there is room for.

        Raises:
            OSError: the API refuses, or gives out; one line.
        """
        view = memoryview(buffer).cast("B")
        if not self._rest:
            self._rest = memoryview(next(self._text, b""))
        part = self._rest[: len(view)]
        view[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)


def opener(clients: Clients, group: Group, pace: Pace) -> Callable[[], BinaryIO]:
    """What opens a log group from its beginning, each time it is called."""
    return lambda: cast("BinaryIO", Pages(clients, group, pace))


def _text(clients: Clients, group: Group, pace: Pace) -> Iterator[bytes]:
    """Pages that hold events, each a line; window by window, wider where little is found."""
    begin, length = group.since, WINDOW
    while begin is None or begin <= group.until:
        end = min(begin + length, group.until) if begin else group.until
        since = max(begin - OVERLAP, group.since) if begin and group.since else None
        number = 0
        for events in _events(clients, group, pace, since, end):
            number += len(events)
            if events:
                kept = [{key: event[key] for key in _KEYS if key in event} for event in events]
                yield json.dumps({"events": kept}).encode() + b"\n"
        if end == group.until:
            return
        begin, length = end, min(2 * length, WIDEST) if number <= _FEW else WINDOW


def _events(
    clients: Clients, group: Group, pace: Pace, since: datetime | None, until: datetime
) -> Iterator[list[dict[str, Any]]]:
    """The pages of a window."""
    client = clients.client("logs", attempts=1)
    asked: dict[str, Any] = {
        "logGroupName": group.name,
        "endTime": milliseconds(until),
        "limit": MOST,
    }
    if since is not None:
        asked["startTime"] = milliseconds(since)
    if group.streams:
        asked["logStreamNamePrefix"] = group.streams
    while True:
        with explained(clients.access, OSError):
            page = pace.call(lambda: client.filter_log_events(**asked), clients.access)
        if "events" not in page:
            raise OSError(NOT_AWS)
        yield page["events"]
        token = page.get("nextToken")
        if not token:
            return
        if token == asked.get("nextToken"):
            raise OSError("the API gives the same page again and again; run again later")
        asked["nextToken"] = token


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, and never before that.

    >>> milliseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000
    """
    return max(0, (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
