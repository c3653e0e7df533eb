"""The names of the output formats; imports nothing heavy, for the command line lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How a result is written; TABLE, MARKDOWN and HTML are for people, and cut."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    PARQUET = "parquet"
    HTML = "html"
