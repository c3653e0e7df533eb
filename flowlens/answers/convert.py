"""Flow logs to Parquet: zstd, sorted by time, with statistics, in one piece or by day."""

from __future__ import annotations

from pathlib import Path

from flowlens.core.atomic import appearing
from flowlens.core.counts import Account
from flowlens.core.errors import FlowlensError
from flowlens.pipeline.run import Inputs, Listener, Question, answering, header_columns
from flowlens.reading.parquet.footers import MARK
from flowlens.records.fields import field_of, quoted
from flowlens.records.table import stored
from flowlens.sql.engine import engine, sql_errors

ROW_GROUP = 250_000
"""Rows in a row group: small enough that a window of minutes reads little."""


def convert(
    inputs: Inputs, directory: Path, *, by_day: bool = False, listener: Listener | None = None
) -> Account:
    """Write all records to `directory`, which is new or empty, and appears whole or not at all.

    The columns are those of version 2 and all others that a header names; rows are ordered by
    start_time, interface_id and the rest. With `by_day` a day (UTC) is a directory `day=…`.

    Raises:
        UsageError: the directory can't be had, or is not empty.
        FlowlensError: writing fails; a header within a file brings a field that none began with.
    """
    with appearing(directory) as part:
        columns = stored(header_columns(inputs))
        account = _write(inputs, columns, part, by_day=by_day, listener=listener or Listener())
        more = {name for name in account.columns if field_of(name).token} - set(columns)
        if more:
            raise FlowlensError(
                f"a header within an input brings {', '.join(sorted(more))}, which none begins "
                "with; convert that input apart"
            )
        return account


def _write(
    inputs: Inputs, columns: tuple[str, ...], part: Path, *, by_day: bool, listener: Listener
) -> Account:
    listed = ", ".join(map(quoted, columns))
    question = Question(f"select {listed} from flows")
    first = [name for name in ("start_time", "interface_id") if name in columns]
    order = ", ".join(map(quoted, [*first, *(c for c in columns if c not in first)]))
    name = "day" if "day" not in columns else "start_day"
    day = f", strftime(start_time, '%Y-%m-%d') as {name}" if by_day else ""
    options = f"format parquet, compression zstd, row_group_size {ROW_GROUP}"
    options += f", kv_metadata {{{MARK}: 'records'}}"
    if by_day:
        options += f", partition_by ({name}), filename_pattern 'flows'"
        place = part
    else:
        place = part / "flows.parquet"
    with answering(inputs, [question], listener) as answers, engine(files=True) as writer:
        writer.register("flows", answers.reader(question))
        with sql_errors():
            writer.execute(
                f"copy (select {listed}{day} from flows order by {order}) to $place ({options})",
                {"place": str(place)},
            )
        return answers.account
