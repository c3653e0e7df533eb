"""The names of the output formats; imports nothing heavy, for the command line lists them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from flowlens.core.errors import UsageError
from flowlens.output.pictures import Picture


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


ENDINGS = {
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".md": Format.MARKDOWN,
    ".html": Format.HTML,
    ".txt": Format.TABLE,
}
"""The format that a file's ending asks for; `.txt` may hold any text where a format is given."""


def format_of(
    given: str | None, output: Path | None, *, known: Sequence[Format], pictures: bool
) -> Format:
    """The format of a command that has the `known` ones: the one given, or by the output's ending.

    That of a picture, which is told by its ending alone, is the table.

    Raises:
        UsageError: the command has no such format, the ending is unknown or says otherwise.

    >>> format_of(None, Path("a.CSV"), known=list(Format), pictures=True)
    <Format.CSV: 'csv'>
    """
    ending = "" if output is None else output.suffix.lower()
    has = _listed(known)
    if given is not None and given not in known:
        raise UsageError(f"--format {given}: this command has {has}")
    if Picture.of(output) is not None:
        if given is not None:
            raise UsageError(
                f"{output}: a picture by its ending; --format {given} is another thing"
            )
        if not pictures:
            raise UsageError(f"{output}: this command draws no picture; it has {has}")
        return Format.TABLE
    asked = ENDINGS.get(ending)
    if given is None and asked is None and ending:
        endings = [*ENDINGS, *(Picture if pictures else ())]
        raise UsageError(
            f"{output}: {ending} says no format; {_listed(endings)} do, or give --format"
        )
    if given is None and asked is not None and asked not in known:
        raise UsageError(f"{output}: {asked} by its ending; this command has {has}")
    if None not in (given, asked) and asked != given and ending != ".txt":
        raise UsageError(f"{output}: {asked} by its ending; --format {given} is another thing")
    return Format(given or asked or Format.TABLE)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
