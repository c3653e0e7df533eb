"""Parameters of named queries, and the values that users give them as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from flowlens.core.errors import UsageError

LEAST = {"rows": 0, "seconds": 1}
"""The least value of a whole number, by its unit."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter; `default` is text as the user would give it."""

    name: str
    type: str
    default: str
    unit: str
    meaning: str


def typed(param: Param, value: str, *, place: str) -> object:
    """A parameter's value in its type; times without an offset are UTC.

    >>> typed(Param("limit", "bigint", "0", "rows", "rows to give"), "20", place="timeline")
    20

    Raises:
        UsageError: the text is no value of the type, or under the least of its unit.
    """
    try:
        if param.type in ("bigint", "integer"):
            number = int(value)
            bits = 63 if param.type == "bigint" else 31
            if not -(2**bits) <= number < 2**bits:
                raise ValueError
            if number < LEAST.get(param.unit, number):
                least = LEAST[param.unit]
                raise UsageError(f"{place}: {param.name}={value!r} is under {least} {param.unit}")
            return number
        if param.type == "double":
            if not isfinite(float(value)):
                raise ValueError
            return float(value)
        if param.type == "boolean":
            return {"true": True, "false": False}[value.lower()]
        if param.type == "timestamptz":
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, KeyError, OverflowError) as error:
        raise UsageError(f"{place}: {param.name}={value!r} is no {param.type}") from error
    return value
