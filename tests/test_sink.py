"""A file appears whole or not at all, and every failure is one line."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowlens.core.errors import ExitCode, FlowlensError, UsageError
from flowlens.output import sink
from flowlens.output.sink import open_sink


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def in_a_child(code: str, stdout: int) -> subprocess.CompletedProcess[str]:
    """Run code with a standard output of its own; stderr is what the user would see."""
    imports = "from flowlens.output.sink import *\nfrom flowlens.core.errors import *\n"
    return subprocess.run(
        [sys.executable, "-c", imports + code],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PYTHONUNBUFFERED": "",  # what stays in Python's buffer is the case to test
        },
    )


def test_a_file_holds_what_was_written_and_nothing_lies_beside_it(tmp_path):
    target = tmp_path / "out.csv"
    with open_sink(target) as sink:
        sink.write(b"a\n")
        assert not target.exists()
    assert target.read_bytes() == b"a\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"old"])
def test_after_an_exception_the_place_is_as_it_was(tmp_path, error, before):
    target = tmp_path / "out.csv"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(error), open_sink(target) as sink:
        sink.write(b"x" * 1_000_000)
        raise error
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([before] if before else [])


def test_a_target_keeps_its_permissions_and_a_new_one_has_the_umasks(tmp_path):
    old, new, plain = (tmp_path / name for name in ("old", "new", "plain"))
    old.write_bytes(b"")
    old.chmod(0o640)
    plain.write_bytes(b"")
    for path in (old, new):
        with open_sink(path) as sink:
            sink.write(b"x")
    assert mode(old) == 0o640
    assert mode(new) == mode(plain)


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / "d").mkdir()
    target, link = tmp_path / "d" / "out.csv", tmp_path / "link"
    link.symlink_to(target)
    for text in (b"first", b"second"):
        with open_sink(link) as sink:
            sink.write(text)
        assert (link.is_symlink(), target.read_bytes()) == (True, text)


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to, None])
def test_an_input_is_never_written_to(tmp_path, make):
    source, target = tmp_path / "in.log", tmp_path / "out.csv"
    source.write_bytes(b"records")
    if make is None:
        target = tmp_path / "." / "in.log"
    else:
        make(target, source)
    with (
        pytest.raises(UsageError, match=r"is the input .*in\.log; write to another file with -o"),
        open_sink(target, inputs=[tmp_path / "gone.log", source]),
    ):
        pass
    assert source.read_bytes() == b"records"


def test_standard_output_that_is_an_input_is_refused(tmp_path):
    source = tmp_path / "in.log"
    source.write_bytes(b"records")
    with source.open("ab") as shell:
        code = f"with open_sink(None, inputs=[__import__('pathlib').Path({str(source)!r})]): pass"
        ended = in_a_child(code, shell.fileno())
    assert "UsageError: standard output: is the input" in ended.stderr
    assert source.read_bytes() == b"records"


@pytest.mark.parametrize("place", ["none/out.csv", "file/out.csv", "", "directory"])
def test_a_place_that_cannot_be_a_file_is_a_usage_error(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError) as caught, open_sink(tmp_path / place):
        pass
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / place}: ")
    assert "; " in text
    assert "\n" not in text


def test_a_place_where_nobody_may_write_is_one_line():
    with (
        pytest.raises(FlowlensError, match=r"^/sys/flowlens\.csv: [^\n]+ with -o$") as caught,
        open_sink(Path("/sys/flowlens.csv")),  # not even root
    ):
        pass
    assert caught.value.exit_code == ExitCode.FAILED


@contextlib.contextmanager
def nobody(directory):
    """Without root's power to write everywhere, and where that user may look."""
    if os.geteuid() != 0:
        yield
        return
    for place in (directory, *directory.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_directory_is_a_failure(tmp_path):
    tmp_path.chmod(0o500)
    with (
        nobody(tmp_path),
        pytest.raises(FlowlensError, match="Permission denied") as caught,
        open_sink(tmp_path / "out.csv"),
    ):
        pass
    assert caught.value.exit_code == ExitCode.FAILED


def test_a_hostile_file_name_is_harmless_in_the_message(tmp_path):
    with pytest.raises(UsageError) as caught, open_sink(tmp_path / "\x1b[31m" / "x"):
        pass
    assert r"\x1b[31m" in str(caught.value)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_full_disk_is_one_line(size):
    # By its descriptor: a broken sink that replaces files must not get at the device itself.
    with Path("/dev/full").open("wb") as full:
        path = Path(f"/dev/fd/{full.fileno()}")
        with (
            pytest.raises(FlowlensError, match=f"^{path}: No space left on device; make room"),
            open_sink(path) as sink,
        ):
            sink.write(b"x" * size)


def test_a_full_disk_behind_standard_output_is_one_line():
    code = """
try:
    with open_sink(None) as sink:
        sink.write(b"x")
except FlowlensError as error:
    raise SystemExit(f"said: {error}")
"""
    with Path("/dev/full").open("wb") as full:
        ended = in_a_child(code, full.fileno())
    assert ended.stderr.startswith("said: standard output: No space left on device")
    assert ended.stderr.count("\n") == 1
    assert ended.returncode == 1


def test_a_file_over_the_limit_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with (
            pytest.raises(FlowlensError, match="File too large; raise the limit"),
            open_sink(tmp_path / "out.csv") as sink,
        ):
            sink.write(b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_closed_pipe_ends_without_a_word(size):
    code = f"""
try:
    with open_sink(None) as sink:
        sink.write(b"x" * {size})
except ClosedPipe:
    raise SystemExit(7)
"""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = in_a_child(code, writer)
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (7, "")


def test_a_closed_standard_output_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(FlowlensError, match="standard output: is closed"), open_sink(None):
        pass


def test_an_error_that_is_not_the_sinks_passes_as_it_is(tmp_path):
    for path in (None, tmp_path / "out.csv"):
        with pytest.raises(BrokenPipeError), open_sink(path):
            raise BrokenPipeError


@pytest.mark.parametrize("path", [None, Path("-"), Path("/dev/stdout")])
def test_standard_output_gets_the_bytes_after_what_was_printed(path, monkeypatch):
    memory = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(memory))
    print("before")
    with open_sink(path) as sink:
        sink.write(b"after\n")
    assert memory.getvalue() == b"before\nafter\n"


def test_what_is_still_in_the_buffer_is_dropped_when_the_work_fails(monkeypatch):
    memory = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(memory))
    with pytest.raises(ValueError, match="half"), open_sink(None) as sink:
        sink.write(b"[\n")
        raise ValueError("half")
    assert memory.getvalue() == b""


def test_a_write_protected_file_is_not_replaced(tmp_path):
    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    target.chmod(0o400)
    with (
        nobody(tmp_path),
        pytest.raises(FlowlensError, match="Permission denied"),
        open_sink(target),
    ):
        pass
    assert target.read_bytes() == b"old"


def test_a_device_is_written_directly():
    ours, terminal = os.openpty()
    try:
        with open_sink(Path(os.ttyname(terminal))) as sink:
            sink.write(b"x")
        assert os.read(ours, 10) == b"x"
    finally:
        os.close(ours)
        os.close(terminal)


def test_an_open_descriptor_is_not_replaced_by_a_file(tmp_path):
    with (tmp_path / "log").open("w+b") as shell:
        with open_sink(Path(f"/dev/fd/{shell.fileno()}")) as sink:
            sink.write(b"x")
        assert os.fstat(shell.fileno()).st_ino == (tmp_path / "log").stat().st_ino
        assert shell.read() == b"x"


def test_a_fifo_is_written_directly(tmp_path):
    fifo, got = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    with open_sink(fifo) as sink:
        sink.write(b"x")
    reader.join()
    assert (got, fifo.is_fifo()) == ([b"x"], True)


def test_a_fifo_that_nobody_reads_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="fifo: nobody reads it"), open_sink(tmp_path / "fifo"):
        pass


@pytest.mark.parametrize("what", ["fifo", "/dev/null", "/dev/full", "/dev/zero", "/dev/fd/0"])
def test_where_a_file_is_wanted_a_device_is_refused(what, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with (
        pytest.raises(UsageError, match="no regular file"),
        open_sink(tmp_path / what, device=False),
    ):
        pass


def test_help_needs_no_heavy_library():
    code = """
import sys, flowlens.output.formats, flowlens.core.escape
heavy = {"pyarrow", "polars", "duckdb", "rich"} & set(sys.modules)
raise SystemExit(f"imported: {heavy}" if heavy else 0)
"""
    ended = in_a_child(code, subprocess.DEVNULL)
    assert (ended.returncode, ended.stderr) == (0, "")
