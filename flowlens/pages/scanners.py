"""The page of `flowlens scanners`: what answered first, then who scans, with the reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len

from flowlens.identity import describe
from flowlens.output import escape
from flowlens.output.preview import Column, Preview
from flowlens.output.table import table_text
from flowlens.scanners import LISTED, Scanners
from flowlens.words import amount, count, grade, middle, port_service

PIPED = 80
WIDEST = 140
_INDENT = "   "
_ANSWERS = 10

Row = Mapping[str, Any]


def text(scanners: Scanners, inputs: str, *, limit: int, width: int | None) -> str:
    """The page as text; `limit` rows of the list, 0 for all; `width` is the terminal's."""
    room = min(width or PIPED, WIDEST)
    shown, listed = scanners.top(limit), scanners.listed()
    blocks = [
        _top(scanners, inputs, room),
        _answered(scanners, listed, room),
        _list(scanners, shown, room),
        _campaigns(scanners, room),
        _end(scanners, len(listed), shown),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _top(scanners: Scanners, inputs: str, room: int) -> str:
    found, counts = scanners.detection, scanners.counts()
    title, times = f"flowlens scanners  {escape.terminal(inputs)}", _span(found)
    gap = room - cell_len(title) - len(times)
    lines = [title + " " * gap + times] if gap >= 2 else [title, times.rjust(room)]
    total = sum(counts.values()) - counts["groups"]
    parts = [
        f"{count(counts['scanner'], 'scanner')}"
        + (f" and {count(counts['groups'], 'network')}" if counts["groups"] else ""),
        f"{counts['likely']:,} likely",
        f"{count(counts['probe'], 'probe')} (not judged)",
        f"{counts['benign']:,} benign",
        f"{counts['backscatter']:,} backscatter",
        f"{counts['return']:,} only answered us",
    ]
    lines += _wrapped(f"{count(total, 'source')}: {', '.join(parts)}", room)
    lines += _labelled("trust", " · ".join(_trust(scanners)), room)
    lines += _labelled("names", _names(scanners), room)
    return "\n".join(lines)


def _trust(scanners: Scanners) -> Iterator[str]:
    """What the verdicts can be trusted for."""
    bases = set(scanners.detection.sources["basis"].to_pylist()) - {None}
    logs = {
        frozenset({"all"}): "ALL",
        frozenset({"rejects only"}): "rejects alone, sessions can't be seen",
    }
    yield f"logs: {logs.get(frozenset(bases), 'some of rejects alone')}" if bases else "logs: none"
    alarms = scanners.false_alarms
    yield (
        f"{alarms:.1f} false alarms expected"
        if alarms >= 0.05
        else "under 0.1 false alarms expected"
    )
    if skipped := scanners.detection.account.total.skipdata:
        yield f"{skipped:,} SKIPDATA: touches may be missing"
    yield "as of the data read: what comes later can lower a verdict"


def _names(scanners: Scanners) -> str:
    if scanners.naming is None:
        return "nobody was asked (--rdns on asks, --rdns cache remembers)"
    if scanners.named is None:
        scanners.arrow()
    assert scanners.named is not None
    return str(scanners.named.summary)


def _answered(scanners: Scanners, listed: Collection[str], room: int) -> str:
    """What an alarmed source got an answer from: that is what to read first."""
    found = [r for r in scanners.detection.scanner_answers.to_pylist() if r["srcaddr"] in listed]
    if not found:
        return ""
    shown = found[:_ANSWERS]
    columns = [
        _column("", [f" {row['srcaddr']}" for row in shown]),
        _column("", [f"{middle(row['interface_id'] or '-', 22)}" for row in shown]),
        _column("", [row["dstaddr"] for row in shown]),
        _column("", [port_service(row["protocol"], row["dstport"]) for row in shown]),
        _column("", [_clock(row["first_seen"], scanners) for row in shown]),
        _column("", [f"{amount(row['bytes_in'])} in" for row in shown], number=True),
        _column("", [f"{amount(row['bytes_out'])} out" for row in shown], number=True),
    ]
    lines = table_text(Preview(columns, 0, 0), width=None).rstrip("\n").split("\n")[1:]
    if cell_len(max(lines, key=cell_len)) > room:
        del columns[2]
        lines = table_text(Preview(columns, 0, 0), width=None).rstrip("\n").split("\n")[1:]
    more = len(found) - len(shown)
    if more:
        lines.append(f" {more:,} more: flowlens query scanner_answers")
    return "\n".join(["ANSWERED: read these first", *lines])


def _list(scanners: Scanners, rows: Sequence[Row], room: int) -> str:
    if not rows:
        wanted = " or ".join(scanners.tiers)
        return f"no source is {wanted} by the evidence"
    tiers = scanners.tiers != LISTED or any(row["tier"] == "likely" for row in rows)
    columns = [_column(" source", [f" {row['srcaddr']}" for row in rows])]
    if tiers:
        columns.append(_column("tier", [row["tier"] for row in rows]))
    if scanners.naming is not None:
        who = [_who(scanners, row["srcaddr"]) for row in rows]
        columns.append(_column("who", [middle(name, 40) for name in who]))
    columns += [
        _column("since", [_since(row, scanners) for row in rows]),
        _column("shape", [row["shape"] or "-" for row in rows]),
        _column("pace", [row["pace"] or "-" for row in rows]),
        _column("hosts", [f"{row['hosts']:,}/{row['exposed']:,}" for row in rows], number=True),
        _column("ports", [f"{row['ports']:,}" for row in rows], number=True),
        _column("sure", [grade(row["sure"]) for row in rows]),
    ]
    drop = ("pace", "since", "shape", "tier")
    while _width(columns) > room and any(column.name in drop for column in columns):
        name = next(name for name in drop if any(c.name == name for c in columns))
        columns = [column for column in columns if column.name != name]
    header, *lines = table_text(Preview(columns, 0, 0), width=None).rstrip("\n").split("\n")
    result = [header]
    for line, row in zip(lines, rows, strict=True):
        result.append(line)
        result += _wrapped("; ".join(_told(row)), room, indent=_INDENT)
    return "\n".join(result)


def _told(row: Row) -> list[str]:
    """What is said of a source beneath its line."""
    parts = list(row["reasons"])
    if row["members"] is not None:
        parts.insert(0, f"{row['members']:,} addresses as one")
    if row["top_ports"]:
        parts.append("most at " + ", ".join(row["top_ports"]))
    if row["allowed"] is not None:
        parts.insert(0, f"ALLOWED: {row['allowed']}")
    if row["inside"]:
        parts.insert(0, "one of our own")
    return parts


def _campaigns(scanners: Scanners, room: int) -> str:
    rows = scanners.detection.campaigns.to_pylist()[:5]
    if not rows:
        return ""
    lines = ["PORT CAMPAIGNS: many more sources in a day than the port's median before"]
    for row in rows:
        port = port_service(row["protocol"], row["dstport"])
        before = f"{row['median_before']:,} a day in the {row['days_before']:,} days before"
        lines += _wrapped(
            f" {row['day']:%Y-%m-%d}  {port}: {count(row['sources'], 'source')}; {before}", room
        )
    return "\n".join(lines)


def _end(scanners: Scanners, listed: int, shown: Sequence[Row]) -> str:
    parts = []
    if len(shown) < listed:
        parts.append(f"{listed - len(shown):,} more: --limit 0")
    probes = scanners.detection.probes
    if probes.num_rows:
        top = probes.slice(0, 3).to_pylist()
        ports = ", ".join(
            f"{port_service(row['protocol'], row['dstport'])} {row['sources']:,}" for row in top
        )
        parts.append(f"probes by port: {ports}")
    if shown:
        parts.append(f"step by step: --explain {shown[0]['srcaddr']}")
    parts.append("all of it: --tier all --format json")
    return " · ".join(parts)


def _who(scanners: Scanners, source: str) -> str:
    assert scanners.named is not None
    identity = scanners.named.who.get(source)
    return describe(identity) or "-" if identity else "-"


def _since(row: Row, scanners: Scanners) -> str:
    """When it was first seen; NEW where no earlier state knows it."""
    return "NEW" if row["known"] is False else _clock(row["first_seen"], scanners)


def _clock(moment: datetime, scanners: Scanners) -> str:
    """A moment, as short as the span of the data allows."""
    first, last = scanners.detection.first_seen, scanners.detection.last_seen
    assert first is not None
    assert last is not None
    if first.date() == last.date():
        return f"{moment:%H:%M}"
    return f"{moment:%m-%d %H:%M}" if first.year == last.year else f"{moment:%Y-%m-%d}"


def _span(found: Any) -> str:
    if found.first_seen is None:
        return "no traffic"
    first, last = f"{found.first_seen:%Y-%m-%d %H:%M}", f"{found.last_seen:%Y-%m-%d %H:%M}"
    return f"{first}-{last[11:]} UTC" if first[:10] == last[:10] else f"{first} to {last} UTC"


def _column(name: str, cells: list[str], *, number: bool = False) -> Column:
    return Column(name, cells, number, firm=True)


def _width(columns: Sequence[Column]) -> int:
    return sum(
        max(cell_len(escape.terminal(cell)) for cell in (c.name, *c.cells)) for c in columns
    ) + 2 * (len(columns) - 1)


def _labelled(label: str, words: str, room: int) -> list[str]:
    first, *rest = _wrapped(words, room - 7)
    return [f"{label:<7}{first}", *(" " * 7 + line for line in rest)]


def _wrapped(words: str, room: int, *, indent: str = "") -> list[str]:
    """Lines of escaped text, none longer than the room allows."""
    return textwrap.wrap(
        escape.terminal(words),
        max(room, 20),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
