"""Who asked and who was asked: conversations, and leftovers told from a client port's next use."""

from __future__ import annotations

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


def test_a_client_port_used_again_after_ten_minutes_is_no_leftover() -> None:
    log = flows("""
        eni-a 10.0.0.9 10.0.0.5 5432 40000 6 4 800 0    30   ACCEPT OK
        eni-a 10.0.0.5 10.0.0.9 40000 5432 6 1 40  600  600  REJECT OK
        eni-a 10.0.0.5 10.0.0.9 40000 5432 6 1 40  2000 2000 REJECT OK
    """)
    classes = [row.split()[0] for row in answer("refusals", log)]
    assert sorted(classes) == ["internal", "late"]
