"""The detector's verdicts: those of the oracle, for any records."""

from __future__ import annotations

from pathlib import Path

from effort import examples
from hypothesis import given, settings
from scan_world import expected, numbers, records, rows, scanners


@settings(max_examples=examples(40))
@given(lines=records(), given_numbers=numbers)
def test_verdicts_are_those_of_the_walk_by_recursion(
    tmp_path: Path, lines: list[str], given_numbers: dict[str, float]
) -> None:
    found = rows(scanners(tmp_path, lines, parameters=given_numbers))
    wanted = expected(lines, **given_numbers)
    assert found.keys() == wanted.keys()
    for source, row in found.items():
        assert row == wanted[source]
