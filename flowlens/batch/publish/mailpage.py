"""The morning mail as text, to be read in 78 columns, and as HTML; hostile texts are escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flowlens.answers.diff.tables import Grid, column, grids, times
from flowlens.answers.diff.text import headline, notes, rule, totals
from flowlens.batch.publish.mail import WEEK, Mail
from flowlens.core import escape
from flowlens.output import markup
from flowlens.output.fitting import lines_of, wrapped
from flowlens.output.human import count, several
from flowlens.output.preview import Column, cut

ROOM = 78
"""Columns of a mail."""

_FIRST = 5
"""Objects named where some could not be read whole."""


def text(mail: Mail) -> str:
    """The mail as text."""
    blocks = [
        wrapped(title(mail), ROOM),
        [line for said in told(mail) for line in wrapped(said, ROOM)],
    ]
    for heading, lines in _said(mail):
        blocks.append([*wrapped(_loud(heading), ROOM), *_indented(lines)])
    for grid in _grids(mail):
        lines = lines_of(
            grid.columns, ROOM - 1, drop=grid.drop, cut=("source", "who", "ENI", "ports")
        )
        more = [cut(grid.shown, grid.total)] if grid.shown < grid.total else []
        blocks.append(
            [*wrapped(_loud(grid.title), ROOM), *(f" {line}" for line in (*lines, *more))]
        )
    blocks.append([line for said in _end(mail) for line in wrapped(said, ROOM)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def html(mail: Mail) -> str:
    """The mail as a page that loads nothing."""
    parts = [f"<h3>{escape.html(title(mail))}</h3>"]
    parts += [f"<p>{escape.html(line)}</p>" for line in told(mail)]
    for heading, lines in _said(mail):
        items = "".join(f"<li>{escape.html(line)}</li>" for line in lines)
        parts.append(f"<h4>{escape.html(heading)}</h4><ul>{items}</ul>")
    for grid in _grids(mail):
        columns = [markup.Column(c.name, c.cells, number=c.number) for c in grid.columns]
        note = cut(grid.shown, grid.total) or ""
        parts.append(f"<h4>{escape.html(grid.title)}</h4>{markup.table(columns, note=note)}")
    parts += [f'<p class="soft">{escape.html(line)}</p>' for line in _end(mail)]
    return markup.page(title(mail), *parts)


def title(mail: Mail) -> str:
    """The job, the time, and what matters most: good as a subject."""
    parts = []
    if mail.firings:
        parts.append(count(len(mail.firings), "alert"))
    if mail.new:
        parts.append(count(mail.new, "new scanner"))
    parts.append(f"{mail.totals.get('rejected', 0):,} rejected")
    return f"{mail.job} {mail.interval.name} UTC: {', '.join(parts)}"


def told(mail: Mail) -> Iterator[str]:
    """The interval in a few sentences."""
    sums = mail.totals
    exact = mail.difference.after.sources if mail.difference else sums["sources"]
    sources = count(exact, "source")
    yield (
        f"{sums['rejected']:,} of {count(sums['records'], 'record')} were rejected; "
        f"{sources} at {count(sums['enis'], 'ENI')}{_usual(mail)}."
    )
    if mail.why:
        yield f"Who scans can't be told: {mail.why}."
    elif mail.new:
        answered = f"{mail.answered:,} of them got" if mail.answered else "none of them got"
        yield (
            f"{count(mail.new, 'new scanner')}, {mail.listed:,} known in all; {answered} an answer."
        )
    else:
        yield f"No new scanner; {mail.listed:,} known in all."
    if mail.difference is not None:
        yield f"Since {_name(mail)}: {headline(mail.difference)}"
        yield from (f"Note: {note}." for note in notes(mail.difference))
    if mail.not_summed:
        yield f"Note: {several(mail.not_summed)} couldn't be summed up; medians lack that."


def _usual(mail: Mail) -> str:
    """How the rejects are beside those of the week before."""
    if mail.usual is None:
        return ""
    before, now = mail.usual["rejected"], mail.totals["rejected"]
    word = "day" if mail.interval.name == mail.interval.day else "hour"
    ratio = f", {times(now / before)}" if before and now else ""
    return f"; the median of the {WEEK} {word}s before is {before:,.0f} rejected{ratio}"


def _name(mail: Mail) -> str:
    return mail.before.name if mail.before else ""


def _said(mail: Mail) -> Iterator[tuple[str, Sequence[str]]]:
    if mail.firings:
        yield "Alerts", [f"{firing.alert}: {firing.message}" for firing in mail.firings]


def _grids(mail: Mail) -> Iterator[Grid]:
    if mail.scanners:
        yield Grid("New scanners, answered ones first", _scanners(mail), mail.new, ("who", "pace"))
    if mail.difference is not None:
        changes = totals(mail.difference)
        yield replace(changes, title=f"What changed since {_name(mail)}")
        yield from grids(mail.difference, titles={"new_sources": _new_sources(mail)})


def _new_sources(mail: Mail) -> str:
    """What new sources are, by what they are compared with."""
    if mail.since is None or mail.since == mail.before:
        return f"New sources: refused, and in no record of {_name(mail)}"
    return (
        f"New sources: refused, and not seen since {mail.since.name}, as far as the store goes back"
    )


def _scanners(mail: Mail) -> list[Column]:
    rows = mail.scanners
    columns = [
        column("source", [row["srcaddr"] for row in rows]),
        column("sure", [f"{row['sure']}/5" for row in rows]),
        column("shape", [row["shape"] or "-" for row in rows]),
        column("pace", [row["pace"] or "-" for row in rows]),
        column("hosts", [f"{row['hosts']:,}" for row in rows], number=True),
        column("ports", [", ".join(row["top_ports"][:2]) or "-" for row in rows]),
        column("answered", [f"{row['answered']:,}" for row in rows], number=True),
    ]
    if mail.who:
        columns.append(column("who", [mail.who.get(row["srcaddr"]) or "-" for row in rows]))
    return columns


def _end(mail: Mail) -> Iterator[str]:
    """What was read, what wasn't, and by which rule changes count."""
    found = mail.origins
    malformed = sum(origin.malformed for origin in found)
    skipped = mail.totals.get("skipdata", 0)
    yield (
        f"Read: {count(len(found), 'object')} with records of this time; "
        f"{count(malformed, 'malformed line')}, {count(skipped, 'SKIPDATA record')}."
    )
    broken = [origin for origin in found if origin.state != "read"]
    for origin in broken[:_FIRST]:
        yield f"Not whole: {origin.name}: {origin.why}."
    if len(broken) > _FIRST:
        yield f"And {count(len(broken) - _FIRST, 'more object')} not whole."
    if mail.difference is not None:
        yield rule(mail.difference)


def _indented(lines: Sequence[str]) -> list[str]:
    return [line for said in lines for line in wrapped(said, ROOM, indent=" ")]


def _loud(heading: str) -> str:
    start, mark, rest = heading.partition(":")
    start, comma, after = start.partition(",")
    return f"{start.upper()}{comma}{after}{mark}{rest}"
