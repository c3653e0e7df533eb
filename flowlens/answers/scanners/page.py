"""The page of `flowlens scanners`: what answered first, then who scans, with the reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.cells import cell_len

from flowlens.answers.scanners.result import LISTED, Scanners
from flowlens.answers.scanners.verdicts import allowed_for
from flowlens.core import escape
from flowlens.naming.who import describe
from flowlens.output.fitting import labelled, lines_of, pointed, wrapped
from flowlens.output.human import alarms, amount, count, coverage, grade, middle, port_service
from flowlens.output.preview import Column

PIPED = 80
WIDEST = 140
_INDENT = "   "
_ANSWERS = 10
_PORTS = 5

REJECTS = "rejects only"
_BENIGN = {False: "benign", True: "with too little evidence"}
"""The tier in words: where the log holds rejects alone, nobody can be known to be benign."""

Row = Mapping[str, Any]


def text(scanners: Scanners, inputs: str, *, limit: int, width: int | None) -> str:
    """The page as text; `limit` rows of the list, 0 for all; `width` is the terminal's."""
    room = min(width or PIPED, WIDEST)
    shown, listed = scanners.top(limit), scanners.listed()
    blocks = [
        _top(scanners, inputs, room),
        _answered(scanners, listed, room, limit),
        _list(scanners, shown, room),
        _campaigns(scanners, room),
        _probes(scanners, room),
        _end(len(listed), shown, room),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _top(scanners: Scanners, inputs: str, room: int) -> str:
    found, counts = scanners.detection, scanners.counts()
    title, times = f"flowlens scanners  {escape.terminal(inputs)}", _span(found)
    gap = room - cell_len(title) - len(times)
    lines = [title + " " * gap + times] if gap >= 2 else wrapped(title, room)
    if gap < 2:
        lines.append(times.rjust(room))
    total = sum(counts.values()) - counts["groups"]
    parts = [
        f"{count(counts['scanner'], 'scanner')}"
        + (f" and {count(counts['groups'], 'network')}" if counts["groups"] else ""),
        f"{counts['likely']:,} likely",
        f"{count(counts['probe'], 'probe')} (not judged)",
        f"{counts['benign']:,} {_BENIGN[_bases(found.sources) == {REJECTS}]}",
        f"{counts['backscatter']:,} backscatter",
        f"{counts['return']:,} only answered us",
    ]
    lines += wrapped(f"{count(total, 'source')}: {', '.join(parts)}", room)
    lines += labelled("trust", " · ".join(_trust(scanners)), room)
    lines += labelled("names", _names(scanners), room)
    return "\n".join(lines)


def _trust(scanners: Scanners) -> Iterator[str]:
    """What the verdicts can be trusted for."""
    yield f"logs: {_logs(scanners.detection.sources)}"
    yield alarms(scanners.false_alarms)
    if skipped := scanners.detection.account.total.skipdata:
        yield f"{skipped:,} SKIPDATA: touches may be missing"
    yield "as of the data read: what comes later can lower a verdict"


def _bases(sources: pa.Table) -> set[str]:
    """On what the verdicts rest."""
    return set(pc.unique(sources["basis"]).to_pylist()) - {None}


def _logs(sources: pa.Table) -> str:
    """What the records show of what was let in, and what was not.

    The basis of a verdict tells a log of rejects alone once that is long enough to be known for
    one; in a shorter log nothing may have been let in, or turned away.
    """
    bases = _bases(sources)
    if not bases:
        return "nobody opened anything"
    if bases == {REJECTS}:
        return "rejects alone, sessions can't be seen"
    accepted, targets = (pc.sum(sources[name]).as_py() for name in ("accepted", "targets"))
    if not accepted:
        return "no touch accepted: sessions, if there were any, aren't here"
    if accepted == targets:
        return "every touch accepted: refusals, if there were any, aren't here"
    return "ALL" if bases == {"all"} else "some of rejects alone, sessions can't be seen there"


def _names(scanners: Scanners) -> str:
    if scanners.naming is None:
        return "nobody was asked (--rdns on asks, --rdns cache remembers)"
    if scanners.named is None:
        scanners.arrow()
    assert scanners.named is not None
    return str(scanners.named.summary)


def _answered(scanners: Scanners, listed: Collection[str], room: int, limit: int) -> str:
    """What an alarmed source got an answer from: that is what to read first."""
    found = [r for r in scanners.detection.scanner_answers.to_pylist() if r["srcaddr"] in listed]
    if not found:
        return ""
    shown = found[:_ANSWERS] if limit else found
    columns = [_column("source", [f" {row['srcaddr']}" for row in shown])]
    allowed = [allowed_for(row["srcaddr"], scanners.allowed) is not None for row in shown]
    if any(allowed):
        columns.append(_column("list", ["(allowed)" if listed else "" for listed in allowed]))
    columns += [
        _column("eni", [f"{middle(row['interface_id'] or '-', 22)}" for row in shown]),
        _column("target", [row["dstaddr"] for row in shown]),
        _column("port", [port_service(row["protocol"], row["dstport"]) for row in shown]),
        _column("at", [_clock(row["answered_first"], scanners) for row in shown]),
        _column("in", [f"{amount(row['bytes_in'])} in" for row in shown], number=True),
        _column("out", [f"{amount(row['bytes_out'])} out" for row in shown], number=True),
    ]
    # What the columns are is plain without a header.
    _, *lines = lines_of(
        columns, room, drop=("target",), cut=("source", "eni", "port"), last=("at", "eni")
    )
    if len(shown) < len(found):
        lines.append(f" {len(found) - len(shown):,} more: --limit 0")
    return "\n".join(["ANSWERED: read these first", *lines])


def _list(scanners: Scanners, rows: Sequence[Row], room: int) -> str:
    if not rows:
        return "\n".join(
            wrapped(f"no source is {' or '.join(scanners.tiers)} by the evidence", room)
        )
    tiers = scanners.tiers != LISTED or any(row["tier"] == "likely" for row in rows)
    columns = [_column(" source", [f" {row['srcaddr']}" for row in rows])]
    if tiers:
        columns.append(_column("tier", [row["tier"] for row in rows]))
    if scanners.naming is not None:
        who = [_who(scanners, row["srcaddr"]) for row in rows]
        columns.append(_column("who", [middle(name, 34) for name in who]))
    columns += [
        _column("since", [_since(row, scanners) for row in rows]),
        _column("shape", [row["shape"] or "-" for row in rows]),
        _column("pace", [row["pace"] or "-" for row in rows]),
        _column("hosts", [coverage(row["hosts"], row["exposed"]) for row in rows], number=True),
        _column("ports", [f"{row['ports']:,}" for row in rows], number=True),
        _column("sure", [grade(row["sure"]) for row in rows]),
    ]
    drop = ("pace", "since", "shape", "tier")
    header, *lines = lines_of(columns, room, drop=drop, cut=(" source", "who"), last=("ports",))
    result = [header]
    for line, row in zip(lines, rows, strict=True):
        result.append(line)
        result += wrapped("; ".join(_told(row)), room, indent=_INDENT)
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
    return parts


def _campaigns(scanners: Scanners, room: int) -> str:
    rows = scanners.detection.campaigns.to_pylist()[:5]
    if not rows:
        return ""
    lines = wrapped(
        "PORT CAMPAIGNS: many more sources in a day than the port's median before", room
    )
    for row in rows:
        port = port_service(row["protocol"], row["dstport"])
        before = f"{row['median_before']:,} a day in the {row['days_before']:,} days before"
        wave = f"{row['day']:%Y-%m-%d} {port}: {count(row['sources'], 'source')}; {before}"
        lines += wrapped(wave, room, indent=" ")
    return "\n".join(lines)


def _probes(scanners: Scanners, room: int) -> str:
    """The ports of those with too few touches, who are never listed one by one."""
    found = scanners.detection.probes
    if not found.num_rows:
        return ""
    shown = found.slice(0, _PORTS).to_pylist()
    columns = [
        _column("port", [f" {port_service(row['protocol'], row['dstport'])}" for row in shown]),
        _column("sources", [count(row["sources"], "source") for row in shown], number=True),
        _column("records", [count(row["records"], "record") for row in shown], number=True),
    ]
    _, *lines = lines_of(columns, room, cut=("port",))
    if more := found.num_rows - len(shown):
        lines.append(f" {count(more, 'more port')}: flowlens query probes")
    return "\n".join(["PROBES: too few touches to judge; never accused", *lines])


def _end(listed: int, shown: Sequence[Row], room: int) -> str:
    parts = []
    if len(shown) < listed:
        parts.append(f"{listed - len(shown):,} more: --limit 0")
    if shown:
        parts.append(f"step by step: --explain {shown[0]['srcaddr']}")
    parts.append("all of it: --tier all --format json")
    return "\n".join(pointed(parts, room))


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
