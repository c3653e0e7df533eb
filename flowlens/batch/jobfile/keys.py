"""The keys of a job file, as tables: what each takes, and which part of a job it makes.

A newcomer adds a key here, to its part in `batch.job`, and to the template `data/job.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flowlens.batch.job import (
    DAY,
    HOUR,
    Aws,
    Hooks,
    Kind,
    MailPart,
    Rdns,
    ReportPart,
    Retention,
    ScannersPart,
    Watch,
)
from flowlens.batch.jobfile.inputs import given
from flowlens.batch.jobfile.problems import Wrong
from flowlens.batch.jobfile.values import (
    Converter,
    checked,
    choice,
    command,
    directory,
    listed,
    message,
    name,
    number,
    path,
    several,
    span,
    text,
    topic,
    url,
    variable,
    whole,
    yes,
)
from flowlens.core.cidrs import parse_cidr, read_allowed
from flowlens.inputs.aws.access import Access
from flowlens.naming.dns.servers import written
from flowlens.naming.dns.settings import Mode, settings
from flowlens.naming.who.lists import Lists
from flowlens.output.formats import Format
from flowlens.records.layouts import from_user

SUMMARIES = ("totals", "ports", "enis")
"""Tables over the rollups that can be published."""

TIERS = ("scanner", "likely", "probe", "benign", "backscatter", "return")
"""As `answers.scanners.result` has them, which imports what is heavy; a test compares the two."""

_INTERVALS = {"1d": DAY, "1h": HOUR}


@dataclass(frozen=True, slots=True)
class Key:
    """What a key takes; one that has to be there has an example of how it is written."""

    convert: Converter
    example: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file, and the part of a job that is made of its keys."""

    made: Callable[..., Any]
    keys: Mapping[str, Key]


def _interval(value: Any, base: object) -> timedelta:
    if not isinstance(value, str) or value not in _INTERVALS:
        raise Wrong('is neither a day nor an hour; write "1d" or "1h"')
    return _INTERVALS[value]


def _rate(value: Any, base: Any) -> float:
    rate = number(value, base)
    checked(lambda _: settings(Mode.ON, rate=rate))("rate", base)
    return rate


def _budget(value: Any, base: Any) -> float:
    seconds = number(value, base)
    checked(lambda _: settings(Mode.ON, budget=seconds))("budget", base)
    return seconds


def _endpoint(value: Any, base: Any) -> str:
    checked(lambda text: Access(endpoint_url=text))(url(value, base), base)
    return str(value)


_FORMATS = Key(several(choice(Format, "no format"), least=1))
_REPORT = tuple(form for form in Format if form in ("html", "json", "markdown", "table"))
_SPAN = Key(span())

TOP: Mapping[str, Key] = {
    "name": Key(name, 'name = "rejects"'),
    "inputs": Key(several(given, least=1), 'inputs = ["logs/"]'),
    "layout": Key(checked(from_user)),
    "store": Key(directory, 'store = "store/"'),
    "output": Key(directory, 'output = "out/"'),
    "interval": Key(_interval, 'interval = "1d"'),
    "lateness": Key(span(zero=True)),
    "lookback": _SPAN,
    "queries": Key(several(text)),
    "query_files": Key(directory),
    "formats": _FORMATS,
    "summaries": Key(several(choice(SUMMARIES, "no summary"))),
    "summary_days": Key(whole(1, 3_660)),
}

SECTIONS: Mapping[str, Section] = {
    "report": Section(
        ReportPart,
        {
            "formats": Key(several(choice(_REPORT, "no format of the report"), least=1)),
            "rows": Key(whole(0)),
        },
    ),
    "scanners": Section(
        ScannersPart,
        {
            "formats": _FORMATS,
            "tiers": Key(several(choice(TIERS, "no tier"), least=1)),
            "own": Key(several(checked(parse_cidr))),
            "allow": Key(several(listed(lambda place: read_allowed([place])))),
        },
    ),
    "mail": Section(
        MailPart,
        {
            "formats": Key(several(choice(("text", "html"), "no format of the mail"), least=1)),
            "rows": Key(whole(0)),
        },
    ),
    "rdns": Section(
        Rdns,
        {
            "mode": Key(choice(Mode, "no mode")),
            "rate": Key(_rate),
            "budget": Key(_budget),
            "limit": Key(whole(0, 2**63 - 1)),
            "resolvers": Key(several(checked(written))),
            "names": Key(several(listed(lambda place: Lists.load([place])))),
        },
    ),
    "aws": Section(
        Aws,
        {
            "region": Key(checked(lambda value: Access(region=value))),
            "profile": Key(text),
            "role_arn": Key(checked(lambda value: Access(role_arn=value))),
            "endpoint_url": Key(_endpoint),
            "requester_pays": Key(yes),
        },
    ),
    "retention": Section(
        Retention, {"records": _SPAN, "rollups": _SPAN, "state": _SPAN, "outputs": _SPAN}
    ),
    "hooks": Section(Hooks, {"published": Key(command), "timeout": _SPAN}),
    "watch": Section(Watch, {name: Key(path) for name in ("log", "metrics", "quarantine")}),
}

ALERT: Mapping[str, Key] = {
    "name": Key(name, 'name = "ssh"'),
    "sql": Key(text, 'sql = "select count(*) as value from scanners where new"'),
    "message": Key(message, 'message = "{value} new scanners"'),
    "above": Key(number),
    "below": Key(number),
    "every": _SPAN,
    "max_age": _SPAN,
    "to": Key(several(text, least=1)),
}

NOTIFY: Mapping[str, Key] = {
    "file": Key(path),
    "command": Key(command),
    "webhook": Key(url),
    "webhook_env": Key(variable),
    "sns": Key(topic),
}

KINDS: Mapping[str, Kind] = {
    "file": Kind.FILE,
    "command": Kind.COMMAND,
    "webhook": Kind.WEBHOOK,
    "webhook_env": Kind.WEBHOOK,
    "sns": Kind.SNS,
}
"""What a key of a destination makes of it."""

TABLES = (*SECTIONS, "alerts", "notify", "params")
"""The keys at the top whose values are tables."""
