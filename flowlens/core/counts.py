"""Adding up: what became of every line, by source and in total.

    lines   = records + headers + blanks + malformed + repeats
    records = ok + nodata + skipdata

hold for every input, always. Nothing is dropped without being counted here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

KEPT_LINES = 100
"""Malformed lines kept in memory for each source; all of them go to the quarantine."""

KEPT_TEXT = 4096
"""Bytes kept of a malformed line's text."""


@dataclass(slots=True)
class Counts:
    """Numbers of lines by what they are; `records` is ok + nodata + skipdata."""

    lines: int = 0
    headers: int = 0
    blanks: int = 0
    malformed: int = 0
    repeats: int = 0
    ok: int = 0
    nodata: int = 0
    skipdata: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """Lines that hold a record, with or without traffic."""
        return self.ok + self.nodata + self.skipdata

    @property
    def adds_up(self) -> bool:
        """Whether every line is accounted for."""
        known = self.records + self.headers + self.blanks + self.malformed + self.repeats
        return self.lines == known and self.malformed == self.reasons.total()

    def add(self, other: Counts) -> None:
        """Add the numbers of `other` to these."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)

    def to_dict(self) -> dict[str, object]:
        """All numbers by name, `records` among them; of the reasons those that occurred."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        reasons = {name: self.reasons[name] for name in sorted(self.reasons)}
        return {"lines": self.lines, "records": self.records, **numbers, "reasons": reasons}


_NUMBERS = ("lines", "headers", "blanks", "malformed", "repeats", "ok", "nodata", "skipdata")


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """A line put aside: where it stands, why, and its text (the first 4 KiB of `length` bytes)."""

    source: str
    line: int
    reason: str
    detail: str
    text: str
    length: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}: {self.detail}"

    def to_dict(self) -> dict[str, object]:
        """As the quarantine has it."""
        return {
            "source": self.source,
            "line": self.line,
            "reason": self.reason,
            "detail": self.detail,
            "length": self.length,
            "text": self.text,
        }


@dataclass(slots=True)
class SourceAccount:
    """What one source gave: its counts, its layout, and whether it could be read to its end.

    `envelope` is what held the records, `aside` what else was in it, by number. Where it `failed`,
    it couldn't be reached or read on, which may go better another time. Rows that a Parquet file
    says it has, and that can't be read, are `lost`; they are no lines. A table may be `lacking`
    the columns without which its records tell little.
    """

    name: str
    counts: Counts = field(default_factory=Counts)
    envelope: str = ""
    aside: Counter[str] = field(default_factory=Counter)
    layout: str = ""
    lacking: str = ""
    compression: str = ""
    truncated: str = ""
    unreadable: str = ""
    failed: bool = False
    lost: int = 0
    malformed: list[MalformedLine] = field(default_factory=list)

    def keep(self, line: MalformedLine) -> None:
        """Remember a malformed line, up to the first hundred."""
        if len(self.malformed) < KEPT_LINES:
            self.malformed.append(line)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Flow logs over the same ENIs, by id: of the `records` compared there `same` stand in several.

    `enis` are all, `named` the first of them.
    """

    logs: tuple[str, ...]
    named: tuple[str, ...]
    enis: int
    records: int
    same: int

    def __str__(self) -> str:
        logs = ", ".join(self.logs[:3]) + (", …" if len(self.logs) > 3 else "")
        enis = ", ".join(self.named) + (", …" if self.enis > len(self.named) else "")
        text = f"{len(self.logs):,} flow logs ({logs}) log the same ENIs ({enis}): "
        if self.same:
            return text + (
                f"{self.same:,} of {self.records:,} records compared repeat another flow log's, "
                "and every sum counts them again; --dedupe counts them once"
            )
        return text + (
            f"of {self.records:,} records compared none is the same, as with other aggregation "
            "intervals, so sums may count traffic again; read one flow log alone"
        )

    def to_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "flow_logs": list(self.logs),
            "enis": self.enis,
            "records_compared": self.records,
            "repeats": self.same,
        }


@dataclass(slots=True)
class Account:
    """What a read of all sources gave; complete once the read has ended.

    `columns` are all that some layout had. `passed_over` names what is known to hold no flow logs.
    `selected` counts the records that passed the window and
    the filters (None where there were none); `first_seen` and `last_seen` span all records, and
    are None if the times of all of them weren't read. `overlap` is set where flow logs have
    records in common, and it was looked for.
    """

    sources: list[SourceAccount] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    passed_over: tuple[str, ...] = ()
    selected: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    overlap: Overlap | None = None

    @property
    def total(self) -> Counts:
        """The sums over all sources."""
        total = Counts()
        for source in self.sources:
            total.add(source.counts)
        return total

    @property
    def lost(self) -> int:
        """Rows of Parquet files that can't be read."""
        return sum(source.lost for source in self.sources)

    @property
    def readable(self) -> list[SourceAccount]:
        """Sources that could be read, at least in part."""
        return [source for source in self.sources if not source.unreadable]

    @property
    def unreadable(self) -> list[SourceAccount]:
        """Sources that could not be read at all."""
        return [source for source in self.sources if source.unreadable]

    @property
    def truncated(self) -> list[SourceAccount]:
        """Sources that broke off; their whole lines count."""
        return [source for source in self.sources if source.truncated]

    @property
    def lacking(self) -> list[SourceAccount]:
        """Tables whose records with traffic lack an address or the action, all of them."""
        return [source for source in self.sources if source.lacking and source.counts.ok]

    def see(self, first: datetime | None, last: datetime | None) -> None:
        """Widen the span of records seen."""
        if first is not None and (self.first_seen is None or first < self.first_seen):
            self.first_seen = first
        if last is not None and (self.last_seen is None or last > self.last_seen):
            self.last_seen = last
