"""The walk of one source, step by step, as a table."""

from __future__ import annotations

import pyarrow as pa

from flowlens.answers.scanners.reasons import OUTCOMES
from flowlens.output.human import port_service
from flowlens.pipeline.evidence import MICRO, Evidence
from flowlens.sql.queryfile import Column

COLUMNS = (
    Column("step", "bigint", "", "number of the touch"),
    Column("first_seen", "timestamptz", "UTC", "time of the touch"),
    Column("interface_id", "varchar", "", "ENI of the target"),
    Column("dstaddr", "varchar", "", "address of the target"),
    Column("service", "varchar", "", "port touched, the lowest of its family of services"),
    Column("outcome", "varchar", "", "what became of it, at best"),
    Column("weight", "double", "nats", "evidence of the touch"),
    Column("fading", "double", "nats", "evidence lost since the touch before"),
    Column("evidence", "double", "nats", "evidence after it"),
    Column("tier", "varchar", "", "what that makes of the source so far"),
)

SCHEMA = pa.schema(
    [
        ("step", pa.int64()),
        ("first_seen", pa.timestamp("us", "UTC")),
        ("interface_id", pa.string()),
        ("dstaddr", pa.string()),
        ("service", pa.string()),
        ("outcome", pa.string()),
        ("weight", pa.float64()),
        ("fading", pa.float64()),
        ("evidence", pa.float64()),
        ("tier", pa.string()),
    ]
)


def likely_bar(bar: int, evidence: Evidence) -> int:
    """What makes a source likely whose alarm is at `bar`; both in micro-nats."""
    return evidence.micro("likely") + bar - evidence.micro("alarm")


def explanation(walk: pa.Table, bar: int, evidence: Evidence) -> pa.Table:
    """The steps of a walk in words; `bar` is what makes an alarm of this source, in micro-nats."""
    lower_bar = likely_bar(bar, evidence)
    rows = []
    faded = before = 0
    alarmed = False
    against = 0
    for step in walk.to_pylist():
        alarmed = alarmed or step["evidence"] >= bar
        against += step["weight"] > 0
        likely = step["evidence"] >= lower_bar and against >= evidence["probe_contacts"]
        # What faded below nothing took nothing away.
        lost = min(before, step["faded"] - faded)
        faded, before = step["faded"], step["evidence"]
        rows.append(
            {
                "step": step["step"],
                "first_seen": step["first_seen"],
                "interface_id": step["interface_id"],
                "dstaddr": step["dstaddr"],
                "service": port_service(*divmod(step["service"], 65_536)),
                "outcome": OUTCOMES[step["outcome"]]
                if not step["rejects_only"] or step["outcome"] > 1
                else "refused, in a log of rejects alone",
                "weight": step["weight"] / MICRO,
                "fading": -lost / MICRO,
                "evidence": step["evidence"] / MICRO,
                "tier": "scanner" if alarmed else "likely" if likely else "",
            }
        )
    return pa.Table.from_pylist(rows, schema=SCHEMA)
