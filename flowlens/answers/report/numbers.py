"""Shares as percent with one decimal, each rounded from the exact counts and by itself."""

from __future__ import annotations

from collections.abc import Iterable


def percent(part: int, whole: int) -> float:
    """Percent, half up, of exact counts; 0.0 of nothing.

    >>> percent(1, 3), percent(1, 2000), percent(5, 5), percent(0, 0)
    (33.3, 0.1, 100.0, 0.0)
    """
    return (part * 2000 + whole) // (2 * whole) / 10 if whole else 0.0


def percent_text(part: int, whole: int) -> str:
    """Percent as people read it: what is there is never 0.0, and a part is never 100.0.

    >>> percent_text(1, 10_000), percent_text(9_999, 10_000), percent_text(1, 3)
    ('<0.1', '>99.9', '33.3')
    """
    if not whole:
        return ""
    if part > 0 and part * 2000 < whole:
        return "<0.1"
    if part < whole and (whole - part) * 2000 <= whole:
        return ">99.9"
    return f"{percent(part, whole):.1f}"


def running(values: Iterable[int]) -> list[int]:
    """Running totals.

    >>> running([3, 2, 1])
    [3, 5, 6]
    """
    total, result = 0, []
    for value in values:
        total += value
        result.append(total)
    return result
