"""Lookups from end to end: confirmation, what is asked again, limits, and what a name says."""

from __future__ import annotations

import sqlite3
from ipaddress import ip_address

import pyarrow as pa
import pytest
from nameserver import NameServer, Zone
from rdns_place import SLIDE, settings, table

import flowlens as fl
from flowlens.core.errors import UsageError
from flowlens.naming.dns.answers import Confirmation, Status
from flowlens.naming.dns.lookup import lookup
from flowlens.naming.dns.settings import Listener, Mode, Settings
from flowlens.output.preview import preview
from flowlens.output.table import table_text


def test_a_name_is_held_against_its_own_addresses(place):
    rows = [SLIDE, ("5.0.0.1", "liar.example"), ("liar.example", "5.9.9.9"), ("5.1.0.1", "a.gone"),
            ("a.gone", "2a00::1"), ("5.2.0.1", "localhost"), ("2a00::7", "six.example"),
            ("5.3.0.1", "broken.example"), ("broken.example", "5.3.0.1", "servfail")]  # fmt: skip
    with NameServer(Zone.of(rows)) as server:
        asked = [row[0] for row in rows if row[0][0].isdigit()]
        found = lookup(asked, settings(server)).answers
    assert {address: answer.confirmation for address, answer in found.items()} == {
        "109.236.86.32": Confirmation.CONFIRMED,
        "5.0.0.1": Confirmation.CONTRADICTED,
        "5.1.0.1": Confirmation.UNCONFIRMED,
        "5.2.0.1": Confirmation.UNCONFIRMED,
        "2a00::7": Confirmation.CONFIRMED,
        "5.3.0.1": Confirmation.UNCONFIRMED,
    }
    assert found["109.236.86.32"].name == "internetpolice.co"
    # The failure of the forward question makes the answer short-lived, that of its TTL not.
    lives = {address: answer.expires - answer.asked for address, answer in found.items()}
    assert (lives["109.236.86.32"], lives["5.3.0.1"]) == (7200, 300)
    assert not any("localhost" in str(name) for name in server.order)


def test_a_name_of_many_addresses_is_asked_for_once(place):
    rows = [(f"5.0.{n}.1", "scan.example") for n in range(60)]
    with NameServer(Zone.of(rows)) as server:
        found = lookup([row[0] for row in rows], settings(server)).answers
        assert server.total == 61
    assert {answer.confirmation for answer in found.values()} == {Confirmation.CONFIRMED}


def test_what_was_learned_is_not_asked_for_again(place):
    with NameServer(Zone.of([SLIDE])) as server:
        first = lookup([SLIDE[0], "5.0.0.1"], settings(server))
        asked = server.total
        again = lookup([SLIDE[0], "5.0.0.1"], settings(server))
        assert server.total == asked
    assert again.answers == first.answers
    assert (first.summary.asked, again.summary.asked, again.summary.cached) == (2, 0, 2)
    offline = lookup([SLIDE[0], "5.0.0.2"], Settings(Mode.CACHE))
    assert offline.answers[SLIDE[0]] == first.answers[SLIDE[0]]
    assert offline.answers["5.0.0.2"].status is Status.NOT_ASKED
    assert lookup([SLIDE[0]], Settings()).answers[SLIDE[0]].status is Status.NOT_ASKED


def test_a_failure_is_tried_again_and_holds_twice_as_long(place):
    rows = [("5.0.0.1", "x.example", "servfail")]
    with NameServer(Zone.of(rows)) as server:
        lives = []
        for _ in range(3):
            (answer,) = lookup(["5.0.0.1"], settings(server)).answers.values()
            lives.append(answer.expires - answer.asked)
            with sqlite3.connect(place) as connection:
                connection.execute("update answers set expires = asked - 1")
            connection.close()
    assert lives == [300, 600, 1200]


def test_a_failure_of_one_resolver_says_nothing_of_another(place):
    zone = Zone.of([SLIDE])
    with NameServer(zone, dead=True) as dead, NameServer(zone) as alive:
        before = lookup([SLIDE[0]], settings(dead)).answers
        after = lookup([SLIDE[0]], settings(alive)).answers
    assert (before[SLIDE[0]].status, after[SLIDE[0]].status) == (Status.TIMEOUT, Status.OK)


def test_only_special_addresses_reach_nobody_and_private_ones_only_theirs(place):
    rows = [("10.0.0.1", "db.corp.example"), ("203.0.113.7", "never.example"), SLIDE]
    asked = [row[0] for row in rows]
    with NameServer(Zone.of(rows)) as public, NameServer(Zone.of(rows)) as own:
        found = lookup(asked, settings(public)).answers
        assert [str(found[a].status) for a in asked] == ["private", "private", "ok"]
        found = lookup(asked, settings(public, private=(own.address,))).answers
        assert [str(found[a].status) for a in asked] == ["ok", "private", "ok"]
        assert public.times("10.0.0.1") == public.times("203.0.113.7") == 0
        assert own.times("203.0.113.7") == own.times(SLIDE[0]) == 0
        found = lookup(asked, settings(public)).answers
        offline = Settings(Mode.CACHE, private=(own.address,))
    assert found["10.0.0.1"].status is Status.PRIVATE
    assert lookup(["10.0.0.1"], offline).answers["10.0.0.1"].name == "db.corp.example"


def test_what_was_asked_and_not_answered_is_told_and_not_kept(place):
    asked = [f"5.0.{n}.1" for n in range(200)]
    with NameServer(Zone(), dead=True) as server:
        found = lookup(asked, settings(server, rate=100.0, budget=0.5, timeout=5.0))
        went_out = server.total
    statuses = found.summary.statuses
    assert 0 < went_out <= found.summary.asked == statuses[Status.TIMEOUT]
    assert f"asked {found.summary.asked} of {server.address}, 0 from cache" in str(found.summary)
    assert statuses[Status.NOT_ASKED] == 200 - statuses[Status.TIMEOUT]
    assert any("no answer at all" in remark for remark in found.summary.remarks)
    assert lookup(asked, Settings(Mode.CACHE)).summary.cached == 0


def test_a_limit_counts_what_is_asked_and_the_first_come_first(place):
    rows = [(f"5.0.{n}.1", f"a{n}.example") for n in range(10)]
    asked = [row[0] for row in rows]
    with NameServer(Zone.of(rows)) as server:
        for limit, there in ((3, 3), (4, 7)):
            found = lookup(asked, settings(server, limit=limit)).answers
            got = [address for address in asked if found[address].status is Status.OK]
            assert got == asked[:there]


def test_an_interrupted_run_keeps_what_it_has_learned(place):
    rows = [(f"5.{n // 250}.{n % 250}.1", f"a{n}.example") for n in range(400)]
    asked = [row[0] for row in rows]

    def interrupt(done, total):
        assert total == len(asked)
        if done == 50:
            raise KeyboardInterrupt

    with NameServer(Zone.of(rows)) as server, pytest.raises(KeyboardInterrupt):
        lookup(asked, settings(server), listener=Listener(interrupt))
    found = lookup(asked, Settings(Mode.CACHE)).answers.values()
    assert 50 <= sum(answer.name is not None for answer in found) < 400


def test_names_from_a_file_need_no_network_and_no_cache(place, tmp_path):
    resolver = table(tmp_path / "names.tsv", ("address", "name"), SLIDE, SLIDE[::-1],
                     ("5.0.0.1", r"a\027b.example"))  # fmt: skip
    found = fl.resolve([SLIDE[0], "5.0.0.1", "5.0.0.2"], resolver=resolver)
    columns = ("address", "rdns_status", "name", "confirmation", "operator", "brand")
    assert found.arrow().column_names[: len(columns)] == list(columns)
    assert [tuple(row.values()) for row in found.arrow().select(columns).to_pylist()] == [
        (SLIDE[0], "ok", SLIDE[1], "confirmed", "internetpolice.co", None),
        ("5.0.0.1", "ok", r"a\027b.example", "unconfirmed", r"a\027b.example", None),
        ("5.0.0.2", "nxdomain", None, None, None, None),
    ]
    assert len(found) == found.polars().height == 3
    assert "internetpolice.co" in repr(found)
    assert "<table>" in found._repr_html_()
    assert "asked 3 of" in str(found.summary)
    assert not place.exists()


def test_what_a_name_says_stands_beside_it(tmp_path):
    named = {
        "5.0.0.1": "5-0-0-1.isp.example",
        "5.0.0.2": "localhost",
        "5.0.0.3": "xn--mnchen-3ya.de",
    }
    resolver = table(tmp_path / "names.tsv", *named.items())
    found = fl.resolve([*named, "5.0.0.4"], resolver=resolver)
    rows = found.arrow().select(["generic", "bogus", "unicode"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (True, False, None), (False, True, None), (False, False, "münchen.de"), (None, None, None),
    ]  # fmt: skip
    types = {"varchar": pa.string(), "boolean": pa.bool_()}
    schema = [(column.name, types[column.type]) for column in found.columns]
    assert found.arrow().schema == pa.schema(schema)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_of_names_keeps_to_a_terminal(tmp_path, width):
    resolver = table(tmp_path / "names.tsv", SLIDE, ("5.0.0.1", "5-0-0-1.static.isp.example"))
    rows = fl.resolve([SLIDE[0], "5.0.0.1"], resolver=resolver).arrow()
    text = table_text(preview(rows.to_reader(), limit=None, total=None), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert all(
        word in text for word in ("109.236.86.32", "internetpolice", "unconfirmed", "no room")
    )


def test_a_row_that_says_nothing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"names\.tsv:2: write address<TAB>name"):
        table(tmp_path / "names.tsv", SLIDE, ("what", "ever"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "maybe"}, "no such mode"),
        ({"rate": 0}, "--rdns-rate 0"),
        ({"rate": 1e-300}, "--rdns-rate 1e-300: give queries a second, 0.1 or more"),
        ({"rate": "fast"}, "--rdns-rate 'fast': no number"),
        ({"rate": None}, "--rdns-rate 'None': no number"),
        ({"budget": "x"}, "--rdns-budget 'x': no number"),
        ({"limit": "3"}, "--rdns-limit '3': give a number"),
        ({"rate": float("nan")}, "--rdns-rate nan"),
        ({"budget": -1}, "--rdns-budget -1"),
        ({"limit": -1}, "--rdns-limit -1"),
        ({"resolvers": ["a:b:c"]}, "--resolver a:b:c"),
        ({"private": ["a:b:c"], "resolvers": ["127.0.0.1"]}, "--rdns-private a:b:c"),
    ],
)
def test_a_wrong_argument_is_named(place, options, words):
    with pytest.raises(UsageError, match=words):
        fl.resolve(["5.0.0.1"], **options)
    with pytest.raises(UsageError, match=r"'5\.0\.0\.x': no IP address"):
        fl.resolve(["5.0.0.x"], mode="cache")


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (None, "None instead of addresses"),
        ([None], "'None': no IP address; give text"),
        ([134744072], "'134744072': no IP address; give text"),
        ([b"\x08\x08\x08\x08"], "no IP address; give text"),
        (["5.0.0.0/24"], "'5.0.0.0/24': a range"),
        (
            ["2a00:1::7%eth0"],
            "'2a00:1::7%eth0': has a zone id, which no reverse name has; leave %eth0",
        ),
        (["fe80::1%"], "'fe80::1%': no IP address"),
    ],
)
def test_what_is_no_address_is_named(place, addresses, words):
    for mode in ("on", "cache", "off"):
        with pytest.raises(UsageError, match=words):
            fl.resolve(addresses, mode=mode, resolvers=["127.0.0.1"])


def test_addresses_are_texts_or_objects_and_come_back_as_they_were_written(place, tmp_path):
    resolver = table(tmp_path / "names.tsv", SLIDE, ("2a00:1::5", "six.example"))
    given = [ip_address(SLIDE[0]), "2A00:1:0::5", ip_address("2a00:1::5"), "2a00:1::5"]
    rows = fl.resolve(given, resolver=resolver, rate="200").arrow().to_pylist()
    assert [(row["address"], row["name"]) for row in rows] == [
        (SLIDE[0], SLIDE[1]), ("2A00:1:0::5", "six.example"), ("2a00:1::5", "six.example"),
    ]  # fmt: skip
    assert fl.resolve(SLIDE[0], resolver=resolver).arrow()["name"].to_pylist() == [SLIDE[1]]
