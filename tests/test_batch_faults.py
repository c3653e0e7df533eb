"""Whatever goes wrong in a run is told in one line, and the next run makes up for it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feed
import pytest
from batch_sides import Side, published, side
from commands import command
from effort import stride
from forks import Ended, Fault, Forks

from flowlens.batch import run as running
from flowlens.batch.jobfile.loading import load
from flowlens.batch.store import database

OBJECTS = ("20/a.log.gz", "20/broken.log")
MORE = ("21/across.log.gz", "21/cut.log.gz")
CHANGED = "20/broken.log"
JOB = """\
name = "feed"
inputs = ["logs/"]
store = "store/"
output = "out/"
interval = "1d"
queries = ["rejected_by_port"]
formats = ["csv"]
"""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that has run once, and for which more has come since."""
    directory = tmp_path_factory.mktemp("once")
    (directory / "job.toml").write_text(JOB)
    for name in OBJECTS:
        feed.deliver(directory / "logs", 0, only=name)
    fine(command("batch", "run", directory / "job.toml"))
    for name in MORE:
        feed.deliver(directory / "logs", 1, only=name)
    feed.put(directory / "logs" / CHANGED, changed(), feed.ARRIVED + feed.DAY)
    return directory


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, once: Path) -> Side:
    """What one run makes of everything."""
    directory = tmp_path_factory.mktemp("clean")
    shutil.copy(once / "job.toml", directory)
    shutil.copytree(once / "logs", directory / "logs")
    fine(command("batch", "run", directory / "job.toml"))
    return side(directory)


@pytest.fixture
def place(once: Path, tmp_path: Path) -> Path:
    """The same job, to be spoilt."""
    return Path(shutil.copytree(once, tmp_path / "job"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, once: Path) -> Path:
    """The same job, up to date."""
    directory = Path(shutil.copytree(once, tmp_path_factory.mktemp("whole") / "job"))
    fine(command("batch", "run", directory / "job.toml"))
    return directory


@pytest.fixture
def kept(whole: Path, tmp_path: Path) -> Path:
    """A job that is up to date, to be spoilt."""
    return Path(shutil.copytree(whole, tmp_path / "job"))


def changed() -> bytes:
    """An object's content at the second time."""
    return feed.broken(feed.text(feed.traffic(0, 2, 25), feed.V2)).encode()


def run(place: Path) -> Any:
    """Run the job in this process."""
    return command("batch", "run", place / "job.toml")


def fine(ended: Any) -> Any:
    code = ended.code if isinstance(ended, Ended) else ended.returncode
    assert code == 0, ended.stderr
    return ended


def line(ended: Any, code: int) -> str:
    """The one line that a failure says."""
    if isinstance(ended, Ended):
        found, text = ended.code, ended.stderr
    else:
        found, text = ended.returncode, ended.stderr.decode()
    assert found == code, text
    assert len(text.splitlines()) == 1, text
    only = text.strip()
    assert only.startswith("flowlens: ")
    assert "defect" not in only
    assert "Traceback" not in only
    return str(only)


def healed(place: Path, clean: Side) -> None:
    """The next run does everything."""
    fine(run(place))
    side(place).same(clean)


def tree(place: Path) -> dict[str, tuple[int, bytes]]:
    """All files below a directory, when they were written, and what is in them."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("limit", [1_000, 9_000, 30_000])
def test_a_disk_that_fills_up(forked: Forks, place: Path, clean: Side, limit: int) -> None:
    ended = forked.command("batch", "run", place / "job.toml", fault=Fault(limit=limit))
    line(ended, 1)
    healed(place, clean)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_from_some_operation_on(
    forked: Forks, place: Path, clean: Side, number: int
) -> None:
    """Each run gets a little further than the one before."""
    job = place / "job.toml"
    apart = stride(17)
    for operation in range(1 + number % apart, 2_000, apart):
        fault = Fault(fail=operation, errno=number)
        ended = forked.command("batch", "run", job, fault=fault)
        if ended.code == 0:
            break
        text = line(ended, 1)
        assert os.strerror(number) in text or "full" in text, text
    else:
        pytest.fail("it never ends")
    healed(place, clean)


def test_an_output_that_is_no_directory(place: Path, clean: Side) -> None:
    out = place / "out"
    out.rename(place / "aside")
    out.write_text("a file\n")
    assert "output: 'out/' is a file" in line(run(place), 2)
    out.unlink()
    (place / "aside").rename(out)
    healed(place, clean)


def test_a_store_that_is_no_directory(place: Path, clean: Side) -> None:
    store = place / "store"
    store.rename(place / "aside")
    store.write_text("a file\n")
    assert "store: 'store/' is a file" in line(run(place), 2)
    store.unlink()
    (place / "aside").rename(store)
    healed(place, clean)


def test_a_clock_that_jumps(place: Path, clean: Side) -> None:
    job = load(place / "job.toml")
    noon = datetime(2025, 11, 20, 12, tzinfo=UTC)
    shutil.rmtree(place / "store")
    shutil.rmtree(place / "out")
    assert running.run(job, clock=lambda: noon).published == []
    assert running.run(job, clock=lambda: noon + timedelta(days=1)).published == ["2025-11-20"]
    assert running.run(job, clock=lambda: noon - timedelta(days=99)).nothing_new
    assert running.run(job, clock=lambda: noon + timedelta(days=999)).published == ["2025-11-21"]
    assert running.run(job, clock=lambda: noon).nothing_new
    side(place).same(clean)


def test_a_clock_that_jumps_within_a_run(place: Path, clean: Side) -> None:
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), *[datetime(1999, 1, 1, tzinfo=UTC)] * 9])
    running.run(load(place / "job.toml"), clock=lambda: next(times))
    side(place).same(clean)


def test_a_ledger_that_another_program_holds(
    place: Path, clean: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with sqlite3.connect(place / "store/ledger.sqlite", isolation_level=None) as other:
        other.execute("begin exclusive")
        text = line(run(place), 1)
        assert "ledger.sqlite" in text
        assert "another program holds it" in text
        other.execute("rollback")
        other.execute("begin immediate")
        assert "another program holds it" in line(run(place), 1)
        other.execute("rollback")
    other.close()
    healed(place, clean)


def test_two_runs_at_the_same_time(place: Path, clean: Side) -> None:
    descriptor = os.open(place / "store/lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    before = tree(place)
    for what in ("run", "prune", "rebuild"):
        assert "another run" in line(command("batch", what, place / "job.toml"), 75)
    assert tree(place) == before
    os.close(descriptor)
    healed(place, clean)


def part_of(place: Path) -> Path:
    return sorted((place / "store/flows").glob("*/*.parquet"))[0]


@pytest.mark.parametrize("fixture", ["place", "kept"])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: os.truncate(path, 100)])
def test_a_part_that_is_gone_or_cut_short(
    request: pytest.FixtureRequest, clean: Side, fixture: str, spoil: Callable[[Path], None]
) -> None:
    place = request.getfixturevalue(fixture)
    spoil(part_of(place))
    assert b"the part is gone or cut short" in fine(run(place)).stderr
    side(place).same(clean)
    assert b"nothing new" in fine(run(place)).stderr


def test_a_part_that_is_gone_with_the_object_it_came_from(kept: Path) -> None:
    """What is published stays, and so does what builds on it, until the object is back."""
    before, path = side(kept), kept / "logs" / CHANGED
    aside = path.rename(kept / "aside")
    part_of(kept).unlink()
    for name in ("20/late.log", "22/late.log"):
        feed.put(kept / "logs" / name, changed(), feed.ARRIVED)
        assert b"can't be read again; what is published" in fine(run(kept)).stderr
    now = published(kept)
    assert {name: now[name] for name in before.published} == before.published
    aside.rename(path)
    for name in ("20/late.log", "22/late.log"):
        feed.put(kept / "logs" / name, b"", feed.ARRIVED)
    fine(run(kept))
    assert published(kept) == before.published


def garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def damage(path: Path) -> None:
    """Spoil all pages but the first."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(range(255, -1, -1)) * (len(content) // 256 - 16))


@pytest.mark.parametrize(
    "spoil", [garbage, damage, lambda path: path.write_bytes(b""), Path.unlink],
    ids=["garbage", "damaged", "empty", "gone"],
)  # fmt: skip
def test_a_ledger_that_is_lost(kept: Path, clean: Side, spoil: Callable[[Path], None]) -> None:
    spoil(kept / "store/ledger.sqlite")
    before = tree(kept)
    for what in ("run", "plan", "status"):
        text = line(command("batch", what, kept / "job.toml"), 1)
        assert "flowlens batch rebuild" in text, what
    again = tree(kept)
    assert {path for path in before if path.endswith("parquet")} <= set(again)
    fine(command("batch", "rebuild", kept / "job.toml"))
    healed(kept, clean)


def test_a_store_that_lost_its_ledger_and_has_other_objects_by_now(
    place: Path, clean: Side
) -> None:
    (place / "store/ledger.sqlite").unlink()
    fine(command("batch", "rebuild", place / "job.toml"))
    healed(place, clean)


def test_a_rebuilding_that_is_killed_anywhere(forked: Forks, kept: Path, clean: Side) -> None:
    garbage(kept / "store/ledger.sqlite")
    job, killed, parts = kept / "job.toml", 0, tree(kept / "store/flows")
    for operation in range(1, 100, stride(5)):
        if forked.command("batch", "rebuild", job, fault=Fault(kill=operation)).code == 0:
            break
        killed += 1
        text = forked.command("batch", "run", job)
        assert text.code == 0 or "flowlens batch rebuild" in line(text, 1)
        assert tree(kept / "store/flows") == parts, "a part was taken for a leftover"
    assert killed > 2
    healed(kept, clean)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: os.truncate(path, 100)])
def test_a_ledger_and_a_part_that_are_lost(
    kept: Path, clean: Side, spoil: Callable[[Path], None], number: int
) -> None:
    """An object with records in two parts is read again, though one of them tells of it."""
    (kept / "store/ledger.sqlite").unlink()
    spoil(sorted((kept / "store/flows").glob("*/*.parquet"))[number])
    fine(command("batch", "rebuild", kept / "job.toml"))
    healed(kept, clean)


def test_a_ledger_made_anew_where_records_are_kept_for_a_time(place: Path) -> None:
    """What was made of records that are gone by now isn't made of the rest of them."""
    (place / "job.toml").write_text(f'{JOB}[retention]\nrecords = "2d"\n')
    shutil.rmtree(place / "store")
    shutil.rmtree(place / "out")
    job = load(place / "job.toml")
    for day in (22, 23):
        now = datetime(2025, 11, day, 12, tzinfo=UTC)
        running.run(job, clock=lambda now=now: now)  # type: ignore[misc]
    before = published(place)
    assert [path.parent.name for path in (place / "store/flows").glob("*/*")] == ["day=2025-11-21"]
    (place / "store/ledger.sqlite").unlink()
    fine(command("batch", "rebuild", place / "job.toml"))
    assert not running.run(job, clock=lambda: now).published
    assert published(place) == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[]", b'{"store": 1, "parts": 7}'])
def test_a_manifest_that_is_damaged(kept: Path, clean: Side, content: bytes) -> None:
    (kept / "store/manifest.json").write_bytes(content)
    healed(kept, clean)


def test_a_store_whose_mark_is_damaged(kept: Path, clean: Side) -> None:
    mark = kept / "store/flowlens-store.json"
    mark.write_bytes(b"\xff")
    assert "remove it" in line(run(kept), 2)
    mark.unlink()
    healed(kept, clean)


def test_what_was_published_stays_where_the_new_can_not_be_put(
    place: Path, clean: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, replace = published(place), os.replace

    def refuse(old: Path, new: Path) -> None:
        if new == place / "out/2025-11-20" and not refused:
            refused.append(new.name)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(old, new)

    refused: list[str] = []
    monkeypatch.setattr(os, "replace", refuse)
    line(run(place), 1)
    assert refused
    now = published(place)
    assert {name: now.get(name) for name in before} == before
    monkeypatch.undo()
    healed(place, clean)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"store": 99}, "version 99"),
        ({"job": "other"}, "another job"),
        ({"interval": "1h"}, "another"),
    ],
)
def test_a_store_that_is_not_this_jobs(
    kept: Path, clean: Side, about: dict[str, object], said: str
) -> None:
    mark = kept / "store/flowlens-store.json"
    original = mark.read_text()
    mark.write_text(json.dumps(json.loads(original) | about))
    before = tree(kept)
    for what in ("run", "plan", "status", "prune", "rebuild"):
        assert said in line(command("batch", what, kept / "job.toml"), 2), what
    assert tree(kept) == before
    mark.write_text(original)
    healed(kept, clean)


def after_listing(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen between the listing and the reading of a run."""
    listing = running.listing

    def listed(*arguments: Any, **options: Any) -> Any:
        found = listing(*arguments, **options)
        happens()
        return found

    monkeypatch.setattr(running, "listing", listed)


def test_an_input_that_shrinks_while_it_is_read(
    place: Path, clean: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "logs" / CHANGED
    after_listing(monkeypatch, lambda: os.truncate(path, 700))
    fine(run(place))
    monkeypatch.undo()
    feed.put(path, changed(), feed.ARRIVED + feed.DAY)
    healed(place, clean)


@pytest.mark.parametrize("name", [CHANGED, MORE[0]])
def test_an_input_that_vanishes_before_it_is_read(
    place: Path, clean: Side, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = place / "logs" / name
    content, arrived = path.read_bytes(), int(path.stat().st_mtime)
    after_listing(monkeypatch, path.unlink)
    assert b"not read whole" in fine(run(place)).stderr
    monkeypatch.undo()
    feed.put(path, content, arrived)
    healed(place, clean)


def test_an_object_that_can_be_read_at_last(place: Path, clean: Side) -> None:
    path = place / "logs" / MORE[0]
    aside = path.rename(place / "aside")
    path.symlink_to("nowhere")
    assert b"not read whole" in fine(run(place)).stderr
    path.unlink()
    aside.rename(path)
    healed(place, clean)


def test_no_object_can_be_listed(place: Path, clean: Side) -> None:
    (place / "logs").rename(place / "aside")
    assert "no such file or directory" in line(run(place), 3)
    (place / "aside").rename(place / "logs")
    healed(place, clean)


def test_an_interrupted_run(forked: Forks, place: Path, clean: Side) -> None:
    for operation in range(5, 60, 18):
        fault = Fault(interrupt=operation)
        ended = forked.command("batch", "run", place / "job.toml", fault=fault)
        assert ended.code == 130, ended.stderr
        assert len(ended.stderr.splitlines()) <= 1
    healed(place, clean)


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ('["sh", "-c", "sleep 60"]', "took over"),
        ('["false"]', "exits with 1"),
        ('["no-such-program"]', "can't be run"),
    ],
)
def test_a_hook_that_hangs_or_fails(place: Path, clean: Side, hook: str, said: str) -> None:
    job = place / "job.toml"
    job.write_text(f'{JOB}[hooks]\npublished = {hook}\ntimeout = "1s"\n')
    text = line(run(place), 1)
    assert said in text
    assert "hook" in text
    side(place).same(clean)
    log = place / "hook.log"
    job.write_text(f'{JOB}[hooks]\npublished = ["touch", "{log}"]\n')
    fine(run(place))
    assert log.exists(), "the hook that failed is not run again"


def test_a_hook_that_a_killed_run_owed_is_run(forked: Forks, place: Path, clean: Side) -> None:
    told = place / "told"
    told.mkdir()
    (place / "job.toml").write_text(f'{JOB}[hooks]\npublished = ["cp", "-r", "-t", "{told}"]\n')
    runs = 0
    for operation in range(40, 400, stride(23)):
        fault = Fault(kill=operation)
        if forked.command("batch", "run", place / "job.toml", fault=fault).code == 0:
            break
        runs += 1
    healed(place, clean)
    assert runs > 3
    for interval in (place / "out").glob("2025-*"):
        for path in interval.iterdir():
            same = (told / interval.name / path.name).read_bytes()
            assert path.name == "run.json" or same == path.read_bytes()


def test_a_published_interval_that_is_removed_by_hand(kept: Path, clean: Side) -> None:
    shutil.rmtree(kept / "out/2025-11-20")
    assert b"published: 2025-11-20" in fine(run(kept)).stderr
    side(kept).same(clean)


def test_summaries_that_are_removed_by_hand(kept: Path, clean: Side) -> None:
    shutil.rmtree(kept / "store/rollups")
    shutil.rmtree(kept / "store/state")
    healed(kept, clean)


def test_junk_in_the_store(place: Path, clean: Side) -> None:
    store = place / "store"
    junk = [
        store / "notes.txt",
        store / "flows/day=2025-11-20/notes.txt",
        store / "flows/what/is.this",
        store / "rollups/what/is.this",
        store / "state/what",
        store / "state/2025-13-99/what",
        place / "out/notes.txt",
        place / "out/.2025-11-20-0123456789ab.part/x.csv",
        store / "flows/day=2025-11-20/unknown.parquet",
    ]
    mark = json.loads((store / "flowlens-store.json").read_text())["id"]
    swept = [
        store / f"flows/day=2025-11-20/{'0f' * 10}.parquet",
        store / "flows/day=2025-11-20/.x.parquet-0123456789ab.part",
        store / "rollups/days/records/day=2025-11-20/.rollup.parquet-0123456789ab.part",
        store / "state/.2025-11-20-0123456789ab.part/state.json",
        store / ".ledger.sqlite-0123456789ab.part-journal",
        store / ".ledger.sqlite-0123456789ab.part",
        place / f"out/.run.json-{mark}-0123456789ab.part",
        place / f"out/.2025-11-20-{mark}-0123456789ab.part/.run.json-{mark}-0123456789ab.part",
    ]
    for path in (*junk, *swept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"junk")
    fine(run(place))
    assert not [path for path in swept if path.exists()]
    for path in junk:
        path.unlink()
    for name in ("flows/what", "rollups/what", "state/2025-13-99"):
        (store / name).rmdir()
    (place / "out/.2025-11-20-0123456789ab.part").rmdir()
    side(place).same(clean)
