"""`flowlens batch`: a job's runs, and what there is to see and to keep in order around them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowlens.core.errors import UsageError
from flowlens.output.formats import Format

batch = typer.Typer(
    help="Run scheduled jobs: store what arrived, publish each interval, send alerts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JobFile = Annotated[
    Path, typer.Argument(help="The job file; flowlens batch init writes one.", metavar="JOB.toml")
]
Since = Annotated[
    str | None,
    typer.Option(help="Republish from this time on: ISO time (UTC), or 24h before now."),
]
Until = Annotated[
    str | None, typer.Option(help="Republish until this time: ISO time (UTC) or 24h.")
]
Lookback = Annotated[
    str | None,
    typer.Option(
        help="List S3's folders this far back, instead of the job's lookback.", metavar="SPAN"
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write only errors to standard error.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
PageFormat = Annotated[
    Format, typer.Option("--format", "-f", help="table or json.", metavar="FORMAT")
]


@batch.command()
def init(file: JobFile) -> None:
    """Write a job file with all keys and their explanations."""
    from flowlens.batch.jobfile.template import write

    write(file)


@batch.command()
def plan(
    file: JobFile,
    *,
    since: Since = None,
    until: Until = None,
    lookback: Lookback = None,
    format: PageFormat = Format.TABLE,
) -> None:
    """Show what a run would do now: objects to read, intervals to publish."""
    from flowlens.cli.jobs import run_plan

    run_plan(file, since, until, lookback, _page(format))


@batch.command()
def run(
    file: JobFile,
    *,
    since: Since = None,
    until: Until = None,
    lookback: Lookback = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Read new objects, and publish every closed interval that isn't published yet."""
    from flowlens.cli.jobs import run_job, run_plan

    if dry_run:
        run_plan(file, since, until, lookback, Format.TABLE)
    else:
        run_job(file, since, until, lookback, quiet=quiet)


@batch.command()
def status(file: JobFile, *, format: PageFormat = Format.TABLE) -> None:
    """Show what the store contains, how the last run ended, and what is waiting."""
    from flowlens.cli.jobs import run_status

    run_status(file, _page(format))


@batch.command()
def prune(file: JobFile, *, dry_run: DryRun = False, quiet: Quiet = False) -> None:
    """Remove what is older than the job's retention keeps. Every run does this too."""
    from flowlens.cli.jobs import run_prune

    run_prune(file, really=not dry_run, quiet=quiet)


@batch.command()
def rebuild(file: JobFile, *, quiet: Quiet = False) -> None:
    """Recreate a lost or damaged ledger from the parts of the store."""
    from flowlens.cli.jobs import run_rebuild

    run_rebuild(file, quiet=quiet)


def _page(format: Format) -> Format:
    if format not in (Format.TABLE, Format.JSON):
        raise UsageError(f"--format {format}: this command has table and json")
    return format
