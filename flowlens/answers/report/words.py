"""What reports alone say: classes, causes, and times as short as the report's span allows."""

from __future__ import annotations

from datetime import datetime

from flowlens.answers.report.model import Report
from flowlens.output.human import length

CLASSES = {
    "internal": "own → own",
    "outbound": "own → outside",
    "inbound": "outside → own",
    "late": "late answers",
    "unknown": "neither proven ours",
}

CAUSES = {
    "nacl": "network ACL, likely",
    "expired": "expired, likely",
    "closed": "closed, likely",
}


def clock(moment: datetime | None, report: Report) -> str:
    """A moment as short as the report's span allows; the day where it has several."""
    if moment is None:
        return "-"
    first, last = report.first, report.last
    if report.timeline.bucket_seconds >= 86_400 and not moment.hour + moment.minute:
        return f"{moment:%Y-%m-%d}"
    if first is None or last is None or (last - first).days > 300:
        return f"{moment:%Y-%m-%d %H:%M}"
    if first.date() == last.date():
        return f"{moment:%H:%M}" if (last - first).total_seconds() >= 600 else f"{moment:%H:%M:%S}"
    return f"{moment:%m-%d %H:%M}"


def span(report: Report) -> str:
    """The report's span: `2026-11-23 02:00-03:00 UTC, 1 h`."""
    first, last = report.first, report.last
    if first is None or last is None:
        return ""
    seconds = int((last - first).total_seconds())
    day, end = f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"
    if seconds < 600:
        day, end = f"{first:%Y-%m-%d %H:%M:%S}", f"{last:%Y-%m-%d %H:%M:%S}"
    if first.date() == last.date():
        return f"{day}-{end[11:]} UTC, {length(seconds)}"
    return f"{day} to {end} UTC, {length(seconds)}"
