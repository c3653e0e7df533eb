"""Log groups: whether one is there, how much lies in a window of it, and in which layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flowlens.core.errors import FlowlensError, NoInputError, nearest
from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.errors import NOT_AWS, Kind, explained, fault, foreign
from flowlens.inputs.aws.live import MARGIN, MOST, RATE, WINDOW, Group, opener
from flowlens.inputs.aws.pace import Pace
from flowlens.inputs.find import Remote, Source
from flowlens.records.filter import Filter
from flowlens.records.layouts import Layout, Origin, from_user

SCHEME = "cloudwatch:"

RECORD_BYTES = 125
"""About what a record takes of a log group's stored bytes."""

LONG = timedelta(minutes=5)
"""A read that takes longer than this is warned of."""

OLDEST = timedelta(days=14)
"""CloudWatch takes events up to this old: so much may lie before a log group's own beginning."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a log group keeps: its stored bytes, and since when."""

    stored: int
    since: datetime


class Logs:
    """CloudWatch Logs and EC2, as far as they are asked before anything is read."""

    def __init__(self, clients: Clients, pace: Pace) -> None:
        self._clients = clients
        self._pace = pace

    def kept(self, name: str, now: datetime) -> Kept | None:
        """What a log group keeps; None where that may not be asked.

        Raises:
            NoInputError: there is no such group, or AWS can't be asked.
        """
        known = self._ask("describe_log_groups", "logGroups", logGroupNamePrefix=name)
        if known is None:
            return None
        found = next((group for group in known if group.get("logGroupName") == name), None)
        if found is None:
            every = self._ask("describe_log_groups", "logGroups") or []
            names = [str(group.get("logGroupName")) for group in every]
            other = nearest(name, names) if names else "there is none at all"
            region = self._clients.client("logs").meta.region_name
            raise NoInputError(
                f"there is no such log group in {region}; {other} (--region looks elsewhere)"
            )
        since = _EPOCH + timedelta(milliseconds=int(found.get("creationTime", 0)))
        days = found.get("retentionInDays")
        if days:
            since = max(since, now - timedelta(days=int(days)))
        return Kept(int(found.get("storedBytes", 0)), since)

    def require_stream(self, group: str, streams: str) -> None:
        """See to it that some stream is meant.

        Raises:
            NoInputError: none begins with this, or AWS can't be asked.
        """
        asked = {"logGroupName": group, "limit": 50}
        operation, part = "describe_log_streams", "logStreams"
        found = self._ask(operation, part, logStreamNamePrefix=streams, **asked)
        if found is None or found:
            return
        every = self._ask(operation, part, **asked) or []
        names = [str(stream.get("logStreamName")) for stream in every]
        other = nearest(streams, names) if names else "the log group has no streams"
        raise NoInputError(f"no stream's name begins with {streams!r}; {other}")

    def layout(self, group: str) -> tuple[Layout | None, str]:
        """The layout of the flow logs that a group gets, and what is doubtful about it."""
        asked = {"Filters": [{"Name": "log-group-name", "Values": [group]}]}
        formats: dict[str, str] = {}
        with suppress(FlowlensError, *foreign()):
            client = self._clients.client("ec2", attempts=2, connect_seconds=3, read_seconds=10)
            for page in client.get_paginator("describe_flow_logs").paginate(**asked):
                for flow_log in page.get("FlowLogs", []):
                    if flow_log.get("LogFormat"):
                        formats.setdefault(flow_log["LogFormat"], str(flow_log.get("FlowLogId")))
        if len(formats) > 1:
            each = ", ".join(sorted(formats.values())[:5])
            return None, (
                f"flow logs of {len(formats)} formats are delivered there ({each}): lines are "
                "taken for the default format; for another give --layout, and its streams"
            )
        try:
            return next((_layout(text) for text in formats), None), ""
        except FlowlensError as error:
            return None, f"its flow log's format can't be used: {error}"

    def _ask(self, operation: str, part: str, **asked: object) -> list[dict[str, Any]] | None:
        """A part of the answer; None if that is denied."""
        client = self._clients.client("logs", attempts=1)
        with explained(self._clients.access, NoInputError):
            try:
                answer = self._pace.call(
                    lambda: getattr(client, operation)(**asked), self._clients.access
                )
            except foreign() as error:
                if fault(error, self._clients.access).kind is Kind.DENIED:
                    return None
                raise
        if part not in answer:
            raise NoInputError(NOT_AWS)
        found: list[dict[str, Any]] = answer[part]
        return found


def _layout(text: str) -> Layout:
    """The layout of a flow log's own format."""
    return replace(from_user(text), origin=Origin.FLOW_LOG)


def lister(
    clients: Clients,
    chosen: Filter,
    *,
    given: bool,
    pace: Pace | None = None,
    now: datetime | None = None,
) -> Remote:
    """Lists inputs that begin with `cloudwatch:`; all of them share one pace.

    With `given` the user named a layout, and AWS isn't asked for one.
    """
    pace = pace or Pace(RATE)
    now = now or datetime.now(UTC)
    logs = Logs(clients, pace)

    def sources(name: str) -> Iterator[Source]:
        group_name, streams = _names(name)
        kept = logs.kept(group_name, now)
        if streams:
            logs.require_stream(group_name, streams)
        group = Group(group_name, streams, *_span(chosen, kept, now))
        layout, doubt = (None, "") if given else logs.layout(group_name)
        remarks = [text for text in (_much(group, kept, chosen), doubt) if text]
        read = opener(clients, group, pace)
        yield Source(name, None, read, layout=layout, remark="; ".join(remarks))

    return sources


def windows(
    clients: Clients,
    name: str,
    starts: Sequence[datetime],
    given: Layout | None,
    now: datetime,
) -> Iterator[Source]:
    """An hour of a log group each, from each of `starts`, as an input of its own.

    What it gives reaches beyond the hour on both sides, for an event's time is only near its
    record's start.

    Raises:
        NoInputError: there is no such group, or AWS can't be asked.
    """
    pace = Pace(RATE)
    logs = Logs(clients, pace)
    group_name, streams = _names(name)
    logs.kept(group_name, now)
    if streams:
        logs.require_stream(group_name, streams)
    layout = given or logs.layout(group_name)[0]
    for start in starts:
        group = Group(group_name, streams, start - MARGIN, min(start + WINDOW + MARGIN, now))
        read = opener(clients, group, pace)
        yield Source(f"{name}#{start:%Y-%m-%dT%H}", None, read, layout=layout)


def _span(chosen: Filter, kept: Kept | None, now: datetime) -> tuple[datetime | None, datetime]:
    """From when to when events are asked for."""
    until = min(min(chosen.until or now, now) + MARGIN, now)
    since = max(chosen.since, _EPOCH + MARGIN) - MARGIN if chosen.since else None
    if kept is None:
        return since, until
    oldest = max(kept.since, _EPOCH + OLDEST) - OLDEST
    return max(since or oldest, oldest), until


def _names(name: str) -> tuple[str, str]:
    """The log group and the beginning of the streams' names.

    Raises:
        NoInputError: no group is named.

    >>> _names("cloudwatch:/vpc/flow-logs:eni-0a1")
    ('/vpc/flow-logs', 'eni-0a1')
    """
    rest = name.removeprefix(SCHEME)
    if rest.startswith("arn:"):
        own = rest.partition(":log-group:")[2].partition(":")[0]
        raise NoInputError(
            f"{name}: write the log group's name instead of its ARN: {SCHEME}{own or 'NAME'}"
        )
    group, _, streams = rest.partition(":")
    if not group:
        raise NoInputError(f"{name}: names no log group; write {SCHEME}LOG-GROUP")
    return group, streams


def _much(group: Group, kept: Kept | None, chosen: Filter) -> str:
    """What to say of a window that is large, or has no beginning."""
    if kept is None:
        return "" if chosen.since else "no --since: reads all that the log group keeps"
    span = max(group.until - kept.since, timedelta(seconds=1))
    part = min(1.0, max(0.0, (group.until - (group.since or kept.since)) / span))
    records = int(kept.stored * part / RECORD_BYTES)
    seconds = records / (MOST * RATE)
    size = f"about {_rounded(records)} records ({kept.stored * part / 1e6:,.1f} MB)"
    if seconds > LONG.total_seconds():
        return (
            f"{size} lie in the window; the CloudWatch API gives {MOST * RATE:,.0f} a second at "
            f"best, so it takes {_duration(seconds)} or more; faster: a smaller window, or an "
            "export task to S3 (aws logs create-export-task), then s3://BUCKET/PREFIX as the input"
        )
    if not chosen.since:
        return f"no --since: reads all that the log group keeps since {kept.since:%Y-%m-%d}, {size}"
    return ""


def _rounded(number: int) -> str:
    """A number to two digits, for it is an estimate.

    >>> _rounded(1_234_567), _rounded(0)
    ('1,200,000', '0')
    """
    digits = 10 ** max(0, math.floor(math.log10(number)) - 1) if number else 1
    return f"{number // digits * digits:,}"


def _duration(seconds: float) -> str:
    """Hours and minutes.

    >>> _duration(7_260), _duration(600)
    ('2 h 1 min', '10 min')
    """
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
