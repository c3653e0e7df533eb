"""Findings about what was refused."""

from __future__ import annotations

from collections.abc import Iterator

from flowlens.answers.report.model import Finding, Report, Row, Section
from flowlens.answers.report.numbers import percent_text
from flowlens.answers.report.rules import Rule, finding
from flowlens.answers.report.words import clock
from flowlens.output.human import amount, count, pair, port, port_service

SOURCE_SHARE = 20
"""Percent of all rejects from which on a single source is worth a line."""

DRIVER_SHARE = 20
"""Percent of the rejects since a step from which on something is said to drive it."""


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


def _pair_text(report: Report, row: Row) -> str:
    """A pair, how often which ENI refused it, and whether it worked before, where that is known."""
    worked = {True: ", worked before", False: ", no answer seen before", None: ""}
    where = f" at {row['interface_id']}" if row["interface_id"] else ""
    return (
        f"{pair(row['srcaddr'], row['dstaddr'])} "
        f"{port_service(row['protocol'], row['dstport'])}  {row['records']:,} refused{where} since "
        f"{clock(row['first_seen'], report)}{worked[row['worked_before']]}"
    )


def internal_worked(report: Report, rule: Rule) -> Iterator[Finding]:
    """Own to own, refused although it worked before: an outage, most likely."""
    rows, section = _top(report, "refused_pairs.internal_worked", rule)
    rows = rows[: rule.lines]
    for place, row in enumerate(rows, 1):
        more = _more(section, place) if section and place == len(rows) else ""
        yield finding(rule, f"{_pair_text(report, row)}{more}", row["records"], row)


def internal(report: Report, rule: Rule) -> Iterator[Finding]:
    """Own to own, of which it isn't known that it ever worked."""
    rows, _ = _top(report, "refused_pairs.internal", rule)
    for row in [row for row in rows if not row["worked_before"]][: rule.lines]:
        yield finding(rule, _pair_text(report, row), row["records"], row)


def outbound(report: Report, rule: Rule) -> Iterator[Finding]:
    """Own to outside."""
    rows, _ = _top(report, "refused_pairs.outbound", rule)
    for row in rows[: rule.lines]:
        yield finding(rule, _pair_text(report, row), row["records"], row)


def answered(report: Report, rule: Rule) -> Iterator[Finding]:
    """Sources that an ENI refused and later answered."""
    section = report.parts.get("accepted_after_rejected.answered")
    for place, row in enumerate(section.top[: rule.lines] if section else (), 1):
        rest = section.rows - place if section and place == rule.lines else 0
        more = f"; {rest:,} more answered" if rest else ""
        scans = ", scanner" if report.scanning and row["srcaddr"] in report.scanning.alarmed else ""
        text = (
            f"{row['srcaddr']}{scans} → {row['interface_id']} port {row['dstport']} from "
            f"{clock(row['first_accept'], report)}, {amount(row['bytes_out'])} out; in all "
            f"{row['rejected_records']:,} refused on {count(row['rejected_ports'], 'port')} since "
            f"{clock(row['first_reject'], report)}{more}"
        )
        yield finding(rule, text, row["answered"], row)


def replies(report: Report, rule: Rule) -> Iterator[Finding]:
    """Replies that a network ACL refuses, likely."""
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
            f"{count(section.records, 'record')}: {what} on {count(enis, 'ENI')}, such as "
            f"{row['interface_id']} from {_service(row)}: a network ACL, likely"
        )
        facts = {"side": side, "records": section.records, "enis": enis, "peers": peers}
        yield finding(rule, text, section.records, facts)


def _service(row: Row) -> str:
    """Where a reply comes from; ICMP alone has no port."""
    return f"port {row['port']}" if row["port"] else "ICMP (type not logged)"


def step(report: Report, rule: Rule) -> Iterator[Finding]:
    """The point where rejects step up, and what drives it."""
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
    yield finding(rule, text, sum(times.reject[step.first : step.last]), facts)


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


def source(report: Report, rule: Rule) -> Iterator[Finding]:
    """A source that alone sends a good part of the rejects."""
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
        yield finding(rule, text, row["records"], row)


def inbound(report: Report, rule: Rule) -> Iterator[Finding]:
    """The closing line: what came from outside, and whether anyone of them was answered."""
    section = report.parts["refused_by_class.inbound"]
    if section.records < rule.least:
        return
    answered = report.parts["accepted_after_rejected.answered"].rows
    if not report.totals.accept:
        end = "whether anyone was answered can't be seen here"
    else:
        end = f"answered later by the same ENI: {f'{answered:,}' if answered else 'none'}"
    share = percent_text(section.records, report.totals.reject)
    text = f"{section.records:,} refused from outside, {share}% of the rejects; {end}"
    facts = {"records": section.records, "answered": answered}
    yield finding(rule, text, section.records, facts)
