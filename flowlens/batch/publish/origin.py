"""Where an interval's records come from: the objects, and what was read of these."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace

from flowlens.answers.report.model import Made, Named, Read, Report
from flowlens.answers.report.provenance import FIRST
from flowlens.batch.job import Job
from flowlens.batch.store.entries import COUNTED
from flowlens.batch.store.place import Store
from flowlens.core.times import Interval
from flowlens.core.version import version

_OBJECTS = f"""
select name, size, stamp, state, why, touches.records, reasons, {", ".join(COUNTED)}
from touches
join objects on objects.id = touches.object
where touches.start = ?
order by name
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """An object with records of an interval; `lines` and the rest are of the object as a whole."""

    name: str
    size: int
    stamp: str
    state: str
    why: str
    records: int
    reasons: str
    lines: int
    headers: int
    blanks: int
    malformed: int
    repeats: int
    ok: int
    nodata: int
    skipdata: int

    def to_dict(self) -> dict[str, object]:
        """As `run.json` has it."""
        about = {"name": self.name, "size": self.size, "stamp": self.stamp}
        state = {} if self.state == "read" else {"state": self.state, "why": self.why}
        return {**about, **state, "records": self.records, "malformed": self.malformed}


def origins(store: Store, interval: Interval) -> list[Origin]:
    """The objects that have records of an interval, by name."""
    return [Origin(*row) for row in store.ledger.rows(_OBJECTS, interval.seconds)]


def digest(found: list[Origin]) -> str:
    """One hash means objects of the same names, with as many records of the interval."""
    told = json.dumps([(origin.name, origin.size, origin.records) for origin in found])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def tells(report: Report, job: Job, interval: Interval, found: list[Origin]) -> Report:
    """A report on an interval that says where it really comes from: no part of the store is named.

    What was read is told of objects as a whole, for a malformed line has no time.
    """
    sums = {name: sum(getattr(origin, name) for origin in found) for name in COUNTED}
    truncated = [(origin.name, origin.why) for origin in found if origin.state == "truncated"]
    reasons: Counter[str] = Counter()
    for origin in found:
        reasons.update(json.loads(origin.reasons))
    records, own = sums["ok"] + sums["nodata"] + sums["skipdata"], sum(o.records for o in found)
    read = Read(
        files=len(found),
        **sums,
        records=records,
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        truncated=Named(len(truncated), tuple(truncated[:FIRST])),
        unreadable=Named(0, ()),
        selected=None if own == records else own,
        first_seen=report.first,
        last_seen=report.last,
    )
    ends = f"from {interval.start:%Y-%m-%dT%H:%M:%SZ} until {interval.end:%Y-%m-%dT%H:%M:%SZ}"
    made = Made(
        version=version(),
        as_of=interval.end,
        window=ends,
        filter="none",
        inputs=f"job {job.name}",
        inputs_hash=digest(found),
    )
    return replace(report, read=read, made=made)
