"""Scanners: sources that have been judged, as a table that shows itself and can explain itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.scanners import explanation
from flowlens.answers.scanners.detection import Detection, detect
from flowlens.answers.scanners.verdicts import verdicts
from flowlens.core.cidrs import Allowed, Cidrs
from flowlens.core.errors import UsageError, nearest
from flowlens.naming.lookup import Named, Naming
from flowlens.pipeline.evidence import MICRO, Evidence
from flowlens.pipeline.result import Shown
from flowlens.pipeline.run import Inputs, Listener
from flowlens.records.filter import network

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart

TIERS = ("scanner", "likely", "probe", "benign", "backscatter", "return")
LISTED = ("scanner", "likely")


def chosen_tiers(text: str | None) -> tuple[str, ...]:
    """Tiers as a user names them: some with commas between, `all`, or None for those listed.

    Raises:
        UsageError: no such tier, or none at all.

    >>> chosen_tiers("probe, likely"), chosen_tiers("scanner,all") == TIERS
    (('probe', 'likely'), True)
    """
    if text is None:
        return LISTED
    known = (*TIERS, "all")
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(f"--tier '{text}': no tier in it; {nearest('', known)}")
    for name in names:
        if name not in known:
            raise UsageError(f"--tier {name}: no such tier; {nearest(name, known)}")
    return TIERS if "all" in names else tuple(names)


def with_names(found: pa.Table, naming: Naming) -> tuple[pa.Table, Named]:
    """Verdicts with what is said of their addresses; whole networks have no name."""
    asked = found.filter(pc.is_in(found["tier"], pa.array(LISTED)))
    alone = asked.filter(pc.is_null(asked["members"]))["srcaddr"].to_pylist()
    named = naming.look_up(alone)
    for name, column in named.columns(found["srcaddr"].to_pylist()).items():
        found = found.append_column(name, column)
    return found, named


@dataclass(slots=True, repr=False)
class Scanners(Shown):
    """Verdicts on sources; the flows are read when they are first looked at.

    `detection` holds everything that they stand on. With a `naming` that asks or remembers, names
    stand beside the addresses.
    """

    _inputs: Inputs = field(repr=False)
    _listener: Listener = field(repr=False)
    tiers: tuple[str, ...] = LISTED
    allowed: Cidrs[Allowed] | None = None
    _save_state: Path | None = field(default=None, repr=False)
    naming: Naming | None = None
    named: Named | None = field(default=None, repr=False)
    _detection: Detection | None = field(default=None, repr=False)
    _table: pa.Table | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """What stands above the chart: whom it shows."""
        known = {LISTED: "Who scans, by hosts and ports", TIERS: "All sources, by hosts and ports"}
        return known.get(self.tiers, f"Sources by hosts and ports: {', '.join(self.tiers)}")

    @property
    def detection(self) -> Detection:
        """Everything that the verdicts stand on; the flows are read once for it."""
        return self._look(None)

    def arrow(self) -> pa.Table:
        """A row for each source or network of the chosen tiers, most evidence first.

        Raises:
            FlowlensError: the input can't be read, or can't be judged.
        """
        if self._table is None:
            found = self._verdicts(0)
            if self.naming:
                found, self.named = with_names(found, self.naming)
            self._table = found
        return self._table

    def top(self, rows: int) -> list[dict[str, Any]]:
        """The first rows (0: all), without the work for the others where that can be spared."""
        if self.naming or self._table is not None or not rows:
            found = self.arrow().slice(0, rows or None)
        else:
            found = self._verdicts(rows)
        top: list[dict[str, Any]] = found.to_pylist()
        return top

    def listed(self) -> set[str]:
        """The sources of the chosen tiers."""
        sources = self.detection.sources
        return set(
            sources.filter(pc.is_in(sources["tier"], pa.array(self.tiers)))["srcaddr"].to_pylist()
        )

    def _verdicts(self, rows: int) -> pa.Table:
        return verdicts(
            self.detection,
            self.tiers,
            evidence=self.evidence,
            allowed=self.allowed,
            known=self._known(),
            rows=rows,
        )

    @property
    def evidence(self) -> Evidence:
        """The numbers by which they were judged."""
        return self._inputs.knowledge.evidence

    def explain(self, source: str) -> Walk:
        """The walk of one source, an address or a network of the list, step by step.

        An address is looked for in its usual spelling, and then as it is given: Parquet files may
        hold texts that are none.

        Raises:
            UsageError: it is no address and no network, or in none of the records.
        """
        if not source.strip():
            raise UsageError("--explain: write an address such as 203.0.113.7, or 10.0.0.0/8")
        wrong: UsageError | None = None
        spellings = [source]
        try:
            usual = network(source, "--explain")
            spellings = list(dict.fromkeys((_alone(usual), source)))
        except UsageError as error:
            wrong = error
        for spelling in spellings:
            detection = self._look(spelling)
            rows = detection.sources.filter(pc.equal(detection.sources["srcaddr"], spelling))
            if rows.num_rows:
                assert detection.walk is not None
                return _walk(spelling, detection.walk, rows["bar"][0].as_py(), self.evidence)
        raise wrong or UsageError(
            f"--explain {source}: no source of these records, and no network that scans as one"
        )

    def counts(self) -> Counter[str]:
        """How many sources there are in each tier; networks count as `groups`."""
        sources = self.detection.sources
        alone = sources.filter(pc.is_null(sources["members"]))
        counted = Counter({row["values"]: row["counts"] for row in _counted(alone["tier"])})
        counted["groups"] = sources.num_rows - alone.num_rows
        return counted

    @property
    def false_alarms(self) -> float:
        """Alarms to be expected if nobody at all were scanning: judged sources times α."""
        judged = pc.sum(pc.greater(self.detection.sources["targets"], 0)).as_py() or 0
        return float(judged * self.evidence["alpha"])

    def remarks(self) -> list[str]:
        """What has to be said about the table, a line each."""
        found = self.detection
        lines = [f"{self.false_alarms:.2f} false alarms are expected among these sources"]
        if found.last_seen is not None:
            lines.append(
                f"as of {found.last_seen:%Y-%m-%dT%H:%M:%SZ}, the end of the data: "
                "what comes later can lower a verdict"
            )
        if skipped := found.account.total.skipdata:
            lines.append(f"{skipped:,} SKIPDATA: touches may be missing")
        lines += self.unfiltered()
        if self.named is not None:
            lines += [*self.named.summary.remarks, f"names: {self.named.summary}"]
        return lines

    def unfiltered(self) -> list[str]:
        """What has to be said where a filter narrows the records, and can't narrow a state."""
        inputs = self._inputs
        if not (inputs.filter.active and inputs.knowledge.earlier):
            return []
        return [f"earlier states count whole: the filter ({inputs.filter}) is for records alone"]

    def _look(self, source: str | None) -> Detection:
        found = self._detection
        if found is None or (source is not None and found.explained != source):
            found = detect(
                self._inputs, self._listener, explain=source, save_state=self._save_state
            )
            self._detection, self._save_state = found, None
        return found

    def _known(self) -> set[str] | None:
        """The sources that earlier states have seen."""
        states = self._inputs.knowledge.earlier
        return set().union(*(state.sources() for state in states)) if states else None


@dataclass(slots=True, repr=False)
class Walk(Shown):
    """The evidence on `source`, touch by touch; `alarm` and `likely` are its bars, in nats."""

    source: str
    alarm: float
    likely: float
    _table: pa.Table = field(repr=False)

    @property
    def title(self) -> str:
        """Whom it is about."""
        return f"Evidence on {self.source}"

    def arrow(self) -> pa.Table:
        """A row for each touch, in their order."""
        return self._table

    def chart(self, *, limit: int | None = None) -> Chart:
        """How the evidence rises and falls, with the bars that make a verdict; its first steps."""
        from flowlens.charts.chart import Chart
        from flowlens.charts.walk import walk

        steps = self._table.slice(0, limit or None)
        return Chart(walk(steps, self.title, alarm=self.alarm, likely=self.likely))


def _walk(source: str, steps: pa.Table, bar: int, evidence: Evidence) -> Walk:
    """The walk of a source that alarms at `bar` micro-nats."""
    likely = explanation.likely_bar(bar, evidence)
    table = explanation.explanation(steps, bar, evidence)
    return Walk("walk", explanation.COLUMNS, source, bar / MICRO, likely / MICRO, table)


def _alone(text: str) -> str:
    """A network of one as the address that it is.

    >>> _alone("192.0.2.7/32"), _alone("2001:db8::7/128"), _alone("192.0.2.0/24")
    ('192.0.2.7', '2001:db8::7', '192.0.2.0/24')
    """
    address, _, length = text.partition("/")
    return address if length == ("128" if ":" in address else "32") else text


def _counted(column: pa.ChunkedArray) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pc.value_counts(column).to_pylist()
    return rows
