"""Answers folded while they stream: the first rows that fit, counts and sums of all that do.

An answer may have millions of rows; none but those shown are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.report.model import Section


@dataclass(frozen=True, slots=True)
class Part:
    """Which rows are meant, how many of them to keep, and what to add up.

    The first `keep` rows are kept, or with `largest` those with the most in that column.
    `spans` names columns whose extremes are wanted.
    """

    keep: int
    where: pc.Expression | None = None
    largest: str | None = None
    sums: tuple[str, ...] = ("records",)
    distinct: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()


@dataclass(slots=True)
class _Fold:
    part: Part
    rows: int = 0
    head: pa.Table | None = None
    sums: dict[str, int] = field(default_factory=dict)
    distinct: dict[str, set[Any]] = field(default_factory=dict)
    least: dict[str, Any] = field(default_factory=dict)
    most: dict[str, Any] = field(default_factory=dict)

    def take(self, batch: pa.Table) -> None:
        part = self.part
        table = batch if part.where is None else batch.filter(part.where)
        self._keep(table)
        if not table.num_rows:
            return
        self.rows += table.num_rows
        for name in part.sums:
            if name in table.schema.names:
                self.sums[name] = self.sums.get(name, 0) + _total(table[name])
        for name in part.distinct:
            self.distinct.setdefault(name, set()).update(pc.unique(table[name]).to_pylist())
        for name in part.spans:
            ends = pc.min_max(table[name]).as_py()
            if ends["min"] is None:
                continue
            self.least[name] = min(self.least.get(name, ends["min"]), ends["min"])
            self.most[name] = max(self.most.get(name, ends["max"]), ends["max"])

    def _keep(self, table: pa.Table) -> None:
        keep, largest = self.part.keep, self.part.largest
        if self.head is None:
            self.head = table.slice(0, 0)
        if largest is not None:
            table = pa.concat_tables([self.head, table])
            order = pc.sort_indices(table, sort_keys=[(largest, "descending")])  # stable
            self.head = table.take(order.slice(0, keep))
        elif self.head.num_rows < keep:
            self.head = pa.concat_tables([self.head, table.slice(0, keep - self.head.num_rows)])

    def section(self) -> Section:
        top = () if self.head is None else tuple(self.head.to_pylist())
        numbers = {name: len(values) for name, values in self.distinct.items()}
        return Section(self.rows, top, self.sums, numbers, self.least, self.most)


def _total(column: pa.ChunkedArray) -> int:
    """The sum of a column of integers, however large: one of int64 would wrap around."""
    return int(pc.sum(column.cast(pa.decimal128(38))).as_py() or 0)


def fold(batches: Iterable[pa.RecordBatch], parts: Mapping[str, Part]) -> dict[str, Section]:
    """Every part of an answer, in one pass over its batches."""
    folds = {name: _Fold(part) for name, part in parts.items()}
    for batch in batches:
        table = pa.Table.from_batches([batch])
        for one in folds.values():
            one.take(table)
    return {name: one.section() for name, one in folds.items()}
