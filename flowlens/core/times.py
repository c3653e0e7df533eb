"""Times as people write them: spans, moments, and intervals; UTC, half-open."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flowlens.core.errors import UsageError

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_HOUR = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d")
_SPAN = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_span(text: str) -> bool:
    """Whether a time is written as a span before now.

    >>> is_span("24h"), is_span("2026-11-23")
    (True, False)
    """
    return _SPAN.fullmatch(text.strip()) is not None


def span(text: str) -> timedelta | None:
    """How long a span is; None for what is none.

    >>> span("24h"), span("a while")
    (datetime.timedelta(days=1), None)
    """
    match = _SPAN.fullmatch(text.strip())
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def seconds(value: float | str | None, option: str) -> float | None:
    """A length of time in seconds, from a number of them or a span such as `5m`.

    Raises:
        UsageError: it is neither, or no time at all.

    >>> seconds("5m", "--timeout"), seconds("1.5", "--timeout"), seconds(None, "--timeout")
    (300.0, 1.5, None)
    """
    if value is None:
        return None
    length = None
    with suppress(ValueError, OverflowError):
        length = span(value) if isinstance(value, str) else None
        number = float(value) if length is None else length.total_seconds()
        if 0 < number <= _LONGEST:
            return number
    raise UsageError(
        f"{option} {value}: can't be read as a length of time; try 90 (seconds), 30s, 5m or 1h"
    )


_LONGEST = 366 * 86_400.0
"""Seconds of a year: what is longer can't be meant, and some clocks don't go so far."""


def moment(value: str | datetime | None, option: str, now: datetime) -> datetime | None:
    """A moment in UTC from ISO text, a span before `now`, or a datetime (naive is UTC).

    Raises:
        UsageError: the text is none of them.

    >>> moment("2026-11-23", "--since", datetime.now(UTC)).isoformat()
    '2026-11-23T00:00:00+00:00'
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return _utc(value, str(value), option)
    if not isinstance(value, str):
        raise UsageError(f"{option} {value!r}: not a time; give a text or a datetime")
    before = span(value)
    if before is not None:
        try:
            return (now - before).replace(microsecond=0)
        except OverflowError as error:
            raise UsageError(f"{option} {value}: this is before the year 1") from error
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise UsageError(
            f"{option} {value}: can't be read as a time; try 2026-11-23, "
            "2026-11-23T02:00 (UTC) or 24h"
        ) from error
    return _utc(parsed, value, option)


def _utc(value: datetime, shown: str, option: str) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError as error:
        raise UsageError(f"{option} {shown}: this is outside the years 1 to 9999") from error


def moment_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, with a `Z`; with a fraction only where there is one.

    >>> moment_text(datetime(2026, 11, 23, 14, tzinfo=UTC))
    '2026-11-23T14:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def epoch_seconds(moment: datetime) -> int:
    """A moment in whole seconds since 1970, which no time zone and no rounding changes."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def from_epoch(number: int) -> datetime:
    """The moment so many seconds after 1970."""
    return _EPOCH + timedelta(seconds=number)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` on, up to `end` and without it."""

    start: datetime
    end: datetime

    @classmethod
    def at(cls, seconds: int, length: timedelta) -> Interval:
        """The interval that starts so many seconds after 1970."""
        start = from_epoch(seconds)
        return cls(start, start + length)

    @property
    def seconds(self) -> int:
        """Its start, since 1970."""
        return epoch_seconds(self.start)

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
            f"{option} {text}: can't be read as an interval; try a day 2026-11-22, "
            "an hour 2026-11-22T14, "
            "or FROM/TO such as 2026-11-22T08:00Z/2026-11-22T12:00Z"
        )
    now = now or datetime.now(UTC)
    start_end = moment(first, option, now), moment(last, option, now)
    if start_end[0] is None or start_end[1] is None or start_end[0] >= start_end[1]:
        raise UsageError(f"{option} {text}: the interval ends before it begins")
    return Interval(start_end[0], start_end[1])


def interval_start(name: str) -> datetime:
    """The start of the interval of that name, such as `2026-11-23` or `2026-11-23T14`.

    Raises:
        ValueError: it is no interval's name.
    """
    return datetime.fromisoformat(name).replace(tzinfo=UTC)
