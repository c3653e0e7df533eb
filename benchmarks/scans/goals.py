"""What the detector is held to on seeds that nobody tuned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.scans.kinds import KINDS, OFFICE_8
from benchmarks.scans.score import ENOUGH, Score
from benchmarks.scans.views import View

PRECISION, RECALL, REJECTS_PRECISION = 0.995, 0.93, 0.99
OFFICES = 1 / 200
"""Of the offices with eight slips, at most so many accused."""

NEAR = 0.02
"""How far version 2, without flags, may stay behind version 5."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, what was reached of it, and whether that is enough (None: stated, not judged)."""

    what: str
    reached: str
    met: bool | None


def goals(scores: Mapping[View, Score]) -> list[Goal]:
    """All goals that these views can decide."""
    found = [goal for view, score in scores.items() for goal in _of_view(view, score)]
    if View.V2 in scores and View.V5 in scores:
        found += _between(scores[View.V2], scores[View.V5])
    return found


def _of_view(view: View, score: Score) -> list[Goal]:
    recall = score.recall(ENOUGH)
    enough = f"{view}: recall at {ENOUGH} or more targets"
    if view is View.REJECTS:
        return [
            _at_least(f"{view}: precision", score.precision, REJECTS_PRECISION),
            Goal(enough, shown(recall), None),
        ]
    accused, offices = score.accused(OFFICE_8)
    return [
        _at_least(f"{view}: precision", score.precision, PRECISION),
        _at_least(enough, recall, RECALL),
        *(_none_of(view, score, kind.name) for kind in KINDS if kind.quiet),
        Goal(
            f"{view}: {OFFICE_8}: at most 1 in {1 / OFFICES:.0f}",
            f"{accused:,} of {offices:,}",
            accused <= offices * OFFICES,
        ),
    ]


def _none_of(view: View, score: Score, kind: str) -> Goal:
    accused, number = score.accused(kind)
    return Goal(f"{view}: {kind}: none", f"{accused:,} of {number:,}", accused == 0)


def _between(v2: Score, v5: Score) -> list[Goal]:
    pairs = {
        "precision": (v2.precision, v5.precision),
        f"recall at {ENOUGH} or more targets": (v2.recall(ENOUGH), v5.recall(ENOUGH)),
    }
    return [
        Goal(
            f"v2 within {NEAR * 100:.0f} points of v5: {name}",
            f"{shown(one)} : {shown(other)}",
            one is not None and other is not None and other - one <= NEAR,
        )
        for name, (one, other) in pairs.items()
    ]


def _at_least(what: str, value: float | None, least: float) -> Goal:
    return Goal(f"{what} at least {least:g}", shown(value), value is not None and value >= least)


def shown(value: float | None) -> str:
    """A share as text; never rounded up to a whole that it isn't.

    >>> shown(0.99999), shown(1.0), shown(None)
    ('0.9999', '1.0000', '–')
    """
    return "–" if value is None else f"{int(value * 10_000) / 10_000:.4f}"
