"""Asking name servers: every way an answer can go wrong ends with the right status."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address

import dns.exception
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nameserver import HOWS, NameServer, Zone

from flowlens.naming.dns import asking, questions
from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.asking import TRIES
from flowlens.naming.dns.network import Network
from flowlens.naming.dns.pace import WINDOW, Pace
from flowlens.naming.dns.replies import read
from flowlens.naming.dns.servers import VPC_CEILING, Server, servers
from flowlens.naming.dns.zones import PATIENCE, Zones

TIMEOUT = 0.2

ENDS = {
    "": Status.OK,
    "servfail": Status.SERVFAIL,
    "servfail_once": Status.OK,
    "refused": Status.REFUSED,
    "notimp": Status.SERVFAIL,
    "no_edns": Status.OK,
    "drop": Status.TIMEOUT,
    "drop_once": Status.OK,
    "late": Status.OK,
    "very_late": Status.TIMEOUT,
    "twice": Status.OK,
    "truncated": Status.OK,
    "truncated_dead": Status.TIMEOUT,
    "truncated_hangs": Status.TIMEOUT,
    "truncated_always": Status.MALFORMED,
    "truncated_wrong_id": Status.TIMEOUT,
    "other_class": Status.NODATA,
    "wrong_id": Status.TIMEOUT,
    "wrong_id_first": Status.OK,
    "wrong_question": Status.TIMEOUT,
    "wrong_question_first": Status.OK,
    "other_source": Status.TIMEOUT,
    "other_source_first": Status.OK,
    "loop": Status.MALFORMED,
    "short": Status.MALFORMED,
    "long_label": Status.MALFORMED,
    "alias": Status.OK,
    "alias_alone": Status.NXDOMAIN,
    "noise": Status.TIMEOUT,
}


def ask(addresses, *named, rate=5000.0, **options):
    """How the question for each address ended, in the order in which they did; and the network."""
    network = Network(
        servers([one if isinstance(one, str) else one.address for one in named]),
        rate=rate,
        timeout=options.pop("timeout", TIMEOUT),
        **options,
    )
    asked = {questions.reverse(ip_address(address)): address for address in addresses}
    ends = {}

    def finish(question, reply):
        assert asked[question] not in ends
        ends[asked[question]] = reply
        return ()

    network.ask(iter(asked), finish)
    return ends, network


@pytest.fixture(scope="module")
def ends():
    """Each flaw at an address in a zone of its own, all asked for at once."""
    rows = [(f"5.{n}.0.1", f"host{n}.example", how) for n, how in enumerate(HOWS)]
    with NameServer(Zone.of(rows)) as server:
        found, _ = ask([row[0] for row in rows], server)
    return {how: found[address] for address, _, how in rows}


def test_every_flaw_has_a_status():
    assert ENDS.keys() == HOWS.keys()


@pytest.mark.parametrize("how", HOWS)
def test_a_flawed_answer_ends_with_the_right_status(ends, how):
    assert ends[how].status == ENDS[how]


@pytest.mark.parametrize("how", [how for how, status in ENDS.items() if status is Status.OK])
def test_a_name_is_never_that_of_a_liar(ends, how):
    (name,) = ends[how].records
    assert name.to_text() == f"host{list(HOWS).index(how)}.example."


def test_absence_is_told_with_the_time_that_its_zone_gives_it():
    with NameServer(Zone.of([("a.example", "192.0.2.1")])) as server:
        found, _ = ask(["5.0.0.1"], server)
    assert found["5.0.0.1"] == questions.Reply(Status.NXDOMAIN, (), 1800)


def test_the_next_server_is_asked_where_one_fails_or_refuses():
    bad = [("5.0.0.1", "a.example", "servfail"), ("5.1.0.1", "b.example", "refused"),
           ("5.2.0.1", "c.example", "drop"), ("5.3.0.1", "d.example", "loop")]  # fmt: skip
    good = Zone.of([row[:2] for row in bad])
    with NameServer(Zone.of(bad)) as first, NameServer(good) as second:
        found, _ = ask([row[0] for row in bad], first, second)
        assert {reply.status for reply in found.values()} == {Status.OK}
        assert first.total == second.total == len(bad)


def closed_port():
    """A server where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_a_closed_port_ends_in_time_outs_and_is_named():
    closed = closed_port()
    found, network = ask(["5.0.0.1"], closed)
    assert found["5.0.0.1"].status is Status.TIMEOUT
    refused, silent = network.remarks
    assert refused == f"{closed}: Connection refused"
    assert silent.startswith("no answer at all in ")


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("number", [2, 4])
def test_a_server_that_lives_answers_for_any_number_of_dead_ones(number, closed):
    rows = [(f"5.0.{n % 5}.{n}", f"host{n}.example") for n in range(100)]
    with (
        NameServer(Zone.of(rows)) as good,
        NameServer(Zone(), dead=True) as first,
        NameServer(Zone(), dead=True) as second,
    ):
        dead = [first, second, first.address.replace("0.1:", "0.2:"), closed_port()][:number]
        if closed:
            dead = [closed_port() for _ in range(number)]
        found, _ = ask([row[0] for row in rows], *dead, good, timeout=0.4)
        assert first.total < 50
    assert {reply.status for reply in found.values()} == {Status.OK}


def test_a_server_that_is_down_does_not_slow_down_the_others():
    rows = [(f"5.{n // 250}.{n % 250}.1", f"host{n}.example") for n in range(3 * WINDOW)]
    with NameServer(Zone.of(rows)) as good, NameServer(Zone(), dead=True) as dead:
        _, network = ask([row[0] for row in rows], dead, good, rate=2000.0, timeout=1.0)
    assert not any("slowed down" in remark for remark in network.remarks)


def test_an_alias_without_its_record_is_asked_for_once_more():
    zone = Zone.of(
        [("5.0.0.1", "a.example", "alias_alone"), ("5.0.1.1", "b.example", "alias_alone")]
    )
    owner = next(iter(zone.records))
    alias = dns.name.from_text("7.0-63", owner[0].parent())
    zone.records[alias, dns.rdatatype.PTR] = zone.records[owner]
    zone.hows[dns.name.from_text("7.0-63.1.0.5.in-addr.arpa.")] = "alias_alone"
    with NameServer(zone) as server:
        found, _ = ask(["5.0.0.1", "5.0.1.1"], server)
        assert server.total == 4
    assert found["5.0.0.1"].records == (dns.name.from_text("a.example."),)
    assert found["5.0.1.1"].status is Status.NODATA


def test_more_pointers_than_a_datagram_holds_come_by_tcp():
    rows = [("5.0.0.1", f"host{n:04}.example") for n in range(1500)]
    with NameServer(Zone.of(rows)) as server:
        found, _ = ask(["5.0.0.1"], server, timeout=2.0)
        assert server.tcp == 1
    assert len(found["5.0.0.1"].records) == 1500


def test_a_dead_server_costs_the_budget_and_no_more():
    addresses = [f"5.{n // 250}.{n % 250}.1" for n in range(2000)]
    with NameServer(Zone(), dead=True) as server:
        begin = time.monotonic()
        found, _ = ask(addresses, server, rate=400.0, budget=0.4)
        assert time.monotonic() - begin < 2
    assert {reply.status for reply in found.values()} == {Status.TIMEOUT}
    assert len(found) < len(addresses)


def test_servers_that_stay_silent_are_given_up(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    addresses = [f"5.{n // 250}.{n % 250}.1" for n in range(2000)]
    with NameServer(Zone(), dead=True) as server:
        begin = time.monotonic()
        found, network = ask(addresses, server, rate=400.0)
        assert time.monotonic() - begin < 2
    assert len(found) < len(addresses)
    assert "no answer at all" in network.remarks[0]


def test_a_server_that_answers_by_udp_alone_is_not_silent(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.1)
    monkeypatch.setattr(asking, "SILENT", 3)
    rows = [(f"5.0.{n}.1", f"host{n}.example", "truncated_hangs") for n in range(8)]
    with NameServer(Zone.of(rows)) as server:
        found, network = ask([row[0] for row in rows], server)
    assert [reply.status for reply in found.values()] == [Status.TIMEOUT] * 8
    assert network.remarks == []


def test_a_run_that_ends_before_any_answer_came_says_so():
    with NameServer(Zone(), dead=True) as server:
        found, network = ask(["5.0.0.1"], server, budget=0.1, timeout=9.0)
    assert found["5.0.0.1"] == questions.Reply(Status.TIMEOUT, unfinished=True)
    (remark,) = network.remarks
    assert remark.startswith("no answer at all in 0.")


def zone_of(name):
    return questions.forward(dns.name.from_text(name), version=4).zone


def test_a_zone_of_names_is_their_registrable_domain():
    assert zone_of("dead.co") != zone_of("other.co")
    assert zone_of("a.Dead.co.uk") == zone_of("b.c.dead.co.uk") != zone_of("other.co.uk")
    assert zone_of("co.uk") != zone_of("a.co.uk")


def test_one_silent_name_does_not_condemn_the_others_of_its_zone():
    one, other = (questions.reverse(ip_address(f"5.0.0.{n}")) for n in (1, 2))
    zones = Zones()
    assert zones.admit(one)
    for _ in range(PATIENCE):
        zones.timed_out(one)
    assert not zones.is_dead(other)
    zones.timed_out(other)
    assert zones.is_dead(other)


def test_two_of_a_zone_are_in_flight_and_the_rest_of_a_dead_one_is_skipped():
    dead = [f"5.0.0.{n}" for n in range(1, 40)]
    rows = [(address, "x.example", "drop") for address in dead]
    rows += [("5.0.1.1", "alive.example")]
    with NameServer(Zone.of(rows)) as server:
        found, _ = ask([row[0] for row in rows], server)
        assert sum(server.times(address) for address in dead) <= PATIENCE + 1
    assert found["5.0.1.1"].status is Status.OK
    statuses = [found[address].status for address in dead]
    assert statuses.count(Status.TIMEOUT) == 2
    assert statuses.count(Status.SKIPPED) == len(dead) - 2


@pytest.mark.parametrize("how", ["servfail", "refused", "nxdomain"])
def test_a_zone_with_an_answer_of_any_kind_is_not_given_up(how):
    rows = [("5.0.0.1", "a.example", how)] if how != "nxdomain" else []
    rows += [(f"5.0.0.{n}", "x.example", "drop") for n in range(2, 6)]
    with NameServer(Zone.of(rows)) as server:
        found, _ = ask([f"5.0.0.{n}" for n in range(1, 6)], server)
        assert server.times("5.0.0.5") == TRIES
    assert Status.SKIPPED not in {reply.status for reply in found.values()}


def test_a_wish_to_stop_ends_the_run():
    addresses = [f"5.{n // 250}.{n % 250}.1" for n in range(2000)]
    with NameServer(Zone()) as server:
        found, _ = ask(addresses, server, rate=500.0, stop=lambda: server.total >= 20)
    assert 0 < len(found) < len(addresses)


def test_lost_packets_cost_no_verdict():
    rows = [(f"5.{n // 250}.{n % 250}.1", f"host{n}.example") for n in range(600)]
    with NameServer(Zone.of(rows), loss=0.02) as server:
        found, _ = ask([row[0] for row in rows], server, timeout=0.5)
        assert server.dropped > 0
    assert {reply.status for reply in found.values()} == {Status.OK}


def test_queries_keep_to_the_rate():
    pace, now, sent = Pace(100.0, now=0.0), 0.0, []
    while now < 3:
        if (delay := pace.delay(now)) == 0:
            pace.take()
            sent.append(now)
        now += max(delay, 1e-6)
    assert len(sent) == pytest.approx(300, abs=2)
    assert max(sum(begin <= one < begin + 1 for one in sent) for begin in sent) <= 106


def test_losing_more_than_a_twentieth_halves_the_rate_once():
    pace = Pace(800.0, now=0.0)
    for number in range(WINDOW):
        pace.answered(1.0 + number, sent=0.5, lost=number % 10 == 0)
    assert pace.rate == 400.0
    for _ in range(WINDOW):
        pace.answered(500.0, sent=0.5, lost=1)
    assert pace.rate == 400.0
    for _ in range(40 * WINDOW):
        pace.answered(500.0, sent=500.0, lost=0)
    assert pace.rate == 400.0
    for number in range(40 * WINDOW):
        pace.answered(501.0 + number, sent=501.0 + number, lost=1)
    assert pace.rate == 10.0


@pytest.mark.parametrize(
    ("host", "is_vpc"),
    [
        ("169.254.169.253", True),
        ("fd00:ec2::253", True),
        ("10.0.0.2", True),
        ("172.31.16.2", True),
        ("192.168.1.1", False),
        ("8.8.8.2", False),
        ("127.0.0.1", False),
    ],
)
def test_the_resolver_of_a_vpc_has_a_ceiling(host, is_vpc):
    assert Server(host).is_vpc is is_vpc
    assert Network([Server(host)], rate=5000)._rate == (VPC_CEILING if is_vpc else 5000)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise(data):
    question = questions.reverse(ip_address("192.0.2.1"))
    query = dns.message.from_wire(questions.message(7, question.wire))
    wire = dns.message.make_response(query).to_wire()
    begin = wire[:6] + b"\0\1\0\1\0\1" + question.wire
    for hostile in (data, wire[:12] + data, begin + data, begin + b"\xc0\x0c\0\x0c\0\1" + data):
        questions.answers(hostile, question.wire)
        reply = read(hostile, question)
        assert reply.records == () or reply.status is Status.OK


def test_a_query_is_what_dnspython_would_have_made():
    question = questions.reverse(ip_address("2001:db8::7"))
    for edns in (True, False):
        query = dns.message.from_wire(questions.message(77, question.wire, edns=edns))
        assert (query.id, query.question[0].name) == (77, question.name)
        assert (query.edns, query.payload) == ((0, questions.PAYLOAD) if edns else (-1, 0))
        assert query.flags == dns.flags.RD


def test_a_question_is_compared_without_case():
    name = dns.name.from_text("7.2.0.192.In-Addr.ARPA")
    query = dns.message.make_query(name, "PTR", id=7)
    wire = dns.message.make_response(query).to_wire()
    assert questions.answers(wire, questions.reverse(ip_address("192.0.2.7")).wire)
    assert not questions.answers(wire, questions.reverse(ip_address("192.0.2.8")).wire)
    assert not questions.answers(query.to_wire(), questions.reverse(ip_address("192.0.2.7")).wire)


def messages():
    """Responses with aliases, records, SOAs and codes in any combination."""
    owners = st.sampled_from(["1.2.0.192.in-addr.arpa.", "a.example.", "b.example.", "."])
    rows = st.one_of(
        st.tuples(owners, st.just("PTR"), st.sampled_from(["x.example.", r"\027\000.example."])),
        st.tuples(owners, st.just("CNAME"), owners),
        st.tuples(owners, st.just("TXT"), st.just('"text"')),
        st.tuples(owners, st.just("SOA"), st.just("ns. root. 1 2 3 4 77")),
    )
    ttls = st.integers(0, 2**31 - 1)
    classes = st.sampled_from(["IN", "IN", "IN", "CH", "HS", "ANY", "CLASS77"])
    records = st.lists(st.tuples(rows, ttls, classes), max_size=5)
    return st.tuples(st.sampled_from([0, 2, 3, 5, 16, 23]), records, records)


@given(messages())
def test_a_reply_is_what_dnspython_takes_it_for(message):
    rcode, answer, authority = message
    question = questions.reverse(ip_address("192.0.2.1"))
    response = dns.message.make_response(dns.message.from_wire(questions.message(7, question.wire)))
    for rows, section in ((answer, response.answer), (authority, response.authority)):
        for (owner, rdtype, text), ttl, rdclass in rows:
            data = dns.rdata.from_text("IN", rdtype, text).to_generic()
            rrset = dns.rrset.RRset(dns.name.from_text(owner), dns.rdataclass.from_text(rdclass),
                                    dns.rdatatype.from_text(rdtype))  # fmt: skip
            rrset.add(dns.rdata.GenericRdata(rrset.rdclass, rrset.rdtype, data.data), ttl)
            section.append(rrset)
    response.set_rcode(rcode)
    wire = response.to_wire()
    ours = read(wire, question)
    theirs = dns.message.from_wire(wire)
    if rcode not in (0, 3):
        assert ours.status is (Status.REFUSED if rcode == 5 else Status.SERVFAIL)
        return
    try:
        chain = theirs.resolve_chaining()
    except dns.exception.DNSException:
        assert ours.status is Status.MALFORMED
        return
    if chain.answer is None:
        assert ours.status is (Status.NXDOMAIN if rcode else Status.NODATA)
    else:
        assert set(ours.records) == {record.target for record in chain.answer}
        assert (ours.status, ours.ttl) == (Status.OK, chain.minimum_ttl)
