"""In a real kernel: errors of one line, a bar while a long read goes on, and an interrupt."""

from __future__ import annotations

import gzip
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    place = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(
        kernel_name="python3",
        cwd=str(place),
        extra_arguments=[f"--IPythonApp.ipython_dir={place}"],
    )
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code: str, timeout: float = 60) -> list[dict]:
    """What a cell put out, message by message; errors are among them."""
    ident = client.execute(code)
    outputs = []
    while True:
        message = client.get_iopub_msg(timeout=timeout)
        if message["parent_header"].get("msg_id") != ident:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return outputs
        if kind not in ("status", "execute_input"):
            outputs.append({"kind": kind, **content})


def test_the_kernel_is_that_of_this_environment(kernel):
    _, client = kernel
    (shown,) = run(client, "import sys; sys.executable")
    assert shown["data"]["text/plain"] == repr(sys.executable)


def test_an_error_is_one_line_and_answers_are_tables(kernel):
    _, client = kernel
    assert run(client, f"import flowlens as fl\nflows = fl.read({str(DEMO)!r})") == []
    (shown,) = run(client, "flows.query('rejected_by_port', limit=3)")
    assert "<table>" in shown["data"]["text/html"]
    (error,) = run(client, "flows.query('rejected_by_prot')")
    assert error["kind"] == "error"
    assert len(error["traceback"]) == 1
    assert "\n" not in error["traceback"][0]
    assert "did you mean rejected_by_port" in error["traceback"][0]


def test_an_answer_that_fails_when_it_is_shown_says_so_once(kernel, tmp_path):
    _, client = kernel
    (tmp_path / "a.log").write_text("this is no flow log\n")
    run(client, f"bad = fl.read({str(tmp_path)!r}).query('enis')")
    for _ in range(2):
        (error,) = run(client, "bad")
        assert "no flow-log layout fits" in error["traceback"][0]


def test_a_long_read_shows_a_bar_that_goes_away(kernel):
    _, client = kernel
    run(client, "from flowlens.output import progress\nprogress.PATIENCE = progress.EVERY = 0")
    outputs = run(client, "fl.read(flows.inputs.found.inputs[0]).query('action_totals')")
    bars = [out for out in outputs if "<progress" in out.get("data", {}).get("text/html", "")]
    assert bars
    assert bars[0]["kind"] == "display_data"
    last = outputs[-2]
    assert last["kind"] == "update_display_data"
    assert last["data"]["text/html"] == ""
    assert outputs[-1]["kind"] == "execute_result"
    quiet = run(client, "fl.read(flows.inputs.found.inputs[0], progress=False).check()")
    assert [out["kind"] for out in quiet] == ["execute_result"]


def test_an_interrupt_ends_a_read_and_leaves_the_flows_usable(kernel, tmp_path):
    manager, client = kernel
    line = (
        "2 123456789012 eni-1 192.0.2.1 10.0.0.1 6000 22 6 1 40 1763863200 1763863230 REJECT OK\n"
    )
    packed = gzip.compress((line * 100_000).encode())
    for number in range(60):
        (tmp_path / f"{number}.log.gz").write_bytes(packed)
    ident = client.execute(f"many = fl.read({str(tmp_path)!r}, progress=False)\nmany.check()")
    time.sleep(1)
    begun = time.monotonic()
    manager.interrupt_kernel()
    errors = []
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != ident:
            continue
        if message["msg_type"] == "error":
            errors.append(message["content"]["ename"])
        if message["content"].get("execution_state") == "idle":
            break
    assert errors == ["KeyboardInterrupt"]
    assert time.monotonic() - begun < 10
    (shown,) = run(client, "many.sql('select 1 as one').polars()['one'].to_list()")
    assert shown["data"]["text/plain"] == "[1]"


ENDLESS = (
    "select count(*) from range(1000000000000) a, range(1000000) b where a.range * b.range = 7"
)


@pytest.mark.parametrize(
    "cell",
    [f"flows.sql({ENDLESS!r}).polars()", f"flows.sql({ENDLESS!r})", f"%%flows\n{ENDLESS}"],
    ids=["asked", "shown", "magic"],
)
def test_sql_that_never_ends_hears_an_interrupt(kernel, cell):
    manager, client = kernel
    run(client, "%reload_ext flowlens")
    assert run(client, f"import flowlens as fl\nflows = fl.read({str(DEMO)!r})") == []
    ident = client.execute(cell)
    time.sleep(3)
    begun = time.monotonic()
    manager.interrupt_kernel()
    errors = []
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != ident:
            continue
        if message["msg_type"] == "error":
            errors.append(message["content"]["ename"])
        if message["content"].get("execution_state") == "idle":
            break
    assert errors == ["KeyboardInterrupt"]
    assert time.monotonic() - begun < 4
    (shown,) = run(client, "flows.sql('select 1 as one').polars()['one'].to_list()")
    assert shown["data"]["text/plain"] == "[1]"


def test_a_time_limit_in_a_notebook_is_one_line(kernel):
    _, client = kernel
    (error,) = run(client, f"fl.read({str(DEMO)!r}, timeout='1s').sql({ENDLESS!r})")
    assert error["ename"] == "LateError"
    assert error["traceback"][0].startswith("flowlens: no answer within 1 s")
