"""Alerts: when they fire, what they say, and what waits in the outbox."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alert_place import ALERT, END, a_firing
from aws import REGION, Answer, client, credentials, exception, fake, moto  # noqa: F401

from flowlens.batch.job import DAY, HOUR, Alert
from flowlens.batch.notify import alerts
from flowlens.batch.notify.alerts import Firing, fire
from flowlens.batch.notify.outbox import Outbox
from flowlens.core.errors import UsageError

HOSTILE = 'x\x1b[31m\n\u202e"<!channel>& {value} \udc80'
ABOUT = {"job": "rejects", "start": "2026-11-23T00:00:00Z", "end": "2026-11-24T00:00:00Z"}


def rows(*given: dict[str, object]):
    return lambda sql: list(given)


def fired(alert: Alert, *given: dict[str, object], **about: str) -> list[Firing]:
    return fire(alert, rows(*given), ABOUT | about)


@pytest.mark.parametrize("module", [alerts])
def test_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("above", "below", "value", "fires"),
    [
        (0, None, 1, True),
        (0, None, 0, False),
        (0, None, True, True),
        (0, None, None, False),
        (0, None, float("nan"), False),
        (0, None, float("inf"), True),
        (0, None, Decimal("0.5"), True),
        (0, None, Decimal("NaN"), False),
        (None, 10, 9.5, True),
        (None, 10, 10, False),
        (None, 10, None, False),
        (10, 5, 7, False),
        (10, 5, 11, True),
        (10, 5, 4, True),
        (2**53, None, 2**53 + 1, True),
    ],
)
def test_it_fires_beyond_the_threshold_and_never_for_nothing(above, below, value, fires):
    alert = replace(ALERT, above=above, below=below)
    assert bool(fired(alert, {"value": value})) is fires


def test_each_row_fires_in_the_order_of_the_select():
    alert = replace(ALERT, above=10, message="{srcaddr}: {value} on {dstport}, {job} {start}")
    found = fired(
        alert,
        {"srcaddr": "192.0.2.9", "dstport": 22, "value": 30},
        {"srcaddr": "192.0.2.1", "dstport": 22, "value": 5},
        {"srcaddr": "192.0.2.1", "dstport": 23, "value": Decimal(20)},
    )
    assert [one.message for one in found] == [
        "192.0.2.9: 30 on 22, rejects 2026-11-23T00:00:00Z",
        "192.0.2.1: 20 on 23, rejects 2026-11-23T00:00:00Z",
    ]
    assert found[0].start == datetime(2026, 11, 23, tzinfo=UTC)
    assert found[0].end == END
    assert json.loads(json.dumps(found[1].to_dict())) == {
        "alert": "ssh",
        "job": "rejects",
        "start": "2026-11-23T00:00:00Z",
        "end": "2026-11-24T00:00:00Z",
        "value": 20,
        "message": found[1].message,
        "id": found[1].id,
    }
    assert found[0].id != found[1].id


def test_what_duckdb_gives_is_compared_and_said():
    duckdb = pytest.importorskip("duckdb")

    def ask(sql: str) -> list[dict[str, object]]:
        return duckdb.connect().sql(sql).to_arrow_table().to_pylist()

    sql = """
    select
        sum(n) as Value,
        avg(n) as mean,
        max(n)::decimal(10, 2) as most,
        timestamptz '2026-11-23 01:02:03+00' as first_seen,
        [1, 2] as ports,
        null as name
    from (values (1), (2)) numbers (n)
    """
    message = "{Value} {mean} {most} {first_seen} {ports} {name} {alert}"
    (one,) = fire(replace(ALERT, sql=sql, message=message), ask, ABOUT)
    assert one.message == "3 1.5 2 2026-11-23T01:02:03Z [1, 2] null ssh"


def test_hostile_cells_are_shown_as_escapes_and_are_no_places():
    (one,) = fired(replace(ALERT, message="{value} of {name}"), {"value": 1, "name": HOSTILE})
    assert one.message == '1 of x\\x1b[31m\\x0a\\u202e"<!channel>& {value} \\udc80'
    (one,) = fired(replace(ALERT, message="{name}"), {"value": 1, "name": "y" * 100_000})
    assert len(one.message) == 200


def test_doubled_braces_are_braces():
    (one,) = fired(replace(ALERT, message="{{value}} {{{value}}} {{"), {"value": 7})
    assert one.message == "{value} {7} {"


@pytest.mark.parametrize(
    "place", ["{port}", "{value:.2f}", "{value!r}", "{value.real}", "{0}", "{}"]
)
def test_a_place_that_is_no_column_is_one_line(place):
    with pytest.raises(UsageError) as caught:
        fired(replace(ALERT, message=f"x {place}"), {"value": 0})
    assert str(caught.value) == (
        f"alert ssh: its message has {place}, and its SELECT no such column; "
        "there are: alert, end, job, start, value"
    )


def test_a_select_without_a_value_names_what_it_has():
    with pytest.raises(UsageError, match=r"alert ssh: .* no column `value`.* it gives n, port"):
        fired(ALERT, {"n": 1, "port": 22})


@pytest.mark.parametrize("value", ["many", END, [1], b"x"])
def test_a_value_that_is_no_number_is_one_line(value):
    with pytest.raises(UsageError, match=r"alert ssh: `value` is .* no number"):
        fired(ALERT, {"value": value})


def test_an_error_of_the_select_names_its_alert():
    def ask(sql: str) -> list[dict[str, object]]:
        raise UsageError("no table `port`; did you mean ports?")

    with pytest.raises(UsageError, match=r"^alert ssh: no table `port`; did you mean ports\?$"):
        fire(ALERT, ask, ABOUT)


def test_no_rows_fire_nothing():
    assert fired(ALERT) == []


def test_a_row_is_known_by_what_it_is_about_and_not_by_how_much():
    def row(**cells: object) -> str:
        (one,) = fired(ALERT, {"value": 1, "srcaddr": "192.0.2.1", "port": 22} | cells)
        return one.row

    same = row()
    assert row(value=9) == same
    assert row(records=5) == row(records=6)
    assert row(median=1.5) == row(median=2.5)
    assert row(total=Decimal(1)) == row(total=Decimal(2))
    assert row(end_time=END) == row(end_time=END + DAY)
    assert row(port=23) != same
    assert row(srcaddr="192.0.2.2") != same


def test_rows_about_the_same_still_fire_each():
    found = fired(ALERT, {"value": 1}, {"value": 2}, {"value": 3})
    assert len({one.row for one in found}) == 3
    again = fired(ALERT, {"value": 1}, {"value": 5}, {"value": 3})
    assert [one.row for one in again] == [one.row for one in found]


def test_a_flood_is_counted():
    found = fired(ALERT, *({"value": 1, "port": port} for port in range(1_101)))
    assert len(found) == 101
    assert found[-1].message == (
        "ssh fires for 1,001 more rows in the interval from 2026-11-23T00:00:00Z"
    )
    assert found[-1].value == 1_001


def test_what_was_noted_for_an_interval_is_not_noted_again(ledger):
    box = Outbox(ledger)
    assert box.wanted(a_firing(), ALERT, "stdout", END)
    assert not box.wanted(a_firing(), ALERT, "stdout", END)
    (one,) = box.pending()
    assert one.firing == a_firing()
    box.delivered(one.id, END)
    # Published anew, with a late file in it: another value, the same alert.
    again = replace(a_firing("4 new scanners"), value=4)
    assert not box.wanted(again, ALERT, "stdout", END + HOUR)
    assert not box.wanted(again, replace(ALERT, every=timedelta(0)), "stdout", END + HOUR)
    assert box.pending() == []


def test_rows_and_destinations_are_noted_apart(ledger):
    box = Outbox(ledger)
    assert box.wanted(a_firing(row="22"), ALERT, "stdout", END)
    assert box.wanted(a_firing(row="23"), ALERT, "stdout", END)
    assert box.wanted(a_firing(row="22"), ALERT, "chat", END)
    assert [(one.destination, one.firing.row) for one in box.pending()] == [
        ("stdout", "22"),
        ("stdout", "23"),
        ("chat", "22"),
    ]


@pytest.mark.parametrize(("every", "noted"), [(DAY, [0, 1, 2, 3, 4, 5]), (2 * DAY, [0, 2, 4])])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=6)])
def test_an_alert_is_repeated_after_its_period_in_time_of_the_intervals(ledger, every, noted, late):
    box = Outbox(ledger)
    alert = replace(ALERT, every=every)
    found = [
        day
        for day in range(6)
        if box.wanted(a_firing(end=END + day * DAY), alert, "stdout", END + late)
    ]
    assert found == noted


def test_an_interval_before_one_that_fired_fires_all_the_same(ledger):
    box = Outbox(ledger)
    alert = replace(ALERT, every=7 * DAY)
    assert box.wanted(a_firing(), alert, "stdout", END)
    assert box.wanted(a_firing(end=END - DAY), alert, "stdout", END)


def test_what_is_too_old_is_not_sent(ledger):
    box = Outbox(ledger)
    alert = replace(ALERT, max_age=2 * DAY)
    assert not box.wanted(a_firing(), alert, "stdout", END + 2 * DAY + timedelta(seconds=1))
    assert box.wanted(a_firing(), alert, "stdout", END + 2 * DAY)
    assert box.give_up(END + 2 * DAY) == []
    (old,) = box.give_up(END + 3 * DAY)
    assert old.firing == a_firing()
    assert box.pending() == []
    assert box.wanted(a_firing(), replace(ALERT, max_age=timedelta.max), "stdout", END)


def test_what_is_forgotten_was_delivered_and_is_old(ledger):
    box = Outbox(ledger)
    for day in range(3):
        assert box.wanted(a_firing(end=END + day * DAY), ALERT, "stdout", END)
    first, second, _ = box.pending()
    box.delivered(first.id, END)
    box.delivered(second.id, END)
    assert box.forget(END + DAY) == 1
    assert not box.wanted(a_firing(end=END + DAY), ALERT, "stdout", END)


def test_what_is_noted_stands_and_falls_with_the_ledgers_transaction(ledger):
    box = Outbox(ledger)
    ledger.execute("begin immediate")
    assert box.wanted(a_firing(), ALERT, "stdout", END)
    ledger.execute("rollback")
    assert box.pending() == []
    assert box.wanted(a_firing(), ALERT, "stdout", END)


def test_values_of_any_size_come_back(ledger):
    box = Outbox(ledger)
    values = [2**70, float("inf"), 0.1, True]
    for number, value in enumerate(values):
        assert box.wanted(replace(a_firing(row=str(number)), value=value), ALERT, "stdout", END)
    assert [one.firing.value for one in box.pending()] == values
    assert [one.firing.to_dict()["value"] for one in box.pending()][1] is None
