"""The detector's verdicts: those of the oracle, for any records, and what misled it once."""

from __future__ import annotations

from pathlib import Path

import pytest
from effort import examples
from hypothesis import given, settings
from scan_world import expected, numbers, records, rows, scanners, verdict

from flowlens.core.errors import FlowlensError


@settings(max_examples=examples(40))
@given(lines=records(), given_numbers=numbers)
def test_verdicts_are_those_of_the_walk_by_recursion(
    tmp_path: Path, lines: list[str], given_numbers: dict[str, float]
) -> None:
    found = rows(scanners(tmp_path, lines, parameters=given_numbers))
    wanted = expected(lines, **given_numbers)
    assert found.keys() == wanted.keys()
    for source, row in found.items():
        assert row == wanted[source]


def session(number: int) -> list[str]:
    """A session of a client with a host, and the answer."""
    ends = f"198.51.100.7 10.0.1.{number}", f"10.0.1.{number} 198.51.100.7"
    return [
        f"eni-{number} {ends[0]} 45000 22 6 9 3600 100 130 ACCEPT OK tcp_flags=3",
        f"eni-{number} {ends[1]} 22 45000 6 9 8100 100 130 ACCEPT OK tcp_flags=19",
    ]


def test_a_log_whose_only_refusals_are_of_our_own_calls_is_judged(tmp_path: Path) -> None:
    lines = [line for number in range(4) for line in session(number)]
    numbers = {"rejects_records": 4}
    with pytest.raises(FlowlensError, match="none rejected: such a log can't show a scanner"):
        scanners(tmp_path, lines, parameters=numbers).arrow()
    lines.append("eni-1 10.0.1.1 192.0.2.9 50000 25 6 1 40 100 130 REJECT OK tcp_flags=2")
    assert rows(scanners(tmp_path, lines, parameters=numbers))["198.51.100.7"]["tier"] == "benign"


def test_a_peer_that_fills_the_log_is_not_taken_for_the_enis_own_address(tmp_path: Path) -> None:
    found = rows(
        scanners(
            tmp_path,
            [
                f"eni-1 203.0.113.9 10.0.0.{1 + n % 2} {40000 + n} {20 + n} 6 1 44 {n} {n + 30} "
                "REJECT OK"
                for n in range(40)
            ],
        )
    )
    assert (found["203.0.113.9"]["tier"], found["203.0.113.9"]["targets"]) == ("scanner", 40)


def test_a_traceroute_is_one_touch(tmp_path: Path) -> None:
    probes = [
        f"eni-1 203.0.113.9 10.0.0.1 40000 {33_434 + n} 17 1 60 {n} {n + 30} REJECT OK"
        for n in range(30)
    ]
    row = rows(scanners(tmp_path, [*probes, *session(2)]))["203.0.113.9"]
    assert (row["tier"], row["contacts"], row["targets"]) == ("probe", 1, 30)


def test_a_nat_gateway_answers_nobody(tmp_path: Path) -> None:
    lines = [
        f"eni-{n} {ends} 6 9 3600 {n} {n + 30} ACCEPT OK interface_type={kind}"
        for n, kind in enumerate(("nat_gateway", "interface"))
        for ends in (f"203.0.113.9 10.0.0.{n} 40000 22", f"10.0.0.{n} 203.0.113.9 22 40000")
    ]
    lines.append("eni-9 203.0.113.9 10.0.0.9 40000 22 6 1 40 0 30 REJECT OK")
    assert verdict(tmp_path, lines)["answered"] == 1
