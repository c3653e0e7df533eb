"""OCSF's Network Activity events, as JSON and as Security Lake's Parquet, give the same records."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquets import ask, elsewhere

from flowlens.core.errors import NoInputError

INBOUND: dict[str, Any] = {
    "class_uid": 4001, "activity_name": "Refuse", "action": "Denied", "status_code": "OK",
    "time": 1764547201000, "start_time": 1764547201000, "end_time": 1764547230999,
    "metadata": {"product": {"version": "5"}},
    "cloud": {"account": {"uid": "011122223333"}, "region": "us-east-1", "zone": "use1-az1"},
    "src_endpoint": {"ip": "203.0.113.8", "port": 51000, "svc_name": "-"},
    "dst_endpoint": {"ip": "10.20.1.5", "port": 22, "interface_uid": "eni-1", "vpc_uid": "vpc-1",
                     "subnet_uid": "subnet-1", "instance_uid": "i-1"},
    "connection_info": {"protocol_num": 6, "tcp_flags": 2, "direction": "Inbound"},
    "traffic": {"packets": 3, "bytes": 180},
    "unmapped": {"sublocation_id": "-", "traffic_path": "8"},
}  # fmt: skip
OUTBOUND = INBOUND | {
    "activity_name": "Traffic", "action": "Allowed",
    "src_endpoint": {"ip": "10.1.2.3", "intermediate_ips": ["10.20.1.5"], "port": 43210,
                     "interface_uid": "eni-1"},
    "dst_endpoint": {"ip": "198.51.100.9", "port": 443},
    "connection_info": {"protocol_num": 6, "direction": "Outbound"},
}  # fmt: skip
OLD = INBOUND | {
    "action": None, "disposition": "Blocked", "cloud": {"account_uid": "011122223333"},
    "start_time": None, "connection_info": {"protocol_num": 6, "direction": "Unknown"},
}  # fmt: skip
QUIET = INBOUND | {
    "action": "Unknown", "activity_name": "Traffic", "status_code": "NODATA",
    "src_endpoint": {"ip": "-"}, "dst_endpoint": {"interface_uid": "eni-1"},
    "connection_info": {"direction": "-"}, "traffic": {"packets": None},
}  # fmt: skip
EVENTS = [INBOUND, OUTBOUND, OLD, QUIET]
FIRST = datetime(2025, 12, 1, 0, 0, 1, tzinfo=UTC)
LAST = datetime(2025, 12, 1, 0, 0, 30, tzinfo=UTC)
COLUMNS = (
    "account_id", "interface_id", "srcaddr", "dstaddr", "pkt_srcaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start_time", "end_time", "action", "log_status", "tcp_flags",
    "flow_direction", "traffic_path", "sublocation_id", "vpc_id",
)  # fmt: skip
ROWS = [
    ("011122223333", "eni-1", "203.0.113.8", "10.20.1.5", "203.0.113.8", 51000, 22, 6, 3, 180,
     FIRST, LAST, "REJECT", "OK", 2, "ingress", 8, None, "vpc-1"),
    ("011122223333", "eni-1", "10.20.1.5", "198.51.100.9", "10.1.2.3", 43210, 443, 6, 3, 180,
     FIRST, LAST, "ACCEPT", "OK", None, "egress", 8, None, None),
    ("011122223333", "eni-1", "203.0.113.8", "10.20.1.5", "203.0.113.8", 51000, 22, 6, 3, 180,
     FIRST, LAST, "REJECT", "OK", None, None, 8, None, "vpc-1"),
    ("011122223333", "eni-1", None, None, None, None, None, None, None, None,
     FIRST, LAST, None, "NODATA", None, None, 8, None, None),
]  # fmt: skip


def structs(event: dict[str, Any]) -> dict[str, Any]:
    """An event as Security Lake's tree has it: unmapped is a map."""
    row = copy.deepcopy(event)
    row["unmapped"] = list(row["unmapped"].items())
    return row


def as_parquet(place: Path, events: list[dict[str, Any]]) -> Path:
    rows = [structs(event) for event in events]
    names = dict.fromkeys(name for event in events for name in event)
    kinds = {name: pa.array([row.get(name) for row in rows]).type for name in names}
    kinds["unmapped"] = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()}
    )
    pq.write_table(table, place / "a.parquet", compression="zstd")
    return place / "a.parquet"


def write(place: Path, events: list[dict[str, Any]], form: str) -> Any:
    if form in ("parquet", "parquet elsewhere"):
        path = as_parquet(place, events)
        return path if form == "parquet" else elsewhere(path)
    path = place / "a.json"
    texts = [json.dumps(event, indent=2 if form == "pretty" else None) for event in events]
    path.write_text(json.dumps(events) if form == "array" else "\n".join(texts))
    return path


FORMS = ("lines", "pretty", "array", "parquet", "parquet elsewhere")


@pytest.mark.parametrize("form", FORMS)
def test_events_are_records(tmp_path, form):
    asked = ask(write(tmp_path, EVENTS, form))
    assert [str(line) for line in asked.malformed] == []
    assert [tuple(row[name] for name in COLUMNS) for row in asked.rows] == ROWS
    total = asked.account.total
    assert (total.lines, total.ok, total.nodata, total.adds_up) == (4, 3, 1, True)


@pytest.mark.parametrize("form", FORMS)
def test_an_event_of_another_class_is_malformed(tmp_path, form):
    asked = ask(write(tmp_path, [INBOUND, INBOUND | {"class_uid": 4003}], form))
    (fault,) = asked.malformed
    assert (fault.line, fault.reason, "class 4003" in fault.detail) == (2, "bad_value", True)
    assert asked.account.total.ok == 1


def test_events_of_other_classes_alone_are_no_flow_log(tmp_path):
    path = write(tmp_path, [INBOUND | {"class_uid": 4003}] * 3, "lines")
    with pytest.raises(NoInputError, match="no flow log"):
        ask(path)


@pytest.mark.parametrize("form", FORMS)
def test_a_value_that_can_not_be_is_malformed(tmp_path, form):
    wrong = INBOUND | {"dst_endpoint": INBOUND["dst_endpoint"] | {"ip": "10.0.0.1239"}}
    if form.startswith("parquet"):
        wrong = INBOUND | {"traffic": {"packets": -1, "bytes": 180}}
    asked = ask(write(tmp_path, [INBOUND, wrong], form))
    (fault,) = asked.malformed
    assert (fault.line, asked.account.total.ok) == (2, 1)
