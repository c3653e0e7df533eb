"""A query says which field its inputs lack; one that some of them have is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import flowlens
from flowlens.core.errors import UsageError

V2 = "2 111122223333 eni-1 192.0.2.1 10.0.0.5 40000 22 6 20 4249 1767225600 1767225660 {} OK\n"
V5 = """\
version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
tcp-flags log-status
5 eni-1 192.0.2.1 10.0.0.5 40000 22 6 1 40 1767225600 1767225660 ACCEPT 2 OK
5 eni-1 - - - - - - - 1767225660 1767225720 - - NODATA
"""
QUERY = """\
-- All that is there.
--
-- reads: flows
-- needs: tcp_flags
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source address
select srcaddr
from flows
where tcp_flags is null or tcp_flags > 1
limit $limit
"""

MANY = 150_000
"""Records that make more than one batch."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text(V2.format("ACCEPT") + V2.format("REJECT"))
    return path


def test_the_command_ends_with_one_line_and_exit_code_2(old: Path) -> None:
    command = [sys.executable, "-m", "flowlens", "query", "half_open", str(old), "-f", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "flowlens: half_open needs tcp-flags, which no input has: create the flow log with a "
        "custom format that holds ${tcp-flags} (aws ec2 create-flow-logs --log-format '…')\n"
    )


def test_the_listing_says_what_a_query_needs_beyond_the_default_format() -> None:
    command = [sys.executable, "-m", "flowlens", "query", "-f", "json"]
    done = subprocess.run(command, capture_output=True, check=True)
    needs = {row["query"]: row["needs"] for row in json.loads(done.stdout)}
    assert needs["packet_talkers"] == "pkt-srcaddr, pkt-dstaddr"
    assert needs["half_open"] == "tcp-flags"
    assert needs["rejected_by_port"] == needs["action_totals"] == ""


@pytest.mark.parametrize("name", ["half_open", "resets", "traffic_by_instance", "tgw_drops"])
def test_a_query_whose_field_no_input_has_is_refused(old: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} needs"):
        flowlens.read(old).query(name).arrow()


def test_an_input_that_has_the_field_is_enough_for_all(old: Path) -> None:
    (old.parent / "b.log").write_text(V5)
    (row,) = flowlens.read(old.parent).query("half_open").arrow().to_pylist()
    assert (row["client"], row["server"], row["port"]) == ("192.0.2.1", "10.0.0.5", 22)


def test_a_filter_that_nothing_passes_hides_no_lack(old: Path) -> None:
    with pytest.raises(UsageError, match="resets needs tcp-flags"):
        flowlens.read(old, port=4444).query("resets").arrow()


def test_an_input_without_a_record_lacks_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("")
    (tmp_path / "b.log").write_text("version srcaddr dstaddr\n")
    assert len(flowlens.read(tmp_path).query("half_open")) == 0


def test_a_field_may_come_after_the_first_rows_of_an_answer(old: Path) -> None:
    queries = old.parent / "queries"
    queries.mkdir()
    (queries / "mine.sql").write_text(QUERY)
    with pytest.raises(UsageError, match="mine needs tcp-flags"):
        flowlens.read(old, queries=queries).query("mine").arrow()
    old.write_text(V2.format("ACCEPT") * MANY)
    late = old.parent / "late.log"
    late.write_text(V5)
    assert len(flowlens.read([old, late], queries=queries).query("mine")) == MANY + 2


def test_a_page_shows_what_there_is(old: Path) -> None:
    gateway = old.parent / "tgw"
    gateway.mkdir()
    (gateway / "tgw.log").write_text(
        "version resource-type account-id tgw-id srcaddr dstaddr srcport dstport protocol packets "
        "bytes start end log-status\n"
        "6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.1 50000 443 6 1 40 1767225600 "
        "1767225660 OK\n"
    )
    with pytest.raises(UsageError, match="rejected_by_port needs action"):
        flowlens.read(gateway).query("rejected_by_port").arrow()
    assert flowlens.read(gateway).report().totals.gateway == 1
    for page in (["show", "10.0.0.1"], ["report"], ["check"]):
        command = [sys.executable, "-m", "flowlens", *page, str(gateway)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
