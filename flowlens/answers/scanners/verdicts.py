"""The table of verdicts as users get it: one row a source or network, with its reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_network
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.scanners.detection import Detection
from flowlens.answers.scanners.networks import networks
from flowlens.answers.scanners.reasons import reasons, sure
from flowlens.core.cidrs import Allowed, Cidrs
from flowlens.output.human import port_service
from flowlens.pipeline.evidence import MICRO, Evidence
from flowlens.sql.queryfile import Column

COLUMNS = (
    Column(
        "srcaddr",
        "varchar",
        "",
        "the source, or a network whose sources scan as one; address@VPC where we have it twice",
    ),
    Column("tier", "varchar", "", "scanner, likely, probe, benign, backscatter or return"),
    Column("sure", "bigint", "1-5", "grade of a scanner or likely scanner"),
    Column("evidence", "double", "nats", "what the walk reached; its end where it made no alarm"),
    Column("shape", "varchar", "", "vertical, horizontal, block or random"),
    Column("pace", "varchar", "", "fast (median gap under 1 s), medium, slow (over 1 h)"),
    Column("targets", "bigint", "", "ENI, address, protocol and port touched"),
    Column("hosts", "bigint", "", "ENI and address touched"),
    Column("exposed", "bigint", "", "hosts touched from outside at all; null for a source inside"),
    Column("ports", "bigint", "", "protocol and port touched"),
    Column("top_ports", "varchar[]", "", "the ports touched at most hosts, with their names"),
    Column("first_seen", "timestamptz", "UTC", "earliest start"),
    Column("last_seen", "timestamptz", "UTC", "latest end"),
    Column("known", "boolean", "", "an earlier state had seen it; null without one"),
    Column("alarm_at", "timestamptz", "UTC", "time of the touch that made the alarm"),
    Column("alarm_contact", "bigint", "", "number of the touch that made the alarm"),
    Column("contacts", "bigint", "", "touches: targets taken together by family of services"),
    Column("answered", "bigint", "", "targets that answered it"),
    Column("accepted", "bigint", "", "targets that accepted something of it"),
    Column("sessions", "bigint", "sessions", "sessions that it had"),
    Column("members", "bigint", "", "sources of a network; null for a single address"),
    Column("inside", "boolean", "", "one of our own addresses"),
    Column("one_srcport", "integer", "", "its source port, where it is one alone"),
    Column("syn_bytes", "bigint", "bytes", "bytes of a refused TCP packet: 40 or 44 is a tool's"),
    Column("records", "bigint", "records", "records from it"),
    Column("basis", "varchar", "", "all, or rejects only: the log can't show sessions"),
    Column("allowed", "varchar", "", "reason of the allow-list that names it"),
    Column("reasons", "varchar[]", "", "why, in words and nats"),
)

SCHEMA = pa.schema(
    [
        (
            column.name,
            {
                "varchar": pa.string(),
                "varchar[]": pa.list_(pa.string()),
                "bigint": pa.int64(),
                "integer": pa.int32(),
                "double": pa.float64(),
                "boolean": pa.bool_(),
                "timestamptz": pa.timestamp("us", "UTC"),
            }[column.type],
        )
        for column in COLUMNS
    ]
)

_JUDGED = ("scanner", "likely")


def verdicts(
    detection: Detection,
    tiers: Collection[str],
    *,
    evidence: Evidence,
    allowed: Cidrs[Allowed] | None = None,
    known: Collection[str] | None = None,
    rows: int = 0,
) -> pa.Table:
    """The rows of the wanted tiers; `rows` of them (0: all).

    Scanners of our own come first, then most evidence, then the address.

    `known` are the sources that earlier states have seen; None if there are no earlier states. A
    network is known where one of them lies in it.
    """
    found = detection.sources
    found = found.filter(pc.is_in(found["tier"], pa.array(list(tiers), pa.string())))
    ours = pc.and_(found["inside"], pc.equal(found["tier"], "scanner"))
    found = found.append_column("first", pc.cast(ours, pa.int8())).sort_by(
        [("first", "descending"), ("evidence", "descending"), ("srcaddr", "ascending")]
    )
    ports = _ports(detection.top_ports)
    shown = found.slice(0, rows or None).to_pylist()
    seen = None if known is None else _seen(shown, known)
    told = [
        {
            **row,
            "sure": sure(row["tier"], row["evidence"], row["bar"]),
            "evidence": row["evidence"] / MICRO,
            "exposed": None if row["inside"] else detection.exposed,
            "top_ports": ports[row["srcaddr"]] if row["tier"] in _JUDGED else [],
            "known": None if seen is None else row["srcaddr"] in seen,
            "allowed": allowed_for(row["srcaddr"], allowed),
            "reasons": reasons(row, evidence),
        }
        for row in shown
    ]
    return pa.Table.from_pylist(told, schema=SCHEMA)


def _ports(top_ports: pa.Table) -> Mapping[str, list[str]]:
    ports: defaultdict[str, list[str]] = defaultdict(list)
    for row in top_ports.to_pylist():
        ports[row["srcaddr"]].append(port_service(row["protocol"], row["dstport"]))
    return ports


def _seen(rows: Iterable[Mapping[str, Any]], known: Collection[str]) -> Collection[str]:
    """What earlier states have seen, with the networks of that where a row is one."""
    if all(row["members"] is None for row in rows):
        return known
    around = networks(pa.chunked_array([list(known)], pa.string()))["network"]
    return {*known, *pc.unique(around).to_pylist()}


def allowed_for(source: str, allowed: Cidrs[Allowed] | None) -> str | None:
    """Why the allow-list names a source, an address or a network that scans as one.

    Which of a network's addresses take part isn't known here, so that it has to be named as a
    whole, by one line: what covers a part of it says nothing of the others.
    """
    if allowed is None:
        return None
    try:
        network = ip_network(source.partition("@")[0])
    except ValueError:  # Parquet files may hold texts that are no addresses
        return None
    for item in allowed.holding(network.network_address):
        if item.network.prefixlen <= network.prefixlen:
            return item.reason or "on the allow-list"
    return None
