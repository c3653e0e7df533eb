"""The report in the format that was asked for."""

from __future__ import annotations

from flowlens.answers.report.json import json_report
from flowlens.answers.report.markdown import markdown
from flowlens.answers.report.model import Report
from flowlens.answers.report.text import text
from flowlens.output.formats import Format


def page(report: Report, format: Format, *, width: int | None, colour: bool = False) -> str:
    """The report in a format; `width` and `colour` are the terminal's.

    Raises:
        UsageError: HTML, and the extra `plot` isn't installed.
    """
    if format is Format.HTML:
        from flowlens.answers.report.html.page import html

        return html(report)
    if format is Format.JSON:
        return json_report(report)
    if format is Format.MARKDOWN:
        return markdown(report)
    return text(report, width=width, colour=colour)
