"""An answer: a table with the meaning of its columns, that shows itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from flowlens.core.counts import Account
from flowlens.core.errors import FlowlensError, UsageError
from flowlens.sql.queryfile import Column

if TYPE_CHECKING:
    import pandas
    import polars as pl

    from flowlens.charts.chart import Chart
    from flowlens.pipeline.run import Answers, Question

SHOWN = 20
"""Rows that a result shows of itself."""


@dataclass(slots=True)
class Shown:
    """A table that shows itself, as text and in Jupyter; `columns` says what its columns mean."""

    name: str
    columns: Sequence[Column]
    _failed: bool = field(default=False, init=False, repr=False)

    def arrow(self) -> pa.Table:
        """The table as Arrow."""
        raise NotImplementedError

    def polars(self) -> pl.DataFrame:
        """The table as a polars frame, without a copy where the types allow it."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    @property
    def title(self) -> str:
        """What it answers, as it stands above its chart."""
        return self.name

    def chart(self, *, limit: int | None = None) -> Chart:
        """The picture that suits the table, told by its columns; of its first rows by `limit`.

        Raises:
            UsageError: none of its columns is an amount.
        """
        from flowlens.charts.picking import chart_of

        table, title = self.arrow(), self.title
        if limit and limit < table.num_rows:
            note = f"the first {limit:,} of {table.num_rows:,} rows"
            return chart_of(table.slice(0, limit), f"{title}: {note}" if title else note)
        return chart_of(table, title)

    def pandas(self) -> pandas.DataFrame:
        """The table as a pandas frame, whose columns are the Arrow ones themselves.

        Raises:
            UsageError: pandas isn't installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UsageError("pandas isn't installed: pip install pandas") from error
        return self.arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """For whatever takes Arrow: polars, pandas, DuckDB, pyarrow; nothing is copied."""
        return self.arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.arrow().num_rows)

    def __repr__(self) -> str:
        from flowlens.output.preview import preview
        from flowlens.output.table import table_text

        try:
            rows = preview(self.arrow().to_reader(), limit=SHOWN, total=None)
            return table_text(rows, width=None).rstrip("\n")
        except FlowlensError:
            self._failed = True
            raise

    def _repr_html_(self) -> str | None:
        from flowlens.output.html import first, html_table

        # Jupyter asks for the text and then for this: what failed is not read, and told, twice.
        if self._failed:
            self._failed = False
            return None
        return html_table(first(self.arrow(), limit=SHOWN), self.columns)


@dataclass(slots=True, repr=False)
class Result(Shown):
    """The answer to one question; it is read when it is first looked at, and then kept.

    `columns` are empty where the question was no named query.
    """

    _question: Question = field(repr=False)
    _ask: Callable[[Question], AbstractContextManager[Answers]] = field(repr=False)
    _table: pa.Table | None = field(default=None, repr=False)
    _account: Account | None = field(default=None, repr=False)

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table.

        Raises:
            FlowlensError: the input can't be read, or the SQL fails on it.
        """
        if self._table is None:
            with self._ask(self._question) as answers:
                self._table = answers.table(self._question)
                self._account = answers.account
        return self._table

    @property
    def title(self) -> str:
        """The first sentence of the query's description; empty for SQL, which has none."""
        query = self._question.query
        return query.description.split(". ")[0].split(": ")[0].rstrip(".") if query else ""

    @contextmanager
    def stream(self) -> Iterator[pa.RecordBatchReader]:
        """The answer as a stream, for one that may be larger than memory; reads the input anew."""
        with self._ask(self._question) as answers:
            yield answers.reader(self._question)
            self._account = answers.account

    @property
    def account(self) -> Account:
        """What was read to answer, with every line accounted for."""
        if self._account is None:
            self.arrow()
        assert self._account is not None
        return self._account
