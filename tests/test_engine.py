"""A user's SQL reads flowlens's relations and nothing else; what it needs is found exactly."""

from __future__ import annotations

import ipaddress
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lines
import pyarrow as pa
import pytest
from effort import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reading import ALL, DEFAULT_HEADER, GOOD, read

import flowlens as fl
from flowlens.core.errors import UsageError
from flowlens.records.table import arrow_schema
from flowlens.sql.engine import Connection, engine, lock, require_select, sql_errors
from flowlens.sql.plan import Needs, planning

secret = [("of python", 1)]
"""A Python variable of the name that a query below reads."""

FORBIDDEN = [
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from 'a.csv'",
    "select * from 'a.parquet'",
    "select * from read_text('/etc/hostname')",
    "select * from read_blob('/etc/hostname')",
    "select * from read_json('/etc/hostname')",
    "select * from read_parquet('https://example.org/a.parquet')",
    "select * from parquet_metadata('a.parquet')",
    "select * from glob('/etc/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from query('copy flows to ''/tmp/x.csv''')",
    "copy flows to '/tmp/x.csv'",
    "copy (select 1) to '/tmp/x.csv'",
    "attach '/tmp/x.db'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "pragma enable_profiling",
    "set memory_limit = '1TB'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "create table t as select 1",
    "insert into flows select * from flows",
    "delete from flows",
    "drop table flows",
    "update flows set bytes = 1",
    "export database '/tmp/x'",
    "import database '/tmp/x'",
    "call pragma_version()",
    "explain select 1",
    "begin",
    "select 1; select 2",
    "select 1; copy flows to '/tmp/x.csv'",
    "select 1 where false; attach '/tmp/x.db'",
    "select * from secret",
    "select getenv('HOME')",
    "select * from nowhere",
    "select nothing from flows",
    "select 'a\nb",
    "selct 1",
    "",
    ";",
    "-- nothing",
]


def ask(connection: Connection, sql: str) -> None:
    require_select(connection, sql)
    with sql_errors():
        connection.execute(sql).fetchall()


def locked(connection: Connection) -> None:
    connection.register("flows", arrow_schema(ALL).empty_table())
    lock(connection)


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_sql_that_reaches_beyond_the_relations_is_refused_in_one_line(sql: str) -> None:
    with engine() as connection:
        locked(connection)
        with pytest.raises(UsageError) as caught:
            ask(connection, sql)
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/x.csv").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from flows;",
        "-- a word\nselect 1 -- and another",
        "with x as (select 1 as a) select a from x",
        "from flows",
        "values (1)",
        "select ';' as a",
    ],
)
def test_one_select_is_let_through(sql: str) -> None:
    with engine() as connection:
        locked(connection)
        require_select(connection, sql)
        connection.execute(sql).fetchall()


def test_settings_stay_as_they_are_once_locked() -> None:
    with engine() as connection:
        locked(connection)
        for sql in FORBIDDEN:
            if sql.startswith(("set", "reset", "attach", "install", "load", "copy")):
                with pytest.raises(UsageError), sql_errors():
                    connection.execute(sql)


def scratch() -> set[str]:
    return {name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("flowlens-")}


@pytest.mark.parametrize("error", [None, ValueError, UsageError, KeyboardInterrupt, SystemExit])
def test_the_temporary_directory_goes_in_every_case(
    error: type[BaseException] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    spill = "create table t as select range as a, repeat('x', 400) as b from range(400000)"
    with pytest.raises(error) if error else nullcontext(), engine() as connection:
        assert len(scratch()) == 1
        connection.execute("set memory_limit = '64MB'")
        connection.execute(spill)
        if error:
            raise error
    assert os.listdir(tmp_path) == []


def number(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address)


def edges(text: str) -> list[str]:
    net = ipaddress.ip_network(text)
    first, last = int(net[0]), int(net[-1])
    make = type(net[0])
    top = 2**net.max_prefixlen - 1
    return [str(make(at)) for at in (first - 1, first, last, last + 1) if 0 <= at <= top]


@settings(max_examples=examples(30))
@given(
    st.lists(
        st.tuples(
            lines.addresses,
            st.one_of(lines.addresses, lines.addresses.map(lambda a: f"{a}/0")),
            st.integers(0, 128),
        ),
        min_size=20,
        max_size=20,
    )
)
def test_in_cidr_agrees_with_the_ipaddress_module(cases: list[tuple[str, str, int]]) -> None:
    rows: list[tuple[str, str, bool]] = []
    with engine() as connection:
        for address, base, bits in cases:
            base = base.removesuffix("/0")
            bits = min(bits, number(base).max_prefixlen)
            net = ipaddress.ip_network(f"{base}/{bits}", strict=False)
            asked = [address, base, *edges(str(net))]
            expected = [number(text) in net for text in asked]
            rows += [
                (text, f"{base}/{bits}", here) for text, here in zip(asked, expected, strict=True)
            ]
        connection.register(
            "asked", pa.Table.from_pylist([dict(zip("ace", r, strict=True)) for r in rows])
        )
        wrong = connection.execute("select * from asked where in_cidr(a, c) is distinct from e")
        assert wrong.fetchall() == []


PRIVATE = [
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598, shared: often pods of EKS
        "127.0.0.0/8", "169.254.0.0/16",  # loopback, link-local
        "fc00::/7", "fe80::/10", "::1/128",  # RFC 4193, link-local, loopback
    )
]  # fmt: skip
"""The ranges that `is_private` holds: fewer than the ipaddress module's, which counts documentation
and reserved ranges in, and shared addresses out."""


@settings(max_examples=examples(30))
@given(st.lists(lines.addresses, min_size=20, max_size=20))
@example([edge for net in PRIVATE for edge in edges(str(net))])
@example(
    ["172.2.0.1", "172.15.9.9", "172.32.0.1", "100.63.0.1", "100.128.0.1", "10.0.0.1", "1.0.0.1"]
)
@example(["fc::1", "fd::1", "FD00::1", "FE80::1", "fec0::1", "fe8::1"])
def test_is_private_holds_the_ranges_that_are_named(addresses: list[str]) -> None:
    with engine() as connection:
        (found,) = connection.execute(
            "select [is_private(a) for a in $asked::text[]]", {"asked": addresses}
        ).fetchone()
    expected = [any(number(text) in net for net in PRIVATE) for text in addresses]
    assert dict(zip(addresses, found, strict=True)) == dict(zip(addresses, expected, strict=True))


def test_no_address_is_in_no_network_and_not_private() -> None:
    with engine() as connection:
        row = connection.execute(
            "select in_cidr(null, '10.0.0.0/8'), is_private(null), in_cidr('::1', '0.0.0.0/0'), "
            "in_cidr('10.0.0.1', '::/0')"
        ).fetchone()
    assert row == (None, None, False, False)


@pytest.mark.parametrize(
    "cidr", ["10.0.0.0/33", "10.0.0.0/-1", "::/129", "::/-1", "nonsense", "fe80::1%eth0", ""]
)
def test_what_is_no_cidr_is_refused_in_one_line(cidr: str) -> None:
    with (
        engine() as connection,
        pytest.raises(UsageError, match="is no CIDR") as caught,
        sql_errors(),
    ):
        connection.execute("select in_cidr('10.0.0.1', $cidr)", {"cidr": cidr}).fetchall()
    assert "\n" not in str(caught.value)


def needs(sql: str, parameters: dict[str, object], **given: Any) -> Needs:
    with engine() as connection, planning(connection, **given) as planner:
        return planner.needs(sql, parameters)


def needed(where: str, select: str = "sum(bytes)", **parameters: object) -> Any:
    sql = f"select {select} from flows where {where}"
    return needs(sql, parameters, columns=ALL, relations={})


def test_needs_names_the_columns_and_the_literals() -> None:
    found = needed("action = 'REJECT' and dstport = $port", port=22)
    assert (found.columns, found.scans) == (("dstport", "bytes", "action"), 1)
    assert found.literals == ("REJECT",)
    assert needed("srcaddr = $ip", ip="::1").literals == ("::1",)
    assert set(needed("action = 'REJECT' and (type = 'a' or type = 'b')").literals) == {"REJECT"}
    for where in ("action <> 'REJECT'", "not (action = 'REJECT')", "log_status = 'OK'",
                  "action = 'REJECT' or bytes > 3", "bytes = 3", "true"):  # fmt: skip
        assert needed(where).literals == ()
    twice = "select a.bytes from flows a, flows b where a.action = 'REJECT' and b.bytes = a.bytes"
    assert needs(twice, {}, columns=ALL, relations={}).scans == 2
    assert needs(twice, {}, columns=ALL, relations={}).literals == ()
    assert needs("select 1", {}, columns=ALL, relations={}).scans == 0


ATOMS = st.sampled_from(
    (
        "action = 'REJECT'", "action = 'ACCEPT'", "srcaddr = '192.0.2.1'", "interface_id = 'eni-1'",
        "'REJECT' = action", "action <> 'REJECT'", "action in ('REJECT')", "bytes > 3",
        "packets > 2", "action is null", "action like 'REJ%'", "log_status = 'NODATA'",
        "interface_id = 'x AND (action = ''REJECT'') AND y'", "account_id = '('", "true", "null",
        "dstaddr = srcaddr", "action = 'REJECT' collate nocase", "lower(action) = 'reject'",
    )
)  # fmt: skip
SHAPES = (
    "({0} and {1})", "({0} and {1} and {2})", "({0} or {1})", "(not {0})", "({0} is null)",
    "coalesce({0} and {1} and {2}, true)", "(({0} and {1} and {2}) is not true)",
    "(({0} and {1}) = {2})", "case when {0} then {1} else {2} end", "if({0}, {1}, {2})",
    "greatest({0} and {1} and {2}, {0})", "(({0}) is distinct from ({1}))",
    "exists(select 1 where {0} and {1} and {2})", "([{0} and {1} and {2}] = [false])",
)  # fmt: skip


def shaped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(SHAPES), inner, inner, inner).map(
        lambda parts: parts[0].format(*parts[1:])
    )


CONDITIONS = st.recursive(ATOMS, shaped, max_leaves=8)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every combination of a few values, quiet records among them."""
    path = tmp_path_factory.mktemp("engine") / "a.log"
    records = [
        f"2 {account} {eni} {src} 192.0.2.1 - 22 6 {size} {size} 1 2 {action} OK"
        for account in ("1", "-")
        for eni in ("eni-1", "-")
        for src in ("192.0.2.1", "2001:db8::1")
        for size in (1, 9)
        for action in ("ACCEPT", "REJECT")
    ]
    quiet = [f"2 1 {eni} - - - - - - - 1 2 - NODATA" for eni in ("eni-1", "-")]
    path.write_text("\n".join([DEFAULT_HEADER, *records, *quiet, records[0] + "x"]))
    return path


@settings(max_examples=examples(120))
@given(CONDITIONS)
@example(
    "coalesce(type = 'a' and interface_id = 'eni-1' and action = 'REJECT' and bytes > 3, true)"
)
@example("((bytes > 3 and interface_id = 'eni-1' and action = 'REJECT' and packets > 2) is null)")
def test_literals_change_no_answer(log: Path, where: str) -> None:
    sql = f"select bytes, action, srcaddr, interface_id, log_status from flows where {where}"
    try:
        found = needs(sql, {}, columns=ALL, relations={})
    except UsageError:
        return
    if not found.literals:
        return
    answers = []
    for literals in ((), found.literals):
        rows = read(log, literals=literals).rows
        with engine() as connection:
            connection.register("flows", pa.Table.from_pylist(rows, schema=arrow_schema(ALL)))
            answers.append(connection.execute(sql).fetchall())
    assert answers[0] == answers[1]


def test_an_error_far_into_an_answer_is_one_line_too(tmp_path):
    (tmp_path / "a.log").write_text(f"{DEFAULT_HEADER}\n{GOOD}\n")
    late = (
        "select case when i = 900000 then cast('x' || i as int) end as v from range(1000000) t(i)"
    )
    with (
        pytest.raises(UsageError, match=r"^SQL: .*Conversion Error"),
        fl.read(tmp_path).sql(late).stream() as reader,
    ):
        for _ in reader:
            pass
