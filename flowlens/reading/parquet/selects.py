"""The SELECTs that make `flows` of a Parquet file's columns, and find the rows that are no records.

One text for files that DuckDB reads itself and for row groups that come as Arrow. Nothing but
fixed text, numbers and quoted column names goes into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from flowlens.core.counts import KEPT_TEXT, MalformedLine
from flowlens.reading.parquet.columns import Held, Shape
from flowlens.reading.parquet.footers import Type
from flowlens.reading.parquet.proofs import ACTIONS, LAST_MOMENT, Proven, has_limits
from flowlens.records import columnnames
from flowlens.records.columnnames import GATEWAY, GATEWAY_TYPE
from flowlens.records.fields import MILLISECONDS, Kind, field_of, quoted
from flowlens.records.patterns import NULLS, REQUIRED_BY_QUIET, REQUIRED_BY_TRAFFIC
from flowlens.records.validate import LIMITS, Reason, Status

SHOWN = 60
"""Characters of a value that are shown as the reason's detail."""

SINCE, UNTIL = "flowlens_since", "flowlens_until"
"""Variables of the database with the window's ends, in Unix seconds."""

_SQL_TYPES = {
    Kind.PORT: "integer",
    Kind.BYTE: "integer",
    Kind.INT32: "integer",
    Kind.INT64: "bigint",
    Kind.TIME: "timestamptz",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What can be wrong with a row: the condition in SQL, the reason's code, and where."""

    condition: str
    reason: Reason
    held: Held
    missing: bool = False

    def line(self, source: str, number: int, shown: str, text: str, length: int) -> MalformedLine:
        """A row with this fault as a malformed line; `text` is cut to what is kept of one."""
        field = self.held.field
        detail = f"{field.token or field.column} {'is missing' if self.missing else shown}"
        kept = text.encode("utf-8", "replace")[:KEPT_TEXT].decode("utf-8", "ignore")
        return MalformedLine(source, number, str(self.reason), detail, kept, length)


@dataclass(frozen=True)
class Selects:
    """SQL over a relation with a file's own columns; what is proven needn't be looked at."""

    shape: Shape
    proven: Proven

    def flows(self, columns: Sequence[str], relation: str, *conditions: str) -> str:
        """The rows that are records, in these columns of `flows`."""
        listed = (
            ", ".join(f"{self.value(name)} as {quoted(name)}" for name in columns) or "1 as one"
        )
        clean = [f"{self.fault} is null"] if self.faults else []
        where = " and ".join([*clean, *conditions])
        return f"select {listed} from {relation}" + (f" where {where}" if where else "")

    def needed(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The file's own columns that `flows` and `fault` read."""
        wanted = {field_of(name).source for name in columns} | set(columns)
        if self.faults or "log_status" in wanted:
            wanted |= {"log_status", self.shape.layout.marker or ""}
        wanted |= {fault.held.column for fault in self.faults}
        if any(fault.missing and fault.held.column == "action" for fault in self.faults):
            wanted |= {*GATEWAY}
        return tuple(held.name for held in self.shape.held if held.column in wanted)

    def window(self, *, since: bool, until: bool) -> Iterator[str]:
        """Conditions that every record in the window meets, which row groups can be pruned by."""
        held = self.shape.get("start_time")
        if held is None or held.type not in (Type.INTEGER, Type.MOMENT):
            return
        raw = quoted(held.name)
        first, end = (f"cast(getvariable('{name}') as bigint)" for name in (SINCE, UNTIL))
        if held.type is Type.MOMENT:
            first, end = (f"make_timestamp({name} * 1000000)" for name in (first, end))
        if since:
            yield f"{raw} >= {first}"
        if until and (held.type is Type.MOMENT or held.column in self.proven.seconds):
            yield f"{raw} < {end}"

    def value(self, column: str) -> str:
        """A column of `flows`, null where the file lacks it."""
        kind = field_of(column).kind
        if kind is Kind.STATUS:
            return self.status
        source = self.shape.get(field_of(column).source)
        if kind is Kind.DECODED and source is not None:
            return f"percent_decoded({self._text(source)})"
        held = self.shape.get(column)
        if held is None:
            return f"cast(null as {_SQL_TYPES.get(kind, 'varchar')})"
        if kind is Kind.TIME:
            return self._time(held)
        if kind in _SQL_TYPES:
            return f"cast({self._number(held)} as {_SQL_TYPES[kind]})"
        return self._text(held)

    @cached_property
    def status(self) -> str:
        """log_status, filled in where the file lacks it."""
        held, marker = self.shape.get("log_status"), self.shape.layout.marker
        if held is not None and held.column in self.proven.named & self.proven.full:
            return quoted(held.name)
        told = self.shape.get(marker) if marker else None
        filled = f"'{Status.OK}'"
        if told is not None and told.column not in self.proven.full:
            filled = f"case when {self._is_null(told)} then '{Status.NODATA}' else {filled} end"
        return filled if held is None else f"coalesce({self._text(held)}, {filled})"

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What the statistics don't rule out, in the order in which it is named."""
        return (*self._wrong(), *self._missing())

    @cached_property
    def fault(self) -> str:
        """The place in `faults` of what is wrong with a row, null for a record."""
        cases = [f"when {fault.condition} then {n}" for n, fault in enumerate(self.faults)]
        return f"case {' '.join(cases)} end" if cases else "cast(null as integer)"

    @cached_property
    def shown(self) -> str:
        """The value that is wrong with a row."""
        cases = [
            f"when {number} then left(cast({quoted(fault.held.name)} as varchar), {SHOWN})"
            for number, fault in enumerate(self.faults)
            if not fault.missing
        ]
        return f"case {self.fault} {' '.join(cases)} else '' end" if cases else "''"

    @property
    def text(self) -> str:
        """All values of a row as a line."""
        parts = (f"coalesce(cast({quoted(held.name)} as varchar), '-')" for held in self.shape.held)
        return f"concat_ws(' ', {', '.join(parts)})"

    def _wrong(self) -> Iterator[Fault]:
        for held in self.shape.held:
            if has_limits(held) and held.column not in self.proven.within:
                yield from self._misfits(held)
            elif held.column == "action" and "action" not in self.proven.named:
                yield Fault(f"{self._text(held)} not in {words(ACTIONS)}", Reason.BAD_VALUE, held)
            elif held.column == "log_status" and "log_status" not in self.proven.named:
                known = words(tuple(Status))
                yield Fault(f"{self._text(held)} not in {known}", Reason.BAD_VALUE, held)

    def _misfits(self, held: Held) -> Iterator[Fault]:
        raw = quoted(held.name)
        if held.type is Type.TEXT:
            condition = f"not regexp_full_match({self._text(held)}, '-?[0-9]+')"
            yield Fault(condition, Reason.BAD_INTEGER, held)
        if held.type is Type.NUMBER and held.field.kind is not Kind.TIME:
            yield Fault(f"{raw} <> trunc({raw})", Reason.BAD_INTEGER, held)
        condition = f"({self._text(held)} is not null and {self._number(held)} is null)"
        yield Fault(condition, Reason.OUT_OF_RANGE, held)

    def _missing(self) -> Iterator[Fault]:
        for held in self.shape.held:
            if held.column not in REQUIRED_BY_TRAFFIC or held.column in self.proven.present:
                continue
            condition = self._is_null(held)
            if held.column == "action":
                condition = " and ".join([condition, *self._no_gateway()])
            if held.column not in REQUIRED_BY_QUIET:
                condition = f"({condition} and {self.status} = '{Status.OK}')"
            yield Fault(condition, Reason.BAD_VALUE, held, missing=True)

    def _no_gateway(self) -> Iterator[str]:
        """What holds of all but a transit gateway's records, which log no action."""
        for held in self.shape.held:
            if held.column == "resource_type":
                yield f"{self._text(held)} is distinct from '{GATEWAY_TYPE}'"
            elif held.column in GATEWAY:
                yield self._is_null(held)

    def _is_null(self, held: Held) -> str:
        return f"{self._text(held)} is null"

    def _text(self, held: Held) -> str:
        """The column as a text, or as it is where that says as much about its nulls."""
        raw = quoted(held.name)
        if held.type is not Type.TEXT:
            whole = f"cast(cast({raw} as decimal(18, 0)) as varchar)"
            if held.type is Type.NUMBER and held.column == "account_id":
                return f"case when {raw} between 0 and 999999999999 then {whole} end"
            return raw if has_limits(held) else f"cast({raw} as varchar)"
        if held.column not in self.proven.plain:
            for null in NULLS:
                raw = f"nullif({raw}, '{null}')"
        if held.column in ("action", "log_status", "protocol"):
            return raw if held.column in self.proven.named else _worded(held.column, raw)
        return _plain_number(held.field.kind, raw) if has_limits(held) else raw

    def _number(self, held: Held) -> str:
        """The column as an integer; null where it is none, or outside its field's limits.

        Of a time that is written as one it is the microseconds.
        """
        raw, limit = quoted(held.name), LIMITS[held.field.kind]
        sure = held.column in self.proven.within
        if held.type is Type.MOMENT:
            most = f"make_timestamp({LAST_MOMENT})"
            known = f"{raw} between make_timestamp(0) and {most}"
            # DuckDB has no `epoch_us` of nanoseconds with a time zone, as pandas writes them.
            number = f"epoch_us(cast({raw} as timestamptz))"
            return number if sure else f"case when {known} then {number} end"
        if held.type is Type.INTEGER:
            known = f"{raw} between 0 and {limit}"
            return raw if sure else f"case when {known} then cast({raw} as bigint) end"
        if held.type is Type.NUMBER:
            whole = "true" if held.field.kind is Kind.TIME else f"{raw} = trunc({raw})"
            known = f"{whole} and {raw} between 0 and {limit}"
            return f"case when {known} then try_cast(trunc({raw}) as bigint) end"
        text = self._text(held)
        number = f"try_cast({text} as bigint)"
        known = f"regexp_full_match({text}, '[0-9]{{1,31}}') and {number} <= {limit}"
        return f"case when {known} then {number} end"

    def _time(self, held: Held) -> str:
        number = self._number(held)
        if held.type is Type.MOMENT:
            return f"make_timestamptz({number} // 1000000 * 1000000)"
        if held.column not in self.proven.seconds:
            number = f"case when {number} >= {MILLISECONDS} then {number} // 1000 else {number} end"
        return f"make_timestamptz(cast({number} as bigint) * 1000000)"


def _worded(column: str, text: str) -> str:
    """Other people's words for a column's values as AWS says them; the rest stays as it is."""
    cases = " ".join(
        f"when '{word}' then '{value}'" for word, value in columnnames.words(column).items()
    )
    return f"case lower(trim({text})) {cases} else {text} end"


_ISO = (
    "^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]+)?"
    "(?: ?(?:Z|UTC|([+-][0-9]{2}):?([0-9]{2})?))?$"
)


def _plain_number(kind: Kind, text: str) -> str:
    """A number's text as an integer's, where it is one; an ISO 8601 time as Unix seconds."""
    if kind is not Kind.TIME:
        return f"regexp_replace({text}, '^([0-9]+)\\.0*$', '\\1')"
    digits = f"regexp_replace({text}, '^([0-9]+)\\.[0-9]*$', '\\1')"
    date = f"regexp_replace({text}, '{_ISO}', '\\1 \\2\\3:\\4', 'i')"
    moment = f"try_cast(regexp_replace({date}, ':$', '') as timestamptz)"
    seconds = f"cast(epoch_us({moment}) // 1000000 as varchar)"
    iso = f"regexp_matches({text}, '{_ISO}', 'i')"
    return f"case when {iso} then coalesce({seconds}, {text}) else {digits} end"


def words(fixed: Sequence[str]) -> str:
    """A list of fixed words in SQL."""
    listed = ", ".join(f"'{word}'" for word in fixed)
    return f"({listed})"
