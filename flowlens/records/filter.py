"""The window and the filters that every command has, as one condition on records.

Conditions are fixed SQL with bound parameters; the text of `where` alone is the user's own, and
runs where it can reach nothing but the record.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from flowlens.core.errors import UsageError
from flowlens.core.times import moment
from flowlens.records.fields import quoted

Several = str | int | Sequence[str | int] | None
"""One value or several, in texts with commas between them."""

_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp))?|(tcp|udp)/([0-9]{1,5})")
_PROTOCOLS = {"tcp": 6, "udp": 17}
_STORED = "flowlens_filter_"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of one protocol, or of any."""

    number: int
    protocol: str | None = None

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}" if self.protocol else str(self.number)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records a question is about; times are UTC, half-open, on the record's start.

    Of several addresses, ENIs, ports or accounts a record has any one; none stand for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    ip: tuple[str, ...] = ()
    eni: tuple[str, ...] = ()
    port: tuple[Port, ...] = ()
    action: str | None = None
    account: tuple[str, ...] = ()
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
            "action": self.action,
        }
        for name, values in self._several.items():
            for place, value in enumerate(values):
                given[f"{name}{place}"] = value.number if isinstance(value, Port) else value
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _several(self) -> dict[str, Sequence[str | Port]]:
        """The values of those that may have several."""
        return {"ip": self.ip, "eni": self.eni, "port": self.port, "account": self.account}

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
        parts = [_CONDITIONS[name] for name in _CONDITIONS if name in self.parameters]
        for name, values in self._several.items():
            each = [_ONE[name](f"${name}{place}", value) for place, value in enumerate(values)]
            if each:
                parts.append(f"({' or '.join(each)})")
        return " and ".join(parts) or "true"

    @property
    def literals(self) -> tuple[str, ...]:
        """Texts that the line of every record that passes must hold."""
        exact = self.ip if all(map(_is_exact, self.ip)) else ()
        alone = [values[0] for values in (exact, self.eni, self.account) if len(values) == 1]
        return (*alone, *([self.action] if self.action else []))

    def __str__(self) -> str:
        given = {
            "since": _text(self.since),
            "until": _text(self.until),
            **{name: " or ".join(map(str, values)) for name, values in self._several.items()},
            "action": self.action,
        }
        parts = [f"{name} {given[name]}" for name in _SHOWN if given[name]]
        if self.where:
            parts.append(f"where {' '.join(self.where.split())}")
        return ", ".join(parts) or "none"


_SHOWN = ("since", "until", "ip", "eni", "port", "action", "account")

_CONDITIONS = {
    "since": "start_time >= cast($since as timestamptz)",
    "until": "start_time < cast($until as timestamptz)",
    "action": "action = $action",
}


def _is_exact(address: str) -> bool:
    """Whether it has one spelling, so that it can be compared as a text."""
    return "/" not in address and ":" not in address


def _either(name: str, value: str | Port) -> str:
    if _is_exact(str(value)):
        return f"srcaddr = {name} or dstaddr = {name}"
    return f"in_cidr(srcaddr, {name}) or in_cidr(dstaddr, {name})"


def _of_port(name: str, value: str | Port) -> str:
    either = f"srcport = {name} or dstport = {name}"
    protocol = value.protocol if isinstance(value, Port) else None
    return f"(({either}) and protocol = {_PROTOCOLS[protocol]})" if protocol else either


def _of_eni(name: str, _: str | Port) -> str:
    return f"interface_id = {name}"


def _of_account(name: str, _: str | Port) -> str:
    return f"account_id = {name}"


_ONE = {"ip": _either, "eni": _of_eni, "port": _of_port, "account": _of_account}
"""The condition of one value, by the parameter's name."""


def build_filter(
    *,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    ip: Several = None,
    eni: Several = None,
    port: Several = None,
    action: str | None = None,
    account: Several = None,
    where: str | None = None,
    now: datetime | None = None,
) -> Filter:
    """A filter from what a user writes; spans such as `24h` count back from `now`.

    >>> str(build_filter(port=[22, "53/udp,8080"], eni="eni-1,eni-2"))
    'eni eni-1 or eni-2, port 22 or 53/udp or 8080'

    Raises:
        UsageError: a value that can't be meant, or a window that ends before it begins.
    """
    now = now or datetime.now(UTC)
    window = moment(since, "--since", now), moment(until, "--until", now)
    if window[0] and window[1] and window[0] >= window[1]:
        raise UsageError(f"--since {_text(window[0])} is not before --until {_text(window[1])}")
    if action is not None and action.upper() not in ("ACCEPT", "REJECT"):
        raise UsageError(f"--action {action}: must be ACCEPT or REJECT")
    return Filter(
        *window,
        ip=_each(network(text, "--ip") for text in _texts(ip, "--ip")),
        eni=_each(_word(text, "--eni") for text in _texts(eni, "--eni")),
        port=_each(_port(text) for text in _texts(port, "--port")),
        action=action.upper() if action else None,
        account=_each(_word(text, "--account") for text in _texts(account, "--account")),
        where=where or None,
    )


def _texts(given: Several, option: str) -> Iterator[str]:
    """Each value as text; what stands between commas is one.

    Raises:
        UsageError: there is no value, or it is of another kind.
    """
    if given is None:
        return
    values = [given] if isinstance(given, str | int) else list(given)
    if not values:
        raise UsageError(f"{option}: the list is empty; leave the option out to read everything")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UsageError(f"{option} {value!r}: must be a text or a number")
        yield from (text.strip() for text in str(value).split(","))


_Value = TypeVar("_Value")


def _each(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """The values in their order, each once."""
    return tuple(dict.fromkeys(values))


def _word(text: str, option: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise UsageError(f"{option} {text!r}: can't contain spaces or special characters")
    return text


def _port(text: str) -> Port:
    found = port_of(text, "--port")
    if found is None:
        raise UsageError(f"--port {text}: not a port; try 22, 22,443 or 53/udp")
    return found


def port_of(text: str, option: str) -> Port | None:
    """A port such as `22`, `53/udp` or `udp/53`; None for what is none.

    Raises:
        UsageError: the number is too large.

    >>> port_of("UDP/53", "--port")
    Port(number=53, protocol='udp')
    """
    found = _PORT.fullmatch(text.lower())
    if found is None:
        return None
    number = int(found[1] or found[4])
    if number > 65_535:
        raise UsageError(f"{option} {text}: a port must be between 0 and 65535")
    return Port(number, found[2] or found[3])


def network(text: str, option: str) -> str:
    """An address or CIDR in its usual spelling.

    Raises:
        UsageError: it is neither.

    >>> network("10.1.2.3/8", "--ip")
    '10.0.0.0/8'
    """
    try:
        if "%" in text:
            raise ValueError("flow logs have no zones")
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: neither an address nor a CIDR; try 203.0.113.7 or 10.0.0.0/8"
        ) from error


def _text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
