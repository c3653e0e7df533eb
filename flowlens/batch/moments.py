"""Moments as the batch writes them: ISO 8601 in UTC, with a `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def text(moment: datetime) -> str:
    """A moment as text; with a fraction only where there is one.

    >>> text(datetime(2026, 11, 23, 14, tzinfo=UTC))
    '2026-11-23T14:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(moment: datetime) -> int:
    """A moment in whole seconds since 1970, which no time zone and no rounding changes."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def of_seconds(number: int) -> datetime:
    """The moment so many seconds after 1970."""
    return _EPOCH + timedelta(seconds=number)


def of_name(name: str) -> datetime:
    """The start of the interval of that name, such as `2026-11-23` or `2026-11-23T14`.

    Raises:
        ValueError: it is no interval's name.
    """
    return datetime.fromisoformat(name).replace(tzinfo=UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
