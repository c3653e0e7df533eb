"""A GitHub table: amounts to the right, every cell without markup of its own."""

from __future__ import annotations

from flowlens.core import escape
from flowlens.output.preview import Preview


def markdown_text(rows: Preview) -> str:
    """The table with its header, and beneath it in italics what is not shown."""
    header = [escape.markdown(column.name) for column in rows.columns]
    rule = ["---:" if column.number else "---" for column in rows.columns]
    cells = [[escape.markdown(cell) for cell in column.cells] for column in rows.columns]
    lines = [f"| {' | '.join(row)} |" for row in (header, rule, *zip(*cells, strict=True))]
    if rows.cut:
        lines += ["", f"*{rows.cut}*"]
    return "\n".join(lines) + "\n"
