"""The named queries that stand on fields of version 3 and later, on hand-made logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from query_world import EPOCH, answer, flows, lines

import flowlens

GATEWAY = flows("""
    - 10.0.0.5 10.1.0.5 40000 443 6 9 900 0   30  - OK resource_type=TransitGateway tgw_id=tgw-1 tgw_attachment_id=att-1 tgw_pair_attachment_id=att-2 packets_lost_no_route=0 packets_lost_mtu_exceeded=0
    - 10.0.0.5 10.7.0.5 40000 443 6 3 120 10  40  - OK tgw_id=tgw-1 tgw_attachment_id=att-1 packets_lost_no_route=3 packets_lost_blackhole=0
    - 10.0.0.6 10.7.0.5 40000 443 6 4 160 60  90  - OK tgw_id=tgw-1 tgw_attachment_id=att-1 packets_lost_no_route=4 packets_lost_blackhole=1
    - 10.0.0.6 10.1.0.5 40000 443 6 2 999 70  95  - OK tgw_id=tgw-1 tgw_attachment_id=att-1 tgw_pair_attachment_id=att-2 packets_lost_mtu_exceeded=2
    - 10.0.0.6 10.1.0.5 40000 443 6 2 999 70  95  - OK tgw_id=tgw-2 tgw_attachment_id=att-3 packets_lost_ttl_expired=2
    - -        -        -     -   - - -   100 160 - SKIPDATA tgw_id=tgw-1 packets_lost_no_route=7
    eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 0 30 REJECT OK
""")  # noqa: E501


def test_tgw_drops_count_a_record_for_each_reason_that_it_lost_packets_for() -> None:
    assert answer("tgw_drops", GATEWAY) == [
        "no_route tgw-1 att-1 - 2 7 2 1 10 90",
        "blackhole tgw-1 att-1 - 1 1 1 1 60 90",
        "mtu_exceeded tgw-1 att-1 att-2 1 2 1 1 70 95",
        "ttl_expired tgw-2 att-3 - 1 2 1 1 70 95",
    ]


def test_transit_gateway_records_are_neither_accepted_nor_refused() -> None:
    assert answer("action_totals", GATEWAY) == ["- 5 20 3178 0 2", "REJECT 1 1 40 1 1"]
    assert answer("rejected_by_eni", GATEWAY) == ["eni-a 1 1 40 1 1"]
    assert [row.split()[1] for row in answer("enis", GATEWAY)] == ["eni-a"]
    assert answer("coverage", GATEWAY) == ["eni-a 0 1 0 0 0"]
    assert [row.split()[:2] for row in answer("refusals", GATEWAY)] == [["inbound", "eni-a"]]
    refused = {row.split()[0]: row.split()[6] for row in answer("conversations", GATEWAY)}
    assert refused == {"-": "0", "eni-a": "1"}


def test_a_pair_counts_at_one_attachment_of_a_transit_gateway() -> None:
    log = flows("""
        -     10.0.0.5 10.1.0.5 40000 443 6 9 900 0 30 -      OK tgw_attachment_id=att-1
        -     10.0.0.5 10.1.0.5 40000 443 6 8 800 0 30 -      OK tgw_attachment_id=att-2
        eni-a 10.0.0.5 10.1.0.5 40000 443 6 9 850 0 30 ACCEPT OK
        -     10.0.0.7 10.1.0.5 40000 443 6 9 850 0 30 ACCEPT OK resource_id=nat-1
    """)
    assert answer("top_talkers", log) == [
        "10.0.0.5 10.1.0.5 900 9 1 att-1",
        "10.0.0.7 10.1.0.5 850 9 1 nat-1",
    ]


# eni-a, 10.0.0.5, says no direction, but its records prove its address; eni-b says it itself.
PLACES = flows("""
    eni-a 203.0.113.9 10.0.0.5 40000 22  6 1 40  0   30  REJECT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-1
    eni-a 203.0.113.8 10.0.0.5 40000 443 6 5 500 10  40  ACCEPT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-1
    eni-a 10.0.0.5 203.0.113.8 443 40000 6 6 900 10  40  ACCEPT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-1
    eni-b 10.0.0.9 10.0.0.6    5000 80   6 2 200 20  50  ACCEPT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-2 flow_direction=ingress
    eni-b 10.0.0.6 10.0.0.9    80 5000   6 2 300 20  60  ACCEPT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-2 flow_direction=egress
    eni-c 203.0.113.7 203.0.113.6 1 2    6 1 60  30  50  ACCEPT OK instance_id=i-2
    eni-a 10.0.0.5 10.0.0.5    1 2       6 1 70  30  50  ACCEPT OK instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-1
    eni-n 10.0.0.5 10.0.0.99   1 2       6 1 80  30  50  ACCEPT OK vpc_id=vpc-1 subnet_id=subnet-1 flow_direction=ingress
    -     10.0.0.5 10.1.0.5 1 2          6 1 90  30  50  -      OK tgw_id=tgw-1 flow_direction=ingress
    eni-a - - - - - - - 60 120 - NODATA instance_id=i-1 vpc_id=vpc-1 subnet_id=subnet-1
""")  # noqa: E501


def test_traffic_by_instance_has_the_direction_that_the_records_prove() -> None:
    assert answer("traffic_by_instance", PLACES) == [
        "i-1 egress ACCEPT 2 8 1200 2 10 60",
        "i-1 ingress ACCEPT 2 7 700 2 10 50",
        "i-1 ingress REJECT 1 1 40 1 0 30",
        "i-1 - ACCEPT 1 1 70 1 30 50",
        "i-2 - ACCEPT 1 1 60 1 30 50",
        "- ingress ACCEPT 1 1 80 1 30 50",
        "- ingress - 1 1 90 0 30 50",
    ]


def test_traffic_by_subnet() -> None:
    assert answer("traffic_by_subnet", PLACES) == [
        "vpc-1 subnet-1 ingress ACCEPT 2 6 580 2 10 50",
        "vpc-1 subnet-1 egress ACCEPT 1 6 900 1 10 40",
        "vpc-1 subnet-1 ingress REJECT 1 1 40 1 0 30",
        "vpc-1 subnet-1 - ACCEPT 1 1 70 1 30 50",
        "vpc-1 subnet-2 egress ACCEPT 1 2 300 1 20 60",
        "vpc-1 subnet-2 ingress ACCEPT 1 2 200 1 20 50",
        "- - ingress - 1 1 90 0 30 50",
        "- - - ACCEPT 1 1 60 1 30 50",
    ]


def test_traffic_by_aws_service_keeps_both_sides_apart() -> None:
    log = flows("""
        eni-a 10.0.0.5 192.0.2.8 40000 443 6 5 500 0 30 ACCEPT OK flow_direction=egress pkt_dst_aws_service=S3
        eni-a 192.0.2.8 10.0.0.5 443 40000 6 9 900 0 30 ACCEPT OK flow_direction=ingress pkt_src_aws_service=S3
        eni-a 192.0.2.8 10.0.0.5 443 40001 6 9 100 5 35 ACCEPT OK pkt_src_aws_service=S3
        eni-a 10.0.0.5 192.0.2.9 40000 25  6 1 40  0 30 REJECT OK flow_direction=egress pkt_dst_aws_service=EC2
        eni-a 10.0.0.5 10.0.0.9  40000 80  6 1 40  0 30 ACCEPT OK flow_direction=egress
        eni-z 2001:db8::5 2001:db8::9 4000 443 6 1 80 0 30 ACCEPT OK pkt_src_aws_service=EC2 pkt_dst_aws_service=S3
    """)  # noqa: E501
    assert answer("traffic_by_aws_service", log) == [
        "S3 - ingress ACCEPT 2 18 1000 1 0 35",
        "EC2 S3 - ACCEPT 1 1 80 1 0 30",
        "- EC2 egress REJECT 1 1 40 1 0 30",
        "- S3 egress ACCEPT 1 5 500 1 0 30",
        "- - egress ACCEPT 1 1 40 1 0 30",
    ]


def test_traffic_by_path_puts_the_number_into_words() -> None:
    log = flows(
        "\n".join(
            f"eni-a 10.0.0.5 203.0.113.{number} 40000 443 6 1 {number} {number} 30 ACCEPT OK "
            f"flow_direction=egress traffic_path={number}"
            for number in range(1, 10)
        )
        + """
        eni-b 10.0.0.6 203.0.113.1 40000 443 6 1 10 0 30 ACCEPT OK traffic_path=8
        eni-a 10.0.0.5 203.0.113.1 40000 25 6 1 40 0 30 REJECT OK traffic_path=8
        eni-a 10.0.0.5 10.0.0.9 40000 80 6 1 40 0 30 ACCEPT OK flow_direction=egress
        eni-a 203.0.113.1 10.0.0.5 40000 80 6 1 40 0 30 ACCEPT OK flow_direction=ingress
        - 10.0.0.5 10.0.0.9 40000 80 6 1 40 0 30 - OK flow_direction=egress tgw_id=tgw-1
        """
    )
    assert answer("traffic_by_path", log) == [
        "8 internet gateway ACCEPT 2 2 18 2 2 0 30",
        "1 another resource in the VPC ACCEPT 1 1 1 1 1 1 30",
        "2 internet gateway or gateway endpoint ACCEPT 1 1 2 1 1 2 30",
        "3 virtual private gateway ACCEPT 1 1 3 1 1 3 30",
        "4 peering in the region ACCEPT 1 1 4 1 1 4 30",
        "5 peering between regions ACCEPT 1 1 5 1 1 5 30",
        "6 local gateway ACCEPT 1 1 6 1 1 6 30",
        "7 gateway VPC endpoint ACCEPT 1 1 7 1 1 7 30",
        "8 internet gateway REJECT 1 1 40 1 1 0 30",
        "9 - ACCEPT 1 1 9 1 1 9 30",
        "- - ACCEPT 1 1 40 1 1 0 30",
    ]


def test_packet_talkers_are_those_whose_addresses_the_eni_does_not_show() -> None:
    log = flows("""
        eni-n 10.0.1.5 10.0.0.220 40000 443 6 5 500 0  30 ACCEPT OK pkt_srcaddr=10.0.1.5 pkt_dstaddr=203.0.113.5
        eni-n 10.0.1.5 10.0.0.220 40001 443 6 5 200 9  40 REJECT OK pkt_srcaddr=10.0.1.5 pkt_dstaddr=203.0.113.5
        eni-n 10.0.0.220 203.0.113.5 40000 443 6 5 500 0 30 ACCEPT OK pkt_srcaddr=10.0.0.220 pkt_dstaddr=203.0.113.5
        eni-p 10.0.2.5 10.0.2.9 40000 53 17 5 900 0 30 ACCEPT OK pkt_srcaddr=100.64.0.7
        eni-p 10.0.2.5 10.0.2.9 40000 53 17 5 900 0 30 ACCEPT OK
        eni-p - - - - - - - 0 60 - NODATA
    """)  # noqa: E501
    assert answer("packet_talkers", log) == [
        "100.64.0.7 - 900 5 1 10.0.2.5 10.0.2.9 eni-p 0 0 30",
        "10.0.1.5 203.0.113.5 700 10 2 10.0.1.5 10.0.0.220 eni-n 1 0 40",
    ]


def test_service_traffic_names_the_listening_side_whichever_way_a_record_points() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 50000 6 5 500 0   30  ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 203.0.113.9 50000 40000 6 9 900 0   30  ACCEPT OK tcp_flags=18
        eni-a 203.0.113.9 10.0.0.5 40000 50000 6 5 100 600 630 ACCEPT OK tcp_flags=0
        eni-a 203.0.113.8 10.0.0.5 40000 50000 6 1 40  9   9   REJECT OK tcp_flags=2
        eni-a 10.0.0.5 10.0.0.9    41000 5432  6 5 300 0   30  ACCEPT OK tcp_flags=2
        eni-a 192.0.2.8 10.0.0.5   443 42000   6 5 700 0   30  ACCEPT OK
        eni-a 10.0.0.5 192.0.2.8   42000 443   6 5 70  0   30  ACCEPT OK
        eni-a 203.0.113.7 10.0.0.5 6000 8080   6 1 40  0   30  REJECT OK
        eni-a 10.0.0.5 203.0.113.6 123 123    17 1 76  0   30  ACCEPT OK
        eni-a 10.0.0.5 203.0.113.6 45000 46000 17 1 90 0   30  ACCEPT OK
        eni-a 10.0.0.5 203.0.113.6 0 0         1 1 90  0   30  ACCEPT OK
        eni-a - - - - - - - 60 120 - NODATA
    """)
    assert answer("service_traffic", log) == [
        "eni-a inbound 10.0.0.5 6 50000 4 2 3 1 600 900 4 0 630",
        "eni-a outbound 192.0.2.8 6 443 2 1 2 0 70 700 0 0 30",
        "eni-a inbound 10.0.0.5 6 8080 1 1 0 1 0 0 0 0 30",
        "eni-a internal 10.0.0.9 6 5432 1 1 1 0 300 0 1 0 30",
        "eni-a unknown - 17 123 1 0 1 0 - - 0 0 30",
        "eni-a unknown - 17 - 1 0 1 0 - - 0 0 30",
    ]


@pytest.mark.parametrize(
    ("record", "port"),
    [
        ("443 2000 6 5 500 0 30 ACCEPT", "443"),
        ("2000 443 6 5 500 0 30 ACCEPT", "443"),
        ("5432 40000 6 5 500 0 30 ACCEPT", "5432"),
        ("40000 5432 6 5 500 0 30 ACCEPT", "5432"),
        ("5432 20000 6 5 500 0 30 ACCEPT", "-"),
        ("40000 50000 6 5 500 0 30 ACCEPT", "-"),
        ("5432 20000 6 1 40 0 30 REJECT", "20000"),
        ("20000 5432 6 1 40 0 30 REJECT", "5432"),
        ("40000 50000 6 1 40 0 30 REJECT", "-"),
        ("443 50000 6 1 40 0 30 REJECT", "443"),
    ],
)
def test_without_flags_ports_tell_the_side_only_where_one_is_a_services(
    record: str, port: str
) -> None:
    log = flows(f"eni-a 10.0.0.5 10.0.0.9 {record} OK")
    assert answer("service_traffic", log)[0].split()[4] == port


@pytest.mark.parametrize(
    ("source", "target", "side", "port"),
    [
        (443, 2000, "server", "443"),
        (2000, 443, "client", "443"),
        (5432, 40000, "server", "5432"),
        (40000, 5432, "client", "5432"),
        (5432, 20000, "unknown", "-"),
    ],
)
def test_without_a_syn_ports_tell_the_side_of_a_reset(
    source: int, target: int, side: str, port: str
) -> None:
    log = flows(f"eni-a 10.0.0.5 10.0.0.9 {source} {target} 6 1 40 0 30 ACCEPT OK tcp_flags=4")
    assert answer("resets", log)[0].split()[3:5] == [side, port]


@pytest.mark.parametrize(
    ("more", "direction"),
    [("", "unknown"), ("flow_direction=ingress", "inbound"), ("flow_direction=egress", "outbound")],
)
def test_between_public_addresses_flow_direction_alone_tells_whose_service_it_is(
    more: str, direction: str
) -> None:
    record = f"203.0.113.9 198.51.100.5 40000 443 6 5 500 0 30 ACCEPT OK tcp_flags=2 {more}"
    assert answer("service_traffic", flows(f"eni-a {record}"))[0].split()[1] == direction
    gateway = flows(f"- {record} tgw_id=tgw-1")
    assert answer("service_traffic", gateway)[0].split()[1] == "unknown"


def test_service_traffic_has_no_bytes_where_none_are_logged() -> None:
    log = flows("eni-a 203.0.113.9 10.0.0.5 40000 443 6 5 - 0 30 ACCEPT OK")
    assert answer("service_traffic", log)[0].split()[9:11] == ["-", "-"]


def half_open(*more: str) -> list[str]:
    """The answer for one SYN of 203.0.113.9 to port 443, from 100 to 110, and more records."""
    syn = "eni-a 203.0.113.9 10.0.0.5 40000 443 6 1 40 100 110 ACCEPT OK tcp_flags=2"
    return answer("half_open", flows("\n".join([syn, *more])))


ALONE = ["eni-a 203.0.113.9 10.0.0.5 443 1 1 0 0 100 110"]
RESET = ["eni-a 203.0.113.9 10.0.0.5 443 1 1 0 1 100 110"]


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("443 40000 6 1 44  100 110 ACCEPT OK tcp_flags=18", []),
        ("443 40000 6 1 44  100 110 ACCEPT OK tcp_flags=19", []),
        ("443 40000 6 1 44  170 180 ACCEPT OK tcp_flags=18", []),
        ("443 40000 6 5 900 100 110 ACCEPT OK tcp_flags=0", []),
        ("443 40000 6 5 900 100 110 ACCEPT OK", []),
        ("443 40000 6 5 900 100 110 -      OK tcp_flags=18", []),
        ("443 40000 6 1 40  100 110 ACCEPT OK tcp_flags=4", RESET),
        ("443 40000 6 2 84  100 110 ACCEPT OK tcp_flags=22", []),
        ("443 40000 6 1 44  171 180 ACCEPT OK tcp_flags=18", ALONE),
        ("443 40000 6 1 44  80  99  ACCEPT OK tcp_flags=18", ALONE),
        ("443 40000 6 1 44  100 110 REJECT OK tcp_flags=18", ALONE),
        ("443 40001 6 1 44  100 110 ACCEPT OK tcp_flags=18", ALONE),
        ("443 40000 6 - -   100 110 -      NODATA tcp_flags=18", ALONE),
    ],
)
def test_a_syn_is_half_open_when_nothing_but_a_reset_comes_back(
    back: str, expected: list[str]
) -> None:
    assert half_open(f"eni-a 10.0.0.5 203.0.113.9 {back}") == expected


def test_an_answer_counts_at_the_eni_that_logged_the_syn() -> None:
    answered = "10.0.0.5 203.0.113.9 443 40000 6 1 44 100 110 ACCEPT OK tcp_flags=18"
    assert half_open(f"eni-b {answered}") == ALONE
    assert half_open(f"- {answered}") == ALONE
    gateway = [
        "- 203.0.113.9 10.0.0.5 40000 443 6 1 40 100 110 - OK tcp_flags=2 tgw_attachment_id=att-1",
        "- 10.0.0.5 203.0.113.9 443 40000 6 1 44 100 110 - OK tcp_flags=18 tgw_attachment_id=att-2",
    ]
    assert answer("half_open", flows("\n".join(gateway))) == []


def test_half_open_counts_per_client_server_and_port() -> None:
    assert half_open(
        "eni-a 203.0.113.9 10.0.0.5 40001 443 6 1 40  105 120 ACCEPT OK tcp_flags=6",
        "eni-a 203.0.113.9 10.0.0.5 40002 443 6 1 40  300 310 REJECT OK tcp_flags=2",
        "eni-a 203.0.113.9 10.0.0.5 40003 443 6 5 400 300 340 ACCEPT OK tcp_flags=2",
        "eni-a 10.0.0.5 203.0.113.9 443 40003 6 5 900 300 340 ACCEPT OK tcp_flags=18",
        "eni-a 203.0.113.9 10.0.0.5 40004 443 6 5 400 400 440 ACCEPT OK tcp_flags=3",
        "eni-a 203.0.113.9 10.0.0.5 40005 443 6 5 400 500 540 ACCEPT OK tcp_flags=0",
        "eni-a 203.0.113.9 10.0.0.5 40005 443 6 5 400 500 540 ACCEPT OK",
        "eni-a 203.0.113.9 10.0.0.5 40001 22  6 1 40  105 120 ACCEPT OK tcp_flags=2",
    ) == [
        "eni-a 203.0.113.9 10.0.0.5 443 3 5 1 0 100 310",
        "eni-a 203.0.113.9 10.0.0.5 22 1 1 0 0 105 120",
    ]


def test_resets_say_who_reset_and_which_port_was_closed() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 81  6 1 40  0  5  ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 203.0.113.9 81 40000  6 1 40  0  5  ACCEPT OK tcp_flags=4
        eni-a 203.0.113.9 10.0.0.5 40001 443 6 5 400 0  5  ACCEPT OK tcp_flags=6
        eni-a 10.0.0.5 203.0.113.9 443 40001 6 5 400 0  5  ACCEPT OK tcp_flags=18
        eni-a 203.0.113.9 10.0.0.5 40002 443 6 5 400 0  5  ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 203.0.113.9 443 40002 6 5 400 0  9  ACCEPT OK tcp_flags=23
        eni-a 10.0.0.5 203.0.113.9 443 40003 6 1 40  70 75 REJECT OK tcp_flags=4
        eni-a 10.0.0.6 203.0.113.9 50001 50000 6 1 40 0 5  ACCEPT OK tcp_flags=4
        eni-a 10.0.0.6 203.0.113.9 22 50000  6 1 40  0  5  ACCEPT OK tcp_flags=4
        eni-a 203.0.113.9 10.0.0.6 50000 22  6 1 40  0  5  ACCEPT OK
        eni-a 10.0.0.6 203.0.113.9 23 50000 17 1 40  0  5  ACCEPT OK tcp_flags=4
        eni-a 10.0.0.6 203.0.113.9 25 50000  6 1 40  0  5  ACCEPT OK tcp_flags=3
        eni-a 10.0.0.6 203.0.113.9 25 50000  6 1 40  0  5  ACCEPT OK
        eni-a - - - - 6 - - 0 60 - NODATA tcp_flags=4
    """)
    assert answer("resets", log) == [
        "eni-a 10.0.0.5 203.0.113.9 server 443 2 0 1 0 75",
        "eni-a 10.0.0.5 203.0.113.9 server 81 1 1 0 0 5",
        "eni-a 10.0.0.6 203.0.113.9 server 22 1 0 0 0 5",
        "eni-a 10.0.0.6 203.0.113.9 unknown - 1 0 0 0 5",
        "eni-a 203.0.113.9 10.0.0.5 client 443 1 0 0 0 5",
    ]


def test_a_closed_port_is_not_claimed_where_flags_are_not_logged() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 81  6 1 40  0  5  ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 203.0.113.9 81 40000  6 9 900 0  5  ACCEPT OK
        eni-a 10.0.0.5 203.0.113.9 81 40000  6 1 40  60 65 ACCEPT OK tcp_flags=4
    """)
    assert answer("resets", log) == ["eni-a 10.0.0.5 203.0.113.9 server 81 1 0 0 60 65"]


V5 = """\
version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id \
sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path
5 111122223333 eni-a 203.0.113.8 10.0.0.5 40001 81 6 1 40 {0} {1} ACCEPT OK vpc-1 subnet-1 i-1 2 \
IPv4 203.0.113.8 10.0.0.5 eu-west-1 euw1-az1 - - - - ingress -
5 111122223333 eni-a 10.0.0.5 203.0.113.8 81 40001 6 1 40 {0} {1} ACCEPT OK vpc-1 subnet-1 i-1 4 \
IPv4 10.0.0.5 203.0.113.8 eu-west-1 euw1-az1 - - - EC2 egress 8
5 111122223333 eni-n 10.0.0.5 10.0.9.9 50001 443 6 5 500 {0} {1} ACCEPT OK vpc-1 subnet-9 - 0 \
IPv4 10.0.0.5 198.51.100.7 eu-west-1 euw1-az1 - - - - ingress -
5 111122223333 eni-a - - - - - - - {0} {1} - NODATA vpc-1 subnet-1 i-1 - \
- - - eu-west-1 euw1-az1 - - - - - -
"""
V6 = """\
version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id \
tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id \
tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport \
dstport protocol packets bytes start end log-status type packets-lost-no-route \
packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region \
flow-direction pkt-src-aws-service pkt-dst-aws-service
6 TransitGateway 111122223333 tgw-1 tgw-attach-1 111122223333 - vpc-1 - subnet-1 - eni-9 - az1 - - \
10.0.0.6 10.7.0.5 40002 5432 6 3 120 {0} {1} OK IPv4 3 0 0 0 2 eu-west-1 ingress - -
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tgw_drops", "no_route tgw-1 tgw-attach-1 - 1 3 1 1 0 30"),
        ("traffic_by_instance", "i-1 egress ACCEPT 1 1 40 1 0 30"),
        ("traffic_by_subnet", "vpc-1 subnet-1 egress ACCEPT 1 1 40 1 0 30"),
        ("traffic_by_aws_service", "- EC2 egress ACCEPT 1 1 40 1 0 30"),
        ("traffic_by_path", "8 internet gateway ACCEPT 1 1 40 1 1 0 30"),
        ("packet_talkers", "10.0.0.5 198.51.100.7 500 5 1 10.0.0.5 10.0.9.9 eni-n 0 0 30"),
        ("service_traffic", "eni-a inbound 10.0.0.5 6 81 2 1 2 0 40 40 2 0 30"),
        ("half_open", "eni-a 203.0.113.8 10.0.0.5 81 1 1 0 1 0 30"),
        ("resets", "eni-a 10.0.0.5 203.0.113.8 server 81 1 1 0 0 30"),
    ],
)
def test_text_of_versions_5_and_6_side_by_side_is_answered(
    tmp_path: Path, name: str, expected: str
) -> None:
    for place, text in (("vpc.log", V5), ("tgw.log", V6)):
        (tmp_path / place).write_text(text.format(EPOCH, EPOCH + 30))
    assert expected in lines(flowlens.read(tmp_path).query(name).arrow())
