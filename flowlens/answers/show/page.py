"""The page of `flowlens show`: everything about one address, CIDR, ENI or port."""

from __future__ import annotations

from flowlens.answers.show.show import Portrait
from flowlens.core import escape
from flowlens.core.counts import Account
from flowlens.output.formats import Format
from flowlens.output.human import several
from flowlens.output.page import json_text, moment, objects, table, titled, whole


def page(portrait: Portrait, format: Format, *, width: int | None = None) -> str:
    """The whole page in one format."""
    account = portrait.account
    if format is Format.JSON:
        return json_text(
            {
                "what": portrait.what,
                "networks": list(portrait.networks),
                "records": account.selected,
                "read": account.total.records,
                "first_seen": account.first_seen,
                "last_seen": account.last_seen,
                "sections": {
                    section.name: {"rows": section.top.rows, "top": objects(section.top.head)}
                    for section in portrait.sections
                },
            }
        )
    name = escape.terminal(portrait.what)
    selected, read = account.selected or 0, account.total.records
    told = f"{name}: {selected:,} of {read:,} records{_span(account)}"
    parts = [f"<h3>{escape.html(told)}</h3>" if format is Format.HTML else f"{told}\n"]
    if len(portrait.networks) > 1:
        note = (
            f"met in {len(portrait.networks):,} networks, in each of which it may be another host: "
            f"{several(portrait.networks)}; --eni and --account narrow it"
        )
        parts.append(_note(note, format))
    for section in portrait.sections:
        heading = section.title.split(". ")[0].rstrip(".")
        top = section.top
        body = table(top.head, top.rows, format, width=width, meanings=section.columns)
        if format is Format.TABLE and not top.rows:
            parts.append(f"{heading}: none\n")
        else:
            parts.append(titled(heading, body, format))
    return whole(parts, format)


def _note(text: str, format: Format) -> str:
    if format is Format.HTML:
        return f"<p>{escape.html(text)}</p>"
    shown = escape.markdown(text) if format is Format.MARKDOWN else escape.terminal(text)
    return f"{shown}\n"


def _span(account: Account) -> str:
    """The span of all records, where all of them were looked at for it."""
    if account.first_seen is None:
        return ""
    return f"; the data spans {moment(account.first_seen)} to {moment(account.last_seen)}"
