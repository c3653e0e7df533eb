"""The report as one JSON object with stable keys, and the same numbers as the screen.

Keys: `read`, `log`, `totals`, `timeline`, `look_first`, `sections`, `made`. A section is
`{rows, records, top}`; the rows of `top` carry `percent` and `cumulative_percent` where the screen
shows them. `parts` of a section are the same for a part of its rows, such as one class.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from flowlens.answers.report.limits import blind, headline
from flowlens.answers.report.model import Named, Report, Section
from flowlens.answers.report.numbers import percent, running
from flowlens.answers.report.words import CLASSES
from flowlens.core import escape

_UNSAFE = re.compile(f"[{escape.CONTROLS}\ud800-\udfff]")

_NO_SHARES = {"action_totals", "enis", "gaps", "coverage", "accepted_after_rejected"}
"""Queries whose rows are no parts of one sum that the screen shows."""


def json_report(report: Report) -> str:
    """The report as JSON text; control and bidi characters are escapes in it."""
    text = json.dumps(as_object(report), ensure_ascii=False, indent=2, default=_value)
    lines = text.split("\n")
    return "\n".join(_UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", line) for line in lines) + "\n"


def as_object(report: Report) -> dict[str, Any]:
    """The report as one object of plain values; times are datetimes still."""
    return {
        "read": _read(report),
        "log": _log(report),
        "totals": _totals(report),
        "timeline": _timeline(report),
        "look_first": [
            {
                "kind": finding.kind,
                "label": finding.label,
                "text": finding.text,
                "urgent": finding.urgent,
                "records": finding.records,
                "facts": dict(finding.facts),
            }
            for finding in report.look_first
        ],
        "sections": {name: _section(report, name) for name in report.sections},
        "scanners": _scanners(report),
        "made": _made(report),
    }


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    raise TypeError(type(value).__name__)


def _read(report: Report) -> dict[str, Any]:
    read = report.read
    counts = ("files", "lines", "records", "headers", "blanks", "malformed", "repeats")
    return {
        **{name: getattr(read, name) for name in (*counts, "ok", "nodata", "skipdata")},
        "reasons": dict(read.reasons),
        "truncated": read.truncated.count,
        "unreadable": read.unreadable.count,
        "first_inputs_with_trouble": {
            "truncated": _named(read.truncated),
            "unreadable": _named(read.unreadable),
        },
        "selected": read.selected,
        "first_seen": read.first_seen,
        "last_seen": read.last_seen,
    }


def _named(named: Named) -> list[dict[str, str]]:
    return [{"name": name, "reason": reason} for name, reason in named.first]


def _log(report: Report) -> dict[str, Any]:
    log, gaps = report.log, report.sections["gaps"]
    lost = report.parts.get("coverage.skipdata")
    return {
        "judged": log.judged,
        "enis": log.enis,
        "capture": dict(log.capture),
        "aggregation": {str(seconds): number for seconds, number in log.aggregation.items()},
        "own_address_unproven": log.unproven,
        "no_eni": log.no_eni,
        "gaps": {
            "gaps": gaps.rows,
            "enis": gaps.distinct.get("interface_id", 0),
            "minutes": gaps.sums.get("minutes", 0),
        },
        "nodata": log.nodata,
        "skipdata": {
            "records": log.skipdata,
            "enis": lost.distinct.get("interface_id", 0) if lost else 0,
            "eni_hours": lost.rows if lost else 0,
        },
        "first_record": report.first,
        "last_record": report.last,
        "cannot_show": [{"kind": note.kind, "text": note.text} for note in blind(report)],
    }


def _totals(report: Report) -> dict[str, Any]:
    totals = report.totals
    return {
        "headline": headline(report),
        "records": totals.records,
        "accept": totals.accept,
        "reject": totals.reject,
        "no_action": totals.other,
        "transit_gateway": totals.gateway,
        "reject_percent": percent(totals.reject, totals.acted),
        "reject_by_class": {
            name: {
                "records": report.parts[f"refused_by_class.{name}"].records,
                "percent": percent(report.parts[f"refused_by_class.{name}"].records, totals.reject),
            }
            for name in CLASSES
        },
    }


def _timeline(report: Report) -> dict[str, Any]:
    times, step = report.timeline, report.timeline.step
    rows = zip(times.reject, times.accept, times.other, strict=True)
    return {
        "bucket_seconds": times.bucket_seconds,
        "buckets": [
            {"bucket": times.at(place), "reject": reject, "accept": accept, "no_action": other}
            for place, (reject, accept, other) in enumerate(rows)
        ],
        "step": step
        and {
            "at": times.at(step.first),
            "until": times.at(step.last) if step.last < len(times.reject) else None,
            "median_before": step.before,
            "median_after": step.after,
        },
    }


def _section(report: Report, name: str) -> dict[str, Any]:
    shares = name not in _NO_SHARES
    parts = {
        key.removeprefix(f"{name}."): _rows(part, shares=shares)
        for key, part in report.parts.items()
        if key.startswith(f"{name}.") and part.rows
    }
    result = _rows(report.sections[name], shares=shares)
    return {**result, "parts": parts} if parts else result


def _rows(section: Section, *, shares: bool) -> dict[str, Any]:
    top = [dict(row) for row in section.top]
    if shares:
        totals = running(row["records"] for row in top)
        for row, total in zip(top, totals, strict=True):
            row["percent"] = percent(row["records"], section.records)
            row["cumulative_percent"] = percent(total, section.records)
    return {"rows": section.rows, "records": section.sums.get("records"), "top": top}


def _scanners(report: Report) -> dict[str, Any] | None:
    found = report.scanning
    if found is None:
        return None
    names = {}
    if found.named is not None:
        shown = [row["srcaddr"] for row in (*found.top, *report.sections["rejected_by_source"].top)]
        known = [source for source in dict.fromkeys(shown) if source in found.named.lookup.answers]
        columns = found.named.columns(known)
        texts = {name: column.to_pylist() for name, column in columns.items()}
        names = {
            source: {name: values[place] for name, values in texts.items()}
            for place, source in enumerate(known)
        }
    return {
        "counts": dict(found.counts),
        "false_alarms_expected": found.false_alarms,
        "rows": found.rows,
        "top": [dict(row) for row in found.top],
        "answered": [dict(row) for row in found.answers],
        "names": names,
        "asked": None if found.named is None else str(found.named.summary),
    }


def _made(report: Report) -> dict[str, Any]:
    made = report.made
    return {
        "version": made.version,
        "as_of": made.as_of,
        "window": made.window,
        "filter": made.filter,
        "inputs": made.inputs,
        "inputs_count": report.read.files,
        "inputs_hash": made.inputs_hash,
    }
