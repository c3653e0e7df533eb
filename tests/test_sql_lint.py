"""The lint of the portable core catches what the named queries must not use."""

from __future__ import annotations

import pytest
from sql_lint import outside


def test_the_lint_is_silent_on_what_is_portable() -> None:
    assert outside("select cast(floor(bytes / 2) as bigint) as half from flows order by half") == []


@pytest.mark.parametrize(
    "sql",
    [
        "select * from flows",
        "select * exclude (bytes) from flows",
        "select columns('b.*') from flows",
        "select #1 from flows",
        "select 1 as one",
        "select bytes // 2 as half from flows",
        "select bytes / 2 as half from flows",
        "select epoch(start_time) as t from flows",
        "select extract(hour from start_time) as h from flows",
        "select dayofweek(start_time) as d from flows",
        "select time_bucket(interval 1 hour, start_time) as t from flows",
        "select start_time at time zone 'UTC' as t from flows",
        "select max(bytes, 3) as m from flows",
        "select sum(distinct bytes) as s from flows",
        "select count_if(bytes > 1) as c from flows",
        "select approx_count_distinct(bytes) as c from flows",
        "select approx_quantile(bytes, 0.5) as q from flows",
        "select quantile_cont(bytes, 0.5) as q from flows",
        "select string_agg(distinct action) as a from flows",
        "select list(bytes) as b from flows",
        "select first(bytes order by bytes) as b from flows",
        "select [bytes] as b from flows",
        "select {'a': bytes} as b from flows",
        "select unnest([1, 2]) as n from flows",
        "select range from range(3)",
        "select generate_series from generate_series(1, 3)",
        "select lag(bytes) over (order by bytes) as b from flows",
        "select try_cast(bytes as integer) as b from flows",
        "select bytes::double as b from flows",
        "select bytes from flows where action ilike 'x'",
        "select bytes from flows where bytes in (select bytes from flows)",
        "select bytes from flows qualify row_number() over (order by bytes) = 1",
        "select action, count(*) as n from flows group by all",
        "select action, count(*) as n from flows group by 1",
        "select action, count(*) as n from flows group by rollup (action)",
        "select bytes from flows order by 1",
        "select bytes from flows order by all",
        "select bytes from flows limit 10%",
        "select distinct on (action) action from flows",
        "select action from flows except select action from flows",
        "with recursive a as (select 1 as x union all select x + 1 from a) select x from a",
        "select x from flows, lateral (select flows.bytes as x from flows) as y",
        "select a.bytes from flows as a natural join enis",
        "select a.bytes from flows as a semi join enis as b on a.account_id = b.account_id",
        "select a.bytes from flows as a asof join enis as b on a.start_time >= b.first_record",
        "from (pivot flows on action using count(*)) select REJECT",
        "select bytes from flows tablesample 10%",
    ],
)
def test_the_lint_finds_what_is_outside_the_portable_core(sql: str) -> None:
    assert outside(sql)
