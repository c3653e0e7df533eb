"""Where a timeline steps up, and where it doesn't."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowlens.answers.report.model import Step
from flowlens.answers.report.step import SHORTEST, step_up

NOISE = [31, 28, 35, 30, 27, 33, 29, 36, 30, 32, 28, 34, 31, 29, 33, 30, 27, 35, 31, 30]


def test_a_level_that_rises_and_stays_is_a_step_at_its_first_bucket() -> None:
    counts = [*NOISE, *(7 * count for count in NOISE)]
    assert step_up(counts) == Step(first=20, last=40, before=30.5, after=213.5)


def test_a_level_that_rises_and_falls_back_ends_where_it_falls_back() -> None:
    counts = [*NOISE[:12], 200, 210, 190, 220, *NOISE[12:]]
    step = step_up(counts)
    assert step is not None
    assert (step.first, step.last) == (12, 16)


def test_noise_is_no_step() -> None:
    assert step_up(NOISE) is None


def test_noise_on_small_numbers_is_no_step() -> None:
    assert step_up([0, 1, 0, 2, 1, 0, 1, 3, 2, 4, 1, 3, 2, 4]) is None


def test_one_high_bucket_is_a_peak_and_no_step() -> None:
    assert step_up([*NOISE[:10], 900, *NOISE[10:]]) is None


def test_a_slow_rise_is_no_step() -> None:
    assert step_up([round(30 * 1.04**place) for place in range(60)]) is None


def test_a_fall_is_no_step() -> None:
    assert step_up([*(7 * count for count in NOISE), *NOISE]) is None


def test_rejects_out_of_silence_are_a_step() -> None:
    assert step_up([0] * 10 + [40] * 10) == Step(first=10, last=20, before=0, after=40)


def test_levels_that_overlap_are_no_step() -> None:
    counts = [20, 300] * 5 + [400, 100, 420, 410, 100, 430, 100, 420, 400, 100]
    assert step_up(counts) is None


def test_coming_back_from_a_dip_is_no_step() -> None:
    assert step_up([200] * 8 + [50] * 3 + [210] * 8) is None


def test_too_few_buckets_hold_no_step() -> None:
    assert step_up([]) is None
    assert step_up([1, 1, 100, 100, 100]) is None


@given(st.lists(st.integers(0, 10**9), max_size=72))
def test_a_step_leaves_the_shortest_stretch_on_both_sides_and_at_least_doubles(
    counts: list[int],
) -> None:
    step = step_up(counts)
    if step is not None:
        assert SHORTEST <= step.first <= step.last - SHORTEST <= len(counts) - SHORTEST
        assert step.after >= 2 * step.before


@given(st.integers(0, 10**6), st.integers(0, 72))
def test_a_level_without_change_holds_no_step(level: int, size: int) -> None:
    assert step_up([level] * size) is None
