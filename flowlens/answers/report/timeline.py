"""The timeline: a bucket that suits the span, and counts without holes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from flowlens.answers.report.model import Row, Timeline
from flowlens.answers.report.step import step_up

BUCKETS = 72
"""At most as many bars: they fit on 80 columns."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LENGTHS = (
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * _DAY for n in (1, 2, 5, 7, 10, 14)),
)
_LONGEST = 30 * _DAY


def bucket_seconds(first: datetime | None, last: datetime | None, *, least: int = 60) -> int:
    """The shortest readable bucket that gives no more than `BUCKETS` bars, and at least `least`.

    >>> bucket_seconds(datetime(2026, 1, 1), datetime(2026, 1, 2))
    1800
    >>> bucket_seconds(datetime(2026, 1, 1), datetime(2026, 1, 1), least=600)
    600
    """
    span = (last - first).total_seconds() if first and last else 0
    # Buckets start at multiples of their length, so a span can touch one more than it fills.
    for length in _LENGTHS:
        if length >= least and span / length <= BUCKETS - 1:
            return length
    return _LONGEST * max(1, -(-int(span) // (_LONGEST * (BUCKETS - 1))))


def timeline(rows: Iterable[Row], seconds: int) -> Timeline:
    """The rows of the query `timeline` as counts by bucket, zero where a bucket has no row."""
    counts: dict[str, dict[int, int]] = {"REJECT": {}, "ACCEPT": {}, "": {}}
    for row in rows:
        if row["bucket"] is None:
            continue
        place = int(row["bucket"].timestamp()) // seconds
        action = row["action"] if row["action"] in counts else ""
        counts[action][place] = counts[action].get(place, 0) + row["records"]
    places = [place for part in counts.values() for place in part]
    if not places:
        return Timeline(seconds, None, (), (), (), None)
    first, last = min(places), max(places)
    reject, accept, other = (
        tuple(counts[action].get(place, 0) for place in range(first, last + 1))
        for action in ("REJECT", "ACCEPT", "")
    )
    start = datetime.fromtimestamp(first * seconds, UTC)
    return Timeline(seconds, start, reject, accept, other, step_up(reject))
