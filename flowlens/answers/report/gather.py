"""Gathering: every number of the report, from the named queries and the account of the read.

All questions are announced at once, so there is one pass over the input. Answers are folded while
they stream, and no more than the rows shown is kept of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.check import periods as when
from flowlens.answers.check.periods import Periods
from flowlens.answers.report import provenance
from flowlens.answers.report.findings import look_first
from flowlens.answers.report.folds import Part, fold
from flowlens.answers.report.kinds import KINDS, Kinds, kinds
from flowlens.answers.report.model import Log, Report, Section, Timeline, Totals
from flowlens.answers.report.scanning import Scanning, scanning
from flowlens.answers.report.timeline import bucket_seconds, timeline
from flowlens.answers.scanners import detection
from flowlens.answers.scanners.result import Scanners
from flowlens.answers.scanners.verdicts import COLUMNS
from flowlens.naming.lookup import Naming
from flowlens.pipeline.run import Answers, Inputs, Listener, Question, answering, overlap_left
from flowlens.records.filter import Filter
from flowlens.sql import catalog

__all__ = ["CLASSES", "QUERIES", "Report", "gather"]

QUERIES = (
    "action_totals",
    "enis",
    "gaps",
    "coverage",
    "refused_by_class",
    "refused_pairs",
    "rejected_by_eni_port",
    "rejected_by_port",
    "rejected_by_source",
    "accepted_after_rejected",
    "refused_replies",
    "timeline",
)
"""The named queries that a report stands on."""

CLASSES = ("internal", "outbound", "inbound", "late", "unknown")
"""Whose traffic was refused, the most urgent first."""

EVERY = 2**62
"""Rows to keep where all are wanted."""

TRACED = 12
"""Sources whose touches are kept, those with most evidence."""

CAUSES = ("nacl", "expired", "closed")
SIDES = ("client", "server", "unknown")
CAPTURES = ("all", "rejects", "accepts", "unknown")


_NOBODY = Listener()


def gather(
    inputs: Inputs,
    listener: Listener = _NOBODY,
    *,
    rows: int = 10,
    as_of: datetime | None = None,
    window: str = "",
    naming: Naming | None = None,
) -> Report:
    """Read the inputs once and gather what a report shows, `rows` rows of each top (0: all).

    `window` is what the user wrote for it, such as `24h`, and `as_of` what that counts back from:
    now, where it isn't given. With `naming` the report tells who is behind the sources it shows.

    Raises:
        FlowlensError: the input can't be read.
    """
    made = provenance.made(inputs, as_of or datetime.now(UTC), window)
    questions = {name: _question(name) for name in (*QUERIES, "activity")}
    judged = _is_whole(inputs.filter)
    spans = when.question()
    asked = [*questions.values(), KINDS, spans]
    if judged:
        asked += [replace(question, query=None) for question in detection.questions()]
    with answering(inputs, asked, listener, memory=detection.MEMORY) as answers:
        desk = _Desk(answers, questions, rows or EVERY)
        counted = kinds(answers.table(KINDS).to_pylist())
        span = when.periods(answers.table(spans))
        enis = desk.enis()
        times = desk.timeline(enis, span)
        parts = {**enis, **desk.others(), **desk.classes(), **desk.pairs(times)}
        parts |= {**desk.sources(times), **desk.sessions(), **desk.replies()}
        account = answers.account
        account.overlap = overlap_left(inputs)
        read = provenance.read(account, inputs)
        if read.skipdata:
            parts |= desk.coverage()
        actions = {row["action"] for row in parts["action_totals"].top}
        if read.selected is None:
            read = replace(read, first_seen=span.first, last_seen=span.last)
        activity = desk.activity(times)
        scanners = touches = None
        found = detection.judge(answers) if judged and actions - {None} else None
        if found and ("REJECT" in actions or found.own_scanners.num_rows):
            scanners = Scanners("scanners", COLUMNS, inputs, listener, _detection=found)
            first = [row["srcaddr"] for row in scanners.top(TRACED)]
            touches = detection.touches(answers, first)
    sections = {name: parts.pop(name) for name in QUERIES if name in parts}
    totals = _totals(sections["action_totals"], counted)
    report = Report(
        read=read,
        log=_log(parts, sections, inputs.filter, counted),
        totals=totals,
        timeline=times,
        sections=sections,
        parts=parts,
        look_first=(),
        made=made,
        account=account,
        first=span.first,
        last=span.last,
        odd_times=str(span),
        activity=activity,
        scanning=_scanning(scanners, touches, sections["rejected_by_source"], rows, naming),
    )
    return replace(report, look_first=look_first(report))


def _scanning(
    scanners: Scanners | None,
    touches: pa.Table | None,
    refused: Section,
    rows: int,
    naming: Naming | None,
) -> Scanning | None:
    if scanners is None or touches is None:
        return None
    sources = [row["srcaddr"] for row in refused.top if row["srcaddr"]]
    return scanning(scanners, touches, rows=rows, refused=sources, naming=naming)


def _is_whole(chosen: Filter) -> bool:
    """Whether the filter leaves out no record by its content."""
    return not (chosen.ip or chosen.port or chosen.action or chosen.where)


def _question(name: str) -> Question:
    """A named query; of a relation that is made anyway its rows, instead of the work once more.

    What the log lacks for one of them is said beside the others' numbers, and is no error here.
    """
    query = catalog.find(name)
    if name not in catalog.RELATIONS:
        return replace(Question.named(query), query=None)
    columns = ", ".join(column.name for column in query.columns)
    order = "records desc, account_id, interface_id"
    return Question.sql_text(f"select {columns} from {name} order by {order}", {})


@dataclass(frozen=True, slots=True)
class _Desk:
    """Asks the questions, each once, and folds the answers into parts named `query.part`."""

    answers: Answers
    questions: Mapping[str, Question]
    rows: int

    def fold(self, query: str, parts: Mapping[str, Part], **given: object) -> dict[str, Section]:
        """The parts of an answer; the part named "" is the answer itself."""
        question = self.questions[query]
        question = replace(question, parameters={**question.parameters, **given})
        folded = fold(self.answers.reader(question), parts)
        return {f"{query}.{name}" if name else query: part for name, part in folded.items()}

    def enis(self) -> dict[str, Section]:
        capture = {name: Part(0, pc.field("capture") == name) for name in CAPTURES}
        minute, busy = pc.field("aggregation_seconds") == 60, pc.field("records") > 0
        nobody = pc.field("ipv4").is_null() & pc.field("ipv6").is_null()
        return self.fold(
            "enis",
            {"": Part(self.rows)}
            | capture
            | {"minute": Part(0, minute & busy), "longer": Part(0, ~minute & busy)}
            | {"unproven": Part(0, nobody & busy)},
        )

    def timeline(self, enis: Mapping[str, Section], span: Periods) -> Timeline:
        least = 600 if enis["enis.longer"].rows else 60
        seconds = bucket_seconds(span.first, span.last, least=least)
        # Few more rows than bars, so the whole answer is small.
        rows = self.fold("timeline", {"": Part(EVERY)}, bucket_seconds=seconds)["timeline"].top
        return timeline((row for row in rows if span.holds(row["bucket"], seconds)), seconds)

    def activity(self, times: Timeline) -> pa.Table:
        """Records by bucket, action, ENI and port; few rows, however many records there are."""
        question = self.questions["activity"]
        given = {**question.parameters, "bucket_seconds": times.bucket_seconds}
        table = self.answers.table(replace(question, parameters=given))
        if times.start is None:
            return table
        first, last = (
            pa.scalar(times.at(place), table.schema.field("bucket").type)
            for place in (0, len(times.reject) - 1)
        )
        bucket = pc.field("bucket")
        return table.filter((bucket >= first) & (bucket <= last))

    def others(self) -> dict[str, Section]:
        gaps = Part(self.rows, largest="minutes", sums=("minutes",), distinct=("interface_id",))
        top = {"": Part(self.rows)}
        return (
            self.fold("action_totals", {"": Part(10)})
            | self.fold("gaps", {"": gaps})
            | self.fold("rejected_by_eni_port", top)
            | self.fold("rejected_by_port", top)
        )

    def classes(self) -> dict[str, Section]:
        parts = {name: Part(self.rows, pc.field("class") == name) for name in CLASSES}
        return self.fold("refused_by_class", {"": Part(self.rows), **parts})

    def pairs(self, times: Timeline) -> dict[str, Section]:
        parts = {name: Part(self.rows, pc.field("class") == name) for name in CLASSES}
        for name in ("internal", "outbound"):
            worked = (pc.field("class") == name) & pc.field("worked_before")
            parts[f"{name}_worked"] = Part(self.rows, worked)
        return self.fold("refused_pairs", {"": Part(self.rows), **parts, **_since(times)})

    def sources(self, times: Timeline) -> dict[str, Section]:
        return self.fold("rejected_by_source", {"": Part(self.rows), **_since(times)})

    def sessions(self) -> dict[str, Section]:
        part = Part(
            self.rows,
            pc.field("answered") > 0,
            sums=("answered", "bytes_in", "bytes_out"),
            distinct=("interface_id",),
        )
        return self.fold("accepted_after_rejected", {"": Part(self.rows), "answered": part})

    def replies(self) -> dict[str, Section]:
        parts = {
            f"{cause}_{side}": Part(
                1,
                (pc.field("likely_cause") == cause) & (pc.field("side") == side),
                distinct=("interface_id", "port"),
                spans=("first_seen",),
            )
            for cause in CAUSES
            for side in SIDES
        }
        return self.fold("refused_replies", {"": Part(self.rows), **parts})

    def coverage(self) -> dict[str, Section]:
        lost = Part(
            self.rows,
            pc.field("skipdata") > 0,
            largest="skipdata",
            sums=("skipdata",),
            distinct=("interface_id",),
        )
        return self.fold("coverage", {"skipdata": lost})


def _since(times: Timeline) -> dict[str, Part]:
    """What was first refused since the timeline's step."""
    if times.step is None:
        return {}
    moment = pa.scalar(times.at(times.step.first), pa.timestamp("us", "UTC"))
    return {"since_step": Part(1, pc.field("first_seen") >= moment)}


def _totals(section: Section, counted: Kinds) -> Totals:
    records = {row["action"]: row["records"] for row in section.top}
    accept, reject = records.get("ACCEPT", 0), records.get("REJECT", 0)
    return Totals(accept, reject, sum(records.values()) - accept - reject, counted.gateway)


def _log(
    parts: Mapping[str, Section],
    sections: Mapping[str, Section],
    chosen: Filter,
    counted: Kinds,
) -> Log:
    return Log(
        judged=_is_whole(chosen),
        enis=sections["enis"].rows,
        capture={name: parts[f"enis.{name}"].rows for name in CAPTURES},
        aggregation={60: parts["enis.minute"].rows, 600: parts["enis.longer"].rows},
        unproven=parts["enis.unproven"].rows,
        no_eni=counted.no_eni,
        nodata=counted.nodata,
        skipdata=counted.skipdata,
    )
