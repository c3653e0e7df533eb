"""The timeline as a small chart of bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowlens.answers.report.model import Report, Timeline
from flowlens.answers.report.words import clock
from flowlens.output.human import length

_BARS = "▁▂▃▄▅▆▇█"
_LABEL = 8


def bars(counts: Sequence[int]) -> str:
    """One bar a count, on a scale from nothing to the highest; a dot is zero.

    >>> bars([0, 1, 4, 8])
    '·▁▄█'
    """
    most = max(counts, default=0)
    return "".join(_BARS[-(-count * 8 // most) - 1] if count else "·" for count in counts)


def chart(report: Report, room: int, mark: Callable[[str], str] = str) -> list[str]:
    """The lines of the chart, none without rejects or with a single bucket.

    `mark` colours the bars of a step.
    """
    times = report.timeline
    if not any(times.reject) or len(times.reject) < 2:
        return []
    wide = 2 if _LABEL + 2 * len(times.reject) <= room else 1
    lines = []
    for label, counts in (("REJECT", times.reject), ("ACCEPT", times.accept)):
        if any(counts):
            drawn = "".join(bar * wide for bar in bars(counts))
            if times.step is not None and label == "REJECT":
                first, last = times.step.first * wide, times.step.last * wide
                drawn = drawn[:first] + mark(drawn[first:last]) + drawn[last:]
            lines.append(f"{label:<{_LABEL}}{drawn}")
    lines.append(_axis(report, times, wide))
    peak = max(times.reject)
    at = clock(times.at(times.reject.index(peak)), report)
    step = ""
    if times.step is not None:
        step = f", steps up at {clock(times.at(times.step.first), report)}"
        if times.step.last < len(times.reject):
            step += f", back at {clock(times.at(times.step.last), report)}"
    every = length(times.bucket_seconds)
    lines.append(f"{'':<{_LABEL}}{every} a bar; peak {peak:,} at {at}{step}")
    return lines


def _axis(report: Report, times: Timeline, wide: int) -> str:
    """The first and the last bucket's time below their bars, and a mark where it steps up."""
    size = len(times.reject) * wide
    first = clock(times.at(0), report)
    last = clock(times.at(len(times.reject) - 1), report)
    cells = [" "] * max(size, len(first))
    cells[: len(first)] = first
    if size >= len(first) + len(last) + 2:
        cells[size - len(last) : size] = last
    if times.step is not None:
        place = times.step.first * wide
        if cells[place] == " ":
            cells[place] = "▲"
    return " " * _LABEL + "".join(cells).rstrip()
