"""The page of `flowlens check`: what was read, what was not, and why."""

from __future__ import annotations

import os
import textwrap

import pyarrow as pa

from flowlens.answers.check.check import HOURS, Check
from flowlens.core import escape
from flowlens.core.counts import Account, SourceAccount
from flowlens.output import markup
from flowlens.output.formats import Format
from flowlens.output.human import count
from flowlens.output.page import json_text, moment, table, titled, whole
from flowlens.sql import catalog

SHOWN = 20
"""Sources, malformed lines and ENI-hours shown on a page; JSON has them all."""

NAME = 36
"""Characters of a source's name on a terminal."""


def page(check: Check, format: Format, *, width: int | None = None) -> str:
    """The whole page in one format."""
    if format is Format.JSON:
        return json_text(check.to_dict())
    parts = [_sums(check, format, width)]
    if (overlap := check.account.overlap) is not None:
        parts.append(titled("Flow logs that overlap", _prose(str(overlap), format), format))
    if times := str(check.periods):
        parts.append(titled("Times that can't be true", _prose(f"{times}.", format), format))
    if check.cut:
        text = (
            f"Of {count(check.cut, 'ENI')} the first {HOURS:,} hours are shown and counted; "
            "--since and --until choose others."
        )
        parts.append(titled("Hours left out", _prose(text, format), format))
    base = _base([source.name for source in check.account.sources])
    below = f" below {escape.terminal(base)}" if base else ""
    coverage = catalog.find("coverage").columns
    for title, rows, columns in (
        ("What was read", _forms(check.account), ()),
        (f"Sources{below}, those with a remark first", _sources(check.account, base, width), ()),
        ("Malformed lines", _malformed(check.account), ()),
        ("ENI-hours with SKIPDATA or missing minutes", _coverage(check.coverage), coverage),
    ):
        if rows.num_rows:
            head = rows.slice(0, SHOWN)
            body = table(head, rows.num_rows, format, width=width, meanings=columns)
            parts.append(titled(title, body, format))
    return whole(parts, format)


def _sums(check: Check, format: Format, width: int | None) -> str:
    account, total = check.account, check.account.total
    coverage = check.coverage_totals
    reasons = ", ".join(f"{name} {number:,}" for name, number in total.reasons.most_common())
    rows = [
        ("files", f"{len(account.sources):,}", _files(account)),
        ("lines", f"{total.lines:,}", "= records + headers + blanks + malformed + repeats"),
        ("records", f"{total.records:,}", "= ok + nodata + skipdata"),
        ("ok", f"{total.ok:,}", "with traffic"),
        ("nodata", f"{total.nodata:,}", "intervals without traffic"),
        ("skipdata", f"{total.skipdata:,}", "intervals in which records were lost"),
        ("headers", f"{total.headers:,}", ""),
        ("blanks", f"{total.blanks:,}", ""),
        ("malformed", f"{total.malformed:,}", reasons),
        ("repeats", f"{total.repeats:,}", ""),
        ("first_seen", moment(check.periods.first), ""),
        ("last_seen", moment(check.periods.last), ""),
        ("ENIs", f"{coverage['enis']:,}", f"{coverage['eni_hours']:,} ENI-hours"),
        (
            "missing",
            f"{coverage['missing_minutes']:,}",
            f"minutes that no record covers, in {coverage['incomplete_hours']:,} ENI-hours",
        ),
    ]
    if account.lost:
        rows.append(("lost", f"{account.lost:,}", "rows of broken Parquet, which are no lines"))
    if account.selected is not None:
        rows.append(("selected", f"{account.selected:,}", "records in the window and the filters"))
    names = ("what", "number", "meaning")
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    if format is Format.HTML:
        return markup.table(
            [markup.Column(name, cells, number=name == "number") for name, cells in columns.items()]
        )
    if format is Format.MARKDOWN:
        return table(pa.table(columns), len(rows), format, width=width)
    return "".join(
        f"{name:<10}  {number:>20}  {text}".rstrip() + "\n" for name, number, text in rows
    )


def _prose(text: str, format: Format) -> str:
    if format is Format.HTML:
        return f"<p>{escape.html(text)}</p>"
    if format is Format.MARKDOWN:
        return f"{escape.markdown(text)}\n"
    return f"{textwrap.fill(escape.terminal(text), 79)}\n"


def _files(account: Account) -> str:
    text = f"{len(account.unreadable):,} unreadable, {len(account.truncated):,} truncated"
    passed = len(account.passed_over)
    return f"{text}; {passed:,} passed over, which hold no flow logs" if passed else text


def _base(names: list[str]) -> str:
    """The directory that all sources share, or nothing."""
    if len(names) < 2 or any("://" in name for name in names):
        return ""
    if len({os.path.isabs(name) for name in names}) > 1:
        return ""
    return os.path.commonpath(names)


def _forms(account: Account) -> pa.Table:
    """A row for each form and layout there is; nothing where there is but one source."""
    found: dict[tuple[str, str], list[SourceAccount]] = {}
    for source in account.readable if len(account.sources) > 1 else []:
        found.setdefault((_form(source), _layout(source)), []).append(source)
    forms = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return pa.table(
        {
            "files": [len(sources) for _, sources in forms],
            "records": [sum(one.counts.records for one in sources) for _, sources in forms],
            "form": [form for (form, _), _ in forms],
            "layout": [layout for (_, layout), _ in forms],
        }
    )


def _sources(account: Account, base: str, width: int | None) -> pa.Table:
    """A row a source, by its name below `base`, those with a problem first."""

    def weight(source: SourceAccount) -> tuple[bool, bool, int, bool]:
        counts = source.counts
        return not source.unreadable, not source.truncated, -counts.malformed, not _remark(source)

    sources = sorted(account.sources, key=weight)
    return pa.table(
        {
            "source": [_name(source, base, width) for source in sources],
            "records": [source.counts.records for source in sources],
            "what": [_what(source) for source in sources],
        }
    )


def _name(source: SourceAccount, base: str, width: int | None) -> str:
    """A source's name; on a terminal the end of a long one, for there AWS's names differ."""
    name = escape.terminal(os.path.relpath(source.name, base) if base else source.name)
    return name if width is None or len(name) <= NAME else f"…{name[1 - NAME :]}"


def _layout(source: SourceAccount) -> str:
    return source.layout.replace("version ", "v").replace(", by ", ", ") or "-"


def _form(source: SourceAccount) -> str:
    """What holds the records, from within: `pages of events in gzip`."""
    return " in ".join(part for part in (source.envelope, source.compression) if part) or "-"


def _what(source: SourceAccount) -> str:
    """What a source is, and what is to be said of it: a problem first."""
    if source.unreadable:
        return _remark(source)
    parts = [f"{_form(source)}, {_layout(source)}", _remark(source)]
    return "; ".join(filter(None, reversed(parts) if source.truncated else parts))


def _remark(source: SourceAccount) -> str:
    if source.unreadable:
        return f"unreadable: {source.unreadable}"
    remarks = [f"truncated: {source.truncated}"] if source.truncated else []
    if source.lost:
        remarks.append(f"rows lost: {source.lost:,}")
    if source.lacking and source.counts.ok:
        remarks.append(source.lacking)
    if source.counts.malformed:
        remarks.append(f"malformed: {source.counts.malformed:,}")
    if source.counts.repeats:
        remarks.append(f"repeats dropped: {source.counts.repeats:,}")
    remarks += [f"{what} put aside: {number:,}" for what, number in source.aside.items()]
    return "; ".join(remarks)


def _malformed(account: Account) -> pa.Table:
    lines = [line for source in account.sources for line in source.malformed]
    return pa.table(
        {
            "place": [f"{line.source}:{line.line}" for line in lines],
            "reason": [line.reason for line in lines],
            "detail": [line.detail for line in lines],
        }
    )


def _coverage(coverage: pa.Table) -> pa.Table:
    """Hours of ENIs in which the log is not whole, those with most missing first."""
    rows = [row for row in coverage.to_pylist() if row["skipdata"] or row["missing_minutes"]]
    rows.sort(key=lambda row: (-row["skipdata"], -row["missing_minutes"]))
    return pa.Table.from_pylist(rows, schema=coverage.schema)
