"""A job: what a run reads, keeps, publishes and says. Light: whatever shows a job can import it.

Paths are absolute, spans are positive, and everything has been validated: `batch.jobfile` makes
jobs from their files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

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

    formats: tuple[Format, ...] = (Format.HTML, Format.JSON)
    rows: int = 10


@dataclass(frozen=True, slots=True)
class ScannersPart:
    """The scanners of each interval: those of the tiers; `own` are CIDRs, `allow` allow-lists."""

    formats: tuple[Format, ...] = (Format.CSV,)
    tiers: tuple[str, ...] = ("scanner", "likely")
    own: tuple[str, ...] = ()
    allow: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class MailPart:
    """What changed since the interval before, to be read in the morning; formats text and html."""

    formats: tuple[str, ...] = ("text",)
    rows: int = 10


@dataclass(frozen=True, slots=True)
class Rdns:
    """Reverse DNS: `rate` in queries a second, `budget` in seconds, `limit` in addresses.

    `resolvers` are as users write them, `names` lists of who is who.
    """

    mode: Mode = Mode.OFF
    rate: float = RATE
    budget: float = 60.0
    limit: int | None = None
    resolvers: tuple[str, ...] = ()
    names: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Aws:
    """How AWS is reached; what is None comes from where boto3 looks for it."""

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
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

    records: timedelta | None = None
    rollups: timedelta | None = None
    state: timedelta | None = None
    outputs: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A SELECT whose column `value` is compared; it fires above or below, for each row anew.

    The places `{column}` of `message` are filled from the row. It isn't repeated within `every`,
    and intervals that ended over `max_age` ago raise none.
    """

    name: str
    sql: str
    message: str
    above: float | None
    below: float | None
    every: timedelta
    max_age: timedelta = timedelta(days=7)
    to: tuple[str, ...] = (STDOUT,)


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

    published: tuple[str, ...] = ()
    timeout: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a run tells what it did: JSON lines, and metrics as a Prometheus textfile.

    `quarantine` gets every malformed line, as JSON lines.
    """

    log: Path | None = None
    metrics: Path | None = None
    quarantine: Path | None = None


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
    name: str
    inputs: tuple[str, ...]
    store: Path
    output: Path
    interval: timedelta
    layout: str | None = None
    lateness: timedelta = HOUR
    lookback: timedelta = 2 * DAY
    queries: tuple[str, ...] = ()
    query_files: Path | None = None
    formats: tuple[Format, ...] = (Format.CSV,)
    summaries: tuple[str, ...] = ()
    summary_days: int = 30
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
