"""What a rule of `lookfirst` is, and the finding that it makes."""

from __future__ import annotations

from dataclasses import dataclass

from flowlens.answers.report.model import Finding, Row


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding: its label, the least number it takes, how many lines it may have."""

    kind: str
    label: str
    least: int
    lines: int = 1
    urgent: bool = False


def finding(rule: Rule, text: str, records: int | None, facts: Row) -> Finding:
    """What a rule found, as one line with its numbers."""
    return Finding(rule.kind, rule.label, text, records, facts, rule.urgent)
