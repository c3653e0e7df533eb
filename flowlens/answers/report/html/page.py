"""The page: the template filled in, with the scripts that it may run and no others."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from flowlens.answers.report.html import sparks, vega
from flowlens.answers.report.html.cards import cards
from flowlens.answers.report.html.figures import Figures, figures
from flowlens.answers.report.html.tables import tables
from flowlens.answers.report.limits import blind, headline
from flowlens.answers.report.model import Report
from flowlens.answers.report.text import made_parts, read_parts
from flowlens.answers.report.words import CLASSES, span
from flowlens.charts.drawing import MISSING
from flowlens.core import escape
from flowlens.core.errors import UsageError
from flowlens.core.version import version
from flowlens.output.human import alarms, count

MALFORMED = 20
"""Malformed lines that are shown; all of them are for `--quarantine`."""


_HERE = 'document.documentElement.classList.add("scripted");'
"""Told before anything is drawn: there are scripts."""


def html(report: Report) -> str:
    """The report as one page.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    template = _template()
    drawn = figures(report)
    scripts = [_HERE, vega.script(), _file("page.js")]
    # A script's end may not stand within it; in JavaScript the two mean the same.
    scripts = [text.replace("</script", "<\\/script") for text in scripts]
    every = tables(report)
    text: str = template.render(
        report=report,
        headline=headline(report),
        span=span(report),
        read=read_parts(report),
        notes=[note.text for note in blind(report)],
        made=made_parts(report)[:-1],
        classes=CLASSES,
        figures=drawn,
        cards=cards(report),
        alarms=alarms(report.scanning.false_alarms) if report.scanning else "",
        spark=(sparks.WIDTH, sparks.HEIGHT),
        tables=every,
        queries={table.query: table.sql for table in every if table.query},
        malformed=_malformed(report),
        version=version(),
        style=_file("page.css"),
        scripts=scripts,
        policy=_policy(scripts),
        data=_data(drawn),
    )
    return text


def require() -> None:
    """See that everything is there that a page needs, before anything is read.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    _template()
    vega.script()


def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise UsageError(MISSING) from error

    def shown(value: Any) -> Any:
        """Control and bidi characters made visible, in every text that is put in."""
        return (
            value
            if isinstance(value, Markup) or not isinstance(value, str)
            else escape.terminal(value)
        )

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["count"] = count
    return environment.from_string(_file("page.html"))


def _file(name: str) -> str:
    return files("flowlens.answers.report.html").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    """The Content-Security-Policy: these scripts, the page's styles, nothing from elsewhere."""
    hashes = [hashlib.sha256(text.encode()).digest() for text in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _data(drawn: Figures) -> str:
    """What the scripts work on, as JSON that can't end the element that it stands in."""
    held: Mapping[str, Any] = {
        "figures": [
            {"name": figure.name, "spec": figure.spec, "least": figure.least} for figure in drawn
        ],
        "datasets": {name: _columns(rows) for name, rows in drawn.datasets.items()},
        "enis": drawn.enis,
        "ports": drawn.ports,
    }
    text = json.dumps(held, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _columns(rows: Any) -> dict[str, Any]:
    """Rows as columns: the names once, and each value once where there are few."""
    columns: dict[str, Any] = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        known = {value: place for place, value in enumerate(dict.fromkeys(values))}
        if len(known) * 2 < len(values):
            columns[name] = {"values": list(known), "places": [known[value] for value in values]}
        else:
            columns[name] = values
    return columns


def _malformed(report: Report) -> list[tuple[str, str, str]]:
    lines = [line for source in report.account.sources for line in source.malformed]
    return [
        (f"{line.source}:{line.line}", line.reason, f"{line.detail}: {line.text[:200]}")
        for line in lines[:MALFORMED]
    ]
