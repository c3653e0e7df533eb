"""The commands: a thin front on the library, where everything heavy is imported late.

`--help` has to feel instant, so no module at the top of this file may import polars, pyarrow or
duckdb; a test holds it to that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowlens.cli.batch import batch
from flowlens.cli.options import (
    Asked,
    NameOptions,
    Options,
    asks_names,
    asks_scanners,
    reads_flows,
)
from flowlens.output.formats import Format, format_of

app = typer.Typer(
    name="flowlens",
    help="From AWS VPC flow logs to an answer: what was rejected, where, and from whom.",
    epilog="INPUT: files, directories (walked), globs, or - for standard input; "
    "plain, gzip, zstd or bzip2. On AWS: s3://BUCKET/PREFIX, or cloudwatch:LOG-GROUP[:STREAM].",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

INPUT_HELP = "Files, directories, globs, -, s3://BUCKET/PREFIX, cloudwatch:LOG-GROUP[:STREAM]."

Inputs = Annotated[list[str], typer.Argument(help=INPUT_HELP, metavar="INPUT...")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file; its ending sets the format, .png and .svg for a chart.",
        metavar="FILE",
    ),
]
AnyFormat = Annotated[
    Format | None, typer.Option("--format", "-f", help="The format of the answer.")
]
PageFormat = Annotated[
    str | None, typer.Option("--format", "-f", help="table, markdown or json.", metavar="FORMAT")
]
ReportFormat = Annotated[
    str | None,
    typer.Option("--format", "-f", help="table, markdown, json or html.", metavar="FORMAT"),
]
Limit = Annotated[
    int | None,
    typer.Option(help="Number of rows; 0 for all. Tables show 20 by default.", min=0),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", help="A parameter of the query; may be repeated.", metavar="NAME=VALUE"
    ),
]
Rdns = Annotated[
    str,
    typer.Option(help="Reverse DNS: off, cache (known names only) or on.", metavar="MODE"),
]
Queries = Annotated[
    Path | None, typer.Option(help="A directory with your own queries.", metavar="DIR")
]


def _version(show: bool) -> None:
    if show:
        from flowlens.core.version import version

        typer.echo(f"flowlens {version()}")
        raise typer.Exit


@app.callback()
def flowlens(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From AWS VPC flow logs to an answer: what was rejected, where, and from whom."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
@reads_flows
@asks_names
def report(
    inputs: Inputs,
    *,
    format: ReportFormat = None,
    output: Output = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Rows in each table; 0 for all. By default 10, in HTML 100.", min=0),
    ] = None,
    rdns: Rdns = "off",
    names: NameOptions,
    options: Options,
) -> None:
    """Report on rejected traffic: what happened, when, where, and what to look at first."""
    from flowlens.cli.commands import run_report

    run_report(
        inputs, _page(format, output, html=True), output, limit, names.naming_for(rdns), options
    )


@app.command()
@reads_flows
def show(
    what: Annotated[str, typer.Argument(help="An address, a CIDR, an ENI or a port (22, 53/udp).")],
    inputs: Inputs,
    *,
    format: PageFormat = None,
    output: Output = None,
    limit: Annotated[int, typer.Option(help="Rows of each table; 0 for all.", min=0)] = 20,
    options: Options,
) -> None:
    """Show everything about an address, CIDR, ENI or port."""
    from flowlens.cli.commands import run_show

    run_show(what, inputs, _page(format, output), output, limit, options)


@app.command()
@reads_flows
def query(
    name: Annotated[
        str | None, typer.Argument(help="A named query; without it, the queries are listed.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help=INPUT_HELP, metavar="[INPUT...]"),
    ] = None,
    *,
    format: AnyFormat = None,
    output: Output = None,
    limit: Limit = None,
    param: Parameters = None,
    queries: Queries = None,
    text: Annotated[bool, typer.Option("--show", help="Show the query's text instead.")] = False,
    options: Options,
) -> None:
    """Run a named query, or list the queries."""
    if name is None:
        from flowlens.cli.listing import list_queries

        list_queries(_rows(format, output, pictures=False), output, queries)
    elif text:
        from flowlens.cli.listing import show_query

        show_query(name, queries)
    else:
        from flowlens.cli.commands import run_query

        run_query(
            name, inputs or [], _rows(format, output), output, limit, param or [], queries, options
        )


@app.command()
@reads_flows
def sql(
    select: Annotated[str, typer.Argument(help="One SELECT.", metavar="'SELECT …'")],
    inputs: Inputs,
    *,
    format: AnyFormat = None,
    output: Output = None,
    limit: Limit = None,
    param: Parameters = None,
    options: Options,
) -> None:
    """Run one SELECT over flows, periods, enis, refusals and services, and nothing else."""
    from flowlens.cli.commands import run_sql

    run_sql(select, inputs, _rows(format, output), output, limit, param or [], options)


@app.command()
@reads_flows
def check(
    inputs: Inputs,
    *,
    format: PageFormat = None,
    output: Output = None,
    options: Options,
) -> None:
    """Check what was read, what was skipped and why, and what the log covers."""
    from flowlens.cli.commands import run_check

    run_check(inputs, _page(format, output), output, options)


@app.command()
@reads_flows
def convert(
    inputs: Inputs,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new or empty directory.", metavar="DIR")
    ],
    by_day: Annotated[
        bool, typer.Option("--by-day", help="Write a partition for each day (UTC).")
    ] = False,
    options: Options,
) -> None:
    """Convert to Parquet: zstd, sorted by time, with statistics."""
    from flowlens.cli.commands import run_convert

    run_convert(inputs, output, by_day, options)


@app.command()
@reads_flows
def diff(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="BEFORE and AFTER; with --before and --after, any inputs.",
            metavar="INPUT...",
        ),
    ],
    *,
    before: Annotated[
        str | None,
        typer.Option(help="A day, an hour 2026-11-22T14, or FROM/TO (UTC).", metavar="INTERVAL"),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(help="The interval to compare with it.", metavar="INTERVAL"),
    ] = None,
    format: ReportFormat = None,
    output: Output = None,
    limit: Annotated[int, typer.Option(help="Rows of each table; 0 for all.", min=0)] = 10,
    options: Options,
) -> None:
    """Show what changed between two inputs or intervals: opened ports, sources, ENIs."""
    from flowlens.cli.commands import run_diff

    chosen = _page(format, output, html=True, pictures=False)
    run_diff(inputs, before, after, chosen, output, limit, options)


@app.command()
@reads_flows
@asks_names
@asks_scanners
def scanners(
    inputs: Annotated[
        list[str] | None, typer.Argument(help=INPUT_HELP, metavar="[INPUT...]")
    ] = None,
    *,
    format: AnyFormat = None,
    output: Output = None,
    limit: Annotated[
        int | None, typer.Option(help="Number of rows; 0 for all. The page shows 10.", min=0)
    ] = None,
    rdns: Rdns = "off",
    asked: Asked,
    names: NameOptions,
    options: Options,
) -> None:
    """Find scanners by evidence: what answered them, why they are scanners, who they are."""
    from flowlens.cli.commands import run_scanners

    naming = names.naming_for(rdns)
    run_scanners(inputs or [], _rows(format, output), output, limit, asked, naming, options)


@app.command()
@asks_names
def rdns(
    addresses: Annotated[
        list[str],
        typer.Argument(
            help="IP addresses; - reads them from standard input, one a line.", metavar="ADDRESS..."
        ),
    ],
    *,
    format: AnyFormat = None,
    output: Output = None,
    limit: Limit = None,
    rdns: Annotated[
        str, typer.Option(help="on, cache (known names only) or off.", metavar="MODE")
    ] = "on",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Write only errors to standard error.")
    ] = False,
    names: NameOptions,
) -> None:
    """Look up the names of addresses, and check that they resolve back."""
    from flowlens.cli.names import run_rdns

    run_rdns(
        addresses,
        _rows(format, output, pictures=False),
        output,
        limit,
        names.naming(rdns),
        quiet=quiet,
    )


app.add_typer(batch, name="batch")


@app.command()
def schema(*, format: AnyFormat = None, output: Output = None) -> None:
    """List the fields of flow logs: name, column, type, unit, version, meaning."""
    from flowlens.cli.listing import run_schema

    run_schema(_rows(format, output, pictures=False), output)


def _page(
    given: str | None, output: Path | None, *, html: bool = False, pictures: bool = True
) -> Format:
    """The format of a page; the others hold one table."""
    known = [Format.TABLE, Format.MARKDOWN, Format.JSON, *([Format.HTML] if html else [])]
    return format_of(given, output, known=known, pictures=pictures)


def _rows(given: Format | None, output: Path | None, *, pictures: bool = True) -> Format:
    """The format of one table."""
    return format_of(given, output, known=list(Format), pictures=pictures)
