"""Who asked and who was asked: conversations, and leftovers told from a client port's next use."""

from __future__ import annotations

import pytest
from query_world import answer, flows


def test_a_conversation_has_the_side_that_a_syn_or_a_refusal_went_to_as_its_server() -> None:
    log = flows("""
        eni-a 10.0.0.5 10.0.0.9    40000 5432 6 4 400 0 30 ACCEPT OK
        eni-a 10.0.0.9 10.0.0.5    5432 40000 6 4 800 0 30 ACCEPT OK
        eni-a 203.0.113.7 10.0.0.5 6000 8080  6 1 40  5 5  REJECT OK
        eni-a 203.0.113.7 10.0.0.5 6000 37215 6 1 40  6 6  REJECT OK
    """)
    rows = answer("conversations", log)
    assert "eni-a 10.0.0.5 10.0.0.9 6 5432 2 0 true 400 800" in [
        " ".join(row.split()[:10]).lower() for row in rows
    ]
    assert "eni-a 203.0.113.7 10.0.0.5 6 8080 1 1 false 0 0" in [
        " ".join(row.split()[:10]).lower() for row in rows
    ]


def test_one_record_with_a_syn_tells_the_sides_of_all_records_of_the_connection() -> None:
    log = flows("""
        eni-a 10.0.0.9 10.0.0.5 40000 50000 6 4 400 0   30  ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 10.0.0.9 50000 40000 6 4 800 0   30  ACCEPT OK tcp_flags=18
        eni-a 10.0.0.9 10.0.0.5 40000 50000 6 4 100 600 630 ACCEPT OK tcp_flags=0
        eni-a 10.0.0.5 10.0.0.9 50000 40000 6 4 200 600 630 ACCEPT OK
    """)
    assert answer("conversations", log) == [
        "eni-a 10.0.0.9 10.0.0.5 6 50000 4 0 True 500 1000 0 630"
    ]


def test_a_refused_answer_does_not_turn_the_sides_around() -> None:
    log = flows("""
        eni-a 10.0.0.9 10.0.0.5 20000 5432 6 4 400 0 30 ACCEPT OK
        eni-a 10.0.0.5 10.0.0.9 5432 20000 6 4 800 0 30 REJECT OK
    """)
    assert answer("conversations", log) == ["eni-a 10.0.0.9 10.0.0.5 6 5432 2 1 False 400 0 0 30"]


@pytest.mark.parametrize(
    ("back", "answered"),
    [
        ("6 4 800 0 30 ACCEPT OK", "True"),
        ("6 4 -   0 30 ACCEPT OK", "True"),
        ("6 1 40  0 30 ACCEPT OK tcp_flags=4", "False"),
        ("6 9 900 0 30 ACCEPT OK tcp_flags=4", "True"),
        ("6 1 40  0 30 ACCEPT OK tcp_flags=22", "True"),
        ("6 4 800 0 30 REJECT OK", "False"),
        ("6 4 800 0 30 -      OK", "-"),
        ("6 - -   0 30 -      NODATA", "False"),
    ],
)
def test_answered_means_accepted_bytes_and_more_than_a_reset(back: str, answered: str) -> None:
    log = flows(f"""
        eni-a 10.0.0.9 10.0.0.5 40000 443 6 4 400 0 30 ACCEPT OK
        eni-a 10.0.0.5 10.0.0.9 443 40000 {back}
    """)
    (row,) = answer("conversations", log)
    assert row.split()[7] == answered


def test_bytes_that_are_not_logged_are_null_and_none_are_zero() -> None:
    log = flows("""
        eni-a 10.0.0.9 10.0.0.5 40000 443 6 4 -   0 30 ACCEPT OK
        eni-b 10.0.0.9 10.0.0.5 40000 443 6 4 400 0 30 ACCEPT OK
        eni-c 10.0.0.9 10.0.0.5 40000 443 6 1 40  0 30 REJECT OK
    """)
    assert [row.split()[8:10] for row in answer("conversations", log)] == [
        ["-", "-"],
        ["400", "0"],
        ["0", "0"],
    ]


def test_a_client_port_used_again_after_ten_minutes_is_no_leftover() -> None:
    log = flows("""
        eni-a 10.0.0.9 10.0.0.5 5432 40000 6 4 800 0    30   ACCEPT OK
        eni-a 10.0.0.5 10.0.0.9 40000 5432 6 1 40  600  600  REJECT OK
        eni-a 10.0.0.5 10.0.0.9 40000 5432 6 1 40  2000 2000 REJECT OK
    """)
    classes = [row.split()[0] for row in answer("refusals", log)]
    assert sorted(classes) == ["internal", "late"]


PROBED = "203.0.113.77 10.0.0.5 {} {} 1 40 0 0 {}"
"""What a scanner sends to our host, without flags."""


@pytest.mark.parametrize(
    ("sent", "server"),
    [
        ((6000, "37215 6", "REJECT"), "10.0.0.5 6 37215"),
        ((6000, "37215 6", "ACCEPT"), "10.0.0.5 6 37215"),
        ((443, "37215 6", "REJECT"), "10.0.0.5 6 37215"),
        ((443, "3389 6", "ACCEPT"), "10.0.0.5 6 3389"),
        ((53, "123 17", "ACCEPT"), "10.0.0.5 17 123"),
        ((53, "53413 17", "REJECT"), "10.0.0.5 17 53413"),
        ((6000, "8080 6", "ACCEPT"), "10.0.0.5 6 8080"),
        ((6000, "50000 6", "REJECT"), "10.0.0.5 6 50000"),
        ((6000, "5555 6", "REJECT"), "10.0.0.5 6 5555"),
        ((6000, "1234 6", "REJECT"), "10.0.0.5 6 1234"),
        ((8080, "1234 6", "REJECT"), "10.0.0.5 6 1234"),
        ((40000, "22 6", "REJECT"), "10.0.0.5 6 22"),
        # From a service's port to a client's: a late answer.
        ((443, "50000 6", "REJECT"), "203.0.113.77 6 443"),
        ((53, "50000 17", "REJECT"), "203.0.113.77 17 53"),
        ((443, "50000 6", "ACCEPT"), "203.0.113.77 6 443"),
    ],
)
@pytest.mark.parametrize("query", ["conversations", "service_traffic"])
def test_a_commonly_probed_port_is_the_servers_wherever_it_lies(
    query: str, sent: tuple[int, str, str], server: str
) -> None:
    source, target, action = sent
    (row,) = answer(query, flows(f"eni-a {PROBED.format(source, target, action)} OK"))
    assert " ".join(row.split()[2:5]) == server


@pytest.mark.parametrize(
    ("ports", "server"),
    [
        ("6000 37215", "10.0.0.5 6 37215"),
        ("5000 8080", "10.0.0.5 6 8080"),
        # A client's port that is commonly probed, too.
        ("443 37215", "203.0.113.77 6 443"),
        ("443 8080", "203.0.113.77 6 443"),
    ],
)
@pytest.mark.parametrize("query", ["conversations", "service_traffic"])
def test_where_bytes_came_back_a_probed_port_yields_to_a_services(
    query: str, ports: str, server: str
) -> None:
    first, second = ports.split()
    log = flows(f"""
        eni-a 203.0.113.77 10.0.0.5 {first} {second} 6 3 180 0 9 ACCEPT OK
        eni-a 10.0.0.5 203.0.113.77 {second} {first} 6 3 900 1 9 ACCEPT OK
    """)
    assert [" ".join(row.split()[2:5]) for row in answer(query, log)] == [server]


@pytest.mark.parametrize(("protocol", "port"), [(1, 0), (58, 0), (17, 123), (17, 53), (17, 500)])
def test_with_equal_ports_or_none_both_directions_are_one_conversation(
    protocol: int, port: int
) -> None:
    log = flows(f"""
        eni-a 203.0.113.5 10.0.0.9 {port} {port} {protocol} 1 90 2 9 ACCEPT OK
        eni-a 10.0.0.9 203.0.113.5 {port} {port} {protocol} 1 60 1 9 ACCEPT OK
        eni-b 203.0.113.5 10.0.0.8 {port} {port} {protocol} 1 60 1 9 REJECT OK
    """)
    assert answer("conversations", log) == [
        f"eni-a 10.0.0.9 203.0.113.5 {protocol} {port} 2 0 True 60 90 1 9",
        f"eni-b 203.0.113.5 10.0.0.8 {protocol} {port} 1 1 False 0 0 1 9",
    ]


def test_without_an_eni_the_same_addresses_of_two_gateways_or_accounts_stay_apart() -> None:
    ends = "10.0.0.5 10.0.0.9 40000 443 6 4 400 0 30 - OK tcp_flags=2"
    for given in ("tgw_id=tgw-{}", "vpc_id=vpc-{}", "account_id={}"):
        log = flows("\n".join(f"- {ends} {given.format(number)}" for number in (1, 1, 2)))
        assert [row.split()[5] for row in answer("conversations", log)] == ["2", "1"]
        assert [row.split()[4] for row in answer("half_open", log)] == ["2", "1"]
        assert [row.split()[5] for row in answer("service_traffic", log)] == ["2", "1"]


def test_an_address_that_one_vpc_proves_its_own_is_nobodys_in_another() -> None:
    log = flows("""
        eni-a 198.51.100.5 10.0.0.9 40000 443 6 9 900 0 5 ACCEPT OK vpc_id=v-1 flow_direction=egress
        eni-b 198.51.100.5 10.0.0.9 40000 443 6 9 900 0 5 ACCEPT OK vpc_id=v-1
        eni-c 198.51.100.5 10.0.0.9 40000 443 6 9 900 0 5 ACCEPT OK vpc_id=v-2
    """)
    sides = {row.split()[0]: row.split()[1] for row in answer("service_traffic", log)}
    assert sides == {"eni-a": "internal", "eni-b": "internal", "eni-c": "inbound"}
