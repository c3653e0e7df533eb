"""Alerts: a SELECT over the summaries, a threshold, and a message for each row beyond it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from flowlens.batch.job import Alert
from flowlens.batch.jsonline import number, safe
from flowlens.core.errors import UsageError
from flowlens.core.escape import terminal
from flowlens.core.times import moment_text

VALUE = "value"
"""The column that is compared."""

MOST = 100
"""Rows of one alert that are told one by one in an interval; one more message counts the rest."""

LONGEST = 2_000
"""Characters of a message; a cell gives at most a tenth of them."""

MEASURES = frozenset(
    (
        *("records", "accepted", "rejected", "packets", "bytes", "rejected_bytes", "sources"),
        *("enis", "nodata", "skipdata", "malformed", "new_scanners"),
    )
)
"""Counts of the summaries, by their names: they say how much, and never which."""

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A doubled brace, which is the brace itself; or a name that is a column's, or an error: formats
and attributes are none."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fired for one row of an interval [start, end).

    The message is safe to be shown. `row` tells the alert's rows apart and stays the same from
    one interval to the next: a digest of what the row is about.
    """

    alert: str
    job: str
    start: datetime
    end: datetime
    value: int | float
    message: str
    row: str = ""

    @property
    def id(self) -> str:
        """What is the same whenever this firing is delivered, and different for any other."""
        return digest(self.job, self.alert, self.row, moment_text(self.start), _end(self))

    def to_dict(self) -> dict[str, object]:
        """What a destination is told, in JSON's own types; a receiver knows repeats by the `id`."""
        return {
            "alert": self.alert,
            "job": self.job,
            "start": moment_text(self.start),
            "end": _end(self),
            "value": safe(self.value),
            "message": self.message,
            "id": self.id,
        }


def _end(firing: Firing) -> str:
    return moment_text(firing.end)


def digest(*parts: str) -> str:
    """A short name for some texts; where one ends and the next begins makes a difference."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def fire(
    alert: Alert, ask: Callable[[str], list[dict[str, object]]], about: Mapping[str, str]
) -> list[Firing]:
    """Ask the alert's SELECT, and fire for each row beyond the threshold, in the SELECT's order.

    `ask` gives the rows of a SELECT over the summaries. `about` has the `job`, and the interval's
    `start` and `end` in ISO 8601; the message may have them too. Null and NaN never fire.

    Raises:
        UsageError: the SELECT fails, gives no number as `value`, or lacks a column of the message.
    """
    try:
        rows = [{name.lower(): cell for name, cell in row.items()} for row in ask(alert.sql)]
    except UsageError as error:
        raise UsageError(f"alert {alert.name}: {error}") from error
    known: Row = {**about, "alert": alert.name}
    if rows:
        _check(alert, {**known, **rows[0]}, rows[0])
    beyond = [(row, value) for row in rows if (value := _beyond(alert, row)) is not None]
    seen: Counter[str] = Counter()
    firings = []
    for row, value in beyond[:MOST]:
        key = _key(row)
        # Rows that are about the same still fire each.
        firings.append(
            _firing(alert, about, value, _filled(alert, {**known, **row}), key, seen[key])
        )
        seen[key] += 1
    if len(beyond) > MOST:
        rest = len(beyond) - MOST
        told = f"{alert.name} fires for {rest:,} more rows in the interval from {about['start']}"
        firings.append(_firing(alert, about, rest, told, "more", 0))
    return firings


def check(alert: Alert, columns: Callable[[str], list[str]]) -> None:
    """See that an alert can be asked and told; `columns` gives those of a SELECT.

    Raises:
        UsageError: it can't.
    """
    try:
        found = {name.lower(): None for name in columns(alert.sql)}
    except UsageError as error:
        raise UsageError(f"alert {alert.name}: {error}") from error
    told = dict.fromkeys(("job", "start", "end", "alert"))
    _check(alert, {**told, **found}, found)


def _firing(
    alert: Alert, about: Mapping[str, str], value: int | float, message: str, key: str, nth: int
) -> Firing:
    return Firing(
        alert=alert.name,
        job=about["job"],
        start=datetime.fromisoformat(about["start"]),
        end=datetime.fromisoformat(about["end"]),
        value=value,
        message=terminal(message)[:LONGEST],
        row=digest(key, str(nth)),
    )


def _check(alert: Alert, cells: Row, columns: Row) -> None:
    """Whether there is what is compared, and what the message says.

    Raises:
        UsageError: a column is missing.
    """
    if VALUE not in columns:
        raise UsageError(
            f"alert {alert.name}: its SELECT has no column `{VALUE}`, which is compared; it gives "
            f"{', '.join(columns)}: write `as {VALUE}` behind what is meant"
        )
    for place in _PLACE.finditer(alert.message):
        if place[1] is not None and place[1].lower() not in cells:
            raise UsageError(
                f"alert {alert.name}: its message has {place[0]}, and its SELECT no such column; "
                f"there are: {', '.join(sorted(cells))}"
            )


def _beyond(alert: Alert, row: Row) -> int | float | None:
    """The row's value if it is beyond the threshold.

    Raises:
        UsageError: the value is no number.
    """
    value = row[VALUE]
    if isinstance(value, Decimal):
        value = number(value) if value.is_finite() else None
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise UsageError(
            f"alert {alert.name}: `{VALUE}` is {_said(value)}, which is no number; "
            "it is compared with `above` and `below`"
        )
    # NaN is neither above nor below.
    above = alert.above is not None and value > alert.above
    below = alert.below is not None and value < alert.below
    return value if above or below else None


def _filled(alert: Alert, cells: Row) -> str:
    """The message with its places filled; what a cell holds is never a place itself."""

    def filled(place: re.Match[str]) -> str:
        if place[1] is None:
            return place[0][0]
        return _said(cells[place[1].lower()])[: LONGEST // 10]

    return _PLACE.sub(filled, alert.message)


def _said(value: object) -> str:
    """A cell as people read it.

    >>> [_said(value) for value in (None, 7, 0.1 + 0.2, 1e9, 0.00012345, ["a", 1])]
    ['null', '7', '0.3', '1000000000', '0.000123', '["a", 1]']
    """
    if isinstance(value, Decimal) and value.is_finite():
        value = number(value)
    if isinstance(value, float) and math.isfinite(value):
        if 0 < abs(value) < 0.01:
            return f"{value:.3g}"
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return moment_text(value)
    return "null" if value is None else json.dumps(safe(value), ensure_ascii=False)


def _key(row: Row) -> str:
    """What the row is about: its columns without value, measures, fractions and times.

    Those change from one interval to the next, and when a late file comes; a port, an address or
    an interface doesn't.
    """
    kept = {
        name: safe(cell)
        for name, cell in row.items()
        if name != VALUE
        and name not in MEASURES
        and not isinstance(cell, float | Decimal | date | timedelta)
    }
    return json.dumps(kept, sort_keys=True)
