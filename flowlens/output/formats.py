"""The names of the output formats; imports nothing heavy, for the command line lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    PARQUET = "parquet"
    HTML = "html"

    @property
    def is_cut(self) -> bool:
        """Whether it is for people, who are shown the first rows."""
        return self in (Format.TABLE, Format.MARKDOWN, Format.HTML)
