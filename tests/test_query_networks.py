"""An address is one host within one network: what worked before, what is our own, late answers."""

from __future__ import annotations

import pytest
from query_world import answer, flows

VPC_1, VPC_2 = "vpc_id=vpc-1", "vpc_id=vpc-2"
OTHER = "account_id=444455556666"


def networks(log: str) -> dict[str, str]:
    """The network of each ENI."""
    rows = [row.split() for row in answer("enis", flows(log))]
    return {row[1]: row[-1] for row in rows}


def worked(log: str, *, first: str = "10.0.0.7 10.0.0.5 6 5432") -> list[str]:
    """Whether pairs worked before, each with the ENI that rejects."""
    rows = [row.split() for row in answer("refused_pairs", flows(log))]
    return [" ".join(row[-2:]) for row in rows if " ".join(row[1:5]) == first]


KNOCK = "203.0.113.9 10.0.0.5 40000 22 6 1 40 0 30 REJECT OK"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["", ""], ["111122223333", "111122223333"]),
        ([VPC_1, VPC_2], ["vpc-1", "vpc-2"]),
        ([VPC_1, ""], ["vpc-1", "vpc-1"]),
        ([VPC_1, VPC_2, ""], ["vpc-1", "vpc-2", "eni-2"]),
        ([VPC_1, OTHER], ["vpc-1", "444455556666"]),
        ([VPC_1, f"{VPC_1} {OTHER}"], ["vpc-1", "vpc-1"]),
        (["account_id=-", "account_id=unknown"], ["eni-0", "eni-1"]),
        ([f"account_id=- {VPC_1}", "account_id=-"], ["vpc-1", "eni-1"]),
    ],
)
def test_a_network_is_the_vpc_else_the_account_else_the_eni_alone(
    given: list[str], expected: list[str]
) -> None:
    log = "\n".join(f"eni-{place} {KNOCK} {more}" for place, more in enumerate(given))
    assert networks(log) == {f"eni-{place}": name for place, name in enumerate(expected)}


def test_an_eni_that_two_flow_logs_record_has_one_network() -> None:
    log = f"eni-a {KNOCK} {VPC_1}\neni-a {KNOCK} account_id=-\neni-b {KNOCK} {VPC_2}"
    rows = [row.split() for row in answer("enis", flows(log))]
    assert [row[-1] for row in rows if row[1] == "eni-a"] == ["vpc-1", "vpc-1"]


SENT = "eni-c 10.0.0.7 10.0.0.5 40000 5432 6 3 180 100 130 ACCEPT OK"
BACK = "10.0.0.5 10.0.0.7 5432 40000 6 9 900 101 130 ACCEPT OK"
REFUSED = "eni-s 10.0.0.7 10.0.0.5 40001 5432 6 1 60 200 230 REJECT OK"
LOGGED = "eni-s 10.0.0.5 203.0.113.8 41000 443 6 3 180 10 40 ACCEPT OK"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        # The sender's own ENI lets out what never arrives.
        ([SENT], "False"),
        ([SENT, LOGGED], "False"),
        ([LOGGED], "False"),
        ([], "-"),
        (["eni-s - - - - - - - 0 60 - NODATA"], "-"),
        (["eni-s 10.0.0.9 10.0.0.5 40000 22 6 1 40 0 30 REJECT OK"], "-"),
        # Another ENI's other traffic says nothing about this one's log.
        (["eni-z 10.0.0.9 10.0.0.8 40000 22 6 1 40 0 30 ACCEPT OK"], "-"),
        # An answer, wherever in the network it was seen.
        ([SENT, f"eni-c {BACK}"], "True"),
        ([SENT, f"eni-s {BACK}"], "True"),
        ([f"eni-c {BACK}"], "True"),
        ([SENT, f"eni-c {BACK} tcp_flags=18"], "True"),
        # The ENI that now rejects let it in; a NAT gateway accepts what it drops.
        ([SENT.replace("eni-c", "eni-s")], "True"),
        ([SENT.replace("eni-c", "eni-s") + " interface_type=nat_gateway"], "False"),
        # No answers: a reset, a refused one, none with bytes, one of the server as a client.
        ([SENT, f"eni-c {BACK} tcp_flags=4".replace("9 900", "1 40")], "False"),
        ([SENT, f"eni-c {BACK}".replace("ACCEPT", "REJECT")], "False"),
        ([SENT, f"eni-c {BACK}".replace("9 900", "1 0")], "False"),
        ([SENT, f"eni-c {BACK} tcp_flags=2"], "False"),
        ([SENT, f"eni-c {BACK}".replace("5432 40000", "5432 22")], "False"),
        # The same address in another VPC or account is another host.
        ([SENT, f"eni-c {BACK} {OTHER}", f"eni-c {KNOCK} {OTHER}"], "-"),
        # After it began to be refused it is no before.
        ([f"eni-c {BACK}".replace("101 130", "300 330")], "-"),
        ([LOGGED, SENT.replace("eni-c", "eni-s").replace("100 130", "300 330")], "False"),
    ],
)
def test_it_worked_before_if_something_came_back_or_this_eni_accepted_it(
    before: list[str], expected: str
) -> None:
    assert worked("\n".join([*before, REFUSED])) == [f"{expected} eni-s"]


def test_where_several_enis_reject_each_is_told_of() -> None:
    log = f"""
        eni-s 10.0.0.7 10.0.0.5 40000 5432 6 3 180 100 130 ACCEPT OK
        {REFUSED}
        {REFUSED.replace("eni-s", "eni-t")}
    """
    assert worked(log) == ["True eni-s", "False eni-t"]


@pytest.mark.parametrize("protocol", [1, 17])
def test_without_ports_or_with_equal_ones_an_answer_comes_after_its_request(protocol: int) -> None:
    ports = "0 0" if protocol == 1 else "123 123"
    there, back = f"10.0.0.7 10.0.0.5 {ports}", f"10.0.0.5 10.0.0.7 {ports}"
    first = f"10.0.0.7 10.0.0.5 {protocol} {ports.split()[0]}"
    refused = f"eni-s {there} {protocol} 1 60 2000 2030 REJECT OK"
    sent = f"eni-c {there} {protocol} 1 60 100 130 ACCEPT OK"
    answered = f"eni-c {back} {protocol} 1 60 100 130 ACCEPT OK"
    assert worked("\n".join([sent, answered, refused]), first=first) == ["True eni-s"]
    assert worked("\n".join([answered, refused]), first=first) == ["- eni-s"]


def test_a_late_answer_is_told_by_what_its_own_network_accepted() -> None:
    log = """
        eni-a 10.0.0.5 10.0.0.9 7000 40000 6 9 900 0  50 ACCEPT OK {0}
        eni-b 10.0.0.9 10.0.0.5 40000 7000 6 1 40  60 65 REJECT OK {1}
    """
    expected = {("", ""): "late", (VPC_1, VPC_1): "late", (VPC_1, ""): "late"}
    expected |= {(VPC_1, VPC_2): "internal", ("", OTHER): "internal"}
    for given, kind in expected.items():
        assert answer("refusals", flows(log.format(*given)))[0].split()[0] == kind


def test_a_public_range_that_one_vpc_uses_inside_is_outside_for_another() -> None:
    log = flows(f"""
        eni-a 198.51.100.5 10.0.0.9 40000 443 6 9 900 0 50 ACCEPT OK {VPC_1} flow_direction=egress
        eni-b 198.51.100.5 10.0.0.7 40000 22  6 1 40  0 50 REJECT OK {VPC_1}
        eni-c 198.51.100.5 10.0.0.7 40000 22  6 1 40  0 50 REJECT OK {VPC_2}
        eni-d 2001:db8::5 fd00::7 40000 443 6 9 900 0 50 ACCEPT OK {VPC_1} flow_direction=egress
        eni-e 2001:db8::5 fd00::8 40000 22 6 1 40 0 50 REJECT OK {VPC_2}
    """)
    rows = [row.split() for row in answer("refusals", log)]
    classes = {row[1]: row[0] for row in rows}
    assert classes == {"eni-b": "internal", "eni-c": "inbound", "eni-e": "internal"}


ICMP = "203.0.113.50 10.50.1.17 0 0 1"
REPLY = "10.50.1.17 203.0.113.50 0 0 1"
ANSWERED = [f"{ICMP} 4 336 0 58 ACCEPT", f"{REPLY} 4 336 1 58 ACCEPT"]


@pytest.mark.parametrize(
    ("log", "rows"),
    [
        # The server's answer refused, at once or after a second; many of them.
        ([f"{ICMP} 4 336 0 60 ACCEPT", f"{REPLY} 4 336 2 60 REJECT"], ["server 1"]),
        ([f"{ICMP} 1 84 0 0 ACCEPT", f"{REPLY} 1 84 0 0 REJECT"], ["server 1"]),
        ([f"{ICMP} 1 84 0 0 ACCEPT", f"{REPLY} 1 84 1 1 REJECT"], ["server 1"]),
        (
            [f"{ICMP} 4 336 {n} {n + 58} ACCEPT" for n in range(0, 180, 60)]
            + [f"{REPLY} 4 336 {n + 1} {n + 58} REJECT" for n in range(0, 180, 60)],
            ["server 3"],
        ),
        # The answer to our own ping refused.
        ([f"{REPLY} 4 336 0 60 ACCEPT", f"{ICMP} 4 336 0 60 REJECT"], ["client 1"]),
        # Answers were accepted before the rule changed.
        (
            [*ANSWERED, f"{ICMP} 4 336 60 90 ACCEPT", f"{REPLY} 4 336 61 90 REJECT"],
            ["server 1"],
        ),
        # A ping of theirs that is refused, with no accepted one of ours before, or long after.
        ([f"{ICMP} 4 336 0 60 REJECT"], []),
        ([f"{ICMP} 4 336 0 60 REJECT", f"{REPLY} 4 336 90 99 ACCEPT"], []),
        ([f"{ICMP} 4 336 0 60 REJECT", f"{REPLY} 4 336 30 99 ACCEPT"], []),
        ([f"{REPLY} 1 84 0 1 ACCEPT", f"{ICMP} 4 336 300 360 REJECT"], []),
        # Their ping worked, and then was refused: no answer to ours.
        (
            [*ANSWERED, f"{ICMP} 4 336 60 90 REJECT"],
            [],
        ),
    ],
)
@pytest.mark.parametrize("family", [4, 6])
def test_icmp_knows_a_refused_answer_from_a_refused_request(
    log: list[str], rows: list[str], family: int
) -> None:
    text = "\n".join(f"eni-a {line} OK" for line in log)
    if family == 6:
        text = text.replace("203.0.113.50", "2001:db8::50").replace("10.50.1.17", "fd00::17")
        text = text.replace(" 0 0 1 ", " 0 0 58 ")
    found = [row.split() for row in answer("refused_replies", flows(text))]
    assert [f"{row[1]} {row[4]}" for row in found] == rows
    assert all((row[3], row[5]) == ("0", "nacl") for row in found)
    late = [row for row in answer("refused_by_class", flows(text)) if row.startswith("late")]
    assert bool(late) == bool(rows)
