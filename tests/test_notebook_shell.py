"""In IPython: the magic, names on Tab, errors of one line; in this process, without a kernel."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import flowlens as fl
from flowlens.charts.looks import ACCEPT, REJECT
from flowlens.core.errors import UsageError
from flowlens.notebook import load
from flowlens.notebook.magic import values

DEMO = str(Path(__file__).parents[1] / "fixtures/demo")
COUNT = "select count(*) as n from flows where dstport = $port"


@pytest.fixture(scope="module")
def only(tmp_path_factory):
    config = Config()
    config.HistoryAccessor.enabled = False
    config.InteractiveShell.colors = "nocolor"
    place = str(tmp_path_factory.mktemp("ipython"))
    return InteractiveShell(config=config, ipython_dir=place, profile_dir=None)


@pytest.fixture
def shell(only):
    only.reset(new_session=False)
    only.user_ns["flows"] = fl.read(DEMO)
    load(only)
    return only


def tab(shell, text: str) -> list[str]:
    with provisionalcompleter():
        return [item.text for item in shell.Completer.completions(text, len(text))]


def test_a_cell_of_sql_takes_the_notebooks_variables(shell):
    shell.user_ns["port"] = 5432
    answer = shell.run_cell_magic("flows", "", COUNT)
    assert answer.arrow().to_pylist() == [{"n": 1241}]
    assert "1,241" in answer._repr_html_()
    kept = shell.run_cell_magic("flows", "--to answer", f"{COUNT};\n")
    assert shell.user_ns["answer"] is kept


BY_MINUTE = "time_bucket(interval 1 minute, start_time)"
COLOURS = {"REJECT": REJECT, "ACCEPT": ACCEPT}


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        (f"select {BY_MINUTE} as at, action, sum(bytes) as bytes from flows", COLOURS),
        (f"select {BY_MINUTE} as at, action as verdict, count(*) as n from flows", COLOURS),
        (f"select {BY_MINUTE} as at, action, count(*) as n from flows where action = 'ACCEPT'",
         {"ACCEPT": ACCEPT}),
        (f"select {BY_MINUTE} as at, count(*) filter (action = 'ACCEPT') as accepted from flows",
         {"accepted": ACCEPT}),
        ("select action, count(*) as n from flows", COLOURS),
        ("select action as what_became_of_it, sum(packets) as packets from flows", COLOURS),
        ("select action, dstport, count(*) as n from flows where dstport in (22, 5432)",
         {"REJECT · 22": REJECT, "REJECT · 5432": REJECT, "ACCEPT · 5432": ACCEPT}),
    ],
)  # fmt: skip
def test_the_chart_of_a_cell_gives_each_action_its_own_colour(shell, sql, kinds):
    chart = shell.run_cell_magic("flows", "--chart", f"{sql} and action is not null group by all"
                                 if " where " in sql else
                                 f"{sql} where action is not null group by all")  # fmt: skip
    (scale,) = scales(dict(chart.spec))
    drawn = dict(zip(scale["domain"], scale["range"], strict=True))
    assert {name: drawn[name] for name in kinds} == kinds


def scales(spec: object) -> list[dict]:
    """The scales of colour that a specification names its kinds for."""
    if isinstance(spec, dict):
        own = spec.get("color", {})
        mine = [own["scale"]] if isinstance(own, dict) and "domain" in own.get("scale", {}) else []
        return mine + [scale for part in spec.values() for scale in scales(part)]
    return [scale for part in spec for scale in scales(part)] if isinstance(spec, list) else []


def test_a_cell_of_rejects_alone_is_drawn_in_their_colour(shell):
    sql = "select dstport, any_value(action) as action, count(*) as n from flows where action = "
    for action, colour in COLOURS.items():
        chart = shell.run_cell_magic("flows", "--chart", f"{sql}'{action}' group by dstport")
        assert f"'value': '{colour}'" in str(chart.spec)


def test_values_are_bound_and_never_pasted(shell):
    shell.user_ns["who"] = "x' or '1'='1"
    sql = "select count(*) as n from flows where srcaddr = $who -- $not $these"
    assert shell.run_cell_magic("flows", "", sql).arrow()["n"].to_pylist() == [0]
    known = {"a": 1, "b": datetime(2026, 1, 1, tzinfo=UTC), "c": [1, 2]}
    assert values("select '$x', \"$y\", $a, $b, $c /* $z */", known) == known
    assert values("select $$ $x $$, $t$ $y $t$, E'it\\'s $z', c$d, $a", known) == {"a": 1}
    kinds = {"n": np.int64(7), "d": Decimal("1.5"), "ip": ip_address("192.0.2.1")}
    plain = {"n": 7, "d": Decimal("1.5"), "ip": "192.0.2.1"}
    assert values("select $n, $d, $ip", kinds) == plain


def test_a_cell_can_show_a_chart_and_ask_other_flows(shell):
    sql = "select dstport, count(*) as records from flows group by dstport"
    chart = shell.run_cell_magic("flows", "--chart", sql)
    assert chart.title == "records by port"
    shell.user_ns["other"] = fl.read(DEMO, port=22)
    few = shell.run_cell_magic("flows", "other", "select count(*) as n from flows")
    assert 0 < few.arrow()["n"].to_pylist()[0] < 200


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("", "select $prot", r"\$prot: no variable of that name; did you mean port\?"),
        ("", "select $shell_", r"\$shell_: no value for SQL \(object\)"),
        ("flow", "select 1", r"%%flows flow: no flows of that name; did you mean flows\?"),
        ("--to 1x", "select 1", r"%%flows --to 1x: a variable's name is needed"),
        ("--to class", "select 1", r"%%flows --to class: a variable's name is needed"),
        ("", "drop table flows", r"SELECT"),
    ],
)
def test_what_is_wrong_with_a_cell_is_one_line(shell, line, cell, message):
    shell.user_ns |= {"port": 1, "shell_": object()}
    with pytest.raises(UsageError, match=message):
        shell.run_cell_magic("flows", line, cell)


def test_without_the_usual_name_the_only_flows_are_asked(shell):
    shell.user_ns["logs"] = shell.user_ns.pop("flows")
    assert len(shell.run_cell_magic("flows", "", "select 1 as one from flows limit 1")) == 1
    shell.user_ns["more"] = shell.user_ns["logs"]
    with pytest.raises(UsageError, match="write which flows to ask: logs, more"):
        shell.run_cell_magic("flows", "", "select 1")
    del shell.user_ns["more"], shell.user_ns["logs"]
    with pytest.raises(UsageError, match=r"no flows here yet; flows = flowlens\.read"):
        shell.run_cell_magic("flows", "", "select 1")


def test_tab_knows_queries_and_their_parameters(shell):
    assert tab(shell, 'flows.query("rejected_by_') == [
        "rejected_by_eni", "rejected_by_eni_port", "rejected_by_port", "rejected_by_source",
    ]  # fmt: skip
    assert tab(shell, 'x = flows.query("timeline", bu') == ["bucket_seconds="]
    assert tab(shell, 'flows.query("timeline", bucket_seconds=60, ') == ["limit="]
    assert "walk" not in tab(shell, "flows.query('w")
    shell.user_ns["frame"] = object()
    assert "rejected_by_eni" not in tab(shell, 'frame.query("rejected_by_')
    lines = 'flows.query(\n    "timeline",\n    bu'
    with provisionalcompleter():
        found = list(shell.Completer.completions(lines, len(lines)))
    assert [item.text for item in found] == ["bucket_seconds="]
    fl.unload_ipython_extension(shell)
    assert "rejected_by_eni" not in tab(shell, 'flows.query("rejected_by_')


def said(shell, capsys, code: str) -> list[str]:
    """The lines that a cell says."""
    capsys.readouterr()
    shell.run_cell(code)
    return capsys.readouterr().out.splitlines()


def test_an_error_is_one_line_and_no_stack(shell, capsys):
    (line,) = said(shell, capsys, "flows.query('timelin\\x1b')")
    assert line == r"flowlens: no query 'timelin\x1b'; did you mean timeline?"
    lines = said(shell, capsys, "1 / 0")
    assert "Traceback" in lines[1]
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_what_flows_are_made_of_is_not_on_tab(shell):
    names = [name for name in dir(shell.user_ns["flows"]) if not name.startswith("_")]
    assert names == [
        "arrow", "batches", "check", "diff", "polars", "query", "report", "scanners", "show", "sql",
    ]  # fmt: skip
