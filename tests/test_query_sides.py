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
