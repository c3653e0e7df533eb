"""Our own hosts that scan, as their own ENIs tell: found, and told from those that call many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scan_world import HEADER, rows, scanners, write

import flowlens as fl
from flowlens.answers.report.page import page
from flowlens.answers.scanners import detection
from flowlens.core.errors import FlowlensError
from flowlens.output.formats import Format
from flowlens.pipeline.run import answering

REFUSED = ["eni-1 192.0.2.99 10.0.1.1 45000 22 6 1 40 0 30 REJECT OK tcp_flags=2"]


def calls(
    hosts: int,
    port: int,
    *,
    outcome: str = "silent",
    source: str = "10.0.1.1",
    eni: str = "eni-1",
    protocol: int = 6,
    packets: int = 1,
    flags: bool = True,
    more: str = "",
    to: str = "198.51.100.{}",
) -> list[str]:
    """A host of ours that opens a port at so many hosts, and what comes back."""
    lines = []
    for n in range(1, hosts + 1):
        other, count = to.format(n), 9 if outcome == "served" else packets
        size = count * (200 if outcome == "served" else 60)
        action = "REJECT" if outcome == "refused" else "ACCEPT"
        told = (f" tcp_flags={2 + (outcome == 'served')}" if flags and protocol == 6 else "") + more
        lines.append(
            f"{eni} {source} {other} {40_000 + n} {port} {protocol} {count} {size} "
            f"{10 + 2 * n} {12 + 2 * n} {action} OK{told}"
        )
        if outcome == "served":
            told = (" tcp_flags=19" if flags and protocol == 6 else "") + more
            lines.append(
                f"{eni} {other} {source} {port} {40_000 + n} {protocol} 9 5400 "
                f"{10 + 2 * n} {12 + 2 * n} ACCEPT OK{told}"
            )
    return lines


def tier(path: Path, lines: list[str], source: str = "10.0.1.1") -> str:
    found = rows(scanners(path, REFUSED + lines)).get(source)
    return "" if found is None else str(found["tier"])


SCANS = {
    "unanswered": calls(20, 23),
    "refused by our own side": calls(20, 445, outcome="refused"),
    "without flags": calls(20, 23, flags=False),
    "over UDP": calls(20, 161, protocol=17),
    "over IPv6": calls(20, 22, source="fd00::5", to="2001:db8::{:x}", eni="eni-6"),
    "a port that nobody probes": calls(20, 12_345),
    "many ports of one host": [
        line for port in range(1, 30) for line in calls(1, port, to="198.51.100.7")
    ],
    "beside files that it shares": [
        *(
            line
            for n in range(1, 91)
            for line in calls(
                1,
                20_000 + 97 * n,
                to=f"203.0.113.{n}",
                outcome="silent" if n % 3 else "served",
            )
        ),
        *calls(20, 23),
    ],
    "beside its work": [*calls(60, 443, outcome="served", to="203.0.113.{}"), *calls(12, 23)],
}


@pytest.mark.parametrize("name", SCANS)
def test_a_host_of_ours_that_scans_is_found_where_only_its_own_eni_is_logged(
    tmp_path: Path, name: str
) -> None:
    source = "fd00::5" if "IPv6" in name else "10.0.1.1"
    assert tier(tmp_path, SCANS[name], source) == "scanner"


CLIENTS = {
    "some are dead": [
        *calls(60, 443, outcome="served", to="203.0.113.{}"), *calls(15, 443),
    ],
    "a cluster that moved": [line for _ in range(9) for line in calls(12, 5432)],
    "mirrors that it may not reach": calls(40, 443, outcome="refused", packets=4),
    "peers at any port": [
        line for n in range(1, 200) for line in calls(1, 20_000 + 97 * n, to=f"198.51.100.{n}")
    ],
    "peers at any port, some of which answer, a few at one port": [
        *(
            line
            for n in range(1, 91)
            for line in calls(
                1, 20_000 + 97 * n, to=f"203.0.113.{n}", flags=False,
                outcome="silent" if n % 3 else "served",
            )
        ),
        *calls(12, 51_413, flags=False),
    ],
    "a resolver": [
        *calls(60, 53, outcome="served", protocol=17, to="203.0.113.{}"),
        *calls(15, 53, protocol=17),
    ],
    "health checks": calls(60, 8080, outcome="served"),
    "pings, whose type isn't told": calls(60, 0, protocol=1),
}  # fmt: skip


@pytest.mark.parametrize("name", CLIENTS)
def test_a_host_of_ours_that_calls_many_and_scans_none_is_not_accused(
    tmp_path: Path, name: str
) -> None:
    assert tier(tmp_path, CLIENTS[name]) in ("benign", "probe", "")


@pytest.mark.parametrize("kind", ["nat_gateway", "interface"])
def test_who_passes_on_what_others_call_is_not_accused(tmp_path: Path, kind: str) -> None:
    more = f" interface_type={kind}"
    lines = []
    for port in (23, 443, 25, 80):
        lines += calls(20, port, more=more)
        lines.append(
            f"eni-1 10.0.2.2 10.0.1.1 50000 {port} 6 1 60 10 12 ACCEPT OK tcp_flags=2{more}"
        )
    assert tier(tmp_path, lines) != "scanner"


def test_what_the_targets_eni_tells_does_not_count_twice(tmp_path: Path) -> None:
    lines = []
    for n in range(1, 11):
        ends = f"10.0.1.1 10.0.3.{n} 41000 445 6 1 40 {n} {n + 9}"
        lines += [f"eni-1 {ends} ACCEPT OK tcp_flags=2", f"eni-3{n} {ends} REJECT OK tcp_flags=2"]
        lines += [
            f"eni-3{n} 10.0.3.{n} 203.0.113.9 50000 443 6 9 900 {n} {n + 9} ACCEPT OK tcp_flags=3",
            f"eni-1 203.0.113.{n} 10.0.1.1 50000 443 6 9 900 {n} {n + 9} ACCEPT OK tcp_flags=3",
        ]
    row = rows(scanners(tmp_path, lines))["10.0.1.1"]
    assert (row["tier"], row["targets"], row["swept"]) == ("scanner", 10, 10)


def test_the_same_address_in_two_accounts_is_two_hosts(tmp_path: Path) -> None:
    text = HEADER
    for account, eni, lines in (
        ("111122223333", "eni-1", REFUSED + calls(20, 23)),
        ("444455556666", "eni-2", calls(30, 443, outcome="served", eni="eni-2")),
    ):
        log = write(tmp_path / "one.log", lines).read_text().removeprefix(HEADER)
        text += log.replace("111122223333", account)
        assert eni in log
    (tmp_path / "one.log").write_text(text)
    found = fl.read(tmp_path / "one.log").scanners(tier="all").arrow().to_pylist()
    ours = {row["srcaddr"]: row["tier"] for row in found if row["inside"]}
    assert ours == {"10.0.1.1@111122223333": "scanner", "10.0.1.1@444455556666": "benign"}


def test_the_same_address_in_two_vpcs_of_one_account_is_two_hosts(tmp_path: Path) -> None:
    rejected = [f"{line} vpc_id=vpc-0a" for line in REFUSED]
    lines = [
        *rejected,
        *calls(20, 23, more=" vpc_id=vpc-0a"),
        *calls(30, 443, outcome="served", eni="eni-2", more=" vpc_id=vpc-0b"),
    ]
    log = write(tmp_path / "one.log", lines)
    log.write_text(log.read_text().replace("interface-type\n", "interface-type vpc-id\n"))
    found = fl.read(log).scanners(tier="all").arrow().to_pylist()
    ours = {row["srcaddr"]: row["tier"] for row in found if row["inside"]}
    assert ours == {"10.0.1.1@vpc-0a": "scanner", "10.0.1.1@vpc-0b": "benign"}


def test_a_log_of_accepts_alone_is_judged_where_a_host_of_ours_scans(tmp_path: Path) -> None:
    log = write(tmp_path / "one.log", calls(240, 443, outcome="served") * 5 + calls(20, 23))
    inputs = fl.read(log).inputs
    with answering(inputs, detection.questions()) as answers:
        detection.require_refusals(answers, inputs.knowledge.evidence)
        assert detection.judge(answers).own_scanners["srcaddr"].to_pylist() == ["10.0.1.1"]
    quiet = fl.read(write(tmp_path / "two.log", calls(240, 443, outcome="served") * 5)).inputs
    with (
        answering(quiet, detection.questions()) as answers,
        pytest.raises(FlowlensError, match="none rejected"),
    ):
        detection.require_refusals(answers, quiet.knowledge.evidence)


def finding(path: Path, lines: list[str]) -> Any:
    return fl.read(write(path / "flows.log", lines)).report().look_first[0]


def test_an_own_scanner_and_who_answered_it_stand_first_in_the_report(tmp_path: Path) -> None:
    lines = REFUSED + calls(20, 23) + calls(1, 23, outcome="served", to="203.0.113.5")
    first = finding(tmp_path, lines)
    assert (first.kind, first.urgent) == ("own_scanner", True)
    assert first.text.startswith("10.0.1.1, one of ours, scans 20 outside at 23/tcp telnet since ")
    assert first.text.endswith("; 203.0.113.5 23/tcp telnet answers 5.4 kB")
    assert first.facts["answered"] == 1


def test_an_own_scanner_is_found_in_a_log_in_which_nothing_is_refused(tmp_path: Path) -> None:
    assert finding(tmp_path, calls(20, 23)).kind == "own_scanner"
    found = scanners(tmp_path, calls(20, 23), parameters={"rejects_records": 1}, tier="scanner")
    assert [row["srcaddr"] for row in found.arrow().to_pylist()] == ["10.0.1.1"]


def test_chatter_and_trifles_stand_below_what_most_rejects_are(tmp_path: Path) -> None:
    chatter = [
        f"eni-1 10.0.7.1 10.0.1.1 67 68 17 1 300 {n * 60} {n * 60 + 30} REJECT OK" for n in range(9)
    ]
    flood = [
        f"eni-1 203.0.113.{n % 200} 10.0.1.1 45000 23 6 1 40 {n} {n + 30} REJECT OK tcp_flags=2"
        for n in range(400)
    ]
    report = fl.read(write(tmp_path / "flows.log", chatter + flood)).report()
    assert [one.kind for one in report.look_first][-2:] == ["inbound", "internal"]
    assert "own→own" in page(report, Format.TABLE, width=100)
