"""The finding that is the most urgent of all: a host of our own scans."""

from __future__ import annotations

from collections.abc import Iterator

from flowlens.answers.report.model import Finding, Report, Row
from flowlens.answers.report.rules import Rule, finding
from flowlens.answers.report.words import clock
from flowlens.output.human import amount, count, port_service


def scanner(report: Report, rule: Rule) -> Iterator[Finding]:
    """Each of our own that scans, with whoever answered it."""
    rows = report.scanning.own if report.scanning else ()
    for place, row in enumerate(rows[: rule.lines], 1):
        rest = len(rows) - place if place == rule.lines else 0
        more = f"; {rest:,} more of ours scan" if rest else ""
        text = (
            f"{row['srcaddr']}, one of ours, scans {_tried(row)} since "
            f"{clock(row['first_seen'], report)}{_refused(row)}{_answered(row)}{more}"
        )
        facts = {name: value for name, value in row.items() if name != "answered"}
        answered = row["answered"]
        facts["answered"] = len(answered)
        if answered:
            facts |= {f"answer_{name}": answered[0][name] for name in _TOLD}
        yield finding(rule, text, row["records"], facts)


_TOLD = ("interface_id", "dstaddr", "protocol", "dstport", "bytes_out")


def _tried(row: Row) -> str:
    """Hosts and ports, whose they are."""
    sides = {"of ours": row["internal_hosts"], "outside": row["outbound_hosts"]}
    hosts = " and ".join(f"{number:,} {whose}" for whose, number in sides.items() if number)
    if row["ports"] == 1:
        return f"{hosts} at {port_service(row['protocol'], row['dstport'])}"
    return f"{hosts} on {count(row['ports'], 'port')}"


def _refused(row: Row) -> str:
    if not row["refused"]:
        return ""
    if row["refused"] == row["records"]:
        return f", {row['refused']:,} refused"
    return f", {row['refused']:,} of {row['records']:,} refused"


def _answered(row: Row) -> str:
    """Who answered with most bytes, and how many others did."""
    if not row["answered"]:
        return "; nobody answers"
    first, *others = row["answered"]
    service = port_service(first["protocol"], first["dstport"])
    more = f", {len(others):,} more answer" if others else ""
    return f"; {first['dstaddr']} {service} answers {amount(first['bytes_out'])}{more}"
