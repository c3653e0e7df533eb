"""Scratch: what flowlens made there goes, and nothing else ever does."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import command

from flowlens.core import scratch as module
from flowlens.core.errors import FlowlensError
from flowlens.core.scratch import scratch

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"
SOMEBODY = 65534


@pytest.fixture(autouse=True)
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of a test."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def leftover(below: Path) -> Path:
    """What a killed run leaves: the kernel has let go of its lock."""
    with scratch() as made:
        (made / "spill").mkdir()
        (made / "spill/duckdb_temp_0").write_bytes(b"x")
        (made / "flows.db").write_bytes(b"x")
        shutil.copytree(made, below / "flowlens-left")
    (below / "flowlens-left").chmod(0o700)
    return below / "flowlens-left"


def contents(place: Path) -> list[str]:
    """Everything at or below a place, whatever it is."""
    return sorted(str(path) for path in [place, *place.rglob("*")])


def test_a_directory_is_there_within_the_block_alone(below: Path) -> None:
    with scratch() as made:
        assert made.parent == below
        assert made.stat().st_mode & 0o777 == 0o700
        (made / "spill").mkdir()
        (made / "spill/file").touch()
    assert not list(below.iterdir())


def test_what_a_killed_run_left_is_removed_by_the_next(below: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from flowlens.core.scratch import scratch; import time\n"
         "with scratch() as made: (made / 'x').touch(); time.sleep(60)"],
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(below.glob("*/x")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(below.glob("*/x"))
    assert command("query", "enis", DEMO, "-o", "/dev/null").returncode == 0
    assert list(below.glob("*/x"))  # it is in use
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(below.glob("*/x"))
    assert command("query", "enis", DEMO, "-o", "/dev/null").returncode == 0
    assert not list(below.iterdir())


def store(place: Path) -> None:
    place.mkdir(mode=0o700)
    (place / "lock").touch()
    (place / "flowlens-store.json").write_text("{}")


def users(place: Path) -> None:
    place.mkdir(mode=0o700)
    (place / "lock").touch()
    (place / "thesis.tex").touch()


def users_with_a_lock_of_its_own(place: Path) -> None:
    users(place)
    (place / "lock").write_text("4711\n")


def earlier_version(place: Path) -> None:
    place.mkdir(mode=0o700)
    (place / "lock").touch()
    (place / "flows.db").touch()


def empty(place: Path) -> None:
    place.mkdir(mode=0o700)


def shared(place: Path) -> None:
    leftover(place.parent).rename(place)
    place.chmod(0o770)


def anothers(place: Path) -> None:
    leftover(place.parent).rename(place)
    for path in (place, *place.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY)


def link(place: Path) -> None:
    made = leftover(place.parent)
    made.rename(place.parent.parent / "elsewhere")
    place.symlink_to(place.parent.parent / "elsewhere")


def link_as_lock(place: Path) -> None:
    made = leftover(place.parent)
    marked = made.rename(place.parent.parent / "elsewhere") / "lock"
    users(place)
    (place / "lock").unlink()
    (place / "lock").symlink_to(marked)


def fifo_as_lock(place: Path) -> None:
    users(place)
    (place / "lock").unlink()
    os.mkfifo(place / "lock")


def directory_as_lock(place: Path) -> None:
    users(place)
    (place / "lock").unlink()
    (place / "lock").mkdir()


def file(place: Path) -> None:
    place.write_text("notes")


def store_in_scratch(place: Path) -> None:
    leftover(place.parent).rename(place)
    (place / "spill/flowlens-store.json").write_text("{}")


def manifest_in_scratch(place: Path) -> None:
    leftover(place.parent).rename(place)
    (place / "a/b").mkdir(parents=True)
    (place / "a/b/manifest.json").write_text("{}")


def ledger_in_scratch(place: Path) -> None:
    leftover(place.parent).rename(place)
    (place / "ledger.sqlite").write_text("{}")


NOT_OURS = [
    store, users, users_with_a_lock_of_its_own, earlier_version, empty, shared, anothers, link,
    link_as_lock, fifo_as_lock, directory_as_lock, file, store_in_scratch, manifest_in_scratch,
    ledger_in_scratch,
]  # fmt: skip


@pytest.mark.parametrize("make", NOT_OURS, ids=lambda make: make.__name__)
def test_what_flowlens_did_not_make_as_scratch_stays(
    make: Callable[[Path], None], below: Path
) -> None:
    if make is anothers and os.geteuid() != 0:
        pytest.skip("only root can give a directory to somebody else")
    make(below / "flowlens-thing")
    before = contents(below.parent)
    with scratch():
        pass
    assert contents(below.parent) == before


def test_links_in_scratch_are_removed_and_not_followed(below: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").touch()
    left = leftover(below)
    (left / "a").symlink_to(mine)
    (left / "spill/b").symlink_to(mine / "thesis.tex")
    with scratch() as made:
        (made / "c").symlink_to(mine)
        assert not left.exists()
    assert not list(below.iterdir())
    assert list(mine.iterdir()) == [mine / "thesis.tex"]


def test_a_temporary_directory_that_is_a_link_itself_serves(
    below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(below)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "link"))
    left = leftover(below)
    with scratch() as made:
        assert made.parent == tmp_path / "link"
        assert not left.exists()
    assert not list(below.iterdir())


@contextmanager
def before(name: str, action: Callable[[], None]) -> Iterator[None]:
    """Do something just before the first call of a function of `os` or `fcntl` by scratch."""
    home: Any = fcntl if hasattr(fcntl, name) else os
    called, real = [], getattr(home, name)

    def first(*values: Any, **options: Any) -> Any:
        if not called:
            called.append(name)
            action()
        return real(*values, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, name, first)
        yield
    assert called


@pytest.mark.parametrize("step", ["flock", "write"])
def test_a_directory_that_is_being_made_is_nobodys_leftover(step: str, below: Path) -> None:
    sweep = "from flowlens.core.scratch import scratch\nwith scratch(): pass"

    def another() -> None:
        subprocess.run([sys.executable, "-P", "-c", sweep], check=True, timeout=60)

    with before(step, another), scratch() as made:
        assert (made / "lock").is_file()
    assert not list(below.iterdir())


def test_the_lock_goes_last(below: Path) -> None:
    with scratch() as made:
        for name in ("a", "z", "spill/file"):
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).touch()
        removed, unlink = [], os.unlink

        def noted(path: Any, **options: Any) -> None:
            removed.append(os.path.basename(path))
            unlink(path, **options)

        patch = pytest.MonkeyPatch()
        patch.setattr(module.os, "unlink", noted)
    patch.undo()
    assert removed[-1] == "lock"
    assert sorted(removed) == ["a", "file", "lock", "z"]


@pytest.mark.parametrize("what", ["missing", "file", "file/below"])
def test_a_temporary_directory_that_is_none_is_named(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path / what))
    with pytest.raises(FlowlensError, match=str(tmp_path / what)) as caught, scratch():
        pass
    assert caught.value.exit_code == 1


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory with little room; only root can make one."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    monkeypatch.setenv("TMPDIR", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


HUGE = "select a.bytes, b.srcaddr, c.dstaddr from flows a, flows b, flows c order by all"


@pytest.mark.parametrize("kilobytes", [1024, 1020, 1016, 1008, 1000, 900, 600, 300, 0])
@pytest.mark.parametrize("sql", ["select count(*) from flows", HUGE], ids=["little", "much"])
def test_a_full_temporary_directory_is_one_line_that_names_it(
    sql: str, kilobytes: int, small: Path
) -> None:
    (small / "filler").write_bytes(b"x" * kilobytes * 1024)
    done = command("sql", sql, DEMO, "-q", "-f", "csv")
    assert [path.name for path in small.iterdir()] == ["filler"]
    if done.returncode == 0:
        assert sql != HUGE
        assert kilobytes < 1000
        return
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert str(small).encode() in done.stderr
    assert b"TMPDIR" in done.stderr
