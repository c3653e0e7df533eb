"""What a difference says in words, and its totals; each format writes them its own way."""

from __future__ import annotations

from collections.abc import Iterator

from flowlens.answers.diff.diff import LEAST, TIMES, Difference
from flowlens.answers.diff.side import TOTALS, Side
from flowlens.answers.diff.tables import Grid, column, times
from flowlens.output.human import amount, count, length, middle

NONE = (
    "Nothing changed that counts: no new or gone source or ENI, and no port or ENI with many more "
    "or fewer records."
)

_NOUNS = {
    "opened": (
        "port lets traffic in that let none in before",
        "ports let traffic in that let none in before",
    ),
    "closed": (
        "port only refuses what it let in before",
        "ports only refuse what they let in before",
    ),
    "ports_rose": ("port refused more", "ports refused more"),
    "new_sources": ("new source", "new sources"),
    "new_enis": ("new ENI", "new ENIs"),
    "gone_enis": ("ENI gone", "ENIs gone"),
    "changed_enis": ("ENI with many more or fewer records", "ENIs with many more or fewer records"),
    "ports_fell": ("port refused less", "ports refused less"),
    "gone_sources": ("source gone", "sources gone"),
}


def headline(difference: Difference) -> str:
    """All that changed, in one sentence."""
    told = [count(part.top.rows, *_NOUNS[part.name]) for part in difference.parts if part.top.rows]
    return f"{', '.join(told)}." if told else NONE


def side(one: Side, *, inputs: bool) -> str:
    """A side in words: what was read, if that is to be said, and its time."""
    parts = [place(one)] if inputs else []
    parts.append(_span(one) if one.start and one.end else "no records")
    return ", ".join(parts)


def place(one: Side) -> str:
    """What a side was read from."""
    several = len(one.inputs) > 1
    return f"{len(one.inputs)} inputs" if several else middle(one.inputs[0], 60)


def notes(difference: Difference) -> Iterator[str]:
    """What has to be known of the numbers."""
    sides = {"before": difference.before, "after": difference.after}
    empty = [name for name, one in sides.items() if not one.records]
    for name in empty:
        yield f"{name} holds no record with traffic: there is nothing to compare with"
    if difference.per_hour:
        spans = [length(one.seconds) for one in sides.values()]
        yield (
            f"the two are {spans[0]} and {spans[1]} long: numbers are as counted, and changes "
            "compare them per hour; the longer one naturally holds more sources"
        )
    for action, told in (("accepted", "is let in"), ("rejected", "is refused")):
        without = [n for n, one in sides.items() if n not in empty and not getattr(one, action)]
        if without and len(without) + len(empty) == len(sides):
            yield f"the log holds no {action} traffic: nothing is said of what {told}"
        elif without and action == "accepted":
            yield f"{without[0]} holds no accepted traffic: what is let in can't be compared"
    first, second = difference.before, difference.after
    if first.inputs == second.inputs and _overlap(first, second):
        yield "the two overlap in time: some records are in both"
    for name, one in sides.items():
        if one.skipdata:
            lost = count(one.skipdata, "SKIPDATA record")
            yield f"{name} has {lost}: traffic was lost there, and totals are lower bounds"
        if other := one.records - one.accepted - one.rejected:
            yield f"{name} has {count(other, 'record')} of transit gateways, which have no action"


def _overlap(one: Side, other: Side) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return max(one.start, other.start) < min(one.end, other.end)


def rule(difference: Difference) -> str:
    """From when on a change counts."""
    within = " (in the shorter time)" if difference.per_hour else ""
    return (
        f"A port or an ENI counts if it has at least {LEAST} records more or fewer{within}, and at "
        "least twice as many or at most half. A source, a new ENI and a port that is let in count "
        "from the first record."
    )


def totals(difference: Difference) -> Grid:
    """The totals of both sides."""
    sides = difference.before, difference.after
    names = [name for name in TOTALS if name != "accepted" or any(one.accepted for one in sides)]
    pairs = [(getattr(sides[0], name), getattr(sides[1], name)) for name in names]
    texts = [
        [amount(number) if name == "bytes" else f"{number:,}" for number in pair]
        for name, pair in zip(names, pairs, strict=True)
    ]
    changes = [
        _in_words(*pair, None if name in ("sources", "enis") else difference)
        for name, pair in zip(names, pairs, strict=True)
    ]
    labels = ["ENIs" if name == "enis" else name for name in names]
    columns = [
        column("total", labels),
        column("before", [text[0] for text in texts], number=True),
        column("after", [text[1] for text in texts], number=True),
        column("change", changes),
    ]
    return Grid("", columns, len(names))


def _in_words(before: int, after: int, difference: Difference | None) -> str:
    """A change in words, with its factor; per hour where the difference says so."""
    if not before:
        return "none before" if after else "none"
    if not after:
        return "none left"
    ratio, hourly = after / before, ""
    if difference is not None and difference.per_hour:
        ratio, hourly = difference.ratio(before, after) or 0.0, " per hour"
    percent = abs(ratio - 1) * 100
    if percent < 0.5:
        return f"{'the same' if before == after else 'about the same'}{hourly}"
    if ratio >= TIMES:
        return f"{times(ratio).removeprefix('×')} times as many{hourly}"
    # What is left is never 100% less.
    told = f"{percent:.0f}% more" if ratio > 1 else f"{min(percent, 99):.0f}% less"
    return f"{told}{hourly} ({times(ratio)})"


def _span(one: Side) -> str:
    """The time of a side: `2026-11-23 02:00-03:00 UTC, 1 h`."""
    assert one.start is not None
    assert one.end is not None
    first, last = f"{one.start:%Y-%m-%d %H:%M}", f"{one.end:%Y-%m-%d %H:%M}"
    if one.seconds == 86_400 and first.endswith("00:00"):
        return f"{first[:10]} (UTC)"
    if first[:10] == last[:10]:
        return f"{first}-{last[11:]} UTC, {length(one.seconds)}"
    return f"{first} to {last} UTC, {length(one.seconds)}"
