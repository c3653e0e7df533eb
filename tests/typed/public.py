"""What a type checker makes of the public API; `tests/test_typing.py` has mypy read this file."""

from datetime import UTC, datetime
from typing import assert_type

import polars as pl

import flowlens as fl

flows = fl.read("logs/", since=datetime(2026, 11, 23, tzinfo=UTC))
assert_type(flows, fl.Flows)

answer = flows.query("rejected_by_port", limit=20)
assert_type(answer, fl.Result)
assert_type(answer.polars(), pl.DataFrame)
assert_type(flows.sql("select * from flows where bytes > $least", least=10_000), fl.Result)
assert_type(flows.check(), fl.Check)
try:
    flows.query("no_such_query")
except fl.FlowlensError as error:
    code: int = error.exit_code
