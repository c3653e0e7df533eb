"""What is said of a source: its reasons, its coverage, and whether it was known before."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pytest
from scan_world import scanners, several, write

import flowlens as fl
from flowlens.answers.scanners.networks import networks
from flowlens.answers.scanners.reasons import reasons
from flowlens.answers.scanners.verdicts import verdicts
from flowlens.pipeline.evidence import Evidence

PROBE = several("""
    eni-1 203.0.113.7 10.0.1.1 45000 22 6 1 40 10 40 REJECT OK tcp_flags=2
    eni-2 203.0.113.7 10.0.1.2 45000 22 6 1 40 11 40 REJECT OK tcp_flags=2
""")
BACKSCATTER = ["eni-1 203.0.113.8 10.0.1.1 443 50001 6 1 40 20 40 REJECT OK tcp_flags=18"]
RETURN = several("""
    eni-1 10.0.1.1 203.0.113.9 50002 443 6 9 900 30 60 ACCEPT OK tcp_flags=3
    eni-1 203.0.113.9 10.0.1.1 443 50002 6 9 900 30 60 ACCEPT OK tcp_flags=19
""")
COUNTED = (
    "refused_free", "refused_served", "refused_only", "refused_icmp", "allowed",
    "touches_answered", "half_open", "connectionless", "touches_session", "swept", "lone",
    "insisted", "retried", "found_open",
)  # fmt: skip


def refused(source: str, hosts: int, *, port: int = 23, first: int = 1, at: int = 0) -> list[str]:
    """A source that is refused at one port of so many hosts, a second apart."""
    return [
        f"eni-{n} {source} 10.0.1.{n} 45000 {port} 6 1 48 {at + n} {at + 40} REJECT OK tcp_flags=2"
        for n in range(first, first + hosts)
    ]


def served(source: str, hosts: int, *, at: int = 0) -> list[str]:
    """Sessions with so many hosts."""
    lines = []
    for n in range(1, 1 + hosts):
        ends = f"{at + n} {at + 40} ACCEPT OK"
        lines += [
            f"eni-{n} {source} 10.0.1.{n} 45000 443 6 9 3600 {ends} tcp_flags=3",
            f"eni-{n} 10.0.1.{n} {source} 443 45000 6 9 8100 {ends} tcp_flags=19",
        ]
    return lines


def table(path: Path, lines: list[str], **options: Any) -> dict[str, dict[str, Any]]:
    return {row["srcaddr"]: row for row in scanners(path, lines, **options).arrow().to_pylist()}


def test_what_is_not_judged_says_why(tmp_path: Path) -> None:
    rows = table(tmp_path, [*PROBE, *BACKSCATTER, *RETURN])
    told = {source: (row["tier"], row["reasons"]) for source, row in rows.items()}
    assert told == {
        "10.0.1.1": ("benign", ["one of our own"]),
        "203.0.113.7": (
            "probe",
            [
                "2 refused: too few touches to judge",
                "one source port (45000)",
                "40-byte SYN, a tool's",
            ],
        ),
        "203.0.113.8": ("backscatter", ["answers to nobody's question here"]),
        "203.0.113.9": ("return", ["only answered us"]),
    }
    assert rows["203.0.113.8"]["syn_bytes"] == 40


def test_an_alarm_has_its_time(tmp_path: Path) -> None:
    row = table(tmp_path, refused("203.0.113.7", 6))["203.0.113.7"]
    told = next(reason for reason in row["reasons"] if reason.startswith("alarm"))
    assert told == f"alarm at touch 4 of 6, {row['alarm_at']:%Y-%m-%d %H:%M:%S} UTC"
    assert row["alarm_contact"] == 4


def told(**fields: Any) -> list[str]:
    """Reasons for a row that is nothing but these fields."""
    counted = dict.fromkeys((*COUNTED, "alarm_contact"), 0)
    row = {
        "tier": "scanner", "inside": False, "bar": Evidence().micro("alarm"), "one_srcport": None,
        "syn_bytes": None, "contacts": 9, **counted,
    }  # fmt: skip
    return reasons({**row, **fields}, Evidence())


def test_large_numbers_have_separators() -> None:
    said = told(refused_free=990_000, evidence=990_000 * 3_150_000)
    assert said == ["990,000 refused where nobody is served +3,118,500.0"]


def test_a_higher_bar_is_told_where_it_makes_a_difference() -> None:
    evidence = Evidence()
    ordinary, likely = evidence.micro("alarm"), evidence.micro("likely")
    inside, trust = evidence.micro("inside"), evidence.micro("trust")
    for tier in ("scanner", "likely", "benign"):
        least = {"tier": tier, "evidence": likely, "refused_free": 0}
        trusted = told(**least, bar=ordinary + trust)
        assert trusted[0] == "trusted for its sessions: bar 25.5"
        assert told(**least, bar=ordinary + inside, inside=True)[0] == "one of our own: bar 17.8"
        both = told(**least, bar=ordinary + inside + trust, inside=True)[0]
        assert both == "one of our own, trusted for its sessions: bar 31.8"
        assert "bar" not in " ".join(told(**least))
    less = {"tier": "benign", "evidence": likely - 1}
    assert told(**less, bar=ordinary + trust) == []
    assert told(**less, bar=ordinary + inside, inside=True) == ["one of our own"]


def test_trust_and_our_own_are_told_of_real_rows(tmp_path: Path) -> None:
    lines = [
        *served("203.0.113.9", 10),
        *served("203.0.113.9", 10, at=86_400),
        *refused("203.0.113.9", 15, at=90_000, first=20),
        *(line + " flow_direction=ingress" for line in refused("10.0.1.99", 9, first=40)),
        "eni-99 10.0.1.99 203.0.113.9 45000 99 6 1 40 1 40 REJECT OK tcp_flags=2",
    ]
    rows = table(tmp_path, lines)
    assert rows["203.0.113.9"]["reasons"][0] == "trusted for its sessions: bar 25.5"
    assert rows["10.0.1.99"]["reasons"][0] == "one of our own: bar 17.8"
    assert rows["10.0.1.99"]["exposed"] is None
    assert rows["203.0.113.9"]["exposed"] == 25


def test_a_network_is_known_where_an_earlier_state_saw_one_of_it(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = [
        *refused("203.0.113.200", 1),
        "eni-1 2001:db8:0:1::99 fd00::1 45000 23 6 1 40 1 40 REJECT OK tcp_flags=2",
    ]
    state = tmp_path / "monday"
    found = fl.read(write(tmp_path / "before" / "a.log", before)).scanners(save_state=state)
    assert found.arrow() is not None
    wave = [line for n in range(4) for line in refused(f"203.0.113.{n}", 2, first=2 * n + 1)]
    wave += [line for n in range(4) for line in refused(f"198.51.100.{n}", 2, first=2 * n + 1)]
    for n in range(4):
        for net in (1, 2):
            wave.append(
                f"eni-{n} 2001:db8:0:{net}::{n + 1} fd00::{n + 1} 45000 {22 + net} 6 1 40 "
                f"{n} 40 REJECT OK tcp_flags=2"
            )
    known = {s: row["known"] for s, row in table(tmp_path, wave, states=state).items()}
    assert {s: seen for s, seen in known.items() if "/" in s} == {
        "203.0.113.0/24": True,
        "198.51.100.0/24": False,
        "2001:db8:0:1::/64": True,
        "2001:db8:0:2::/64": False,
    }
    assert known["203.0.113.1"] is False
    assert table(tmp_path, wave)["203.0.113.0/24"]["known"] is None


def test_networks_among_half_a_million_known_addresses_are_found_at_once(tmp_path: Path) -> None:
    wave = [line for n in range(4) for line in refused(f"203.0.113.{n}", 2, first=2 * n + 1)]
    found = scanners(tmp_path, wave)
    known = {f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(500_000)} | {"203.0.113.77"}
    start = perf_counter()
    rows = verdicts(found.detection, ("scanner",), evidence=Evidence(), known=known)
    assert perf_counter() - start < 5  # it takes half a second; one by one took many
    assert rows["known"].to_pylist() == [True]


def test_texts_that_are_no_addresses_are_in_no_network() -> None:
    texts = ["192.0.2.7", "host:name", "::1%eth0", "nobody", "1.2.3", "2001:db8::7", None]
    found = networks(pa.chunked_array([texts]))
    assert found.to_pydict() == {
        "address": ["192.0.2.7", "2001:db8::7"],
        "network": ["192.0.2.0/24", "2001:db8::/64"],
    }


@pytest.mark.parametrize(
    ("line", "networks_reason", "address_reason"),
    [
        ("203.0.113.0/24 ours", "ours", "ours"),
        ("203.0.0.0/16 wide", "wide", "wide"),
        ("203.0.113.0/25 half", None, "half"),
        ("203.0.113.1 one", None, "one"),
        ("203.0.113.0/24", "on the allow-list", "on the allow-list"),
        ("198.51.100.0/24 others", None, None),
    ],
)
def test_a_network_is_allowed_where_one_line_names_all_of_it(
    tmp_path: Path, line: str, networks_reason: str | None, address_reason: str | None
) -> None:
    wave = [line for n in range(4) for line in refused(f"203.0.113.{n}", 2, first=2 * n + 1)]
    (tmp_path / "allow.txt").write_text(line + "\n")
    rows = table(tmp_path, wave, allow=tmp_path / "allow.txt")
    assert rows["203.0.113.0/24"]["allowed"] == networks_reason
    assert rows["203.0.113.1"]["allowed"] == address_reason
