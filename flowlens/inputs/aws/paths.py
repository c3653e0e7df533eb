"""AWS's delivery layouts: which account, region and day a folder of a bucket holds.

    [any/prefix/]AWSLogs/[o-xxxx/]<account>/vpcflowlogs/<region>/YYYY/MM/DD/[HH/]
    [any/prefix/]AWSLogs/[o-xxxx/]aws-account-id=<account>/aws-service=vpcflowlogs/
        aws-region=<region>/year=YYYY/month=MM/day=DD/[hour=HH/]

A folder is a key's beginning up to a `/`. What lies outside of these layouts is never left out.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum

FLOW_LOGS = "vpcflowlogs"
"""The service's folder: VPC and transit gateway flow logs alike."""

LATE = timedelta(days=1)
"""Folders go by delivery, windows by a record's start: a day more is looked at on each side."""

_ROOT = "AWSLogs"
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_LEVELS = (
    ("account", re.compile(r"(?:aws-account-id=)?(\d{10,14})")),
    ("service", re.compile(r"(?:aws-service=)?([^=]+)")),
    ("region", re.compile(r"(?:aws-region=)?([a-z]{2,4}(?:-[a-z]+)+-\d+)")),
    ("year", re.compile(r"(?:year=)?(\d{4})")),
    ("month", re.compile(r"(?:month=)?(\d{2})")),
    ("day", re.compile(r"(?:day=)?(\d{2})")),
)
_NAME = re.compile(r"(.+_fl-[0-9a-f]+)_\d{8}T\d{4}Z_[^/]*?(\.log(?:\.gz|\.parquet)?)")


@dataclass(frozen=True, slots=True)
class Place:
    """What a folder's path says; None stands for what is further below, or isn't said.

    `strange` is set where a layout begins and something else follows: nothing is known there.
    """

    within: bool = False
    account: str | None = None
    service: str | None = None
    region: str | None = None
    dates: tuple[int, ...] = ()
    strange: bool = False

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day that the folder can hold, once its year is known."""
        return _days(self.dates) if self.dates else None


def place(folder: str) -> Place:
    """Where in a delivery layout a folder stands; the last `AWSLogs` in it counts.

    >>> place("logs/AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/").dates
    (2026, 11)
    >>> place("AWSLogs/o-abcdef1234/aws-account-id=123456789012/").account
    '123456789012'
    >>> place("exports/task/eni-1-all/").within
    False
    """
    segments = folder.split("/")[:-1]
    if _ROOT not in segments:
        return Place()
    below = segments[len(segments) - segments[::-1].index(_ROOT) :]
    if below and _ORGANIZATION.fullmatch(below[0]):
        below = below[1:]
    said: dict[str, str] = {}
    strange = False
    for (name, pattern), segment in zip(_LEVELS, below, strict=False):
        match = pattern.fullmatch(segment)
        if match is None:
            strange = True
            break
        said[name] = match[1]
    dates = tuple(int(said[name]) for name in ("year", "month", "day") if name in said)
    if dates and _days(dates) is None:
        dates, strange = (), True
    return Place(True, said.get("account"), said.get("service"), said.get("region"), dates, strange)


def _days(dates: tuple[int, ...]) -> tuple[date, date] | None:
    """The first and the last day of a year, of a month, or of a day; None if there is none such."""
    first = (*dates, 1, 1)[:3]
    last = (*dates, 12)[:2] if len(dates) < 3 else dates
    try:
        if len(last) < 3:
            last = (*last, calendar.monthrange(*last)[1])
        return date(*first), date(*last)
    except ValueError:
        return None


class Step(Enum):
    """What to do about a folder: look at what is in it, list it whole, or leave it out."""

    LOOK = "look"
    WHOLE = "whole"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which folders are wanted. Days are inclusive; None stands for any, and so do no accounts."""

    first: date | None = None
    last: date | None = None
    accounts: tuple[str, ...] = ()
    region: str | None = None
    services: frozenset[str] = field(default=frozenset((FLOW_LOGS,)))

    @property
    def windowed(self) -> bool:
        """Whether days matter."""
        return self.first is not None or self.last is not None

    def misfit(self, at: Place) -> str:
        """Why a place is not wanted: `service`, `account`, `region` or `days`; else empty."""
        if at.service is not None and at.service not in self.services:
            return "service"
        if at.account is not None and self.accounts and at.account not in self.accounts:
            return "account"
        if None not in (at.region, self.region) and at.region != self.region:
            return "region"
        days = at.days
        if days and self.first and days[1] < self.first:
            return "days"
        if days and self.last and days[0] > self.last:
            return "days"
        return ""

    def step(self, at: Place) -> Step:
        """What to do about a folder at this place.

        >>> Choice(region="eu-west-1").step(Place(True, "123456789012", "vpcflowlogs"))
        <Step.LOOK: 'look'>
        """
        if self.misfit(at):
            return Step.LEAVE
        if not at.within:
            return Step.LOOK
        if at.strange or len(at.dates) == 3:
            return Step.WHOLE
        if at.account is None or at.service is None:
            return Step.LOOK
        if at.region is None:
            return Step.LOOK if self.region or self.windowed else Step.WHOLE
        return Step.LOOK if self.windowed and not self._covers(at) else Step.WHOLE

    def _covers(self, at: Place) -> bool:
        """Whether all days that a folder can hold are wanted."""
        if not at.days:
            return False
        first, last = at.days
        return (self.first is None or self.first <= first) and (
            self.last is None or last <= self.last
        )


def choice(
    since: datetime | None,
    until: datetime | None,
    *,
    accounts: tuple[str, ...] = (),
    region: str | None = None,
) -> Choice:
    """The folders that can hold records of a half-open window (UTC), of accounts, of a region.

    >>> from datetime import UTC, datetime
    >>> day = choice(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    >>> str(day.first), str(day.last)
    ('2026-11-21', '2026-11-23')
    """
    first = last = None
    if since is not None:
        first = max(since.astimezone(UTC).date(), date.min + LATE) - LATE
    if until is not None:
        end = max(until.astimezone(UTC), datetime(1, 1, 2, tzinfo=UTC)) - timedelta(microseconds=1)
        last = min(end.date(), date.max - LATE) + LATE
    return Choice(first, last, accounts, region)


def flow_log(key: str) -> str:
    """What the objects of one flow log have in common, by their name; empty if AWS didn't name it.

    A flow log's fields can't be changed, so all its objects begin with the same header.

    >>> flow_log("p/123456789012_vpcflowlogs_eu-west-1_fl-0ab1_20261123T0205Z_1f2e.log.gz")
    '123456789012_vpcflowlogs_eu-west-1_fl-0ab1.log.gz'
    >>> flow_log("exports/000000.gz")
    ''
    """
    match = _NAME.fullmatch(key.rpartition("/")[2])
    return f"{match[1]}{match[2]}" if match else ""
