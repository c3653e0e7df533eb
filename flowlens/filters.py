"""The window and the filters that every command has, as one condition on records.

Conditions are fixed SQL with bound parameters; the text of `where` alone is the user's own, and
runs where it can reach nothing but the record.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flowlens.errors import UsageError
from flowlens.fields import quoted

_SPAN = re.compile(r"(\d{1,6})\s*([smhdw])")
_STORED = "flowlens_filter_"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records a question is about; times are UTC, half-open, on the record's start."""

    since: datetime | None = None
    until: datetime | None = None
    ip: str | None = None
    eni: str | None = None
    port: int | None = None
    action: str | None = None
    account: str | None = None
    where: str | None = None

    @property
    def active(self) -> bool:
        """Whether anything is left out at all."""
        return self != Filter()

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the condition's parameters."""
        given: dict[str, object | None] = {
            "since": _text(self.since),
            "until": _text(self.until),
            "ip": self.ip,
            "eni": self.eni,
            "port": self.port,
            "action": self.action,
            "account": self.account,
        }
        return {name: value for name, value in given.items() if value is not None}

    def select(self, columns: Sequence[str]) -> str:
        """The SELECT that narrows `flows` to these columns of what passes; binds `parameters`.

        The user's condition stands alone around the fixed ones, so it can't reach past them.
        """
        listed = ", ".join(map(quoted, columns)) or "1 as one"
        if not self.where:
            return f"select {listed} from flows where {self._condition}"
        within = f"(select * from flows where {self._condition}) as flows"
        return f"select {listed} from {within} where (\n{self.where}\n)"

    def stored(self, columns: Sequence[str], relation: str) -> str:
        """The same SELECT over a relation, for a view: it takes `variables` instead of parameters.

        A view can't hold parameters.
        """
        condition = re.sub(r"\$(\w+)", rf"getvariable('{_STORED}\1')", self._condition)
        listed = ", ".join(map(quoted, columns)) or "1 as one"
        within = f"(select * from ({relation}) where {condition}) as flows"
        return f"select {listed} from {within} where (\n{self.where or 'true'}\n)"

    @property
    def variables(self) -> dict[str, object]:
        """The values of the variables in `stored`."""
        return {_STORED + name: value for name, value in self.parameters.items()}

    @property
    def _condition(self) -> str:
        parts = [_CONDITIONS[name] for name in self.parameters]
        if self.ip and "/" not in self.ip and ":" not in self.ip:
            parts[list(self.parameters).index("ip")] = "(srcaddr = $ip or dstaddr = $ip)"
        return " and ".join(parts) or "true"

    @property
    def literals(self) -> tuple[str, ...]:
        """Texts that the line of every record that passes must hold."""
        exact = self.ip if self.ip and "/" not in self.ip and ":" not in self.ip else None
        return tuple(text for text in (exact, self.eni, self.action, self.account) if text)

    def __str__(self) -> str:
        parts = [f"{name} {value}" for name, value in self.parameters.items()]
        if self.where:
            parts.append(f"where {' '.join(self.where.split())}")
        return ", ".join(parts) or "none"


_CONDITIONS = {
    "since": "start_time >= cast($since as timestamptz)",
    "until": "start_time < cast($until as timestamptz)",
    "ip": "(in_cidr(srcaddr, $ip) or in_cidr(dstaddr, $ip))",
    "eni": "interface_id = $eni",
    "port": "(srcport = $port or dstport = $port)",
    "action": "action = $action",
    "account": "account_id = $account",
}


def build_filter(
    *,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    ip: str | None = None,
    eni: str | None = None,
    port: int | None = None,
    action: str | None = None,
    account: str | None = None,
    where: str | None = None,
    now: datetime | None = None,
) -> Filter:
    """A filter from what a user writes; spans such as `24h` count back from `now`.

    Raises:
        UsageError: a value that can't be meant, or a window that ends before it begins.
    """
    now = now or datetime.now(UTC)
    window = moment(since, "--since", now), moment(until, "--until", now)
    if window[0] and window[1] and window[0] >= window[1]:
        raise UsageError(f"--since {_text(window[0])} is not before --until {_text(window[1])}")
    if port is not None and not 0 <= port <= 65_535:
        raise UsageError(f"--port {port}: a port is 0 to 65535")
    if action is not None and action.upper() not in ("ACCEPT", "REJECT"):
        raise UsageError(f"--action {action}: an action is ACCEPT or REJECT")
    if ip is not None:
        ip = network(ip, "--ip")
    for name, value in (("--eni", eni), ("--account", account)):
        if value is not None and not re.fullmatch(r"[!-~]+", value):
            raise UsageError(f"{name} {value!r}: expected plain characters without blanks")
    action = action.upper() if action else None
    return Filter(*window, ip, eni, port, action, account, where or None)


def network(text: str, option: str) -> str:
    """An address or CIDR in its usual spelling.

    Raises:
        UsageError: it is neither.

    >>> network("10.1.2.3/8", "--ip")
    '10.0.0.0/8'
    """
    try:
        if "%" in text:
            raise ValueError("a zone means nothing in a flow log")
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: no address and no CIDR; write 203.0.113.7 or 10.0.0.0/8"
        ) from error


def is_span(text: str) -> bool:
    """Whether a time is written as a span before now.

    >>> is_span("24h"), is_span("2026-11-23")
    (True, False)
    """
    return _SPAN.fullmatch(text.strip()) is not None


def span(text: str) -> timedelta | None:
    """How long a span is; None for what is none.

    >>> span("24h"), span("a while")
    (datetime.timedelta(days=1), None)
    """
    match = _SPAN.fullmatch(text.strip())
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def seconds(value: float | str | None, option: str) -> float | None:
    """A length of time in seconds, from a number of them or a span such as `5m`.

    Raises:
        UsageError: it is neither, or no time at all.

    >>> seconds("5m", "--timeout"), seconds("1.5", "--timeout"), seconds(None, "--timeout")
    (300.0, 1.5, None)
    """
    if value is None:
        return None
    length = None
    with suppress(ValueError, OverflowError):
        length = span(value) if isinstance(value, str) else None
        number = float(value) if length is None else length.total_seconds()
        if 0 < number <= _LONGEST:
            return number
    raise UsageError(f"{option} {value}: no length of time; write seconds, or 30s, 5m, 1h")


_LONGEST = 366 * 86_400.0
"""Seconds of a year: what is longer can't be meant, and some clocks don't go so far."""


def moment(value: str | datetime | None, option: str, now: datetime) -> datetime | None:
    """A moment in UTC from ISO text, a span before `now`, or a datetime (naive is UTC).

    Raises:
        UsageError: the text is none of them.

    >>> moment("2026-11-23", "--since", datetime.now(UTC)).isoformat()
    '2026-11-23T00:00:00+00:00'
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return _utc(value, str(value), option)
    if not isinstance(value, str):
        raise UsageError(f"{option} {value!r}: no time; write text or give a datetime")
    before = span(value)
    if before is not None:
        try:
            return (now - before).replace(microsecond=0)
        except OverflowError as error:
            raise UsageError(f"{option} {value}: that is before the year 1") from error
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise UsageError(
            f"{option} {value}: no time; write 2026-11-23, 2026-11-23T02:00:00Z or 24h"
        ) from error
    return _utc(parsed, value, option)


def _utc(value: datetime, shown: str, option: str) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError as error:
        raise UsageError(f"{option} {shown}: that is outside the years 1 to 9999") from error


def _text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
