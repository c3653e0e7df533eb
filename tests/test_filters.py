"""A filter keeps the records that plain Python would keep, and its literals lose none of them."""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import lines
import pytest
from effort import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reading import DEFAULT_HEADER

import flowlens as fl
from flowlens.core.errors import UsageError
from flowlens.core.times import moment
from flowlens.records.filter import build_filter, network
from flowlens.sql.engine import engine

ONE_RECORD = (
    "2 123456789012 eni-1 10.0.0.1 192.0.2.1 40000 22 6 1 40 1795392000 1795392060 ACCEPT OK"
)
NOW = datetime(2026, 11, 23, 12, 30, 15, 999, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T02:00", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("2026-11-23T02:00:00Z", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("2026-11-23T02:00:00+02:00", datetime(2026, 11, 23, tzinfo=UTC)),
        (" 2026-11-23 02:00:00 ", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("20261123T020000Z", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("24h", datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)),
        ("90 s", datetime(2026, 11, 23, 12, 28, 45, tzinfo=UTC)),
        ("1w", datetime(2026, 11, 16, 12, 30, 15, tzinfo=UTC)),
        (datetime(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, 2, tzinfo=EAST), datetime(2026, 11, 23, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_moment_is_read_as_it_is_meant(
    text: str | datetime | None, expected: datetime | None
) -> None:
    found = moment(text, "--since", NOW)
    assert found == expected
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "24", "24x", "h", "-24h", "2026-13-01", "2026-02-30", "12:00", "999999w",
     "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1764000000000000"],
)  # fmt: skip
def test_a_moment_that_cannot_be_meant_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="--since") as caught:
        build_filter(since=text, now=NOW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        {"since": "2026-11-23", "until": "2026-11-23"},
        {"since": "2026-11-24", "until": "2026-11-23"},
        {"port": -1},
        {"port": 65_536},
        {"action": "DROP"},
        {"ip": "10.0.0.1239"},
        {"ip": "10.0.0.0/33"},
        {"ip": "fe80::1%eth0"},
        {"ip": "fe80::%eth0/64"},
        {"ip": ""},
        {"ip": "localhost"},
        {"eni": "eni 1"},
        {"eni": ""},
        {"account": "1\n2"},
        {"port": []},
        {"port": "22,"},
        {"port": ",22"},
        {"port": "22-25"},
        {"port": "22/icmp"},
        {"port": "53/udp/"},
        {"port": "\u0662\u0662"},
        {"port": True},
        {"port": [22, 1.5]},
        {"port": [22, "99999/tcp"]},
        {"ip": "10.0.0.1,"},
        {"ip": ["10.0.0.1", "10.0.0.300"]},
        {"eni": ["eni-1", ""]},
        {"eni": ["eni-1", "eni 2"]},
        {"account": [123456789012, None]},
    ],
    ids=str,
)
def test_a_filter_that_cannot_be_meant_is_refused_in_one_line(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        build_filter(**option, now=NOW)
    assert "\n" not in str(caught.value)


def test_networks_have_their_usual_spelling() -> None:
    assert network("10.1.2.3/8", "--ip") == "10.0.0.0/8"
    assert network("10.0.0.0/255.0.0.0", "--ip") == "10.0.0.0/8"
    assert network("2001:DB8:0::1", "--ip") == "2001:db8::1"
    assert network("2001:db8::1/32", "--ip") == "2001:db8::/32"


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [("00Z", "02Z", [0, 1]), ("00.5Z", "01.5Z", [1]), ("00.5Z", "01Z", [])],
)
def test_the_window_is_half_open_to_a_fraction_of_a_second(
    since: str, until: str, kept: list[int]
) -> None:
    day = "2026-11-23T00:00:"
    chosen = build_filter(since=day + since, until=day + until, now=NOW)
    with engine() as connection:
        found = connection.execute(
            f"with flows as (select i as n, to_timestamp({START} + i) as start_time "
            f"from range(4) t(i)) {chosen.select(['n'])} order by n",
            chosen.parameters,
        ).fetchall()
    assert [n for (n,) in found] == kept


NEAR4 = st.sampled_from(("10.0.0.1", "10.0.0.2", "10.1.0.1", "110.0.0.1", "10.0.0.11", "0.0.0.0"))
NEAR6 = st.sampled_from(
    ("2001:db8::1", "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:db8::2", "::", "::1",
     "::ffff:10.0.0.1", "::ffff:a00:1", "ff02::1")
)  # fmt: skip
ADDRESSES = st.one_of(NEAR4, NEAR4, NEAR6, lines.addresses)
START = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
ROWS = st.fixed_dictionaries(
    {
        "account": st.sampled_from(("123456789012", "012345678901", "-")),
        "eni": st.sampled_from(("eni-1", "eni-11", "-")),
        "src": ADDRESSES,
        "dst": ADDRESSES,
        "sport": st.sampled_from((0, 22, 443, 65_535)),
        "dport": st.sampled_from((0, 22, 443, 65_535)),
        "start": st.integers(START - 2, START + 2),
        "action": st.sampled_from(("ACCEPT", "REJECT")),
        "quiet": st.sampled_from((False, False, False, True)),
    }
)


def line(row: dict[str, Any]) -> str:
    flow = "{src} {dst} {sport} {dport} 6 1 40" if not row["quiet"] else "- - - - - - -"
    end = "{action} OK" if not row["quiet"] else "- NODATA"
    return ("2 {account} {eni} " + flow + " {start} 1795392060 " + end).format_map(row)


def cidrs(address: str) -> st.SearchStrategy[str]:
    bits = ipaddress.ip_address(address).max_prefixlen
    return st.integers(0, bits).map(
        lambda size: str(ipaddress.ip_network(f"{address}/{size}", strict=False))
    )


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(values, min_size=1, max_size=3)
    return st.one_of(values, several, several.map(lambda each: ",".join(map(str, each))))


def split(given: Any) -> list[str]:
    return [part for one in (given if isinstance(given, list) else [given])
            for part in str(one).split(",")]  # fmt: skip


def is_port(row: dict[str, Any], text: str) -> bool:
    number, *protocols = sorted(text.split("/"), key=str.isalpha)
    return int(number) in (row["sport"], row["dport"]) and protocols in ([], ["tcp"])


CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "ip": one_or_more(st.one_of(ADDRESSES, ADDRESSES.flatmap(cidrs))),
    "eni": one_or_more(st.sampled_from(("eni-1", "eni-11", "eni-2"))),
    "port": one_or_more(st.sampled_from((0, 22, 80, "22/tcp", "443/udp", "tcp/443"))),
    "action": st.sampled_from(("ACCEPT", "reject")),
    "account": one_or_more(st.sampled_from(("123456789012", "012345678901", "12345678901"))),
    "since": st.integers(START - 2, START + 3).map(lambda at: datetime.fromtimestamp(at, UTC)),
    "until": st.integers(START + 3, START + 4).map(lambda at: datetime.fromtimestamp(at, UTC)),
    "where": st.sampled_from(("bytes > 3", "true) or (true", "packets is null -- quiet")),
}

KEEPS: dict[str, Callable[[dict[str, Any], Any], bool]] = {
    "ip": lambda row, ip: not row["quiet"] and any(
        ipaddress.ip_address(row[side]) in ipaddress.ip_network(one)
        for side in ("src", "dst") for one in split(ip)
    ),
    "eni": lambda row, eni: row["eni"] in split(eni),
    "port": lambda row, port: not row["quiet"] and any(
        is_port(row, one) for one in split(port)
    ),
    "action": lambda row, action: not row["quiet"] and row["action"] == action.upper(),
    "account": lambda row, account: row["account"] in split(account),
    "since": lambda row, since: row["start"] >= since.timestamp(),
    "until": lambda row, until: row["start"] < until.timestamp(),
    "where": lambda row, where: where.startswith("true") or row["quiet"] is where.startswith("p"),
}  # fmt: skip


def one_option(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return CHOICES[name].map(lambda value: {name: value})


@settings(max_examples=examples(40))
@given(
    st.lists(ROWS, min_size=1, max_size=12),
    st.one_of(
        *(one_option(name) for name in CHOICES),
        st.fixed_dictionaries({}, optional=CHOICES),
    ),
)
def test_a_filter_keeps_what_python_keeps(
    rows: list[dict[str, Any]], option: dict[str, Any]
) -> None:
    expected = [
        row["start"] - START
        for row in rows
        if all(KEEPS[name](row, value) for name, value in option.items())
    ]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "a.log")
        file.write_text("\n".join([DEFAULT_HEADER, *map(line, rows)]))
        flows = fl.read(file, **option)
        kept = flows.sql(f"select epoch(start_time)::bigint - {START} as at from flows").arrow()
    assert kept["at"].to_pylist() == expected


@settings(max_examples=examples(100))
@given(st.lists(ROWS, max_size=8), st.fixed_dictionaries({}, optional=CHOICES))
def test_a_literal_stands_in_every_line_that_passes(
    rows: list[dict[str, Any]], option: dict[str, Any]
) -> None:
    if "since" in option and "until" in option:
        assume(option["since"] < option["until"])
    chosen = build_filter(**option, now=NOW)
    assert chosen.active is bool(option)
    for row in rows:
        if all(KEEPS[name](row, value) for name, value in option.items()):
            assert all(literal in line(row) for literal in chosen.literals)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("bytes > (select avg(bytes) from flows)", "a subquery"),
        ("srcaddr in (select dstaddr from flows)", "a subquery"),
        ("bytes >= all(select bytes from flows)", "a subquery"),
        ("case when exists(from flows) then true end", "a subquery"),
        ("len(array(select 1)) > 0", "a subquery"),
        ("row_number() over (order by bytes) = 1", "a window function"),
        ("lag(bytes) over w > 1) window w as (order by bytes", "a window function"),
        ("sum(bytes) > 1000", "the aggregate sum"),
        ("count(*) > 1", "the aggregate count"),
        ("max(bytes) filter (dstport = 22) > 1", "the aggregate max"),
        ("true) limit (1", "more than a condition"),
        ("true) group by (bytes", "more than a condition"),
        ("true) union all select * from flows where (true", "more than a condition"),
    ],
)
@pytest.mark.parametrize("form", ["log", "parquet"])
def test_a_condition_that_looks_beyond_its_record_is_refused(where, why, form, tmp_path):
    (tmp_path / "a.log").write_text(f"{DEFAULT_HEADER}\n{ONE_RECORD}\n")
    fl.read(tmp_path / "a.log").sql("select * from flows").polars().write_parquet(
        tmp_path / "a.parquet"
    )
    flows = fl.read(tmp_path / f"a.{form}", where=where)
    for ask in (lambda: flows.query("action_totals").arrow(), flows.check, flows.report):
        with pytest.raises(UsageError, match=f"^--where .*: {why};.* flowlens sql 'SELECT"):
            ask()


def test_a_condition_nested_too_deeply_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"^--where not .*: nested too deeply; write it flatter$"):
        fl.read("fixtures/demo", where="not " * 900 + "true").check()


def test_a_condition_may_use_every_function_of_one_record(tmp_path):
    (tmp_path / "a.log").write_text(f"{DEFAULT_HEADER}\n{ONE_RECORD}\n")
    for where in (
        "list_max([bytes, packets]) = bytes and dstport in (22, 23) -- why",
        "list_transform([bytes], lambda one: one + 1)[1] > 0",
        "in_cidr(srcaddr, '10.0.0.0/8') and not is_private(dstaddr)",
        "case when bytes > 3 then srcaddr like '10.%' else false end",
    ):
        assert fl.read(tmp_path, where=where).check().account.selected == 1


def test_the_users_condition_cannot_reach_past_the_window() -> None:
    chosen = build_filter(since="2026-11-23T00:00:02Z", where="true) or (true")
    with engine() as connection:
        found = connection.execute(
            f"with flows as (select i as n, to_timestamp({START} + i) as start_time "
            f"from range(4) t(i)) {chosen.select(['n'])} order by n",
            chosen.parameters,
        ).fetchall()
    assert [n for (n,) in found] == [2, 3]
