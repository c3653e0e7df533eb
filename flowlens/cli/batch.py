"""`flowlens batch`: a job's runs, and what there is to see and to keep in order around them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowlens.core.errors import UsageError
from flowlens.output.formats import Format

batch = typer.Typer(
    help="Scheduled jobs: a store of what arrived, summaries of each interval, alerts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JobFile = Annotated[
    Path, typer.Argument(help="The job's file; flowlens batch init writes one.", metavar="JOB.toml")
]
Since = Annotated[
    str | None,
    typer.Option(help="Back-fill from here: ISO time (UTC) or a span before now, 24h."),
]
Until = Annotated[str | None, typer.Option(help="Back-fill until here: ISO time (UTC) or 24h.")]
Lookback = Annotated[
    str | None,
    typer.Option(
        help="List S3's folders of so long ago again, in place of the job's.", metavar="SPAN"
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
PageFormat = Annotated[
    Format, typer.Option("--format", "-f", help="table or json.", metavar="FORMAT")
]


@batch.command()
def init(file: JobFile) -> None:
    """Write a job file with everything in it explained."""
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
    """What a run would do now: objects to be read, intervals to be published."""
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
    """Read what is new, and publish every interval that is closed and not published yet."""
    from flowlens.cli.jobs import run_job, run_plan

    if dry_run:
        run_plan(file, since, until, lookback, Format.TABLE)
    else:
        run_job(file, since, until, lookback, quiet=quiet)


@batch.command()
def status(file: JobFile, *, format: PageFormat = Format.TABLE) -> None:
    """What the store holds, how the last run went, and what waits."""
    from flowlens.cli.jobs import run_status

    run_status(file, _page(format))


@batch.command()
def prune(file: JobFile, *, dry_run: DryRun = False, quiet: Quiet = False) -> None:
    """Remove what the job's retention doesn't keep; every run does, too."""
    from flowlens.cli.jobs import run_prune

    run_prune(file, really=not dry_run, quiet=quiet)


@batch.command()
def rebuild(file: JobFile, *, quiet: Quiet = False) -> None:
    """Make a ledger that is lost or damaged anew, from the parts of the store."""
    from flowlens.cli.jobs import run_rebuild

    run_rebuild(file, quiet=quiet)


def _page(format: Format) -> Format:
    if format not in (Format.TABLE, Format.JSON):
        raise UsageError(f"--format {format}: this command has table and json")
    return format
