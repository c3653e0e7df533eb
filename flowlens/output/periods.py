"""Durations as text; DuckDB's difference of two times is an interval."""

from __future__ import annotations


def period(months: int, days: int, nanoseconds: int) -> str:
    """A duration as ISO 8601, at most hours, minutes and seconds below the day.

    >>> period(0, 0, 5_400_500_000_000), period(14, 3, 0), period(0, 0, -1_000_000_000)
    ('PT1H30M0.5S', 'P14M3D', 'PT-1S')
    """
    sign = "-" if nanoseconds < 0 else ""
    minutes, rest = divmod(abs(nanoseconds), 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1_000_000_000}.{rest % 1_000_000_000:09d}".rstrip("0").rstrip(".")
    date = "".join(f"{n}{unit}" for n, unit in ((months, "M"), (days, "D")) if n)
    clock = [(str(hours), "H"), (str(minutes), "M"), (seconds, "S")]
    time = "".join(f"{sign}{n}{unit}" for n, unit in clock if n != "0")
    return f"P{date}T{time}" if time else f"P{date or 'T0S'}"
