"""From flows to verdicts: the detector's queries in their order, for sources and for networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.scanners.networks import networks
from flowlens.core.counts import Account
from flowlens.core.errors import FlowlensError
from flowlens.pipeline import scan_state
from flowlens.pipeline.evidence import Evidence
from flowlens.pipeline.run import Answers, Inputs, Listener, Question, answering, relation_sql
from flowlens.records.fields import quoted
from flowlens.sql import catalog

QUERIES = (
    "sources", "top_ports", "scanner_answers", "own_scanners", "probes", "campaigns", "exposure",
)  # fmt: skip
_AGAIN = ("targets", "visits", "trials", "walk", "judged")
"""Relations that are made anew, with networks in the place of sources."""

TOUCHES = 400
"""Touches of a source that show how it goes about."""

MEMORY = "1300MiB"
"""What DuckDB may hold while it judges, before it spills."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Verdicts and what they stand on; each table is that of the named query of its name.

    `sources` ends with the networks that alarmed as one; `members` is null for a single address.
    `walk` holds the steps of the source `explained`.
    """

    sources: pa.Table
    top_ports: pa.Table
    scanner_answers: pa.Table
    own_scanners: pa.Table
    probes: pa.Table
    campaigns: pa.Table
    explained: str | None
    walk: pa.Table | None
    exposed: int
    first_seen: datetime | None
    last_seen: datetime | None
    account: Account


def detect(
    inputs: Inputs,
    listener: Listener | None = None,
    *,
    explain: str | None = None,
    save_state: Path | None = None,
) -> Detection:
    """Read the flows once and judge every source.

    With `explain` the steps of that source, an address or a network, are kept; with `save_state`
    the state is written to that directory, which is new or empty: also that of a day of which
    nothing can be judged alone.

    Raises:
        UsageError: no input says which records were rejected, or the directory can't be had.
        FlowlensError: the log holds accepted records alone, so nothing can be judged.
    """
    with answering(inputs, questions(), listener, memory=MEMORY) as answers:
        if save_state is not None:
            knowledge = inputs.knowledge
            scan_state.save(
                lambda name: answers.reader(_held(name)),
                knowledge.evidence,
                knowledge.own,
                save_state,
            )
        require_refusals(answers, inputs.knowledge.evidence)
        return judge(answers, explain=explain)


def remembered() -> Question:
    """The rows of a state, in no order, as they are made: nothing is judged by them meanwhile."""
    query = catalog.find("exchanges")
    return Question(relation_sql(query), {}, tuple(catalog.order([query])))


def questions() -> list[Question]:
    """What has to be announced for `judge`; what the log lacks for them makes no error."""
    return [Question.named(catalog.find(name)) for name in QUERIES]


def judge(answers: Answers, *, explain: str | None = None) -> Detection:
    """Judge every source of the answers, and the networks of those that didn't alarm alone."""
    tables = {name: answers.table(Question.named(catalog.find(name))) for name in QUERIES}
    (exposure,) = tables["exposure"].to_pylist()
    walk = _steps(answers, explain) if explain else None
    groups = _networks(answers, tables["sources"])
    if explain and "/" in explain and groups.num_rows:
        walk = _steps(answers, explain)
    return Detection(
        sources=_together(tables["sources"], groups),
        top_ports=_with_networks(answers, "top_ports", tables, groups),
        scanner_answers=_with_networks(answers, "scanner_answers", tables, groups),
        own_scanners=tables["own_scanners"],
        probes=tables["probes"],
        campaigns=tables["campaigns"],
        explained=explain,
        walk=walk,
        exposed=exposure["exposed"],
        first_seen=exposure["first_seen"],
        last_seen=exposure["last_seen"],
        account=answers.account,
    )


def touches(answers: Answers, sources: Sequence[str], *, most: int = TOUCHES) -> pa.Table:
    """The first `most` touches of sources and networks that have been judged, by time.

    Columns: srcaddr, step, first_seen, interface_id, dstaddr, service, outcome, evidence.
    """
    columns = "srcaddr, step, first_seen, interface_id, dstaddr, service, outcome, evidence"
    wanted = "where list_contains($sources, srcaddr) and step <= $most"
    sql = (
        f"select {columns} from source_walk {wanted} "
        f"union all select {columns} from walk {wanted} order by srcaddr, step"
    )
    return answers.table(Question(sql, {"sources": list(sources), "most": most}))


def touched_ports(answers: Answers, sources: Sequence[str]) -> pa.Table:
    """Every port that some of the sources that have been judged touched, by source and port.

    Columns: srcaddr, protocol, dstport, hosts.
    """
    sql = (
        "select srcaddr, protocol, dstport, count(*) as hosts from source_targets "
        "where list_contains($sources, srcaddr) group by srcaddr, protocol, dstport "
        "order by srcaddr, protocol, dstport"
    )
    return answers.table(Question(sql, {"sources": list(sources)}))


def require_refusals(answers: Answers, evidence: Evidence) -> None:
    """Refuse to judge a log of accepted records alone: it can't show who was turned away.

    Who of ours scans is told by who answers, so that it is judged where a host of ours does.

    Raises:
        FlowlensError: it is one.
    """
    (exposure,) = answers.table(Question.named(catalog.find("exposure"))).to_pylist()
    if exposure["refused"] or not exposure["accepted"]:
        return
    # Our own side's refusals are in no exchange, but the log holds them.
    refusals = Question("select count(*) as refused from sides where refused")
    if answers.table(refusals)["refused"][0].as_py():
        return
    if answers.table(Question.named(catalog.find("own_scanners"))).num_rows:
        return
    span = exposure["last_seen"] - exposure["first_seen"]
    if (
        exposure["accepted"] >= evidence["rejects_records"]
        or span.total_seconds() >= evidence["rejects_seconds"]
    ):
        raise FlowlensError(
            f"{exposure['accepted']:,} records from peers were accepted and none rejected: such a "
            "log can't show a scanner; create the flow log with traffic type ALL, or take away "
            "what filters the rejected ones out"
        )


def _held(name: str, condition: str = "") -> Question:
    """The rows of a relation that has been made, in the order of its columns."""
    columns = ", ".join(quoted(column.name) for column in catalog.find(name).columns)
    return Question(f"select {columns} from {quoted(name)}{condition} order by {columns}")


def _steps(answers: Answers, source: str) -> pa.Table:
    question = _held("walk", " where srcaddr = $source")
    return answers.table(Question(question.sql, {"source": source}))


def _networks(answers: Answers, sources: pa.Table) -> pa.Table:
    """The verdicts on networks that alarmed as one, with the number of their members."""
    outside = pc.and_(pc.invert(sources["inside"]), pc.greater(sources["targets"], 0))
    alone = pc.and_(outside, pc.not_equal(sources["tier"], "scanner"))
    connection = answers.connection
    connection.register("given", networks(sources.filter(alone)["srcaddr"]))
    connection.execute("insert into networks from given")
    connection.unregister("given")
    for name in ("network_targets", "network_visits"):
        answers.relate(catalog.find(name))
    for name in _AGAIN:
        connection.execute(f"alter table {name} rename to source_{name}")
    for name in ("targets", "visits"):
        connection.execute(f"alter table network_{name} rename to {name}")
    for name in ("trials", "walk", "judged"):
        answers.relate(catalog.find(name))
    return answers.table(Question.named(catalog.find("network_verdicts")))


def _together(sources: pa.Table, groups: pa.Table) -> pa.Table:
    alone = sources.append_column("members", pa.nulls(sources.num_rows, pa.int64()))
    return pa.concat_tables([alone, groups], promote_options="default").combine_chunks()


def _with_networks(
    answers: Answers, name: str, tables: dict[str, pa.Table], groups: pa.Table
) -> pa.Table:
    """What a query says of the sources, then of the networks that alarmed."""
    if not groups.num_rows:
        return tables[name]
    more = answers.table(Question.named(catalog.find(name)))
    return pa.concat_tables([tables[name], more])
