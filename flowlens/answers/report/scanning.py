"""The report's part on who scans, and on the names of those that it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from flowlens.answers.scanners.result import Scanners
from flowlens.naming.lookup import Named, Naming
from flowlens.naming.who import describe

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scanning:
    """Who scans: how many of each tier, the first rows of the verdicts, and what answered them.

    `own` are the scanners among our own hosts, each with what `answered` it, the most bytes first.
    `verdicts` are all of them, and `touches` the first touches of the first few. `alarmed` are all
    sources that alarmed alone. `named` is what was found out about the names of
    those shown; None where names weren't wanted.
    """

    counts: Mapping[str, int]
    false_alarms: float
    rows: int
    top: tuple[Row, ...]
    answers: tuple[Row, ...]
    own: tuple[Row, ...]
    verdicts: pa.Table
    touches: pa.Table
    alarmed: frozenset[str] = field(default_factory=frozenset)
    named: Named | None = None

    def who(self, address: str) -> str:
        """Who is behind an address, in one phrase; `-` where that isn't known."""
        identity = self.named.who.get(address) if self.named else None
        return (describe(identity) if identity else "") or "-"


def scanning(
    scanners: Scanners,
    touches: pa.Table,
    *,
    rows: int,
    refused: Sequence[str],
    naming: Naming | None,
) -> Scanning:
    """The part of a report, with `rows` rows (0: all) of those that scan.

    With `naming` the names are found out of those that scan or likely do, most evidence first, and
    then of the `refused` sources.
    """
    verdicts = scanners.arrow()
    found = verdicts.to_pylist()
    alarmed = [row["srcaddr"] for row in found if row["members"] is None]
    named = None if naming is None else naming.look_up(dict.fromkeys([*alarmed, *refused]))
    return Scanning(
        counts=scanners.counts(),
        false_alarms=scanners.false_alarms,
        rows=len(found),
        top=tuple(found[: rows or None]),
        answers=tuple(scanners.detection.scanner_answers.to_pylist()[: rows or None]),
        own=_own(scanners),
        verdicts=verdicts,
        touches=touches,
        alarmed=frozenset(
            row["srcaddr"] for row in found if row["tier"] == "scanner" and row["members"] is None
        ),
        named=named,
    )


def _own(scanners: Scanners) -> tuple[Row, ...]:
    answers = scanners.detection.scanner_answers.to_pylist()
    return tuple(
        {**row, "answered": [a for a in answers if a["srcaddr"] == row["srcaddr"]]}
        for row in scanners.detection.own_scanners.to_pylist()
    )
