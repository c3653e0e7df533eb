"""What to look at first: findings in order of urgency, each one line with its numbers.

What is urgent is the table `RULES`; a rule that finds nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowlens.answers.report import own, refusals, trouble
from flowlens.answers.report.model import Finding, Report
from flowlens.answers.report.rules import Rule

RULES = (
    Rule("own_scanner", "own scanner", least=1, lines=3, urgent=True),
    Rule("internal_worked", "own→own", least=3, lines=3, urgent=True),
    Rule("answered", "answered", least=1, lines=3, urgent=True),
    Rule("replies", "replies", least=3, lines=2, urgent=True),
    Rule("internal", "own→own", least=5, lines=2),
    Rule("outbound", "own→out", least=5, lines=2),
    Rule("step", "step up", least=1),
    Rule("source", "source", least=100),
    Rule("skipdata", "skipdata", least=1),
    Rule("gaps", "gaps", least=10),
    Rule("inputs", "input", least=1),
    Rule("inbound", "outside", least=1),
)
"""The most urgent first. `least` counts records; for gaps their minutes, for inputs these."""

MINOR_SHARE = 1
"""Percent of all rejects below which a finding that isn't urgent stands below the closing line."""

CHATTER = {(17, port) for port in (67, 68, 137, 138, 546, 547, 1900, 5353, 5355)}
"""Protocol and port of what hosts say to everybody around; nobody misses it where it is refused."""


def look_first(report: Report) -> tuple[Finding, ...]:
    """The findings in the order in which a person would act on them.

    A source that stands in one gets no line of its own. What is not urgent and of little weight
    beside all rejects, or mere chatter, comes last.
    """
    found: list[Finding] = []
    for rule in RULES:
        more = list(_KINDS[rule.kind](report, rule))[: rule.lines]
        if rule.kind == "source":
            named = {finding.facts.get("srcaddr") for finding in found}
            more = [finding for finding in more if finding.facts["srcaddr"] not in named]
        found += more
    return tuple(sorted(found, key=lambda one: _is_minor(one, report.totals.reject)))


def _is_minor(one: Finding, rejects: int) -> bool:
    if one.urgent or one.kind not in ("internal", "outbound"):
        return False
    few = (one.records or 0) * 100 < rejects * MINOR_SHARE
    return few or (one.facts.get("protocol"), one.facts.get("dstport")) in CHATTER


_KINDS: dict[str, Callable[[Report, Rule], Iterator[Finding]]] = {
    "own_scanner": own.scanner,
    "internal_worked": refusals.internal_worked,
    "answered": refusals.answered,
    "replies": refusals.replies,
    "internal": refusals.internal,
    "outbound": refusals.outbound,
    "step": refusals.step,
    "source": refusals.source,
    "skipdata": trouble.skipdata,
    "gaps": trouble.gaps,
    "inputs": trouble.inputs,
    "inbound": refusals.inbound,
}
