"""What each command does: ask the library, write the answer, remember what was read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.convert import convert
from flowlens.answers.show.show import subject, touches
from flowlens.cli.options import Asked, Options
from flowlens.cli.session import Session, session
from flowlens.core.errors import UsageError
from flowlens.core.times import Interval, interval
from flowlens.inputs.find import STDIN
from flowlens.output.formats import Format
from flowlens.output.pictures import Picture
from flowlens.output.render import write
from flowlens.pipeline.result import Result, Shown
from flowlens.sql import catalog

if TYPE_CHECKING:
    from flowlens.naming.lookup import Naming


def _picture(output: Path | None) -> Picture | None:
    """The picture that the output's name asks for; all that it takes is looked for at once.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    picture = Picture.of(output)
    if picture is not None:
        from flowlens.charts.drawing import converter

        converter()
    return picture


def run_query(
    name: str,
    inputs: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int | None,
    parameters: Sequence[str],
    queries: Path | None,
    options: Options,
) -> None:
    """`flowlens query NAME INPUT…`."""
    given = _pairs(parameters)
    if limit is not None and not format.is_cut:
        given.setdefault("limit", str(limit))
    refuse_binary(format, output)
    values = catalog.bind(
        catalog.find(name, extra=catalog.load(queries) if queries else None), given
    )
    picture = _picture(output)
    with session(inputs, options, output=output, queries=queries) as run:
        result = run.flows.query(name, **given)
        if picture is not None:
            run.sink.write(result.chart(limit=limit).bytes(picture))
            run.finish(result.account)
            return
        longest: list[int] = []
        with result.stream() as reader:
            seen = _watched(reader, "longest_seconds", longest)
            _write(run, seen, format, limit, result)
        run.finish(result.account)
        bucket = values.get("bucket_seconds")
        if isinstance(bucket, int) and bucket < max(longest, default=0):
            run.remark(
                f"records span up to {max(longest):,} s, longer than a bucket of {bucket:,} s: "
                "what is counted in a bucket began in it, and may have gone on after it"
            )


def run_sql(
    select: str,
    inputs: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int | None,
    parameters: Sequence[str],
    options: Options,
) -> None:
    """`flowlens sql 'SELECT …' INPUT…`."""
    refuse_binary(format, output)
    picture = _picture(output)
    with session(inputs, options, output=output) as run:
        result: Result = run.flows.sql(select, **_pairs(parameters))
        if picture is not None:
            run.sink.write(result.chart(limit=limit).bytes(picture))
            run.finish(result.account)
            return
        with result.stream() as reader:
            _write(run, _limited(reader, limit, format), format, limit, result)
        run.finish(result.account)


def run_report(
    inputs: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int | None,
    naming: Naming | None,
    options: Options,
) -> None:
    """`flowlens report INPUT…`."""
    from flowlens.answers.report.page import page

    picture = _picture(output)
    if format is Format.HTML:
        from flowlens.answers.report.html.page import require

        require()
    with session(inputs, options, output=output) as run:
        rows = (100 if format is Format.HTML else 10) if limit is None else limit
        report = run.flows.report(rows=rows, window=run.window, rdns=run.asking(naming))
        if picture is not None:
            run.sink.write(report.chart().bytes(picture))
        else:
            colour = run.width is not None and "NO_COLOR" not in os.environ
            run.sink.write(page(report, format, width=run.width, colour=colour).encode())
        run.finish(report.account)


def run_check(inputs: Sequence[str], format: Format, output: Path | None, options: Options) -> None:
    """`flowlens check INPUT…`."""
    from flowlens.answers.check.page import page

    picture = _picture(output)
    with session(inputs, options, output=output) as run:
        checked = run.flows.check()
        if picture is not None:
            run.sink.write(checked.chart().bytes(picture))
        else:
            run.sink.write(page(checked, format, width=run.width).encode())
        run.finish(checked.account)


def run_show(
    what: str,
    inputs: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int,
    options: Options,
) -> None:
    """`flowlens show WHAT INPUT…`."""
    from flowlens.answers.show.page import page

    picture = _picture(output)
    with session(inputs, options, output=output) as run:
        if picture is not None:
            flows = run.flows
            chart, account = touches(flows.inputs, what, listener=flows.listener)
            run.sink.write(chart.bytes(picture))
            run.finish(account)
            return
        run.enis += subject(what).eni
        shown = run.flows.show(what, rows=limit)
        run.sink.write(page(shown, format, width=run.width).encode())
        run.finish(shown.account)


def run_diff(
    inputs: Sequence[str],
    before: str | None,
    after: str | None,
    format: Format,
    output: Path | None,
    limit: int,
    options: Options,
) -> None:
    """`flowlens diff BEFORE AFTER`, or `flowlens diff INPUT… --before … --after …`."""
    from flowlens.answers.diff.page import page

    first, second = _both(inputs, before, after, options)
    with session(*first, output=output, beside=second) as run:
        assert run.beside is not None
        difference = run.flows.diff(run.beside, rows=limit)
        run.sink.write(page(difference, format, width=run.width).encode())
        run.finish(difference.account)


def _both(
    inputs: Sequence[str], before: str | None, after: str | None, options: Options
) -> tuple[tuple[Sequence[str], Options], tuple[Sequence[str], Options]]:
    """What is read for each side of a comparison, with its options.

    Raises:
        UsageError: it isn't plain what is to be compared with what.
    """
    if before is None and after is None:
        if len(inputs) != 2:
            raise UsageError(
                f"diff compares two inputs, and {len(inputs)} given: write BEFORE AFTER, "
                "or INPUT… with --before and --after"
            )
        if list(inputs) == [STDIN, STDIN]:
            raise UsageError("-: standard input can be read once; give a file for one of the two")
        return (inputs[:1], options), (inputs[1:], options)
    if before is None or after is None:
        raise UsageError("--before and --after belong together; give both")
    if options.since or options.until:
        raise UsageError("--before and --after say which times; leave out --since and --until")
    if STDIN in inputs:
        raise UsageError("-: standard input can be read once, and two intervals take two reads")
    now = datetime.now(UTC)
    first = interval(before, "--before", now=now)
    second = interval(after, "--after", now=now)
    return (inputs, _within(options, first)), (inputs, _within(options, second))


def _within(options: Options, time: Interval) -> Options:
    return replace(options, since=time.start.isoformat(), until=time.end.isoformat())


def run_scanners(
    inputs: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int | None,
    asked: Asked,
    naming: Naming | None,
    options: Options,
) -> None:
    """`flowlens scanners INPUT…`."""
    from flowlens.answers.scanners.page import text
    from flowlens.pipeline.evidence import numbers

    refuse_binary(format, output)
    picture = _picture(output)
    with session(inputs, options, output=output) as run:
        found = run.flows.scanners(
            tier=asked.tier,
            allow=asked.allow,
            own=asked.own,
            parameters=numbers(_pairs(asked.set or (), option="--set")),
            states=asked.state,
            save_state=asked.save_state,
            rdns=run.asking(naming),
        )
        if asked.explain is not None:
            walk = found.explain(asked.explain)
            if picture is not None:
                run.sink.write(walk.chart(limit=limit).bytes(picture))
            else:
                _write(run, walk.arrow(), format, 0, walk)
            said = found.unfiltered()
        elif picture is not None:
            run.sink.write(found.chart(limit=limit).bytes(picture))
            said = found.remarks()
        elif format is Format.TABLE:
            shown = 10 if limit is None else limit
            given = [*run.flows.inputs.found.inputs, *map(str, asked.state or ())]
            page = text(found, _place(given), limit=shown, width=run.width)
            run.sink.write(page.encode())
            said = found.unfiltered()
        else:
            table = found.arrow()
            rows = table.slice(0, limit) if limit and not format.is_cut else table
            _write(run, rows, format, limit, found)
            said = found.remarks()
        for line in said:
            run.remark(line)
        run.finish(found.detection.account)


def run_convert(inputs: Sequence[str], directory: Path, by_day: bool, options: Options) -> None:
    """`flowlens convert INPUT… -o DIR`."""
    with session(inputs, options, device=False) as run:
        flows = run.flows
        run.finish(convert(flows.inputs, directory, by_day=by_day, listener=flows.listener))


def _write(
    run: Session,
    rows: pa.RecordBatchReader | pa.Table,
    format: Format,
    limit: int | None,
    shown: Shown,
) -> None:
    """Write rows of what is shown, with what it says of its columns."""
    write(
        rows,
        format,
        run.sink,
        limit_shown=limit,
        width=run.width,
        meanings=shown.columns,
        title=shown.title,
    )


def _place(inputs: Sequence[str]) -> str:
    return inputs[0] if len(inputs) == 1 else f"{len(inputs)} inputs"


def refuse_binary(format: Format, output: Path | None) -> None:
    """Keep Parquet off a terminal.

    Raises:
        UsageError: it would go there.
    """
    if format is Format.PARQUET and output is None and sys.stdout and sys.stdout.isatty():
        raise UsageError("--format parquet: not for a terminal; write to a file with -o")


def _pairs(pairs: Sequence[str], *, option: str = "--param") -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping.

    Raises:
        UsageError: a text without `=`, or a name twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{option} {pair}: write NAME=VALUE")
        if name in given:
            raise UsageError(f"{option} {name} is given twice")
        given[name] = value
    return given


def _limited(
    reader: pa.RecordBatchReader, limit: int | None, format: Format
) -> pa.RecordBatchReader:
    """The first rows alone, for formats that don't cut by themselves."""
    if not limit or format.is_cut:
        return reader

    def batches() -> Iterator[pa.RecordBatch]:
        left = limit
        for batch in reader:
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _watched(reader: pa.RecordBatchReader, column: str, largest: list[int]) -> pa.RecordBatchReader:
    """The same rows; the largest value of a column, if it is there, is noted batch by batch."""
    if column not in reader.schema.names:
        return reader

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            largest.append(pc.max(batch[column]).as_py() or 0)
            yield batch

    return pa.RecordBatchReader.from_batches(reader.schema, batches())
