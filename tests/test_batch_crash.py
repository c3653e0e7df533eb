"""A run of a job may be killed anywhere: the next ones make up for it, to the byte."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import feed
import pytest
from batch_sides import Side, side
from effort import EFFORT, stride
from forks import Ended, Fault, Forks

KILLS = 10 if EFFORT == 1 else 50
TRIES = 400
"""Kills of one history at most; operations are drawn from as many as a run has."""


@pytest.fixture(scope="module")
def clean(forked: Forks, tmp_path_factory: pytest.TempPathFactory) -> Side:
    """What one run makes of everything."""
    directory = tmp_path_factory.mktemp("clean")
    job = feed.job(directory)
    for step in range(feed.STEPS):
        feed.deliver(directory / "logs", step)
    done(forked.command("batch", "run", job))
    return side(directory)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.stderr
    return ended


def test_a_feed_that_is_read_in_steps_gives_what_one_run_gives(
    forked: Forks, clean: Side, tmp_path: Path
) -> None:
    job = feed.job(tmp_path)
    for step in range(feed.STEPS):
        feed.deliver(tmp_path / "logs", step)
        done(forked.command("batch", "run", job))
    side(tmp_path).same(clean)
    assert "nothing new" in done(forked.command("batch", "run", job)).stderr


def test_a_run_that_is_killed_anywhere_is_made_up_for(
    forked: Forks, clean: Side, tmp_path: Path
) -> None:
    seed = 6 if EFFORT == 1 else random.randrange(1 << 32)
    print(f"seed {seed}")
    drawn = random.Random(seed)  # which operations to try is no secret
    job = feed.job(tmp_path)
    kills = 0
    for step in range(feed.STEPS):
        feed.deliver(tmp_path / "logs", step)
        # Whatever is wrong after an earlier step may be put right by what comes with the last one.
        wanted = KILLS if step == feed.STEPS - 1 else KILLS * (step + 1) // 5
        while kills < wanted:
            ended = forked.command("batch", "run", job, fault=Fault(kill=drawn.randint(1, TRIES)))
            kills += ended.code == -9
            assert ended.code in (0, -9), ended.stderr
        done(forked.command("batch", "run", job))
    side(tmp_path).same(clean)


@pytest.mark.skipif(EFFORT == 1, reason="takes many minutes")
def test_every_operation_of_a_run_may_be_the_last(
    forked: Forks, clean: Side, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    job = feed.job(before)
    for step in range(feed.STEPS - 1):
        feed.deliver(before / "logs", step)
        done(forked.command("batch", "run", job))
    feed.deliver(before / "logs", feed.STEPS - 1)
    apart = stride(35)
    operation = random.randrange(apart)
    while True:
        operation += apart
        place = tmp_path / "killed"
        shutil.copytree(before, place)
        ended = forked.command("batch", "run", place / job.name, fault=Fault(kill=operation))
        if ended.code == 0:
            break
        assert ended.code == -9, (operation, ended.stderr)
        done(forked.command("batch", "run", place / job.name))
        side(place).same(clean)
        shutil.rmtree(place)
    assert operation > 100
