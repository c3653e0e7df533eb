"""Records as they come, each with the source it is from: what a store is written from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from flowlens.core.counts import Account
from flowlens.inputs.find import Found
from flowlens.pipeline.load import Inflow, Listener
from flowlens.reading.parquet.sources import lake
from flowlens.records.filter import Filter
from flowlens.records.layouts import Layout
from flowlens.records.parser import Wanted
from flowlens.records.table import arrow_schema
from flowlens.sql.engine import engine

SOURCE = "source"
"""The column of a record's source: its place among the sources."""

_NOBODY = Listener()


class Stream:
    """One pass over the sources: iterate for tables of the columns and `SOURCE`, in their order.

    `account` is complete at the end; its columns are all that a layout had, wanted or not.
    """

    def __init__(self, inflow: Inflow, columns: tuple[str, ...]) -> None:
        self._inflow = inflow
        self.schema = storable(columns)

    @property
    def account(self) -> Account:
        """What was read."""
        return self._inflow.account

    def __iter__(self) -> Iterator[pa.Table]:
        self._inflow.count()
        for stretch in self._inflow.stretches():
            places, ends, end = [], [], 0
            for place, rows in stretch.runs:
                if rows:
                    end += rows
                    places.append(place)
                    ends.append(end)
            if end != stretch.table.num_rows:
                raise AssertionError(f"{stretch.table.num_rows} rows of {end} records")
            runs = pa.RunEndEncodedArray.from_arrays(ends, pa.array(places, pa.int32()))
            sources = pa.compute.run_end_decode(runs)
            yield stretch.table.cast(self.schema).append_column(SOURCE, sources)


@contextmanager
def streaming(
    found: Found,
    columns: tuple[str, ...],
    *,
    layout: Layout | None = None,
    listener: Listener = _NOBODY,
) -> Iterator[Stream]:
    """Read all records of the sources, past any question and filter.

    Raises (while it is read):
        NoInputError: some source could not be read, and no other holds a line.
    """
    pool = lake(found.sources).as_streams()
    with engine() as connection:
        inflow = Inflow(
            connection,
            found,
            pool,
            Wanted(columns),
            columns,
            Filter(),
            layout=layout,
            listener=listener,
        )
        yield Stream(inflow, columns)


def storable(columns: tuple[str, ...]) -> pa.Schema:
    """The schema of these columns as Parquet holds them: texts are plain."""
    plain = {pa.string_view(): pa.string()}
    schema = arrow_schema(columns)
    return pa.schema([(item.name, plain.get(item.type, item.type)) for item in schema])
