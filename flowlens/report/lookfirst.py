"""What to look at first: findings in order of urgency, each one line with its numbers.

What is urgent is the table `RULES`; a rule that finds nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flowlens.report.model import Finding, Report, Row, Section
from flowlens.report.numbers import percent_text
from flowlens.report.words import amount, clock, count, pair, port, port_service


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding: its label, the records it takes, and how many lines it may have."""

    kind: str
    label: str
    least: int
    lines: int


RULES = (
    Rule("internal_worked", "own→own", least=1, lines=3),
    Rule("answered", "answered", least=1, lines=3),
    Rule("replies", "replies", least=1, lines=2),
    Rule("internal", "own→own", least=5, lines=2),
    Rule("outbound", "own→out", least=5, lines=2),
    Rule("step", "step up", least=1, lines=1),
    Rule("source", "source", least=100, lines=1),
    Rule("skipdata", "skipdata", least=1, lines=1),
    Rule("gaps", "gaps", least=1, lines=1),
    Rule("inputs", "input", least=1, lines=1),
    Rule("inbound", "outside", least=1, lines=1),
)
"""The most urgent first. `least` counts records (gaps, inputs: their number)."""

SOURCE_SHARE = 20
"""Percent of all rejects from which on a single source is worth a line."""

DRIVER_SHARE = 20
"""Percent of the rejects since a step from which on something is said to drive it."""


def look_first(report: Report) -> tuple[Finding, ...]:
    """The findings, the most urgent first."""
    return tuple(
        finding for rule in RULES for finding in list(_KINDS[rule.kind](report, rule))[: rule.lines]
    )


def _top(report: Report, part: str, rule: Rule) -> tuple[list[Row], Section | None]:
    section = report.parts.get(part)
    rows = [row for row in section.top if row["records"] >= rule.least] if section else []
    return rows, section


def _more(section: Section, shown: int) -> str:
    """What else a part holds, for the last line that a rule has of it."""
    rest = section.rows - shown
    if not rest:
        return ""
    records = section.records - sum(row["records"] for row in section.top[:shown])
    return f"; {count(rest, 'more pair')}, {count(records, 'record')}"


def _pairs(
    report: Report, rule: Rule, part: str, words: str, skip: Callable[[Row], bool] | None = None
) -> Iterator[Finding]:
    rows, section = _top(report, part, rule)
    rows = [row for row in rows if skip is None or not skip(row)][: rule.lines]
    for place, row in enumerate(rows, 1):
        more = _more(section, place) if section and place == len(rows) and skip is None else ""
        text = (
            f"{pair(row['srcaddr'], row['dstaddr'])} "
            f"{port_service(row['protocol'], row['dstport'])}  {row['records']:,} refused since "
            f"{clock(row['first_seen'], report)}{words}{more}"
        )
        yield Finding(rule.kind, rule.label, text, row["records"], row)


def _internal_worked(report: Report, rule: Rule) -> Iterator[Finding]:
    yield from _pairs(report, rule, "refused_pairs.internal_worked", ", worked before")


def _internal(report: Report, rule: Rule) -> Iterator[Finding]:
    words = "" if report.log.rejects_only else ", never accepted before"
    yield from _pairs(
        report, rule, "refused_pairs.internal", words, lambda row: bool(row["worked_before"])
    )


def _outbound(report: Report, rule: Rule) -> Iterator[Finding]:
    rows, _ = _top(report, "refused_pairs.outbound", rule)
    for row in rows[: rule.lines]:
        worked = ", worked before" if row["worked_before"] else ""
        text = (
            f"{pair(row['srcaddr'], row['dstaddr'])} "
            f"{port_service(row['protocol'], row['dstport'])}  {row['records']:,} refused since "
            f"{clock(row['first_seen'], report)}{worked}"
        )
        yield Finding(rule.kind, rule.label, text, row["records"], row)


def _answered(report: Report, rule: Rule) -> Iterator[Finding]:
    section = report.parts.get("accepted_after_rejected.answered")
    for place, row in enumerate(section.top[: rule.lines] if section else (), 1):
        rest = section.rows - place if section and place == rule.lines else 0
        more = f"; {rest:,} more answered" if rest else ""
        text = (
            f"{row['srcaddr']} → {row['interface_id']} port {row['dstport']}, "
            f"{row['rejected_records']:,} refused from {clock(row['first_reject'], report)}, "
            f"accepted {clock(row['first_accept'], report)}, {amount(row['bytes_out'])} out{more}"
        )
        yield Finding(rule.kind, rule.label, text, row["answered"], row)


def _replies(report: Report, rule: Rule) -> Iterator[Finding]:
    words = {
        "client": "answers to our clients refused inbound",
        "server": "our servers' answers refused outbound",
        "unknown": "answers refused",
    }
    for side, what in words.items():
        section = report.parts.get(f"refused_replies.nacl_{side}")
        if section is None or section.records < rule.least:
            continue
        row = section.top[0]
        enis, peers = section.distinct["interface_id"], section.rows
        text = (
            f"{count(section.records, 'record')}: {what} on {count(enis, 'ENI')}, most from port "
            f"{row['port']}, {row['interface_id']}: a network ACL, likely"
        )
        facts = {"side": side, "records": section.records, "enis": enis, "peers": peers}
        yield Finding(rule.kind, rule.label, text, section.records, facts)


def _step(report: Report, rule: Rule) -> Iterator[Finding]:
    times = report.timeline
    step = times.step
    if step is None:
        return
    since = sum(times.reject[step.first :])
    start = times.at(step.first)
    ended = step.last < len(times.reject)
    until = f" to {clock(times.at(step.last), report)}" if ended else ""
    driver = _driver(report, since)
    text = (
        f"rejects {'high' if ended else 'up'} from {clock(start, report)}{until}: "
        f"{step.before:,.0f} → {step.after:,.0f} a bar; {driver}"
    )
    facts = {
        "at": start,
        "until": times.at(step.last) if ended else None,
        "before": step.before,
        "after": step.after,
        "records_since": since,
        "driver": driver,
    }
    yield Finding(rule.kind, rule.label, text, sum(times.reject[step.first : step.last]), facts)


def _driver(report: Report, since: int) -> str:
    """The pair or source that was first refused since the step, if it sends a good part."""
    pairs = report.parts.get("refused_pairs.since_step")
    sources = report.parts.get("rejected_by_source.since_step")
    best_pair = pairs.top[0] if pairs and pairs.top else None
    source = sources.top[0] if sources and sources.top else None
    if best_pair and source and best_pair["records"] * 10 < source["records"] * 8:
        best_pair = None
    row = best_pair or source
    if row is None or row["records"] * 100 < since * DRIVER_SHARE:
        return "no single new source drives it"
    share = percent_text(row["records"], since)
    if row is source:
        return f"{row['srcaddr']}, first refused since, sends {share}% ({row['records']:,})"
    what = f"{pair(row['srcaddr'], row['dstaddr'])} {port(row['protocol'], row['dstport'])}"
    return f"{what}, first refused since, is {share}% ({row['records']:,})"


def _source(report: Report, rule: Rule) -> Iterator[Finding]:
    section = report.sections["rejected_by_source"]
    for row in section.top[:1]:
        few = row["records"] < rule.least or section.rows == 1
        if few or row["records"] * 100 < section.records * SOURCE_SHARE:
            continue
        text = (
            f"{row['srcaddr']} alone sends {percent_text(row['records'], section.records)}% of the "
            f"rejects, {row['records']:,} records to {count(row['ports'], 'port')} "
            f"of {count(row['enis'], 'ENI')}"
        )
        yield Finding(rule.kind, rule.label, text, row["records"], row)


def _skipdata(report: Report, rule: Rule) -> Iterator[Finding]:
    lost = report.parts.get("coverage.skipdata")
    if lost is None or lost.sums.get("skipdata", 0) < rule.least:
        return
    number, enis = lost.sums["skipdata"], lost.distinct["interface_id"]
    row = lost.top[0]
    text = (
        f"records were lost on {count(enis, 'ENI')} in {count(lost.rows, 'ENI-hour')} "
        f"({number:,} SKIPDATA), most on {row['interface_id']} from {clock(row['hour'], report)}: "
        "all totals are at least what is shown"
    )
    facts = {"skipdata": number, "enis": enis, "eni_hours": lost.rows}
    yield Finding(rule.kind, rule.label, text, None, facts)


def _gaps(report: Report, rule: Rule) -> Iterator[Finding]:
    gaps = report.sections["gaps"]
    if not report.log.judged or not report.log.nodata or gaps.rows < rule.least:
        return
    row, enis = gaps.top[0], gaps.distinct["interface_id"]
    text = (
        f"{count(gaps.rows, 'gap')} on {count(enis, 'ENI')}, the longest on {row['interface_id']} "
        f"{clock(row['gap_start'], report)}-{clock(row['gap_end'], report)}: nothing is known there"
    )
    facts = {"gaps": gaps.rows, "enis": enis, "minutes": gaps.sums["minutes"]}
    yield Finding(rule.kind, rule.label, text, None, facts)


def _inputs(report: Report, rule: Rule) -> Iterator[Finding]:
    read = report.read
    kinds = {
        "unreadable": read.unreadable,
        "truncated": read.truncated,
        "missing": read.missing,
    }
    if sum(kind.count for kind in kinds.values()) < rule.least:
        return
    parts = [
        f"{kind.count:,} {name} ({kind.first[0][0]}{', …' if kind.count > 1 else ''})"
        for name, kind in kinds.items()
        if kind.count
    ]
    facts = {name: kind.count for name, kind in kinds.items()}
    text = f"{', '.join(parts)}: their records are not, or not all, in these numbers"
    yield Finding(rule.kind, rule.label, text, None, facts)


def _inbound(report: Report, rule: Rule) -> Iterator[Finding]:
    """The closing line: what came from outside, and whether anyone of them was answered."""
    section = report.parts["refused_by_class.inbound"]
    if section.records < rule.least:
        return
    answered = report.parts["accepted_after_rejected.answered"].rows
    if not report.totals.accept:
        end = "whether anyone was answered can't be seen here"
    elif answered:
        end = f"{answered:,} of source, ENI and port were answered later"
    else:
        end = "none of these sources was answered later"
    share = percent_text(section.records, report.totals.reject)
    text = f"{section.records:,} refused from outside, {share}% of the rejects; {end}"
    facts = {"records": section.records, "answered": answered}
    yield Finding(rule.kind, rule.label, text, section.records, facts)


_KINDS: dict[str, Callable[[Report, Rule], Iterator[Finding]]] = {
    "internal_worked": _internal_worked,
    "answered": _answered,
    "replies": _replies,
    "internal": _internal,
    "outbound": _outbound,
    "step": _step,
    "source": _source,
    "skipdata": _skipdata,
    "gaps": _gaps,
    "inputs": _inputs,
    "inbound": _inbound,
}
