"""What a Parquet file's statistics prove of its values, so that these needn't be looked at.

A file that its footer proves to hold nothing but records costs no more than a query by hand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from flowlens.reading.parquet.columns import Held, Shape
from flowlens.reading.parquet.footers import UNTOLD, RowGroup, Statistic, Type
from flowlens.records.fields import MILLISECONDS
from flowlens.records.patterns import NULLS, REQUIRED_BY_QUIET, REQUIRED_BY_TRAFFIC
from flowlens.records.validate import LIMITS, Status

LAST_MOMENT = MILLISECONDS * 1_000_000 - 1
"""The last time that a record can have; microseconds."""

ACTIONS = ("ACCEPT", "REJECT")


@dataclass(frozen=True, slots=True)
class Proven:
    """What is known of the values in columns of `flows`.

    `plain` are texts among which no null is written as a text, `full` those without nulls,
    `present` those that have a value wherever a record needs one, `within` numbers none of which
    is too small or too large, `seconds` times of which none is in milliseconds, `named` those of
    action and log_status that hold nothing but the words they can.
    """

    plain: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()
    seconds: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    def __and__(self, other: Proven) -> Proven:
        """What is known of both."""
        return Proven(*(getattr(self, f.name) & getattr(other, f.name) for f in fields(self)))

    def clean(self, shape: Shape) -> bool:
        """Whether every row of such a file is a record."""
        return not any(
            (has_limits(held) and held.column not in self.within)
            or (held.column in ("action", "log_status") and held.column not in self.named)
            or (held.column in REQUIRED_BY_TRAFFIC and held.column not in self.present)
            for held in shape.held
        )


def has_limits(held: Held) -> bool:
    """Whether the column's values are numbers or times."""
    return held.field.kind in LIMITS


def proven(shape: Shape, group: RowGroup, *, marked: bool = False) -> Proven:
    """What the statistics of a row group, or of a whole file, prove.

    Of a `marked` file it is known that its rows have all that a record needs.
    """
    known = {held.column: group.statistics.get(held.name, UNTOLD) for held in shape.held}
    plain = {held.column for held in shape.held if _is_plain(held, known[held.column])}
    full = {column for column, told in known.items() if told.nulls == 0 and column in plain}
    numbers = [held for held in shape.held if has_limits(held)]
    within = {held.column for held in numbers if _is_within(held, known[held.column])}
    seconds = {
        held.column
        for held in numbers
        if held.column in within and (known[held.column].empty or _high(held, known) < MILLISECONDS)
    }
    named = {
        column
        for column, words in (("action", ACTIONS), ("log_status", tuple(Status)))
        if column in known and (known[column].empty or _only(known[column]) in words)
    }
    if "log_status" in named and "log_status" not in full:
        named.remove("log_status")
    counted = statuses(shape, group)
    quiet = counted is not None and not counted[Status.OK]
    present = {
        column
        for column in known
        if marked or column in full or (quiet and column not in REQUIRED_BY_QUIET) or not group.rows
    }
    return Proven(*map(frozenset, (plain, full, present, within, seconds, named)))


def statuses(shape: Shape, group: RowGroup) -> Counter[str] | None:
    """The rows by their status, if the statistics tell."""
    if not group.rows:
        return Counter()
    stated = shape.get("log_status")
    if stated is not None:
        told = group.statistics.get(stated.name, UNTOLD)
        word = _only(told) if told.nulls == 0 else None
        return Counter({Status(word): group.rows}) if word in set(Status) else None
    marker = shape.layout.marker
    held = shape.get(marker) if marker else None
    if held is None:
        return Counter({Status.OK: group.rows})
    told = group.statistics.get(held.name, UNTOLD)
    if told.empty:
        return Counter({Status.NODATA: group.rows})
    full = told.nulls == 0 and _is_plain(held, told)
    return Counter({Status.OK: group.rows}) if full else None


def settled(
    known: Proven,
    shape: Shape,
    group: RowGroup,
    *,
    usual: frozenset[str],
    quiet: int,
    without_action: int,
) -> Proven:
    """What is known once the rows without traffic have been counted.

    `usual` are columns that turned out to hold no odd words, `quiet` is the number of rows without
    traffic, `without_action` that of those of them without an action. A column with exactly as many
    nulls as there are such rows has them there.
    """
    nulls = {held.column: group.statistics.get(held.name, UNTOLD).nulls for held in shape.held}
    texts = {held.column for held in shape.held if held.type is Type.TEXT}
    plain = known.plain | (usual & texts)
    full = known.full | {column for column in plain & texts if nulls[column] == 0}
    where = dict.fromkeys(REQUIRED_BY_TRAFFIC - REQUIRED_BY_QUIET, quiet)
    where["action"] = without_action
    present = {
        column
        for column, expected in where.items()
        if column in plain and column in nulls and nulls[column] in (0, expected)
    }
    return Proven(
        plain,
        full,
        known.present | present,
        known.within,
        known.seconds,
        known.named | (usual & {"action", "log_status"}),
    )


def settles(shape: Shape, known: Proven, group: RowGroup) -> bool:
    """Whether a look at the rows without traffic can settle a file."""
    stated = shape.get("log_status")
    if statuses(shape, group) is None and (
        stated is None or group.statistics.get(stated.name, UNTOLD).nulls != 0
    ):
        return False
    columns = frozenset(held.column for held in shape.held)
    words = columns & {"action", "log_status"}
    return Proven(
        present=(known.present | REQUIRED_BY_TRAFFIC) - (REQUIRED_BY_QUIET - known.present),
        within=known.within,
        named=words,
    ).clean(shape)


def all_proven(shape: Shape, known: Proven) -> Proven:
    """What is known of a file in which every row was looked at, and is a record."""
    columns = frozenset(held.column for held in shape.held)
    # Its words may be other people's, so these have still to be said as AWS says them.
    return Proven(known.plain, known.full, columns, columns, known.seconds, known.named)


def span(shape: Shape, group: RowGroup) -> tuple[datetime | None, datetime | None] | None:
    """The first start and the last end of records, if the statistics tell; else None."""
    found: list[datetime | None] = []
    for column, which in (("start_time", "low"), ("end_time", "high")):
        held = shape.get(column)
        if held is None:
            return None
        told = group.statistics.get(held.name, UNTOLD)
        bounds = _seconds(held, told)
        if bounds is None and not told.empty:
            return None
        found.append(
            datetime.fromtimestamp(bounds[which == "high"], UTC) if bounds is not None else None
        )
    return found[0], found[1]


def may_start(
    shape: Shape, group: RowGroup, since: datetime | None, until: datetime | None
) -> bool:
    """Whether a record can start in the window, which is half-open."""
    held = shape.get("start_time")
    if held is None or (since is None and until is None):
        return True
    told = group.statistics.get(held.name, UNTOLD)
    bounds = _seconds(held, told)
    if bounds is None:
        return not told.empty
    return not (
        (since is not None and bounds[1] < since.timestamp())
        or (until is not None and bounds[0] >= until.timestamp())
    )


def _seconds(held: Held, told: Statistic) -> tuple[int, int] | None:
    """Bounds of a time in Unix seconds."""
    if not _is_within(held, told) or told.empty:
        return None
    low, high = _number(held, told.low), _number(held, told.high)
    if held.type is Type.MOMENT:
        return low // 1_000_000, high // 1_000_000
    if high < MILLISECONDS:
        return low, high
    return (low // 1000, high // 1000) if low >= MILLISECONDS else None


def _is_plain(held: Held, told: Statistic) -> bool:
    """Whether no null is written as a text."""
    if held.type is not Type.TEXT or told.empty:
        return True
    if told.low is None or told.high is None:
        return False
    return not any(_between(told, null) for null in NULLS)


def _between(told: Statistic, text: str) -> bool:
    """Whether a text is within the bounds, which compare as bytes."""
    low, high = str(told.low).encode(), str(told.high).encode()
    return low <= text.encode() <= high


def _is_within(held: Held, told: Statistic) -> bool:
    if told.empty:
        return True
    if held.type not in (Type.INTEGER, Type.MOMENT) or told.low is None or told.high is None:
        return False
    limit = LAST_MOMENT if held.type is Type.MOMENT else LIMITS[held.field.kind]
    return _number(held, told.low) >= 0 and _number(held, told.high) <= limit


def _number(held: Held, value: Any) -> int:
    """An integer, or the microseconds of a time."""
    if held.type is Type.INTEGER:
        return int(value)
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return int((moment - _EPOCH) // _MICROSECOND)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution


def _high(held: Held, known: dict[str, Statistic]) -> int:
    high = _number(held, known[held.column].high)
    return high // 1_000_000 if held.type is Type.MOMENT else high


def _only(told: Statistic) -> str | None:
    """The only value there is beside nulls."""
    return told.low if told.low is not None and told.low == told.high else None
