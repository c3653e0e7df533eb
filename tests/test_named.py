"""Named queries are found, loaded and bound; what is wrong is said with place and remedy."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flowlens.core.errors import UsageError
from flowlens.sql import catalog
from flowlens.sql.parameters import Param
from flowlens.sql.queryfile import Column, parse

GOOD = """\
-- How much there is
-- of everything.
--
-- reads: flows, enis
-- needs: dstport, tcp_flags
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- param: share double = 0.5 | | part of the whole
-- param: since timestamptz = 2026-01-01 | UTC | from when on
-- param: known boolean = true | | only what is known
-- param: port integer = 22 | | destination port
-- param: who varchar = nobody | | a name
-- column: records bigint | records | flow-log records | all of them
select count(*) as records -- $not_a_parameter; 'neither
from flows
where '$neither; ' <> $who and $share > 0 and start_time >= $since and $known and dstport = $port
limit $limit
"""
PATH = Path("mine.sql")
QUERY = parse(GOOD, path=PATH)


def test_a_header_says_what_the_query_is() -> None:
    assert QUERY.name == "mine"
    assert QUERY.description == "How much there is of everything."
    assert QUERY.reads == ("flows", "enis")
    assert QUERY.needs == ("dstport", "tcp_flags")
    assert QUERY.params[0] == Param("limit", "bigint", "0", "rows", "rows to give; 0 gives all")
    assert QUERY.columns == (
        Column("records", "bigint", "records", "flow-log records | all of them"),
    )
    assert (QUERY.sql, QUERY.path) == (GOOD, PATH)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tcp_flags", "tcp-flags", "mine.sql:5: no field 'tcp-flags' to need; did you mean tcp_fl"),
        ("dstport, tcp", "tcp_flags, tcp", "mine.sql:1: field 'tcp_flags' stands there twice;"),
        ("flows, enis", "flows, enies", "mine.sql:4: no relation 'enies' to read; did you mean e"),
        (
            "limit bigint = 0 |",
            "limit bigint |",
            "mine.sql:6: 'limit bigint | rows | rows to give;",
        ),
        ("bigint = 0 ", "bigint = none ", "mine.sql:6: limit='none' is no bigint"),
        ("records bigint |", "records number |", "mine.sql:12: 'records number | records |"),
        ("-- needs:", "-- as: table\n-- needs:", "mine.sql:5: 'as: table' is none of reads:, as"),
        ("-- param: port", "-- parm: port", "mine.sql:10: 'parm: port integer = 22 |"),
        ("-- How much there is\n-- of everything.\n", "", "mine.sql:1: no description;"),
        ("-- reads: flows, enis\n", "", "mine.sql:1: no reads: line;"),
        ("-- column: records bigint", "-- reads: flows\n-- Column: r", "mine.sql:13: 'Column: r"),
        ("-- param: limit bigint", "-- param: limits bigint", "mine.sql:1: no parameter limit;"),
        ("-- param: who", "-- param: port integer = 1 | | x\n-- param: who", "'port' stands there"),
        ("$share", "$shore", "mine.sql:13: $shore has no param: line; did you mean share?"),
        ("and $known", "", "mine.sql:13: parameter 'known' is declared and not used;"),
        ("select count(*) as", "delete", "mine.sql:13: no select;"),
        ("$limit\n", "$limit;\n", "mine.sql:13: remove the semicolon"),
        ("$limit\n", "$limit; select 1\n", "mine.sql:13: more than one statement;"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        parse(GOOD.replace(old, new, 1), path=PATH)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_relation_is_a_table_unless_its_header_makes_it_a_view() -> None:
    assert not QUERY.view
    assert parse(GOOD.replace("-- needs:", "-- as: view\n-- needs:"), path=PATH).view


def test_a_query_without_columns_is_refused() -> None:
    text = "".join(line for line in GOOD.splitlines(True) if "column:" not in line)
    with pytest.raises(UsageError, match=r"mine\.sql:1: no column: line"):
        parse(text, path=PATH)


@pytest.mark.parametrize("text", ["", "\n\n", "-- only words\n", "select 1"])
def test_a_file_that_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.sql:1: no "):
        parse(text, path=PATH)


def test_a_directory_gives_its_queries_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.sql").write_text(GOOD)
    (tmp_path / "a.sql").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a query")
    assert list(catalog.load(tmp_path)) == ["a", "b"]


def test_a_missing_directory_or_unreadable_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such directory; --queries"):
        catalog.load(tmp_path / "nowhere")
    (tmp_path / "bad.sql").write_bytes(b"-- \xff\n")
    with pytest.raises(UsageError, match=r"bad\.sql: not readable as UTF-8"):
        catalog.load(tmp_path)
    (tmp_path / "bad.sql").rename(tmp_path / "My Query.sql")
    (tmp_path / "My Query.sql").write_text(GOOD)
    with pytest.raises(UsageError, match=r"My Query\.sql: name the file in lower case"):
        catalog.load(tmp_path)


def test_a_shipped_query_is_found_and_the_users_own_comes_first() -> None:
    assert catalog.find("timeline") is catalog.shipped()["timeline"]
    assert catalog.find("mine", extra={"mine": QUERY}) is QUERY
    assert catalog.find("timeline", extra={"timeline": QUERY}) is QUERY
    with pytest.raises(UsageError, match=r"'rejected_by_prot'; did you mean rejected_by_port"):
        catalog.find("rejected_by_prot")


def test_the_files_and_the_names_are_the_same() -> None:
    files = Path(__file__).parents[1].joinpath("queries").rglob("*.sql")
    known = [*catalog.shipped(), *catalog.comparing()]
    assert sorted(file.stem for file in files) == sorted(known)


def test_what_compares_can_not_be_asked_of_one_input() -> None:
    with pytest.raises(UsageError, match="no query 'port_changes'"):
        catalog.find("port_changes")


def test_values_are_typed_and_defaults_filled_in() -> None:
    assert catalog.bind(
        QUERY, {"limit": "20", "known": "FALSE", "since": "2026-02-03T04:05:06Z"}
    ) == {
        "limit": 20,
        "share": 0.5,
        "since": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        "known": False,
        "port": 22,
        "who": "nobody",
    }
    since = catalog.bind(QUERY, {"since": "2026-01-01T02:00:00+02:00"})["since"]
    assert since == catalog.bind(QUERY, {})["since"]
    assert isinstance(since, datetime)
    assert since.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("limit", "many", "bigint"),
        ("limit", "-1", "rows"),
        ("limit", "9223372036854775808", "bigint"),
        ("port", "2147483648", "integer"),
        ("share", "nan", "double"),
        ("known", "perhaps", "boolean"),
        ("since", "yesterday", "timestamptz"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str, kind: str) -> None:
    with pytest.raises(UsageError) as error:
        catalog.bind(QUERY, {name: value})
    assert f"mine: {name}={value!r}" in str(error.value)
    assert kind in str(error.value)


def test_an_unknown_parameter_lists_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"timeline has no parameter 'bucket'; did you mean bucket_s"
    ):
        catalog.bind(catalog.find("timeline"), {"bucket": "60"})


CUSTOM = "create the flow log with a custom format that holds"


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        (
            "half_open",
            "protocol srcaddr dstaddr srcport dstport start_time end_time",
            "half_open needs tcp-flags, which no input has: "
            f"{CUSTOM} ${{tcp-flags}} (aws ec2 create-flow-logs --log-format '…')",
        ),
        (
            "packet_talkers",
            "srcaddr dstaddr",
            "packet_talkers needs pkt-srcaddr and pkt-dstaddr, which no input has: "
            f"{CUSTOM} ${{pkt-srcaddr}} ${{pkt-dstaddr}} (",
        ),
        ("resets", "protocol tgw_id", f"resets needs tcp-flags, which no input has: {CUSTOM} $"),
        (
            "rejected_by_eni",
            "srcaddr tgw_id",
            "rejected_by_eni needs action, which no input has: transit gateway records can't; "
            "give VPC flow logs whose format holds ${action}",
        ),
        (
            "tgw_drops",
            "srcaddr dstaddr",
            "tgw_drops needs packets-lost-no-route, packets-lost-blackhole, "
            "packets-lost-mtu-exceeded and packets-lost-ttl-expired, which no input has: transit "
            "gateway records alone hold them (aws ec2 create-flow-logs --resource-type",
        ),
        ("tgw_drops", "tgw_id", f"which no input has: {CUSTOM} ${{packets-lost-no-route}} $"),
    ],
)
def test_a_field_that_no_input_has_is_named_with_the_way_to_get_it(
    name: str, columns: str, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        catalog.require(catalog.find(name), columns.split())
    assert message in str(error.value)


def test_an_input_with_all_that_is_needed_is_enough() -> None:
    catalog.require(catalog.find("resets"), {"tcp_flags", "protocol"})
    catalog.require(catalog.find("action_totals"), ())


def test_relations_come_before_what_reads_them() -> None:
    def names(*queries: str) -> list[str]:
        return [query.name for query in catalog.order(map(catalog.find, queries))]

    assert names("timeline") == []
    assert names("enis") == ["periods"]
    assert names("refusals") == ["periods", "enis", "own"]
    assert names("refused_by_class", "gaps", "timeline") == ["periods", "enis", "own", "refusals"]


def test_the_module_imports_nothing_heavy() -> None:
    heavy = "{'duckdb', 'pyarrow', 'polars'}"
    code = f"import sys, flowlens.sql.catalog; sys.exit(bool({heavy} & {{*sys.modules}}))"
    subprocess.run([sys.executable, "-c", code], check=True)
