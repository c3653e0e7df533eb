"""What is published is the same to the byte, wherever, with however many threads, in any order."""

from __future__ import annotations

import shutil
from pathlib import Path

import feed
import pytest
from batch_sides import Side, published, side
from effort import EFFORT
from forks import Fault, Forks

NAMES = [(step, name) for step in range(feed.STEPS) for name in feed.steps()[step]]


@pytest.fixture(scope="module")
def first(forked: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that has run once over everything, with one thread."""
    directory = tmp_path_factory.mktemp("first")
    job = feed.job(directory)
    for step in range(feed.STEPS):
        feed.deliver(directory / "logs", step)
    done(forked, job, threads=1)
    return directory


def done(forked: Forks, job: Path, *, threads: int = 0) -> None:
    ended = forked.command("batch", "run", job, fault=Fault(threads=threads))
    assert ended.code == 0, ended.stderr


def test_elsewhere_and_with_more_threads(forked: Forks, first: Path, tmp_path: Path) -> None:
    place = tmp_path / "an other place"
    shutil.copytree(first / "logs", place / "logs")
    done(forked, feed.job(place), threads=7)
    side(place).same(side(first))


def test_a_job_that_is_moved_with_its_store_has_nothing_to_do(
    forked: Forks, first: Path, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(first, tmp_path / "moved"))
    ended = forked.command("batch", "run", place / "job.toml")
    assert (ended.code, ended.stderr) == (0, "flowlens: nothing new\n")
    side(place).same(side(first))


def test_one_object_after_the_other(forked: Forks, tmp_path: Path) -> None:
    """In an order of no meaning, for objects that don't change."""
    plain = '[scanners]\nformats = ["csv"]\n'
    last = {name: step for step, name in NAMES}
    names = sorted(last, key=lambda name: name[::-1])
    sides: list[Side] = []
    for at_once in (True, False):
        place = tmp_path / str(at_once)
        job = feed.job(place)
        job.write_text(job.read_text().split("summaries")[0] + (plain if EFFORT > 1 else ""))
        for name in names:
            feed.deliver(place / "logs", last[name], only=name)
            if not at_once:
                done(forked, job)
        done(forked, job)
        sides.append(side(place))
    sides[0].same(sides[1])


@pytest.mark.skipif(EFFORT == 1, reason="the same as for days, and takes longer")
def test_hours_in_steps_and_at_once(forked: Forks, tmp_path: Path) -> None:
    for place in (tmp_path / "steps", tmp_path / "once"):
        job = feed.job(place, interval="1h")
        for step in range(feed.STEPS):
            feed.deliver(place / "logs", step)
            if place.name == "steps":
                done(forked, job)
        done(forked, job)
    side(tmp_path / "steps").same(side(tmp_path / "once"))


def test_the_feed_has_something_to_compare(first: Path) -> None:
    """Scanners of each day, new ones among them, and rejects."""
    found = published(first)
    for day in ("20", "21", "22"):
        scanners = found[f"2025-11-{day}/scanners.csv"]
        assert isinstance(scanners, bytes)
        assert b",true\n" in scanners
        assert len(str(found[f"2025-11-{day}/rejected_by_port.csv"])) > 100
    assert not [name for name in found if name.startswith("2025-11-19")]
