"""The named queries: each answers a small hand-made log that can be checked by reading."""

from __future__ import annotations

import random
import re

import pytest
from query_world import answer, database, flows, lines, run
from sql_lint import outside, tables

from flowlens.records.fields import fields
from flowlens.sql import catalog

QUERIES = sorted(catalog.shipped())
STEPS = {name for name in QUERIES if catalog.find(name).path.parent.name in catalog.STEPS}
"""What flowlens alone reads: the detector's steps and a store's rollups. Names may change."""
DETECTOR = {"contacts", "exchanges", "judged", "networks", "sides", "targets", "touched"}
"""Relations that mean something in the detector's own kind of traffic alone."""

FIRST_COLUMNS = {
    "action_totals": "action records packets bytes enis sources",
    "traffic_by_eni_port": "interface_id action protocol dstport records packets bytes sources "
    "first_seen last_seen",
    "rejected_by_eni_port": "interface_id protocol dstport records packets bytes sources "
    "first_seen last_seen",
    "rejected_by_port": "protocol dstport records packets bytes sources enis",
    "rejected_by_source": "srcaddr records packets bytes ports enis first_seen last_seen",
    "rejected_by_eni": "interface_id records packets bytes sources ports",
    "refused_by_class": "class protocol dstport records packets bytes sources enis",
    "timeline": "bucket action records packets bytes",
    "activity": "bucket action interface_id protocol dstport records",
    "top_talkers": "srcaddr dstaddr bytes packets records",
    "coverage": "interface_id hour records nodata skipdata missing_minutes",
    "accepted_after_rejected": "srcaddr interface_id dstport answered bytes_in bytes_out "
    "first_reject first_accept rejected_records rejected_ports",
    "refused_replies": "interface_id side peer port records likely_cause replies_accepted_before",
    "refused_pairs": "class srcaddr dstaddr protocol dstport records first_seen last_seen "
    "worked_before interface_id",
    "periods": "first_start last_start last_end records overlong enis interface_id outlier",
    "gaps": "interface_id gap_start gap_end minutes aggregation_seconds",
    "enis": "account_id interface_id ipv4 ipv6 capture first_record last_record "
    "aggregation_seconds records",
    "refusals": "class interface_id srcaddr dstaddr protocol srcport dstport records",
    "conversations": "interface_id client server protocol port records rejected answered bytes_to "
    "bytes_back",
    "tgw_drops": "reason tgw_id tgw_attachment_id tgw_pair_attachment_id records packets_lost "
    "sources destinations first_seen last_seen",
    "traffic_by_instance": "instance_id direction action records packets bytes",
    "traffic_by_subnet": "vpc_id subnet_id direction action records packets bytes",
    "traffic_by_aws_service": "pkt_src_aws_service pkt_dst_aws_service direction action records",
    "traffic_by_path": "traffic_path path action records packets bytes",
    "packet_talkers": "pkt_srcaddr pkt_dstaddr bytes packets records srcaddr dstaddr interface_id",
    "service_traffic": "interface_id direction server protocol port records clients accepted "
    "rejected bytes_to bytes_back",
    "half_open": "interface_id client server port unanswered records",
    "resets": "interface_id reset_by peer side port records",
    "campaigns": "day protocol dstport sources median_before days_before",
    "own_scanners": "srcaddr evidence internal_hosts outbound_hosts ports protocol dstport records "
    "refused first_seen last_seen",
    "probes": "protocol dstport sources records hosts first_seen last_seen",
    "scanner_answers": "srcaddr interface_id dstaddr protocol dstport answers bytes_in bytes_out "
    "first_seen last_seen",
}
STREAMING = [
    "action_totals",
    "conversations",
    "coverage",
    "gaps",
    "packet_talkers",
    "rejected_by_eni",
    "rejected_by_eni_port",
    "rejected_by_port",
    "rejected_by_source",
    "resets",
    "tgw_drops",
    "timeline",
    "top_talkers",
    "traffic_by_eni_port",
    "traffic_by_path",
]
OPTIONAL = {
    "accepted_after_rejected": {"tcp_flags"},
    "conversations": {"tcp_flags", "tgw_id", "vpc_id"},
    "enis": {"flow_direction", "vpc_id"},
    "exchanges": {"tcp_flags", "vpc_id"},
    "namesakes": {"vpc_id"},
    "half_open": {"tgw_id", "vpc_id"},
    "resets": {"tgw_id", "vpc_id"},
    "service_traffic": {"flow_direction", "tcp_flags", "tgw_id", "vpc_id"},
    "refusals": {"vpc_id"},
    "refused_pairs": {"interface_type", "tcp_flags", "vpc_id"},
    "sides": {"flow_direction", "interface_type", "tcp_flags"},
    "tgw_drops": {"tgw_id", "tgw_attachment_id", "tgw_pair_attachment_id"},
    "top_talkers": {"tgw_attachment_id", "resource_id"},
    "traffic_by_aws_service": {"flow_direction"},
    "traffic_by_instance": {"flow_direction"},
    "traffic_by_path": {"flow_direction"},
    "traffic_by_subnet": {"flow_direction", "vpc_id"},
}
"""Fields of version 3 and later that a query is merely better with."""

# A web server (eni-a, 10.0.0.5) probed from outside, a transit gateway, a quiet interval, a loss.
PROBED = flows("""
    eni-a 203.0.113.9 10.0.0.5 40000 22  6  1 40  0   30  REJECT OK
    eni-a 203.0.113.9 10.0.0.5 40001 22  6  2 80  60  90  REJECT OK
    eni-a 203.0.113.9 10.0.0.5 40002 23  6  1 40  120 150 REJECT OK
    eni-a 203.0.113.7 10.0.0.5 40003 22  6  1 44  300 330 REJECT OK
    eni-a 203.0.113.7 10.0.0.5 0     0   1  1 60  310 330 REJECT OK
    eni-b 203.0.113.9 10.0.0.6 40000 22  6  1 40  301 320 REJECT OK
    eni-a 203.0.113.5 10.0.0.5 50000 443 6  5 500 20  55  ACCEPT OK
    eni-a 10.0.0.5 203.0.113.5 443 50000 6  9 900 20  55  ACCEPT OK
    -     10.9.0.1 10.8.0.1    7000  443 6  3 300 30  50  -      OK
    eni-a -        -           -     -   -  - -   360 415 -      NODATA
    eni-b -        -           -     -   -  - -   360 415 -      SKIPDATA
""")


@pytest.mark.parametrize("name", QUERIES)
def test_the_header_says_what_duckdb_gives(name: str) -> None:
    query = catalog.find(name)
    result = database(flows(""), name).sql(query.sql, params=catalog.bind(query, {}))
    types = {"TIMESTAMP WITH TIME ZONE": "timestamptz"}
    given = [types.get(str(kind), str(kind).lower()) for kind in result.types]
    assert result.columns == [column.name for column in query.columns]
    assert given == [column.type for column in query.columns]


def test_every_query_has_its_fixed_name_and_first_columns() -> None:
    assert sorted({*FIRST_COLUMNS, *STEPS}) == QUERIES
    for name, first in FIRST_COLUMNS.items():
        columns = [column.name for column in catalog.find(name).columns]
        assert columns[: len(first.split())] == first.split()


@pytest.mark.parametrize("name", QUERIES)
def test_the_header_says_what_is_read(name: str) -> None:
    query = catalog.find(name)
    assert set(query.reads) == set(tables(query.sql))


@pytest.mark.parametrize("name", QUERIES)
def test_the_header_says_which_fields_are_needed(name: str) -> None:
    query = catalog.find(name)
    own = words(query.sql)
    relations = [
        words(catalog.find(relation).sql) for relation in catalog.shipped() if relation in own
    ]
    assert set(query.needs) <= own.union(*relations)
    later = {column for column, field in fields().items() if field.version > 2 and column in own}
    assert later == {*OPTIONAL.get(name, ()), *query.needs} & later
    assert not OPTIONAL.get(name, set()) & set(query.needs)
    assert OPTIONAL.get(name, set()) <= later


def words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", re.sub(r"--[^\n]*|'[^']*'", "", sql)))


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_keeps_to_the_portable_core_and_the_style(name: str) -> None:
    sql = catalog.find(name).sql
    code = re.sub(r"--[^\n]*|'[^']*'", "''", sql)
    assert outside(sql) == []
    assert code == code.lower()
    assert all(
        len(line) <= 100 and (len(line) - len(line.lstrip())) % 4 == 0 for line in code.splitlines()
    )
    assert re.search(
        r"\norder by [^()]*\nlimit \$limit\n$|\norder by\n.*\nlimit \$limit\n$", sql, re.S
    )


@pytest.mark.parametrize("name", STREAMING)
def test_a_streaming_query_scans_flows_once(name: str) -> None:
    query = catalog.find(name)
    values = catalog.bind(query, {"limit": "9"})
    plan = database(flows(""), name).execute(f"explain {query.sql}", values).fetchall()
    assert tables(query.sql).count("flows") == 1
    arrow = [relation for relation in query.reads if relation != "services"]
    assert plan[0][1].count("PYTHON_ARROW_SCAN") == len(arrow)


@pytest.mark.parametrize("name", QUERIES)
def test_the_order_is_total(name: str) -> None:
    rng = random.Random(name)
    log = knocks(rng) if DETECTOR.intersection(catalog.find(name).reads) else mixed(rng)
    answers = []
    for threads in (1, 2, 2):
        rng.shuffle(log)
        connection = database(flows("\n".join(log)), name, threads=threads)
        connection.execute("insert into networks from (values " + NETWORKS + ")")
        answers.append(lines(run(connection, name)))
    assert answers[0]
    assert answers[0] == answers[1] == answers[2]


def mixed(rng: random.Random) -> list[str]:
    """Records of all kinds between six addresses."""
    ports = (22, 53, 443, 40000, 40001)
    return [
        f"{rng.choice(('eni-a', 'eni-b', '-'))} {rng.choice(ADDRESSES)} {rng.choice(ADDRESSES)} "
        f"{rng.choice(ports)} {rng.choice(ports)} {rng.choice((6, 17))} 1 40 "
        f"{3000 * (step := rng.randrange(6))} {3000 * step + 30} "
        f"{rng.choice(('ACCEPT', 'REJECT', '-'))} {rng.choice(('OK', 'OK', 'OK', 'NODATA'))}"
        + "".join(f" {column}={rng.choice(values.split())}" for column, values in LATER.items())
        for _ in range(1500)
    ]


def knocks(rng: random.Random) -> list[str]:
    """Four days on which thirty peers try two of our own hosts: often refused, at times served.

    On the last of them a wave of sources is refused once each. Our own hosts call out before
    midnight, and are answered after it. One of them sweeps a port outside, and calls what another
    of ours calls at it; a third has the address of the first in another account.
    """
    log = [
        f"eni-0 198.51.100.{n} 10.0.0.0 40000 {5900 + n % 2} 6 1 40 270000 270030 REJECT OK"
        for n in range(60)
    ] + [
        f"eni-0 {ends} 6 9 900 {start} {start + 30} ACCEPT OK"
        for n in range(9)
        for ends, start in (
            (f"10.0.0.0 198.51.100.{n} {50000 + n % 3} 443", 170_000),
            (f"198.51.100.{n} 10.0.0.0 443 {50000 + n % 3}", 174_000),
        )
    ]
    log += [
        f"eni-1 10.0.0.1 198.51.100.{n} 41000 23 6 1 40 {n} {n + 30} ACCEPT OK tcp_flags=2"
        for n in range(1, 20)
    ]
    for port in (25, 80, 443):
        log.append(f"eni-1 10.0.0.8 10.0.0.1 41000 {port} 6 1 40 5 9 ACCEPT OK tcp_flags=2")
        log.append(f"eni-1 10.0.0.1 203.0.113.99 41000 {port} 6 1 40 5 9 ACCEPT OK tcp_flags=2")
    log += [
        f"eni-9 {ends} 6 9 900 {n} {n + 30} ACCEPT OK tcp_flags={flags} account_id=444455556666"
        for n in range(9)
        for ends, flags in (
            (f"10.0.0.1 203.0.113.{n} 41000 443", 3),
            (f"203.0.113.{n} 10.0.0.1 443 41000", 19),
        )
    ]
    for _ in range(1500):
        host, peer = rng.randrange(2), f"203.0.113.{rng.randrange(30)}"
        packets = rng.choice((1, 1, 1, 5))
        start = 86_400 * rng.randrange(4) + 3000 * rng.randrange(6)
        ends = [f"{peer} 10.0.0.{host}", f"10.0.0.{host} {peer}"]
        ports = [f"{rng.choice((40000, 40001))} {rng.choice((22, 23, 80, 3389))}", "22 40000"]
        outward = rng.random() < 0.2
        log.append(
            f"eni-{host} {ends[outward]} {ports[outward]} 6 {packets} {packets * 100} "
            f"{start} {start + 30} {'ACCEPT' if outward or packets > 1 else 'REJECT'} OK "
            f"tcp_flags={18 if outward else 2}"
        )
    return log


NETWORKS = ", ".join(
    [f"('203.0.113.{n}', '203.0.113.0/24')" for n in range(30)]
    + [f"('2001:db8::{n}', '203.0.113.{n}')" for n in range(30)]
)
LATER = {
    "tcp_flags": "- 0 2 3 4 18 19",
    "flow_direction": "- ingress egress",
    "instance_id": "- i-1 i-2",
    "subnet_id": "- subnet-1 subnet-2",
    "pkt_srcaddr": "- 10.0.0.5 198.51.100.3",
    "pkt_src_aws_service": "- S3 EC2",
    "traffic_path": "- 1 8 99",
    "tgw_attachment_id": "- tgw-attach-1 tgw-attach-2",
    "packets_lost_no_route": "- 0 3",
    "packets_lost_ttl_expired": "- 0 2",
}
ADDRESSES = ("10.0.0.5", "10.0.0.6", "203.0.113.7", "203.0.113.9", "2001:db8::7", "fd00::5")


@pytest.mark.parametrize("name", QUERIES)
def test_limit_cuts_and_zero_gives_all(name: str) -> None:
    everything = answer(name, PROBED, limit="0")
    assert answer(name, PROBED, limit="1") == everything[:1]


def test_action_totals_count_records_with_traffic() -> None:
    assert answer("action_totals", PROBED) == [
        "REJECT 6 7 304 2 2",
        "ACCEPT 2 14 1400 1 2",
        "- 1 3 300 0 1",
    ]


def test_traffic_by_eni_port_keeps_transit_gateway_records() -> None:
    assert answer("traffic_by_eni_port", PROBED) == [
        "eni-a REJECT 6 22 3 4 164 2 0 330",
        "eni-a ACCEPT 6 443 1 5 500 1 20 55",
        "eni-a ACCEPT 6 50000 1 9 900 1 20 55",
        "eni-a REJECT 1 0 1 1 60 1 310 330",
        "eni-a REJECT 6 23 1 1 40 1 120 150",
        "eni-b REJECT 6 22 1 1 40 1 301 320",
        "- - 6 443 1 3 300 1 30 50",
    ]


def test_rejected_by_eni_port() -> None:
    assert answer("rejected_by_eni_port", PROBED) == [
        "eni-a 6 22 3 4 164 2 0 330",
        "eni-a 1 0 1 1 60 1 310 330",
        "eni-a 6 23 1 1 40 1 120 150",
        "eni-b 6 22 1 1 40 1 301 320",
    ]


def test_rejected_by_port_source_and_eni() -> None:
    assert answer("rejected_by_port", PROBED) == [
        "6 22 4 5 204 2 2",
        "1 0 1 1 60 1 1",
        "6 23 1 1 40 1 1",
    ]
    assert answer("rejected_by_source", PROBED) == [
        "203.0.113.9 4 5 200 2 2 0 320",
        "203.0.113.7 2 2 104 2 1 300 330",
    ]
    assert answer("rejected_by_eni", PROBED) == ["eni-a 5 6 264 2 3", "eni-b 1 1 40 1 1"]


def test_timeline_counts_a_record_in_the_bucket_of_its_start() -> None:
    assert answer("timeline", PROBED) == [
        "0 ACCEPT 2 14 1400 35",
        "0 REJECT 3 4 160 30",
        "0 - 1 3 300 20",
        "300 REJECT 3 3 144 30",
    ]
    assert answer("timeline", PROBED, bucket_seconds="3600")[1] == "0 REJECT 6 7 304 30"


def test_activity_tells_the_most_refused_apart_and_puts_the_others_together() -> None:
    assert answer("activity", PROBED, enis="1", ports="1") == [
        "0 ACCEPT eni-a - - 2",
        "0 REJECT eni-a 6 22 2",
        "0 REJECT eni-a - - 1",
        "0 - - - - 1",
        "300 REJECT eni-a 6 22 1",
        "300 REJECT eni-a - - 1",
        "300 REJECT - 6 22 1",
    ]
    (whole,) = answer("activity", PROBED, enis="0", ports="0", bucket_seconds="3600")[1:2]
    assert whole == "0 REJECT - - - 6"


def test_top_talkers_count_a_pair_at_one_observation_point() -> None:
    log = flows("""
        eni-a 10.0.0.5 10.0.0.6 40000 443 6 1 100 0  30 ACCEPT OK
        eni-a 10.0.0.5 10.0.0.6 40000 443 6 1 100 60 90 ACCEPT OK
        eni-b 10.0.0.5 10.0.0.6 40000 443 6 3 150 0  30 ACCEPT OK
        eni-c 10.0.0.6 10.0.0.5 443 40000 6 1 170 0  30 ACCEPT OK
        eni-b 10.0.0.6 10.0.0.5 443 40000 6 1 170 0  30 ACCEPT OK
        -     10.0.0.7 10.0.0.5 443 40000 6 1 90  0  30 -      OK
    """)
    assert answer("top_talkers", log) == [
        "10.0.0.5 10.0.0.6 200 2 2 eni-a",
        "10.0.0.6 10.0.0.5 170 1 1 eni-b",
        "10.0.0.7 10.0.0.5 90 1 1 -",
    ]


def test_coverage_shows_hours_without_a_record_and_missing_minutes() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 3540 3600 REJECT OK
        eni-a - - - - - - - 3660  3719  - NODATA
        eni-a - - - - - - - 3900  3930  - SKIPDATA
        eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 10920 10950 REJECT OK
        eni-b 203.0.113.9 10.0.0.6 40000 22 6 1 40 3600 3630 REJECT OK
        -     203.0.113.9 10.0.0.6 40000 22 6 1 40 3600 3630 -      OK
        eni-c - - - - - - - 0     600   - NODATA
        eni-c - - - - - - - 5     50    - NODATA
        eni-c - - - - - - - 60    90    - NODATA
        eni-c - - - - - - - 840   850   - NODATA
        eni-c - - - - - - - 7200  7210  - NODATA
        eni-c - - - - - - - 14400 14410 - NODATA
    """)
    # minutes covered: of eni-a 59-61, 65 and 182; of eni-c 0-10, 14, 120 and 240
    assert answer("coverage", log) == [
        "eni-a 0 1 0 0 0",
        "eni-a 3600 0 1 1 57",
        "eni-a 7200 0 0 0 60",
        "eni-a 10800 1 0 0 2",
        "eni-b 3600 1 0 0 0",
        "eni-c 0 0 4 0 48",
        "eni-c 3600 0 0 0 60",
        "eni-c 7200 0 1 0 59",
        "eni-c 10800 0 0 0 60",
        "eni-c 14400 0 1 0 0",
    ]


def test_a_gap_is_a_silence_of_more_than_two_aggregation_intervals() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 0   500 REJECT OK
        eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 70  100 REJECT OK
        eni-a - - - - - - - 1650 1680 - NODATA
        eni-a - - - - - - - 2881 2900 - NODATA
        eni-b 203.0.113.9 10.0.0.6 40000 22 6 1 40 0   30  REJECT OK
        eni-b - - - - - - - 150 200 - NODATA
        eni-b - - - - - - - 321 380 - NODATA
    """)
    assert answer("gaps", log) == ["eni-a 1680 2881 20 600", "eni-b 200 321 2 60"]


def test_enis_prove_their_address_by_the_share_of_records() -> None:
    log = flows(
        "\n".join(
            f"eni-a 203.0.113.{n} 10.0.0.5 40000 22 6 1 40 {60 * n} {60 * n + 60} REJECT OK"
            for n in range(19)
        )
        + """
        eni-a 203.0.113.99 10.0.0.77 40000 22 6 1 40 0 30 ACCEPT OK
        eni-a 2001:db8::7 fd00::5 40000 22 6 1 40 0 30 REJECT OK
        eni-b 203.0.113.9 198.51.100.6 40000 22 6 1 40 0 61 REJECT OK
        eni-c - - - - - - - 0 30 - NODATA
        -     10.9.0.1 10.8.0.1 7000 443 6 3 300 0 50 - OK
    """
    )
    # eni-a: 10.0.0.5 in 19 of 20; of its IPv6 pair one is private; eni-b: nothing decides
    assert answer("enis", log) == [
        "111122223333 eni-a 10.0.0.5 fd00::5 all 0 1140 60 21 111122223333",
        "111122223333 eni-b - - unknown 0 61 600 1 111122223333",
        "111122223333 eni-c - - unknown 0 30 60 0 111122223333",
    ]


def test_an_address_in_less_than_95_percent_of_the_records_is_not_proven() -> None:
    rejects = "".join(
        f"eni-a 203.0.113.{n} 10.0.0.5 40000 22 6 1 40 0 30 REJECT OK\n" for n in range(17)
    )
    itself = "eni-a 10.0.0.5 10.0.0.5 40000 22 6 1 40 0 30 REJECT OK\n"
    other = "eni-a 203.0.113.99 10.0.0.77 40000 22 6 1 40 0 30 REJECT OK\n"
    assert answer("enis", flows(rejects + itself + other))[0].split()[2] == "-"
    assert answer("enis", flows(rejects + itself * 2 + other))[0].split()[2] == "10.0.0.5"


def test_enis_prefer_what_flow_direction_says() -> None:
    log = flows("""
        eni-a 203.0.113.9 198.51.100.5 40000 22 6 1 40 0 30 ACCEPT OK flow_direction=ingress
        eni-a 198.51.100.5 203.0.113.9 22 40000 6 1 40 0 30 ACCEPT OK flow_direction=egress
        eni-d 10.0.0.9 198.51.100.6 40000 22 6 1 40 0 30 ACCEPT OK flow_direction=ingress
        eni-b 10.0.0.9 10.0.0.6 40000 22 6 1 40 0 30 ACCEPT OK account_id=-
        eni-c 10.0.0.9 203.0.113.3 40000 22 6 1 40 0 30 ACCEPT OK account_id=-
    """)
    assert [line.split()[:4] for line in answer("enis", log)] == [
        ["111122223333", "eni-a", "198.51.100.5", "-"],
        ["111122223333", "eni-d", "198.51.100.6", "-"],
        ["-", "eni-b", "-", "-"],
        ["-", "eni-c", "10.0.0.9", "-"],
    ]


@pytest.mark.parametrize(
    ("count", "span", "action", "capture"),
    [
        (999, 86_399, "REJECT", "unknown"),
        (1_000, 600, "REJECT", "rejects"),
        (2, 86_400, "REJECT", "rejects"),
        (1_000, 600, "ACCEPT", "accepts"),
    ],
)
def test_a_capture_of_one_action_needs_a_day_or_a_thousand_records(
    count: int, span: int, action: str, capture: str
) -> None:
    line = f"eni-a 203.0.113.9 10.0.0.5 40000 22 6 1 40 0 30 {action} OK\n"
    log = flows(line * (count - 1) + line.replace(" 0 30 ", f" {span - 30} {span} "))
    assert answer("enis", log)[0].split()[4] == capture


CLASSES = flows("""
    eni-a 10.0.0.5 203.0.113.5 443 50000 6 9 900 0  50 ACCEPT OK
    eni-a 203.0.113.5 10.0.0.5 50000 443 6 1 40 60  65 REJECT OK
    eni-a 203.0.113.8 10.0.0.5 50000 443 6 1 40 60  65 REJECT OK
    eni-a 10.0.0.5 203.0.113.8 443 50000 6 1 40 66  70 ACCEPT OK
    eni-a 198.51.100.1 10.0.0.5 443 45000 6 1 40 60 65 REJECT OK
    eni-a 198.51.100.1 10.0.0.5 443 37215 6 1 40 60 65 REJECT OK
    eni-a 172.32.0.1 10.0.0.5 40000 22 6 1 40 60 65 REJECT OK
    eni-a 172.16.0.1 10.0.0.5 40000 22 6 1 40 60 65 REJECT OK
    eni-a 100.64.0.1 10.0.0.5 40000 22 6 1 40 61 65 REJECT OK
    eni-a 10.0.0.5 198.51.100.9 40000 25 6 1 40 60 65 REJECT OK
    eni-p 203.0.113.1 192.0.2.7 40000 22 6 1 40 60 65 REJECT OK flow_direction=ingress
    eni-p 192.0.2.7 203.0.113.1 40000 22 6 1 40 60 65 REJECT OK flow_direction=egress
    -     203.0.113.1 198.51.100.7 40000 22 6 1 40 60 65 REJECT OK
    eni-a fd00::5 2001:db8::1 40000 22 6 1 40 60 65 REJECT OK
    eni-a fd00::6 fd00::5 40000 22 6 1 40 60 65 REJECT OK
    eni-a 192.168.0.1 10.0.0.5 40000 22 6 1 40 60 65 REJECT OK
    eni-a - - - - - - - 0 60 - NODATA
""")


def test_refusals_are_classified() -> None:
    found = [line.split()[:8] for line in answer("refusals", CLASSES)]
    assert [" ".join(row) for row in found] == [
        "inbound eni-a 172.32.0.1 10.0.0.5 6 - 22 1",
        "inbound eni-a 198.51.100.1 10.0.0.5 6 - 37215 1",  # a commonly probed port
        "inbound eni-a 203.0.113.8 10.0.0.5 6 - 443 1",  # the mirror came after it ended
        "inbound eni-p 203.0.113.1 192.0.2.7 6 - 22 1",
        "internal eni-a 100.64.0.1 10.0.0.5 6 - 22 1",
        "internal eni-a 172.16.0.1 10.0.0.5 6 - 22 1",
        "internal eni-a 192.168.0.1 10.0.0.5 6 - 22 1",
        "internal eni-a fd00::6 fd00::5 6 - 22 1",
        "late eni-a 198.51.100.1 10.0.0.5 6 443 45000 1",  # a service's port to an ephemeral one
        "late eni-a 203.0.113.5 10.0.0.5 6 50000 443 1",  # mirrored
        "outbound eni-a 10.0.0.5 198.51.100.9 6 - 25 1",
        "outbound eni-a fd00::5 2001:db8::1 6 - 22 1",
        "outbound eni-p 192.0.2.7 203.0.113.1 6 - 22 1",
        "unknown - 203.0.113.1 198.51.100.7 6 - 22 1",
    ]


def test_refused_by_class_adds_up_to_all_refusals() -> None:
    assert answer("refused_by_class", CLASSES) == [
        "internal 6 22 4 4 160 4 1",
        "inbound 6 22 2 2 80 2 2",
        "outbound 6 22 2 2 80 2 2",
        "inbound 6 443 1 1 40 1 1",
        "inbound 6 37215 1 1 40 1 1",
        "late 6 443 1 1 40 1 1",
        "late 6 45000 1 1 40 1 1",
        "outbound 6 25 1 1 40 1 1",
        "unknown 6 22 1 1 40 1 0",
    ]


def test_refused_pairs_say_what_worked_before() -> None:
    log = flows("""
        eni-a 10.0.0.7 10.0.0.5 40000 5432 6 9 900 0   30  ACCEPT OK
        eni-a 10.0.0.7 10.0.0.5 40001 5432 6 1 40  100 130 REJECT OK
        eni-a 10.0.0.7 10.0.0.5 40002 5432 6 1 40  160 190 REJECT OK
        eni-a 10.0.0.8 10.0.0.5 40001 5432 6 1 40  100 130 REJECT OK
        eni-a 10.0.0.8 10.0.0.5 40003 5432 6 1 40  200 230 ACCEPT OK
        -     10.0.0.8 10.0.0.5 40003 80   6 1 40  200 230 REJECT OK
    """)
    assert answer("refused_pairs", log) == [
        "internal 10.0.0.7 10.0.0.5 6 5432 2 100 190 True eni-a",
        "internal 10.0.0.8 10.0.0.5 6 80 1 200 230 - -",
        "internal 10.0.0.8 10.0.0.5 6 5432 1 100 130 False eni-a",
    ]


def test_accepted_after_rejected_tells_answers_from_mere_accepts() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 40000 23   6 1 40  100 110 REJECT OK
        eni-a 203.0.113.9 10.0.0.5 40001 3389 6 1 40  110 120 REJECT OK
        eni-a 203.0.113.9 10.0.0.5 40002 22   6 8 800 200 230 ACCEPT OK tcp_flags=3
        eni-a 10.0.0.5 203.0.113.9 22 40002   6 9 4100 200 230 ACCEPT OK tcp_flags=19
        eni-a 203.0.113.9 10.0.0.5 40003 80   6 1 44  210 220 ACCEPT OK tcp_flags=2
        eni-a 203.0.113.9 10.0.0.5 40004 8080 6 1 44  210 220 ACCEPT OK tcp_flags=2
        eni-a 10.0.0.5 203.0.113.9 8080 40004 6 1 40  210 220 ACCEPT OK tcp_flags=4
        eni-a 203.0.113.9 10.0.0.5 443 12345  6 1 44  210 220 ACCEPT OK
        eni-a 203.0.113.9 10.0.0.5 443 50000  6 9 900 300 330 ACCEPT OK
        eni-a 203.0.113.9 10.0.0.5 9999 50001 6 9 900 300 330 ACCEPT OK tcp_flags=18
        eni-a 10.0.0.5 203.0.113.9 50001 9999 6 9 900 300 330 ACCEPT OK tcp_flags=2
        eni-a 203.0.113.9 10.0.0.5 40005 25   6 9 900 50  60  ACCEPT OK
        eni-a 203.0.113.7 10.0.0.5 40005 25   6 9 900 300 330 ACCEPT OK
        eni-a 10.0.0.9    10.0.0.5 40000 23   6 1 40  100 110 REJECT OK
        eni-a 10.0.0.9    10.0.0.5 40000 22   6 1 40  200 210 ACCEPT OK
        -     203.0.113.9 10.0.0.5 40000 22   6 1 40  200 210 ACCEPT OK
    """)
    # left out: answers to our clients (to 50000 and 50001), accepted before, never refused, inside
    assert answer("accepted_after_rejected", log) == [
        "203.0.113.9 eni-a 22 1 800 4100 100 200 2 2",
        "203.0.113.9 eni-a 8080 0 44 40 100 210 2 2",
        "203.0.113.9 eni-a 80 0 44 0 100 210 2 2",
        "203.0.113.9 eni-a 12345 0 44 0 100 210 2 2",
    ]


def test_a_leftover_is_no_reject_of_the_source() -> None:
    log = flows("""
        eni-a 203.0.113.9 10.0.0.5 443 50000 6 1 40 100 110 REJECT OK
        eni-a 203.0.113.9 10.0.0.5 40000 22  6 1 40 200 210 ACCEPT OK
    """)
    assert answer("accepted_after_rejected", log) == []


REPLIES = flows("""
    eni-s 203.0.113.1 10.0.0.5 50000 443 6 5 500 0    30   ACCEPT OK
    eni-s 10.0.0.5 203.0.113.1 443 50000 6 5 500 0    30   REJECT OK
    eni-s 203.0.113.2 10.0.0.5 50000 443 6 5 500 0    30   ACCEPT OK
    eni-s 10.0.0.5 203.0.113.2 443 50000 6 5 500 0    30   ACCEPT OK
    eni-s 10.0.0.5 203.0.113.2 443 50000 6 1 40  379  385  REJECT OK
    eni-s 203.0.113.2 10.0.0.5 50000 443 6 1 40  390  391  REJECT OK
    eni-d 10.0.0.7 203.0.113.5 50000 443 6 5 500 0    30   ACCEPT OK
    eni-e 203.0.113.5 10.0.0.7 443 50000 6 5 500 2    30   REJECT OK
    eni-s 203.0.113.3 10.0.0.5 50000 443 6 5 500 0    30   ACCEPT OK
    eni-s 10.0.0.5 203.0.113.3 443 50000 6 5 500 0    30   ACCEPT OK
    eni-s 10.0.0.5 203.0.113.3 443 50000 6 1 40  380  385  REJECT OK
    eni-c 10.0.0.6 203.0.113.4 50000 443 6 5 500 0    30   ACCEPT OK
    eni-c 203.0.113.4 10.0.0.6 443 50000 6 5 500 2    30   REJECT OK
    eni-c 203.0.113.4 10.0.0.6 443 50000 6 5 500 62   90   REJECT OK
    eni-c 10.0.0.6 203.0.113.6 50000 53 17 1 60  0    10   ACCEPT OK
    eni-c 203.0.113.6 10.0.0.6 53 50000 17 1 60  0    10   ACCEPT OK
    eni-c 203.0.113.6 10.0.0.6 53 50000 17 1 60  190  191  REJECT OK
    eni-c 203.0.113.7 10.0.0.6 443 50000 6 1 40  0    10   REJECT OK
    eni-c 203.0.113.8 10.0.0.6 40000 22  6 1 40  0    10   REJECT OK
    -     203.0.113.4 10.0.0.6 443 50000 6 1 40  0    10   REJECT OK
""")


def test_refused_replies_name_the_likely_cause() -> None:
    found = [line.split()[:7] for line in answer("refused_replies", REPLIES)]
    assert [" ".join(row) for row in found] == [
        "eni-c client 203.0.113.4 443 2 nacl 0",
        "eni-c client 203.0.113.6 53 1 expired 1",
        "eni-s server 203.0.113.1 443 1 nacl 0",
        "eni-s server 203.0.113.2 443 1 closed 1",
        "eni-s server 203.0.113.3 443 1 expired 1",
    ]


def test_a_service_stands_in_the_table_once_with_a_short_name() -> None:
    rows = database(flows(""), "exchanges").sql("from services").to_arrow_table().to_pylist()
    assert len({(row["port"], row["protocol"]) for row in rows}) == len(rows)
    assert all(row["protocol"] in (6, 17) and 0 < len(row["name"]) <= 16 for row in rows)
    assert rows == sorted(rows, key=lambda row: (row["port"], row["protocol"]))
