"""A job: what a run reads, keeps, publishes and says; the types and defaults of a job file's keys.

Paths are absolute, spans are positive, and everything has been validated: `batch.jobfile` makes
jobs from their files. Light: whatever shows a job can import it. A newcomer adds a key here and to
the template `data/job.toml`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from flowlens.batch import jobtypes as types
from flowlens.core.errors import UsageError
from flowlens.naming.dns.settings import RATE, Mode
from flowlens.output.formats import Format

if TYPE_CHECKING:
    from flowlens.inputs.aws.access import Access

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

EXTERNAL_ID = "FLOWLENS_EXTERNAL_ID"
"""The environment variable with what a role's trust asks for, which stands in no file."""

STDOUT = "stdout"
"""The destination of alerts that is always there."""


class Kind(StrEnum):
    """How alerts reach a destination."""

    FILE = "file"
    COMMAND = "command"
    WEBHOOK = "webhook"
    SNS = "sns"


@dataclass(frozen=True, slots=True)
class ReportPart:
    """The report of each interval: HTML, JSON, Markdown or table; `rows` in each of its tables."""

    formats: types.Some[types.ReportFormat] = (Format.HTML, Format.JSON)
    rows: types.Rows = 10


@dataclass(frozen=True, slots=True)
class ScannersPart:
    """The scanners of each interval: those of the tiers; `own` are CIDRs, `allow` allow-lists."""

    formats: types.Some[types.Published] = (Format.CSV,)
    tiers: types.Some[types.Tier] = ("scanner", "likely")
    own: tuple[types.Cidr, ...] = ()
    allow: tuple[types.AllowList, ...] = ()


@dataclass(frozen=True, slots=True)
class MailPart:
    """What changed since the interval before, to be read in the morning; formats text and html."""

    formats: types.Some[types.MailFormat] = ("text",)
    rows: types.Rows = 10


@dataclass(frozen=True, slots=True)
class Rdns:
    """Reverse DNS: `rate` in queries a second, `budget` in seconds, `limit` in addresses.

    `resolvers` are as users write them, `names` lists of who is who.
    """

    mode: types.Lookup = Mode.OFF
    rate: types.Rate = RATE
    budget: types.Budget = 60.0
    limit: types.Limit | None = None
    resolvers: tuple[types.Resolver, ...] = ()
    names: tuple[types.NameList, ...] = ()


@dataclass(frozen=True, slots=True)
class Aws:
    """How AWS is reached; what is None comes from where boto3 looks for it."""

    region: types.Region | None = None
    profile: str | None = None
    role_arn: types.Role | None = None
    endpoint_url: types.Endpoint | None = None
    requester_pays: bool = False

    def access(self) -> Access:
        """The same for a session; the external ID is taken from the environment."""
        from flowlens.inputs.aws.access import Access

        return Access(
            profile=self.profile,
            role_arn=self.role_arn,
            external_id=os.environ.get(EXTERNAL_ID) or None if self.role_arn else None,
            endpoint_url=self.endpoint_url,
            region=self.region,
            requester_pays=self.requester_pays,
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each part of the store, and what was published, is kept; None is for ever."""

    records: types.Span | None = None
    rollups: types.Span | None = None
    state: types.Span | None = None
    outputs: types.Span | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A SELECT whose column `value` is compared; it fires above or below, for each row anew.

    The places `{column}` of `message` are filled from the row. It isn't repeated within `every`,
    and intervals that ended over `max_age` ago raise none.
    """

    name: Annotated[types.Name, Meta(examples=['"ssh"'])]
    sql: Annotated[str, Meta(examples=['"select count(*) as value from scanners where new"'])]
    message: Annotated[types.Message, Meta(examples=['"{value} new scanners"'])]
    above: types.Number | None
    below: types.Number | None
    every: types.Span
    max_age: types.Span = timedelta(days=7)
    to: types.Some[str] = (STDOUT,)


@dataclass(frozen=True, slots=True)
class Destination:
    """What a job file says of a destination: exactly one of these, of which a Notify is made."""

    file: types.Place | None = None
    command: types.Command | None = None
    webhook: types.Url | None = None
    webhook_env: types.Variable | None = None
    sns: types.Topic | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """A destination of alerts: a file's path, a command, a URL, or a topic's ARN.

    A webhook's target may be `$NAME`, which stands for the environment variable that holds the URL:
    many of them are secrets.
    """

    name: str
    kind: Kind
    target: str | tuple[str, ...] | Path

    def url(self) -> str:
        """The URL of a webhook, from the environment where it stands there.

        Raises:
            UsageError: the variable isn't set, or holds no URL; its value isn't shown.
        """
        target = str(self.target)
        if not target.startswith("$"):
            return target
        name = target.removeprefix("$")
        found = os.environ.get(name, "").strip()
        if not found.startswith(("https://", "http://")):
            raise UsageError(
                f"notify.{self.name}: {name} holds no http or https URL; set it in the environment"
            )
        return found


@dataclass(frozen=True, slots=True)
class Hooks:
    """Commands, run without a shell; `published` after an interval was."""

    published: types.Command = ()
    timeout: types.Span = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a run tells what it did: JSON lines, and metrics as a Prometheus textfile.

    `quarantine` gets every malformed line, as JSON lines.
    """

    log: types.Place | None = None
    metrics: types.Place | None = None
    quarantine: types.Place | None = None


def _nothing() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({})


def _nobody() -> Mapping[str, Notify]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its file (`path`) describes it; `inputs` are absolute paths, globs, or URLs.

    An interval is published once `lateness` has passed since its end; `lookback` is how far back
    S3's folders are listed again, and CloudWatch is read at first. `params` are of queries by name,
    as text; `notify` are destinations by name. `summaries` reach `summary_days` back.
    """

    path: Path
    name: Annotated[types.Name, Meta(examples=['"rejects"'])]
    inputs: Annotated[types.Some[types.Input], Meta(examples=['["logs/"]'])]
    store: Annotated[types.Directory, Meta(examples=['"store/"'])]
    output: Annotated[types.Directory, Meta(examples=['"out/"'])]
    interval: Annotated[types.Interval, Meta(examples=['"1d"'])]
    layout: types.Layout | None = None
    lateness: types.Delay = HOUR
    lookback: types.Span = 2 * DAY
    queries: tuple[str, ...] = ()
    query_files: types.Directory | None = None
    formats: types.Some[types.Published] = (Format.CSV,)
    summaries: tuple[types.Summary, ...] = ()
    summary_days: types.Days = 30
    params: Mapping[str, Mapping[str, str]] = field(default_factory=_nothing)
    report: ReportPart | None = None
    scanners: ScannersPart | None = None
    mail: MailPart | None = None
    rdns: Rdns = Rdns()
    aws: Aws = Aws()
    retention: Retention = Retention()
    alerts: tuple[Alert, ...] = ()
    notify: Mapping[str, Notify] = field(default_factory=_nobody)
    hooks: Hooks = Hooks()
    watch: Watch = Watch()

    @property
    def looks_back(self) -> bool:
        """Whether something is published of an interval that stands on records before it, too."""
        return bool(self.report or self.scanners or self.mail or self.summaries or self.alerts)
