"""Intervals as people write them: a day, an hour, or one moment to another; UTC, half-open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flowlens.errors import UsageError
from flowlens.filters import moment

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_HOUR = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` on, up to `end` and without it."""

    start: datetime
    end: datetime

    @classmethod
    def at(cls, seconds: int, length: timedelta) -> Interval:
        """The interval that starts so many seconds after 1970."""
        start = _EPOCH + timedelta(seconds=seconds)
        return cls(start, start + length)

    @property
    def seconds(self) -> int:
        """Its start, since 1970."""
        return (self.start - _EPOCH) // timedelta(seconds=1)

    @property
    def day(self) -> str:
        """The day that it begins on.

        >>> Interval.at(1_795_442_400, timedelta(hours=1)).day
        '2026-11-23'
        """
        return f"{self.start:%Y-%m-%d}"

    @property
    def name(self) -> str:
        """How a day or an hour is called: it sorts by time, and a directory can have that name.

        >>> Interval.at(1_795_442_400, timedelta(hours=1)).name
        '2026-11-23T14'
        >>> Interval.at(1_795_392_000, timedelta(days=1)).name
        '2026-11-23'
        """
        whole = self.end - self.start == timedelta(days=1)
        return self.day if whole else f"{self.start:%Y-%m-%dT%H}"


def interval(text: str, option: str, *, now: datetime | None = None) -> Interval:
    """The interval that a text means: `2026-11-22`, `2026-11-22T14`, or `FROM/TO`.

    FROM and TO are times as `--since` takes them.

    Raises:
        UsageError: it means none, or ends before it begins.

    >>> print(interval("2026-11-22T14", "--before").end)
    2026-11-22 15:00:00+00:00
    """
    text = text.strip()
    for form, length in ((_DAY, timedelta(days=1)), (_HOUR, timedelta(hours=1))):
        if form.fullmatch(text):
            try:
                start = datetime.fromisoformat(text).replace(tzinfo=UTC)
                return Interval(start, start + length)
            except (ValueError, OverflowError) as error:
                raise UsageError(f"{option} {text}: there is no such day or hour") from error
    first, slash, last = text.partition("/")
    if not slash:
        raise UsageError(
            f"{option} {text}: no interval; write a day 2026-11-22, an hour 2026-11-22T14, "
            "or FROM/TO such as 2026-11-22T08:00Z/2026-11-22T12:00Z"
        )
    now = now or datetime.now(UTC)
    start_end = moment(first, option, now), moment(last, option, now)
    if start_end[0] is None or start_end[1] is None or start_end[0] >= start_end[1]:
        raise UsageError(f"{option} {text}: it ends before it begins")
    return Interval(start_end[0], start_end[1])
