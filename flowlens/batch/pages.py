"""The plan and the status of a job as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from flowlens.batch.plan import Plan
from flowlens.batch.status import Status
from flowlens.core.escape import terminal
from flowlens.output.human import count, several

NAMED = 10
"""Objects and intervals that are named one by one."""

Line = tuple[str, str]


def plan_text(plan: Plan) -> str:
    """What a run would do, a line each."""
    found = plan.news
    size = sum(item.size for item in found.objects)
    lines: list[Line] = [
        ("listed", count(len(plan.listing.objects), "object")),
        ("new", count(len(found.new), "object")),
        ("changed", count(len(found.changed), "object")),
        ("again", f"{count(len(found.again), 'object')} that couldn't be read, or not to the end"),
        ("to be read", f"{size / 1e6:,.1f} MB"),
        ("publish", several(plan.publish) or "nothing that is known so far"),
        ("open", several(plan.open) or "nothing"),
    ]
    lines += [("missing", f"{lost.name}: {lost.why}") for lost in plan.listing.missing]
    lines += [("note", remark) for remark in plan.listing.remarks]
    lines += [("lost part", f"{path}; its objects would be read again") for path in plan.lost_parts]
    lines += [("read", item.name) for item in found.objects[:NAMED]]
    if len(found.objects) > NAMED:
        lines.append(("", f"and {len(found.objects) - NAMED:,} more; --format json names them all"))
    return _aligned(lines)


def status_text(status: Status) -> str:
    """How a job stands, a line each."""
    counts = status.counts
    lines: list[Line] = [("job", status.job), ("store", status.store)]
    lines.append(("running", "yes" if status.running else "no"))
    lines.append(("succeeded", status.succeeded or "never"))
    lines += _last(status.last_run)
    if not status.objects:
        return _aligned([*lines, ("holds", "nothing yet; flowlens batch run begins")])
    lines += [
        ("objects", f"{status.objects:,}, {status.problems:,} of them not read whole"),
        ("lines", f"{counts['lines']:,} = records + headers + blanks + malformed + repeats"),
        ("records", f"{status.records:,} = {counts['ok']:,} ok + {counts['nodata']:,} nodata + "
                    f"{counts['skipdata']:,} skipdata"),
        ("malformed", f"{counts['malformed']:,}"),
        ("parts", f"{status.parts:,}, {status.bytes / 1e6:,.1f} MB"),
        ("intervals", f"{status.intervals:,}, {status.first} to {status.last}; "
                      f"{status.published:,} published"),
        ("due", several(status.due) or "nothing"),
        ("open", several(status.open) or "nothing"),
        ("alerts", f"{status.alerts_pending:,} wait to be delivered"),
    ]  # fmt: skip
    lines += [("not read", f"{name}: {why}") for name, why in status.unreadable]
    if status.problems > len(status.unreadable):
        lines.append(("", f"and {status.problems - len(status.unreadable):,} more"))
    return _aligned(lines)


def _last(run: dict[str, object] | None) -> list[Line]:
    if run is None:
        return []
    ending = (
        "well" if run.get("exit_code") == 0 else f"with {run.get('exit_code')}: {run.get('error')}"
    )
    lines = [("last run", f"{run.get('run')}, ended {run.get('ended')} {ending}")]
    remarks = run.get("remarks")
    told = remarks if isinstance(remarks, list) else []
    return [*lines, *(("", str(text)) for text in told)]


def _aligned(lines: Sequence[Line]) -> str:
    width = max(len(label) for label, _ in lines)
    return "".join(f"{label:<{width}}  {terminal(text)}\n" for label, text in lines)
