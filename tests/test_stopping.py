"""What never ends hears Ctrl-C, SIGTERM and its time limit, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from commands import command

import flowlens as fl
from flowlens.core.errors import FlowlensError, LateError, UsageError
from flowlens.core.interrupt import Deadline, interruptible, overheard
from flowlens.sql.engine import cursor, engine

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"
FLOWLENS = [sys.executable, "-P", "-m", "flowlens"]

ENDLESS = {
    "recursion": "with recursive t(i) as (select 1 union all select i + 1 from t) "
    "select count(*) from t",
    "product": "select count(*) from range(1000000000000) a, range(1000000) b "
    "where a.range * b.range = 7",
    "order": "select * from range(1000000000000) order by hash(range) limit 1",
    "rows": "select * from range(1000000000000)",
    "joined": "select count(*) from flows a, flows b, flows c, flows d "
    "where hash(a.bytes, b.bytes, c.bytes, d.bytes) = 7",
    "list": "select max(list_sum(list_transform(range(1000), lambda x: x + i.range))) "
    "from range(1000000000000) i",
    "function": "select repeat('x', 1000000000) from range(100)",
}
SLACK = 1.0
"""Seconds from a signal to the end, when the machine isn't busy; tests allow for more."""


def begun(place: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a command is at work."""
    deadline = time.monotonic() + 60
    while not list(place.glob("flowlens-*")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.02)
    time.sleep(1.0)


def started(place: Path, *words: object) -> subprocess.Popen[bytes]:
    (place / "tmp").mkdir()
    process = subprocess.Popen(
        [*FLOWLENS, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place / "tmp")},
    )
    begun(place / "tmp", process)
    return process


def ended(process: subprocess.Popen[bytes], number: int) -> float:
    """Send a signal; how long the process takes to end with 130, in seconds."""
    since = time.monotonic()
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    return time.monotonic() - since


@pytest.mark.parametrize("name", ENDLESS)
def test_sql_that_never_ends_hears_ctrl_c(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    process = started(tmp_path, "sql", ENDLESS[name], DEMO, "-f", "csv", "-o", out)
    assert ended(process, signal.SIGINT) < 4 * SLACK
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", ["product", "function"])
def test_sql_that_never_ends_hears_other_signals(name: str, number: int, tmp_path: Path) -> None:
    assert ended(started(tmp_path, "sql", ENDLESS[name], DEMO), number) < 4 * SLACK
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


COMMANDS = [("query", "enis"), ("report",), ("check",), ("scanners",), ("show", "22"),
            ("sql", "select count(*) from flows")]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_pipe_that_nobody_writes_hears_ctrl_c(words: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*FLOWLENS, *words, str(tmp_path / "pipe")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    )
    time.sleep(4)
    assert process.poll() is None
    assert ended(process, signal.SIGINT) < 4 * SLACK
    assert not list((tmp_path / "tmp").iterdir())


def test_a_condition_that_takes_for_ever_hears_ctrl_c(tmp_path: Path) -> None:
    where = "list_sum(list_transform(range(100000000), lambda x: x * bytes)) > 7"
    process = started(tmp_path, "query", "enis", DEMO, "--where", where)
    assert ended(process, signal.SIGINT) < 4 * SLACK
    assert not list((tmp_path / "tmp").iterdir())


TIMED = [*COMMANDS, ("sql", ENDLESS["function"])]


@pytest.mark.parametrize("name", ENDLESS)
def test_a_time_limit_ends_sql_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [*FLOWLENS, "sql", ENDLESS[name], DEMO, "--timeout", "1s", "-o", tmp_path / "out"],
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"flowlens: no answer within 1 s (--timeout); ")
    assert done.stderr.count(b"\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_time_limit_ends_the_wait_for_a_pipe(words: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [*FLOWLENS, *words, tmp_path / "pipe", "--timeout", "0.5"], capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert b"no answer within 0.5 s" in done.stderr


def test_a_time_limit_that_is_kept_changes_nothing() -> None:
    words = ("query", "rejected_by_port", DEMO, "-f", "csv")
    limited = command(*words, "--timeout", "10m")
    assert (limited.returncode, limited.stdout) == (0, command(*words).stdout)
    both = ("diff", DEMO, DEMO)
    assert command(*both, "--timeout", "600").stdout == command(*both).stdout


def test_both_sides_of_a_comparison_have_one_time_limit(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [*FLOWLENS, "diff", DEMO, tmp_path / "pipe", "--timeout", "3"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert b"no answer within 3 s" in done.stderr


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "nan", "inf", "1e99", "30 minutes", "99999w"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    done = command("query", "enis", DEMO, f"--timeout={text}")
    assert done.returncode == 2
    assert f"--timeout {text}".encode() in done.stderr
    with pytest.raises(UsageError, match="timeout"):
        fl.read(DEMO, timeout=text)


def test_flows_have_a_time_limit_for_each_question() -> None:
    flows = fl.read(DEMO, timeout=1.5)
    for _ in "ab":
        with pytest.raises(LateError, match=r"no answer within 1\.5 s"):
            flows.sql(ENDLESS["product"]).arrow()
    assert len(flows.sql("select 1")) == 1


def test_flows_have_a_time_limit_outside_the_main_thread_too() -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            fl.read(DEMO, timeout=1).sql(ENDLESS["recursion"]).arrow()
        except FlowlensError as error:
            caught.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(30)
    assert [type(error) for error in caught] == [LateError]


def soon(number: int, seconds: float = 1.0) -> threading.Timer:
    """Send this process a signal in a while."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
    timer.start()
    return timer


def test_in_python_ctrl_c_ends_a_question_and_the_flows_stay_usable() -> None:
    flows = fl.read(DEMO)
    timer = soon(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        flows.sql(ENDLESS["product"]).arrow()
    timer.join()
    assert len(flows.sql("select 1")) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1


def test_cursors_of_other_threads_are_interrupted_too() -> None:
    said: list[BaseException] = []

    def run(own: Any) -> None:
        try:
            own.execute(ENDLESS["product"]).fetchall()
        except Exception as error:
            said.append(error)

    timer = soon(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), engine() as connection:
        thread = threading.Thread(target=run, args=(cursor(connection),), daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    timer.join()
    assert "INTERRUPT" in str(said[0])


def test_whoever_listened_to_signals_before_hears_them_still() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    before = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    heard: list[str] = []
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            interruptible(),
            overheard(lambda _: heard.append("outer")),
            overheard(lambda _: heard.append("inner")),
        ):
            signal.raise_signal(signal.SIGTERM)
        assert signal.set_wakeup_fd(writes, warn_on_full_buffer=False) == writes
        assert os.read(reads, 8) == bytes([signal.SIGTERM])
        assert sorted(heard) == ["inner", "outer"]
    finally:
        signal.set_wakeup_fd(before)
        os.close(reads)
        os.close(writes)


def test_signals_that_end_nothing_halt_nothing() -> None:
    heard: list[bool] = []
    before = signal.signal(signal.SIGWINCH, lambda number, frame: None)
    try:
        with overheard(lambda ended: heard.append(True)):
            signal.raise_signal(signal.SIGWINCH)
            time.sleep(0.1)
    finally:
        signal.signal(signal.SIGWINCH, before)
    assert heard == []


def test_a_deadline_acts_once_its_moment_has_come() -> None:
    acted = threading.Event()
    deadline = Deadline(0.05)
    with deadline.watched(lambda ended: acted.set()):
        assert acted.wait(5)
    assert deadline.passed
    early = Deadline(60)
    with early.watched(lambda ended: acted.clear()):
        pass
    assert acted.is_set()
    assert not early.passed


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("query", "enis", DEMO, "-o", "/dev/null"), 0),
        (("check", DEMO, "-o", "/dev/null"), 0),
        (("query", "no_such", DEMO), 2),
        (("query", "enis", "no-such"), 3),
        (("query", "enis", DEMO, "-o", "/dev/null", "--strict"), 4),
        (("query", "enis", DEMO, "-o", "/dev/null", "--fail-empty", "--eni", "eni-0"), 1),
        (("query",), 0),
        (("--no-such",), 2),
        (("batch", "run", "no-such.toml"), 2),
    ],
)
@pytest.mark.parametrize("stderr", ["/dev/full", "closed", "broken pipe"])
def test_standard_error_that_takes_nothing_changes_no_exit_code(
    words: tuple[object, ...], code: int, stderr: str
) -> None:
    end = {"/dev/full": "2>/dev/full", "closed": "2>&-", "broken pipe": "2> >(exit)"}[stderr]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {end}', "bash", *FLOWLENS, *map(str, words)],
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert done.returncode == code
    assert b"malformed" not in done.stdout


def test_nothing_takes_the_place_of_a_closed_standard_error(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    script = '"$@" 2>&- 0<&-'
    words = [*FLOWLENS, "query", "enis", str(DEMO), "-f", "csv", "-o", str(out)]
    done = subprocess.run(["bash", "-c", script, "bash", *words], timeout=60)
    assert done.returncode == 0
    assert out.read_bytes() == command("query", "enis", DEMO, "-f", "csv").stdout


def test_a_closed_standard_output_is_one_line() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" >&-', "bash", *FLOWLENS, "query", "enis", str(DEMO)],
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == b"flowlens: standard output: is closed; write to a file with -o\n"
