"""The files of an interval, written into a directory that isn't in its place yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from flowlens.output.formats import Format
from flowlens.output.render import write
from flowlens.sql.queryfile import Column

ENDINGS = {
    Format.TABLE: "txt",
    Format.MARKDOWN: "md",
    Format.HTML: "html",
    Format.CSV: "csv",
    Format.JSON: "json",
    Format.JSONL: "jsonl",
    Format.PARQUET: "parquet",
}
"""How files of a format end."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was written; `rows` are those of its table."""

    name: str
    sha256: str
    bytes: int
    rows: int | None = None

    def to_dict(self) -> dict[str, object]:
        """As `run.json` has it."""
        about = {"name": self.name, "sha256": self.sha256, "bytes": self.bytes}
        return about if self.rows is None else {**about, "rows": self.rows}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Writes files, and knows which there are."""

    directory: Path
    written: list[Output] = field(default_factory=list)

    def table(
        self,
        name: str,
        formats: Iterable[Format],
        rows: pa.RecordBatchReader | pa.Table,
        columns: Sequence[Column],
    ) -> None:
        """A table in some formats. A stream is read once for all of them, if there are several."""
        formats = tuple(formats)
        if len(formats) > 1 and isinstance(rows, pa.RecordBatchReader):
            rows = rows.read_all()
        for form in formats:
            counted = _Counted(rows)
            place = self.directory / f"{name}.{ENDINGS[form]}"
            with place.open("wb") as sink:
                write(counted.reader(), form, sink, meanings=columns, title=name)
            self._note(place, counted.rows)

    def text(self, name: str, text: str) -> None:
        """A file of text."""
        place = self.directory / name
        place.write_text(text, encoding="utf-8")
        self._note(place, None)

    def _note(self, place: Path, rows: int | None) -> None:
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.written.append(Output(place.name, digest, place.stat().st_size, rows))


@dataclass(slots=True)
class _Counted:
    """Rows that are counted as they go by."""

    _rows: pa.RecordBatchReader | pa.Table
    rows: int = 0

    def reader(self) -> pa.RecordBatchReader:
        rows = self._rows
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        return pa.RecordBatchReader.from_batches(rows.schema, self._each(batches))

    def _each(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.rows += batch.num_rows
            yield batch
